//! Goes to one mailbox, as far as there is something new and time.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{Clock, Timestamp};
use store::{Directory, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::PostroomSettings;
use super::board::{End, Turn, Visited};
use super::clerk::{Clerk, Noted};
use super::rhythm::Remedy;
use super::source::{Means, Reader, Source};
use crate::bounce::mailbox::{Error, Mailbox, Trusted};

/// How long a visit may go on to further batches, so that a full mailbox keeps no place from the others.
const VISIT_TIME: Duration = Duration::from_secs(60);

/// Makes visits.
pub(super) struct Visitor {
    directory: Arc<dyn Directory>,
    clerk: Clerk,
    means: Means,
    pec_timeout: Duration,
    clock: Clock,
    /// Mailboxes that could not be read, since they may have an obstacle to remember.
    mailboxes: Mutex<HashMap<Reader, Kept>>,
}

/// A mailbox between two visits, with the time of its settings.
struct Kept {
    updated_at: Option<Timestamp>,
    mailbox: Mailbox,
}

/// Why a visit failed.
struct Trouble {
    problem: Box<str>,
    remedy: Remedy,
}

/// How far a visit came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Whole,
    Part,
    Stopped,
}

impl Visitor {
    pub fn new(
        directory: Arc<dyn Directory>,
        clerk: Clerk,
        settings: &PostroomSettings,
        trusted: Trusted,
        clock: Clock,
    ) -> Self {
        let means = Means {
            trusted,
            deadlines: settings.deadlines,
        };
        Self {
            directory,
            clerk,
            means,
            pec_timeout: settings.pec_timeout,
            clock,
            mailboxes: Mutex::default(),
        }
    }

    /// Forgets the mailboxes that are not read any more.
    pub fn retain(&self, is_read: impl Fn(Reader) -> bool) {
        self.kept().retain(|&reader, _| is_read(reader));
    }

    /// Makes a visit.
    pub async fn visit(&self, turn: &Turn, stop: &CancellationToken) -> Visited {
        let mut noted = Noted::default();
        let end = match self.go(turn, &mut noted, stop).await {
            Ok(end) => end,
            Err(Trouble { problem, remedy }) => End::Failed { problem, remedy },
        };
        Visited {
            end,
            noted: noted.news,
            unknown: noted.unknown,
        }
    }

    async fn go(
        &self,
        turn: &Turn,
        noted: &mut Noted,
        stop: &CancellationToken,
    ) -> Result<End, Trouble> {
        let (reader, began_at) = (turn.listed.reader, self.clock.now());
        let Some(source) = self.source(reader).await? else {
            self.kept().remove(&reader);
            return Ok(End::Away);
        };
        let mut mailbox = self.mailbox(reader, &source)?;
        let read = self.read(&mut mailbox, reader, &source, noted, stop).await;
        if read.is_err() {
            let updated_at = source.updated_at;
            let kept = Kept {
                updated_at,
                mailbox,
            };
            self.kept().insert(reader, kept);
        }
        self.look_for_the_unanswered(turn, &source, &read, began_at, noted)
            .await?;
        Ok(match read? {
            Reach::Whole => End::Whole(began_at),
            Reach::Part => End::Part(began_at),
            Reach::Stopped => End::Away,
        })
    }

    async fn source(&self, reader: Reader) -> Result<Option<Source>, Trouble> {
        let source = match reader {
            Reader::Bounces => {
                let instance = self.directory.instance().await?;
                Source::of_instance(&instance, &self.means)
            }
            Reader::Inbox(pk) => match self.directory.account_by_pk(pk).await? {
                Some(known) => Source::of_account(pk, &known.account, &self.means),
                None => Ok(None),
            },
        };
        source.map_err(by_a_person)
    }

    /// The mailbox as it was left, unless its settings are others.
    fn mailbox(&self, reader: Reader, source: &Source) -> Result<Mailbox, Trouble> {
        let kept = self.kept().remove(&reader);
        match kept.filter(|kept| kept.updated_at == source.updated_at) {
            Some(kept) => Ok(kept.mailbox),
            None => Mailbox::new(source.settings.clone()).map_err(by_a_person),
        }
    }

    /// Reads what is new, each batch being kept before the next is asked for.
    async fn read(
        &self,
        mailbox: &mut Mailbox,
        reader: Reader,
        source: &Source,
        noted: &mut Noted,
        stop: &CancellationToken,
    ) -> Result<Reach, Trouble> {
        let (name, identity, began) = (reader.name(), source.identity(), Instant::now());
        let cursor = self.clerk.place(&name, &identity).await?;
        let Some(opened) = stop.run_until_cancelled(mailbox.visit(cursor)).await else {
            return Ok(Reach::Stopped);
        };
        let mut visit = opened?;
        let mut reach = Reach::Stopped;
        while let Some(next) = stop.run_until_cancelled(visit.next()).await {
            let Some(batch) = next? else {
                reach = Reach::Whole;
                break;
            };
            *noted += self
                .clerk
                .keep(&name, &identity, &source.scope, batch)
                .await?;
            if began.elapsed() >= VISIT_TIME {
                reach = Reach::Part;
                break;
            }
        }
        visit.leave().await;
        Ok(reach)
    }

    /// Notes what was not answered in time, once it is known that no answer lies in the inbox, or long not known.
    async fn look_for_the_unanswered(
        &self,
        turn: &Turn,
        source: &Source,
        read: &Result<Reach, Trouble>,
        began_at: Timestamp,
        noted: &mut Noted,
    ) -> Result<(), StoreError> {
        let Some(account) = source.scope.certified() else {
            return Ok(());
        };
        let waited = self.pec_timeout.as_secs();
        let reason = match read {
            Ok(Reach::Whole) => format!("no acceptance came within {waited} s"),
            Err(trouble) if self.is_blind(turn) => format!(
                "no acceptance was seen within {waited} s, and the inbox cannot be read: {}",
                trouble.problem
            ),
            Ok(Reach::Part | Reach::Stopped) | Err(_) => return Ok(()),
        };
        let before = began_at - self.pec_timeout;
        *noted += self.clerk.give_up(account, before, &reason).await?;
        Ok(())
    }

    /// Whether the inbox could not be read for as long as an answer may take.
    fn is_blind(&self, turn: &Turn) -> bool {
        turn.failing_since
            .is_some_and(|since| since.elapsed() >= self.pec_timeout)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Reader, Kept>> {
        self.mailboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn by_a_person(problem: impl Display) -> Trouble {
    Trouble {
        problem: problem.to_string().into(),
        remedy: Remedy::Person,
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let remedy = match error {
            Error::Login(_) => Remedy::Person,
            _ => Remedy::Time,
        };
        Self {
            problem: error.to_string().into(),
            remedy,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self {
            problem: format!("what the mailbox said cannot be kept: {error}").into(),
            remedy: Remedy::Time,
        }
    }
}
