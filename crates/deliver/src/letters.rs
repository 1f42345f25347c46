//! Campaigns' messages, made from templates that are read from the store and compiled once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use compose::letter::{ComposeError, Letter, LetterSource, Scratch};
use compose::mime::Attachment;
use model::{ContentHash, Envelope, Message};
use store::Store;

use crate::maker::{Maker, Unmade};
use crate::run::recent::Recent;

/// Letters kept compiled. A lane rarely carries more than one at a time.
const LETTERS_MAX: usize = 64;

/// Compiled letters by the hash of what they say.
pub struct Letters {
    store: Arc<dyn Store>,
    compiled: Mutex<HashMap<ContentHash, Arc<Letter>>>,
    /// What composing leaves behind to be used again; as many as compose at once.
    scratches: Mutex<Vec<Scratch>>,
}

impl Letters {
    /// None compiled yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            compiled: Mutex::default(),
            scratches: Mutex::default(),
        }
    }

    /// The letter of a message's content.
    pub async fn get(&self, content: ContentHash) -> Result<Arc<Letter>, Unmade> {
        if let Some(letter) = locked(&self.compiled).get(&content) {
            return Ok(Arc::clone(letter));
        }
        let letter = Arc::new(self.load(content).await?);
        let mut compiled = locked(&self.compiled);
        if compiled.len() >= LETTERS_MAX {
            compiled.clear();
        }
        compiled.insert(content, Arc::clone(&letter));
        Ok(letter)
    }

    /// Appends a message's exact bytes. They are the same at every try, its date is that of its acceptance.
    pub fn compose(
        &self,
        letter: &Letter,
        message: &Message,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        let mut scratch = locked(&self.scratches).pop().unwrap_or_default();
        let composed = letter.compose(message, message.accepted_at, &mut scratch, bytes);
        locked(&self.scratches).push(scratch);
        composed.map(|_composed| ())
    }

    async fn load(&self, content: ContentHash) -> Result<Letter, Unmade> {
        let unusable = |error: &dyn std::fmt::Display| Unmade::Letter(error.to_string());
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
}

#[async_trait]
impl Maker for Letters {
    async fn make(
        &self,
        message: &Message,
        _: &Recent,
        bytes: &mut Vec<u8>,
    ) -> Result<Envelope, Unmade> {
        let content = message.content.letter().ok_or_else(|| {
            Unmade::Never("it is no campaign's, and only those have templates".to_owned())
        })?;
        let letter = self.get(content).await?;
        self.compose(&letter, message, bytes)
            .map_err(|error| Unmade::Never(error.to_string()))?;
        Ok(letter.envelope(&message.address))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
