//! The templates of the messages under way, read from the store and compiled once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use compose::letter::{ComposeError, Letter, LetterSource, Scratch};
use compose::mime::Attachment;
use model::{ContentHash, Message};
use store::Store;

use crate::run::DeliverError;

/// Letters kept compiled. A lane rarely carries more than one at a time.
const LETTERS_MAX: usize = 64;

/// Compiled letters by the hash of what they say.
pub struct Letters {
    store: Arc<dyn Store>,
    compiled: Mutex<HashMap<ContentHash, Arc<Letter>>>,
}

/// One connection's tools for making messages.
#[derive(Default)]
pub struct Composer {
    scratch: Scratch,
}

impl Letters {
    /// None compiled yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            compiled: Mutex::default(),
        }
    }

    /// The letter of a message's content.
    pub async fn get(&self, content: ContentHash) -> Result<Arc<Letter>, DeliverError> {
        if let Some(letter) = self.compiled().get(&content) {
            return Ok(Arc::clone(letter));
        }
        let letter = Arc::new(self.load(content).await?);
        let mut compiled = self.compiled();
        if compiled.len() >= LETTERS_MAX {
            compiled.clear();
        }
        compiled.insert(content, Arc::clone(&letter));
        Ok(letter)
    }

    async fn load(&self, content: ContentHash) -> Result<Letter, DeliverError> {
        let unusable = |error: &dyn std::fmt::Display| DeliverError::Letter(error.to_string());
        let json = self.store.content(content).await?;
        let source: LetterSource =
            serde_json::from_slice(&json).map_err(|error| unusable(&error))?;
        let mut attachments = Vec::with_capacity(source.attachments.len());
        for part in &source.attachments {
            attachments.push(Attachment {
                file_name: part.file_name.clone(),
                media_type: part.media_type.clone(),
                bytes: self.store.content(part.hash).await?,
            });
        }
        Letter::compile(&source, &attachments).map_err(|error| unusable(&error))
    }

    fn compiled(&self) -> std::sync::MutexGuard<'_, HashMap<ContentHash, Arc<Letter>>> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Composer {
    /// Appends a message's exact bytes. They are the same at every try, its date is that of its acceptance.
    pub fn compose(
        &mut self,
        letter: &Letter,
        message: &Message,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        letter
            .compose(message, message.accepted_at, &mut self.scratch, out)
            .map(|_composed| ())
    }
}
