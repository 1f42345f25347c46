//! `glasspost connect`: a prompt on a service, or commands that come through a pipe.

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::completer::Words;
use super::connection::Connection;
use super::stdin::StandardInput;
use super::{Session, call::Call};
use crate::cli::{self, ClientFlags, ConnectArgs, PromptLine, PromptVerb};
use crate::exit::{Code, Failure};
use crate::settings::{Environment, data_folder};
use crate::terminal;

/// The longest command, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Lines that are remembered.
const HISTORY_LINES: usize = 1_000;
/// The file that they are in, in the data folder.
const HISTORY_FILE: &str = "connect.history";

/// Runs the verb.
pub async fn run(args: ConnectArgs, environment: &Environment) -> Result<(), Failure> {
    match io::stdin().is_terminal() {
        true => at_prompt(args.client, environment).await,
        false => from_pipe(args.client, environment).await,
    }
}

/// What came of a command.
enum Next {
    GoOn,
    End,
}

/// Commands one after another, and what holds for all of them.
struct Dialogue<'a> {
    session: Session<'a>,
    /// What commands mean that do not say it themselves.
    flags: ClientFlags,
}

impl Dialogue<'_> {
    /// Carries out one command.
    async fn obey(&mut self, line: &str) -> Result<Next, Failure> {
        let Some(verb) = read(line)? else {
            return Ok(Next::GoOn);
        };
        match verb {
            PromptVerb::Exit => return Ok(Next::End),
            PromptVerb::Use { tenant } => self.flags.tenant = tenant,
            PromptVerb::Client(verb) => {
                let flags = verb.flags().or(&self.flags);
                self.session.carry_out(*verb, &flags).await?;
            }
        }
        Ok(Next::GoOn)
    }
}

/// What a line asks for; nothing if it is empty, a comment, or asked for help, which was shown.
fn read(line: &str) -> Result<Option<PromptVerb>, Failure> {
    let words = shlex::split(line).ok_or_else(|| {
        Failure::Arguments("a quotation mark is open: close it, or write \\\" for it".to_owned())
    })?;
    if words.is_empty() {
        return Ok(None);
    }
    match cli::parse_prompt(words) {
        Ok(PromptLine { verb }) => Ok(Some(verb)),
        Err(error) if error.exit_code() == 0 => {
            terminal::print(&error.to_string())?;
            Ok(None)
        }
        Err(error) => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            Err(Failure::Arguments(text.trim_end().to_owned()))
        }
    }
}

// === at a terminal ===

async fn at_prompt(flags: ClientFlags, environment: &Environment) -> Result<(), Failure> {
    let mut dialogue = Dialogue {
        session: Session::new(environment, StandardInput::Free)?,
        flags,
    };
    greet(&dialogue).await?;
    let history = history_file(&dialogue.flags, environment);
    let mut editor = editor(history.as_ref())?;
    loop {
        let prompt = match &dialogue.flags.tenant {
            Some(tenant) => format!("glasspost {tenant}> "),
            None => "glasspost> ".to_owned(),
        };
        let line = match tokio::task::block_in_place(|| editor.readline(&prompt)) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(anyhow!("the terminal cannot be read: {error}").into()),
        };
        remember(&mut editor, &line, history.as_ref());
        let next = tokio::select! {
            next = dialogue.obey(&line) => next,
            _ = tokio::signal::ctrl_c() => Ok(Next::GoOn),
        };
        match next {
            Ok(Next::GoOn) => {}
            Ok(Next::End) => return Ok(()),
            Err(failure) => terminal::remark(&failure.to_string()),
        }
    }
}

/// Says who answers; who does not is an error before the first command.
async fn greet(dialogue: &Dialogue<'_>) -> Result<(), Failure> {
    let flags = ClientFlags {
        json: false,
        ..dialogue.flags.clone()
    };
    let service = Connection::new(&flags, &dialogue.session)?;
    let status = service
        .ask(&Call::get("/status", &()).about_service())
        .await?;
    let pending = &status.value["pending_messages"];
    let greeting = format!(
        "{} answers, {pending} messages wait. `help` shows what can be said, Ctrl-D ends it.",
        service.base()
    );
    terminal::remark(&greeting);
    Ok(())
}

