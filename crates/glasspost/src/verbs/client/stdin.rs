//! Files that are named by flags, standard input, and words that are typed without being seen.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::{Context, anyhow};
use model::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::exit::Failure;

/// What names standard input among files.
const STDIN: &str = "-";
/// The longest secret, in bytes.
const SECRET_BYTES_MAX: u64 = 4096;

/// What standard input may be read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandardInput {
    /// Whatever a verb asks for.
    Free,
    /// It holds the commands.
    Commands,
}

impl StandardInput {
    /// What is in a file, or in standard input where its name is `-`.
    pub fn read(self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
        let shown = path.display();
        let mut bytes = Vec::new();
        let read = match path == Path::new(STDIN) {
            true if self == Self::Commands => {
                let problem = "`-` cannot be read: standard input holds the commands; name a file";
                return Err(Failure::Arguments(problem.to_owned()));
            }
            true => io::stdin().take(bytes_max + 1).read_to_end(&mut bytes),
            false => {
                File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
            }
        };
        let read = read.with_context(|| format!("cannot read {shown}"))?;
        match read as u64 > bytes_max {
            true => Err(anyhow!("{shown} is longer than {bytes_max} bytes").into()),
            false => Ok(bytes),
        }
    }

    /// The text of a file.
    pub fn text(self, path: &Path, bytes_max: u64) -> Result<String, Failure> {
        let text = String::from_utf8(self.read(path, bytes_max)?);
        Ok(text.map_err(|_| anyhow!("{} is not in UTF-8", path.display()))?)
    }

    /// The secret in a file, without the end of its line.
    pub fn secret(self, path: &Path) -> Result<Secret, Failure> {
        let text = self.text(path, SECRET_BYTES_MAX)?;
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err(anyhow!("{} holds no secret: it is empty", path.display()).into()),
            secret => Ok(Secret::new(secret)),
        }
    }

    /// The secret in a file; without one, what is typed for it at a terminal, where there is one.
    pub fn secret_or_typed(
        self,
        path: Option<&Path>,
        what: &str,
    ) -> Result<Option<Secret>, Failure> {
        match path {
            Some(path) => self.secret(path).map(Some),
            None if self == Self::Free && io::stdin().is_terminal() => Ok(typed(what)?),
            None => Ok(None),
        }
    }
}

/// A line that is typed without being seen; an empty one is none.
fn typed(what: &str) -> io::Result<Option<Secret>> {
    let mut err = io::stderr();
    let mut line = String::new();
    // Before it is asked for: who is quick is not seen either.
    let hidden = Hidden::new()?;
    write!(err, "{what}, or nothing: ")?;
    err.flush()?;
    let read = io::stdin().read_line(&mut line);
    drop(hidden);
    writeln!(err)?;
    read?;
    let secret = line.trim_end_matches(['\r', '\n']);
    Ok((!secret.is_empty()).then(|| Secret::new(secret)))
}

/// As long as this lives, the terminal does not show what is typed.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing any more.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, " with blanks \r\n").unwrap();
        let secret = StandardInput::Free.secret(&path).unwrap();
        assert_eq!(secret.expose(), " with blanks ");
        std::fs::write(&path, "\n").unwrap();
        let error = StandardInput::Free.secret(&path).unwrap_err().to_string();
        assert!(error.contains("is empty"), "{error}");
        std::fs::write(&path, vec![b'x'; 5000]).unwrap();
        let error = StandardInput::Free.secret(&path).unwrap_err().to_string();
        assert!(error.contains("longer than 4096 bytes"), "{error}");
    }

    #[test]
    fn commands_and_input_do_not_come_from_one_place() {
        let read = StandardInput::Commands.read(Path::new("-"), 10);
        assert!(matches!(read, Err(Failure::Arguments(_))));
        let typed = StandardInput::Commands.secret_or_typed(None, "password");
        assert!(typed.unwrap().is_none());
    }
}
