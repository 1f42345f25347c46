//! What a submission says, and whether it may lie in the data file as it is.

use model::Secret;

/// What a submission says: a JSON object of the preparing room's.
#[derive(Clone, Debug)]
pub enum Payload {
    /// It holds no secret, and is kept as it is.
    Open(Box<str>),
    /// It holds a secret, and is sealed as a whole.
    Secret(Secret),
}

impl Payload {
    /// The JSON text.
    pub fn expose(&self) -> &str {
        match self {
            Self::Open(text) => text,
            Self::Secret(text) => text.expose(),
        }
    }
}

impl From<&str> for Payload {
    /// What holds no secret.
    fn from(text: &str) -> Self {
        Self::Open(text.into())
    }
}

impl From<String> for Payload {
    /// What holds no secret.
    fn from(text: String) -> Self {
        Self::Open(text.into())
    }
}
