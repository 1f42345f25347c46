//! Who makes the bytes of messages.

use async_trait::async_trait;
use model::{Envelope, Message};
use store::StoreError;

use crate::run::recent::Recent;

/// Makes messages from what the store keeps of them. A message is made anew at each try, with the same bytes.
#[async_trait]
pub trait Maker: Send + Sync + 'static {
    /// Appends the message's exact bytes; gives who it is from and for. It may take long; it may be dropped half-way.
    /// What a client handed over is read through `recent`, which the messages of a lane share.
    async fn make(
        &self,
        message: &Message,
        recent: &Recent,
        bytes: &mut Vec<u8>,
    ) -> Result<Envelope, Unmade>;
}

/// Why a message was not made.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// It never can be: it is dropped, and this is what its sender is told.
    #[error("{0}")]
    Never(String),
    /// Not now, because of something outside of us that may pass: it is tried again as after a failed attempt.
    #[error("{0}")]
    Later(String),
    /// What it is made from cannot be read now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it is made from cannot be used, and neither can that of others like it.
    #[error("the template of queued messages cannot be used: {0}")]
    Letter(String),
}
