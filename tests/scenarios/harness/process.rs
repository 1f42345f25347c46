//! A program that runs beside the test and never outlives it.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::panicking;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use super::wait::until_within;

/// How long a program may run that is waited for.
const RUN_DEADLINE: Duration = Duration::from_secs(120);
/// How long a program may take to end after it was asked to, before it is killed.
const END_DEADLINE: Duration = Duration::from_secs(5);

/// A command that ends when the thread that started it does, also when the test is killed.
pub fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(path);
    command
}

/// A program that was started. Dropped, it is asked to end, then killed.
pub struct Process {
    name: String,
    child: Child,
    started: Instant,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

/// What a program left.
#[derive(Debug)]
pub struct Finished {
    /// What it was.
    pub name: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Process {
    /// Starts a command that [`program`] made. `name` is for people.
    pub fn start(name: impl Into<String>, command: &mut Command) -> Self {
        let name = name.into();
        let (stdout, stderr) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout.reopen().unwrap())
            .stderr(stderr.reopen().unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self {
            name,
            child,
            started: Instant::now(),
            stdout,
            stderr,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it said beside so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Sends it a signal by name: `INT`, `TERM`, `KILL`, `STOP`, `CONT`, `USR1`.
    pub fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.id());
        let status = Command::new("sh").args(["-c", &line]).status().unwrap();
        assert!(status.success(), "{line}: {} is not there", self.name);
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Finished {
        let what = format!("the end of {}", self.name);
        let status = until_within(RUN_DEADLINE, &what, || self.child.try_wait().unwrap());
        Finished {
            name: self.name.clone(),
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
            took: self.started.elapsed(),
        }
    }

    /// Ends it as a loss of power does (`kill -9`).
    pub fn kill(mut self) -> Finished {
        self.child.kill().unwrap();
        self.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if panicking() {
            eprintln!("--- {}\n{}{}", self.name, self.stdout(), self.stderr());
        }
        if self.has_ended() {
            return;
        }
        self.signal("TERM");
        let asked = Instant::now();
        while asked.elapsed() < END_DEADLINE {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // No zombie is left either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(file: &NamedTempFile) -> String {
    String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned()
}

impl Finished {
    /// The same, having checked the exit code; otherwise everything it said is shown.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Everything it said, both ways.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            status,
            stdout,
            stderr,
            took,
        } = self;
        write!(
            f,
            "{name}: {status} after {took:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}