fn editor(history: Option<&PathBuf>) -> Result<Editor<Words, FileHistory>, Failure> {
    let config = Config::builder()
        .max_history_size(HISTORY_LINES)
        .and_then(|config| config.history_ignore_dups(true))
        .context("the terminal cannot be set up")?
        // Lines that are pasted are commands one by one, as if they were typed.
        .bracketed_paste(false)
        .build();
    let mut editor = Editor::with_config(config).context("the terminal cannot be set up")?;
    editor.set_helper(Some(Words::new()));
    if let Some(path) = history {
        // There is none before the first time.
        let _ = editor.load_history(path);
    }
    Ok(editor)
}

/// Where lines are remembered: nowhere, if there is no data folder on this machine.
fn history_file(flags: &ClientFlags, environment: &Environment) -> Option<PathBuf> {
    let folder = data_folder(flags.data.data.as_deref(), None, environment).ok()?;
    folder.is_dir().then(|| folder.join(HISTORY_FILE))
}

/// What cannot be remembered is not worth failing for.
fn remember(editor: &mut Editor<Words, FileHistory>, line: &str, history: Option<&PathBuf>) {
    let _ = editor.add_history_entry(line);
    if let Some(path) = history {
        let _ = editor.append_history(path);
    }
}

// === through a pipe ===

/// Commands one a line, up to the first that fails.
async fn from_pipe(flags: ClientFlags, environment: &Environment) -> Result<(), Failure> {
    let mut dialogue = Dialogue {
        session: Session::new(environment, StandardInput::Commands)?,
        flags,
    };
    let mut number = 0;
    while let Some(line) = next_line()? {
        number += 1;
        match dialogue.obey(&line).await {
            Ok(Next::GoOn) => {}
            Ok(Next::End) => return Ok(()),
            Err(failure) => return Err(at_line(number, failure)),
        }
    }
    Ok(())
}

fn next_line() -> Result<Option<String>, Failure> {
    let mut line = String::new();
    let read = tokio::task::block_in_place(|| {
        io::stdin().lock().take(LINE_BYTES_MAX).read_line(&mut line)
    });
    match read.context("cannot read the commands")? as u64 {
        0 => Ok(None),
        LINE_BYTES_MAX => Err(anyhow!("a command is longer than {LINE_BYTES_MAX} bytes").into()),
        _ => Ok(Some(line)),
    }
}

/// The same failure with the line that it is of.
fn at_line(number: usize, failure: Failure) -> Failure {
    let text = format!("line {number}: {failure}");
    match failure.code() {
        Code::Arguments => Failure::Arguments(text),
        Code::Success => failure,
        _ => Failure::Other(anyhow!(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_a_shell_does() {
        let verb = read("use 'acme'  # a remark").unwrap();
        assert!(matches!(verb, Some(PromptVerb::Use { tenant: Some(tenant) }) if tenant == "acme"));
        assert!(matches!(read("quit"), Ok(Some(PromptVerb::Exit))));
        assert!(matches!(read("  # only a remark\n"), Ok(None)));
        assert!(matches!(read("\n"), Ok(None)));
        for wrong in [
            "use 'acme",
            "no-such-verb",
            "tenants get --no-such-flag",
            "glasspost tenants list",
        ] {
            assert!(matches!(read(wrong), Err(Failure::Arguments(_))), "{wrong}");
        }
    }

    #[test]
    fn a_failure_keeps_its_code_and_names_its_line() {
        let arguments = at_line(3, Failure::Arguments("x".into()));
        assert_eq!(
            (arguments.code(), arguments.to_string()),
            (Code::Arguments, "line 3: x".into())
        );
        let other = at_line(4, Failure::Other(anyhow!("y")));
        assert_eq!(
            (other.code(), other.to_string()),
            (Code::General, "line 4: y".into())
        );
    }
}
