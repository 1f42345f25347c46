//! The settings of the whole installation.

use model::{FieldError, Line, Secret, Timestamp};

use super::KeyHash;

/// What an installation is called where nobody gave it a name.
const NAME: &str = "glasspost";

/// The settings of the whole installation.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name for people.
    pub name: Line<255>,
    /// The hash of the administrator's token, where one was set by request.
    pub api_token: Option<KeyHash>,
    /// How bounces are read; a JSON object of the bounces' room, with its passwords.
    pub bounce: Option<Secret>,
    /// When they last changed; `None` when they never did.
    pub updated_at: Option<Timestamp>,
}

impl Instance {
    /// The usual settings.
    pub fn usual() -> Result<Self, FieldError> {
        Ok(Self {
            name: Line::parse("name", NAME)?,
            api_token: None,
            bounce: None,
            updated_at: None,
        })
    }
}
