//! The settings of the whole installation.

use model::{Line, Secret, Timestamp};

use super::KeyHash;

/// The settings of the whole installation. Where nothing was set, there is nothing.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    /// Its name for people.
    pub name: Option<Line<255>>,
    /// The hash of the administrator's token, where one was set by request.
    pub api_token: Option<KeyHash>,
    /// How bounces are read; a JSON object of the bounces' room, with its passwords.
    pub bounce: Option<Secret>,
    /// When they last changed; `None` when they never did.
    pub updated_at: Option<Timestamp>,
}
