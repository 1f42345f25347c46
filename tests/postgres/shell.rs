//! A shell in a temporary folder that PostgreSQL runs in. It outlives a killed test process by a moment, to tidy up.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// PostgreSQL does not run as root.
const AS_WHO: &str = "[ \"$(id -u)\" -ne 0 ] || exec setpriv --reuid=postgres --regid=postgres --init-groups sh; exec sh";

/// Goes to the folder, and ends everything when there is nothing more to read: the test process has ended, in whatever way.
/// Nobody may be there any more who reads what is said (SIGPIPE).
///
/// `signal_everyone` begins with the first process, which starts the others; one of these may end meanwhile.
/// `kill_everyone` waits until none of them runs a program any more, and removes what the next start would take for a living one.
const BEGIN: &str = r#"
trap '' PIPE
umask 077
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
PATH=${bin:+$bin:}$PATH
folder=$(mktemp -d "$base/glasspost-postgres.XXXXXX" || mktemp -d)
cd "$folder" || exit
everyone() {
    main=$(head -n 1 data/postmaster.pid) && echo $main $(cat /proc/$main/task/$main/children)
}
signal_everyone() {
    everyone=$(everyone) || return
    for one in $everyone; do kill -$1 $one 2>/dev/null; done
    true
}
kill_everyone() {
    signal_everyone KILL || return
    for one in $everyone; do
        while [ -e /proc/$one/exe ]; do sleep 0.01; done
    done
    rm data/postmaster.pid .s.PGSQL.*
}
end() {
    signal_everyone CONT
    pg_ctl -D data -m immediate stop
    cd / && rm -rf "$folder"
}
trap 'end >/dev/null 2>&1' EXIT
trap exit HUP INT TERM
"#;

/// What stands before a command's exit code on the last line of what it says.
const ENDED: &str = "=== ended: ";

/// The shell. When this is dropped, or the process ends, what was started is stopped and the folder removed.
pub struct Shell {
    process: Child,
    /// `None` once it is to end.
    lines: Mutex<Option<Lines>>,
}

struct Lines {
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Shell {
    /// Starts it in a new folder below `base`, or where temporary folders are.
    pub fn start(base: &str) -> Self {
        let mut process = Command::new("sh")
            .args(["-c", AS_WHO])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // What ends the test from the terminal does not end it.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut commands = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        writeln!(commands, "base=\"{base}\"{BEGIN}").unwrap();
        Self {
            process,
            lines: Mutex::new(Some(Lines { commands, answers })),
        }
    }

    /// Runs a command; gives what it said. One that fails ends the test with that.
    pub fn run(&self, command: &str) -> String {
        let outcome = self.attempt(command);
        outcome.unwrap_or_else(|said| {
            panic!("{command}\n{said}\n(scripts/install-test-parts.sh installs what is missing)")
        })
    }

    /// Runs a command, one after the other; gives what it said, as an error when it failed.
    pub fn attempt(&self, command: &str) -> Result<String, String> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .as_mut()
            .expect("it is ended only at its drop")
            .ask(command)
    }
}

impl Lines {
    fn ask(&mut self, command: &str) -> Result<String, String> {
        writeln!(
            self.commands,
            "{{ {command}\n}} </dev/null 2>&1; printf '\n{ENDED}%d\n' $?"
        )
        .unwrap();
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if self.answers.read_line(&mut line).unwrap() == 0 {
                return Err(said + "the shell has ended");
            }
            match line.strip_prefix(ENDED).map(str::trim_end) {
                Some("0") => return Ok(said.trim_end().to_owned()),
                Some(code) => return Err(format!("{said}it ended with code {code}")),
                None => said.push_str(&line),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        *self.lines.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let _ = self.process.wait();
    }
}

/// A text as one word of a command.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
