//! One visit to a mailbox: through its new messages, batch by batch.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::error::Error;
use super::session::{Folder, Session};
use super::settings::{BadSettings, Settings};
use super::tls::Tls;
use crate::bounce::{Learned, read};

/// How many messages a batch goes through at most.
const BATCH_MESSAGES_MAX: usize = 100;
/// How long a batch is added to at most, so that slow servers make progress that lasts.
const BATCH_TIME: Duration = Duration::from_secs(30);
/// How many UIDs one search spans.
const SEARCH_UIDS: u32 = 100_000;
/// How often a visit may end at the same message before the next one leaves it out.
const TRIES_MAX: u32 = 3;

/// A mailbox that can be visited.
pub struct Mailbox {
    settings: Settings,
    tls: Tls,
    /// The message at which the last visits ended, and how many did.
    obstacle: Option<(Cursor, u32)>,
}

/// Up to where a mailbox was read. To be kept with what was learned up to there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which incarnation of the folder its UIDs belong to (RFC 3501 §2.3.1.1).
    pub uid_validity: u32,
    /// The highest UID that was looked at; 0 before the first.
    pub last_uid: u32,
}

/// What was learned from some messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The news, in the order of the mailbox. Messages that hold none are not listed.
    pub found: Vec<Found>,
    /// How many messages were looked at.
    pub looked_at: usize,
    /// How many of them could not be read; the log says why.
    pub skipped: usize,
    /// The place behind them all.
    pub cursor: Cursor,
    /// Whether the folder is another one than before, so that it was read from its beginning.
    pub was_reset: bool,
}

/// What was learned from one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its UID.
    pub uid: u32,
    /// What it says; never [`Learned::Nothing`].
    pub learned: Learned,
}

/// An open connection to a mailbox.
pub struct Visit<'m> {
    session: Session,
    /// See [`Mailbox::obstacle`].
    obstacle: &'m mut Option<(Cursor, u32)>,
    host: &'m str,
    /// What the caller was given last.
    given: Cursor,
    cursor: Cursor,
    was_reset: bool,
    /// The highest UID there was at the beginning.
    end: u32,
    /// The highest UID that was searched.
    searched: u32,
    /// What the search found and was not looked at yet.
    waiting: VecDeque<u32>,
    /// What ended the visit, while the caller is given the messages before it.
    failure: Option<Error>,
}

impl Mailbox {
    /// Checks the settings and prepares TLS; connects to nothing.
    ///
    /// # Errors
    /// The settings cannot work.
    pub fn new(settings: Settings) -> Result<Self, BadSettings> {
        settings.check()?;
        let tls = Tls::prepare(&settings)?;
        Ok(Self {
            settings,
            tls,
            obstacle: None,
        })
    }

    /// The server's name, for logs.
    pub fn host(&self) -> &str {
        &self.settings.host
    }

    /// Connects, logs in and opens the folder. It is read from behind `after`, or from its beginning when nothing is
    /// known of it or it is another folder than it was.
    ///
    /// # Errors
    /// One of these steps failed.
    pub async fn visit(&mut self, after: Option<Cursor>) -> Result<Visit<'_>, Error> {
        let (session, folder) = Session::open(&self.settings, &self.tls).await?;
        Ok(Visit::begin(
            session,
            folder,
            after,
            &mut self.obstacle,
            &self.settings.host,
        ))
    }
}

impl<'m> Visit<'m> {
    fn begin(
        session: Session,
        folder: Folder,
        after: Option<Cursor>,
        obstacle: &'m mut Option<(Cursor, u32)>,
        host: &'m str,
    ) -> Self {
        let Folder {
            uid_validity,
            uid_next,
        } = folder;
        let known = after.filter(|cursor| cursor.uid_validity == uid_validity);
        let cursor = known.unwrap_or(Cursor {
            uid_validity,
            last_uid: 0,
        });
        Self {
            session,
            obstacle,
            host,
            given: after.unwrap_or_default(),
            cursor,
            was_reset: after.is_some() && known.is_none(),
            end: uid_next.saturating_sub(1),
            searched: cursor.last_uid,
            waiting: VecDeque::new(),
            failure: None,
        }
    }

    /// What the next messages say; `None` when all that were there have been looked at.
    ///
    /// # Errors
    /// The server failed or refused. What came before it has been given already.
    pub async fn next(&mut self) -> Result<Option<Batch>, Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut batch = self.empty_batch();
        let began = Instant::now();
        while batch.looked_at < BATCH_MESSAGES_MAX && began.elapsed() < BATCH_TIME {
            match self.step(&mut batch).await {
                Ok(Step::Further) => {}
                Ok(Step::End) => break,
                Err(error) if self.cursor == self.given => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        if self.cursor == self.given {
            return Ok(None);
        }
        self.given = self.cursor;
        self.was_reset = false;
        batch.cursor = self.cursor;
        Ok(Some(batch))
    }

    /// Says goodbye. A visit that is dropped instead just hangs up.
    pub async fn leave(self) {
        self.session.leave().await;
    }

    fn empty_batch(&self) -> Batch {
        Batch {
            found: Vec::new(),
            looked_at: 0,
            skipped: 0,
            cursor: self.cursor,
            was_reset: self.was_reset,
        }
    }

    /// Looks at the next message, or searches for more.
    async fn step(&mut self, batch: &mut Batch) -> Result<Step, Error> {
        if let Some(&uid) = self.waiting.front() {
            self.look(uid, batch).await?;
            self.waiting.pop_front();
            self.cursor.last_uid = uid;
            return Ok(Step::Further);
        }
        self.cursor.last_uid = self.searched;
        if self.searched >= self.end {
            return Ok(Step::End);
        }
        let first = self.searched + 1;
        let last = first.saturating_add(SEARCH_UIDS - 1).min(self.end);
        self.waiting = self.session.search(first, last).await?.into();
        self.searched = last;
        Ok(Step::Further)
    }

    async fn look(&mut self, uid: u32, batch: &mut Batch) -> Result<(), Error> {
        batch.looked_at += 1;
        let here = Cursor {
            last_uid: uid,
            ..self.cursor
        };
        let tries = self
            .obstacle
            .filter(|(cursor, _)| *cursor == here)
            .map_or(0, |(_, tries)| tries);
        if tries >= TRIES_MAX {
            batch.skipped += 1;
            tracing::warn!(
                host = self.host,
                uid,
                tries,
                "a message in the bounce mailbox cannot be fetched and is left out"
            );
            return Ok(());
        }
        // Counted before, so that a visit which is dropped meanwhile counts too.
        *self.obstacle = Some((here, tries + 1));
        let body = self.session.fetch(uid).await?;
        *self.obstacle = None;
        // Somebody may have deleted it since the search.
        if let Some(body) = body {
            understand(self.host, uid, body, batch).await;
        }
        Ok(())
    }
}

enum Step {
    Further,
    End,
}

/// Reads what was fetched.
async fn understand(host: &str, uid: u32, body: Vec<u8>, batch: &mut Batch) {
    // On a thread of its own: it takes milliseconds, and hostile input should stop nobody else.
    let problem = match spawn_blocking(move || read(&body)).await {
        Ok(Ok(Learned::Nothing)) => return,
        Ok(Ok(learned)) => return batch.found.push(Found { uid, learned }),
        Ok(Err(refused)) => refused.to_string(),
        Err(error) => error.to_string(),
    };
    batch.skipped += 1;
    tracing::warn!(
        host,
        uid,
        problem,
        "a message in the bounce mailbox cannot be read and is left out"
    );
}
