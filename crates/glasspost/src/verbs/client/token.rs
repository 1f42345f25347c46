//! The token that a service is shown, and where it is from.

use std::fmt;
use std::path::{Path, PathBuf};

use model::Secret;

use super::refusal::ClientError;
use super::stdin::StandardInput;
use crate::cli::ClientFlags;
use crate::exit::Failure;
use crate::service::{ADMIN_TOKEN_FILE, read_kept_secret};
use crate::settings::{Environment, data_folder};

/// The variables that may hold it, in the order that they count.
const VARIABLES: [&str; 2] = ["GLASSPOST_ADMIN_TOKEN", "GMP_API_TOKEN"];

/// A token.
pub struct Token {
    /// What is shown.
    pub secret: Secret,
    /// Who said it.
    pub from: Origin,
}

/// Who said a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--token-file`.
    Flag(PathBuf),
    /// A variable.
    Variable(&'static str),
    /// The data folder's file.
    DataFolder(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(path) => write!(f, "--token-file {}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::DataFolder(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The token that counts. That of the data folder is shown to this machine alone.
pub fn find(
    flags: &ClientFlags,
    environment: &Environment,
    stdin: StandardInput,
    is_here: bool,
) -> Result<Token, Failure> {
    if let Some(path) = &flags.token_file {
        return Ok(Token {
            secret: stdin.secret(path)?,
            from: Origin::Flag(path.clone()),
        });
    }
    for name in VARIABLES {
        if let Some(value) = environment.named(name) {
            return Ok(Token {
                secret: Secret::new(value),
                from: Origin::Variable(name),
            });
        }
    }
    if !is_here {
        return Err(ClientError::NoToken("the service is on another machine".to_owned()).into());
    }
    of_data_folder(&data_folder(flags.data.data.as_deref(), None, environment)?)
}

fn of_data_folder(folder: &Path) -> Result<Token, Failure> {
    let path = folder.join(ADMIN_TOKEN_FILE);
    if !path.exists() {
        let why = format!(
            "{} is not there: `glasspost serve` makes it, unless it was given a token",
            path.display()
        );
        return Err(ClientError::NoToken(why).into());
    }
    Ok(Token {
        secret: read_kept_secret(&path)?,
        from: Origin::DataFolder(path),
    })
}
