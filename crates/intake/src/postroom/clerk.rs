//! Writes down what mailboxes say, each batch with the place behind it in one transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use model::{AccountPk, Clock, Message, MessageState, ReceiptKind, Seq, Timestamp};
use store::submissions::{NewNews, PAGE_MAX, Place};
use store::{Directory, Result, Store, Submissions};
use tokio::sync::Mutex;

use super::place;
use super::source::Scope;
use super::telling::{Entries, Sole, Telling, key};
use super::trace::{Chosen, Traced, Tracer};
use crate::bounce::mailbox::{Batch, Cursor, Found};
use crate::bounce::{Learned, News, Original, Receipt};

/// How long the outcome of a delivery may still be under way to the store when the message already came back.
const SETTLING: Duration = Duration::from_secs(2);

/// Who writes it down.
pub(super) struct Clerk {
    tracer: Tracer,
    submissions: Arc<dyn Submissions>,
    store: Arc<dyn Store>,
    clock: Clock,
    /// Held from looking at what is known of messages until more is written: one writes at a time.
    turn: Mutex<()>,
}

/// What a batch led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// News that were noted.
    pub news: u64,
    /// Reports and receipts that led to no message.
    pub unknown: u64,
}

/// What a batch says, as it is gone through.
#[derive(Default)]
struct Page {
    news: Vec<NewNews>,
    /// What was learned of messages before, and is now.
    known: HashMap<Seq, Vec<model::News>>,
    unknown: u64,
    /// Whether a message is meant that is not known to be delivered yet.
    is_early: bool,
    chosen: Chosen,
}

impl Clerk {
    pub fn new(
        submissions: Arc<dyn Submissions>,
        store: Arc<dyn Store>,
        directory: Arc<dyn Directory>,
        clock: Clock,
    ) -> Self {
        let tracer = Tracer {
            submissions: Arc::clone(&submissions),
            store: Arc::clone(&store),
            directory,
        };
        Self {
            tracer,
            submissions,
            store,
            clock,
            turn: Mutex::new(()),
        }
    }

    /// How far a mailbox was read.
    pub async fn place(&self, reader: &str, mailbox: &str) -> Result<Option<Cursor>> {
        let kept = self.store.cursor(reader).await?;
        Ok(kept.and_then(|text| place::read(mailbox, &text)))
    }

    /// Keeps what a batch says. After an error it is to be read again.
    pub async fn keep(
        &self,
        reader: &str,
        mailbox: &str,
        scope: &Scope,
        batch: Batch,
    ) -> Result<Noted> {
        let mut turn = self.turn.lock().await;
        let mut page = self.go_through(scope, &batch.found).await?;
        if page.is_early {
            drop(turn);
            tokio::time::sleep(SETTLING).await;
            turn = self.turn.lock().await;
            page = self.go_through(scope, &batch.found).await?;
        }
        let place = Place {
            reader: reader.to_owned(),
            place: place::write(mailbox, batch.cursor),
        };
        let news = self.write(page.news, place).await?;
        drop(turn);
        Ok(Noted {
            news,
            unknown: page.unknown,
        })
    }

    /// Writes it down in one transaction; where it is so much that this would hold up others, the place goes with the
    /// last part, and what was written before it is known when it is read again.
    async fn write(&self, mut news: Vec<NewNews>, place: Place) -> Result<u64> {
        let mut count = 0;
        while news.len() > PAGE_MAX {
            let rest = news.split_off(PAGE_MAX);
            let part = std::mem::replace(&mut news, rest);
            count += self.submissions.note_news(part, None).await?;
        }
        count += self.submissions.note_news(news, Some(place)).await?;
        Ok(count as u64)
    }

    /// Notes that an account's messages of before a moment were not answered in time.
    pub async fn give_up(
        &self,
        account: AccountPk,
        before: Timestamp,
        reason: &str,
    ) -> Result<Noted> {
        let _turn = self.turn.lock().await;
        let mut noted = Noted::default();
        loop {
            let unanswered = self
                .submissions
                .unanswered(account, before, PAGE_MAX)
                .await?;
            if unanswered.is_empty() {
                return Ok(noted);
            }
            let timeout = Telling::receipt(ReceiptKind::Timeout, reason.into());
            let of = |message| self.news(message, timeout.clone());
            let news = unanswered.into_iter().map(of).collect();
            let count = self.submissions.note_news(news, None).await?;
            if count == 0 {
                return Ok(noted);
            }
            noted.news += count as u64;
        }
    }

    async fn go_through(&self, scope: &Scope, found: &[Found]) -> Result<Page> {
        let mut page = Page::default();
        for Found { uid, learned } in found {
            let is_known = match learned {
                Learned::Nothing => true,
                Learned::Report(entries) => self.report(scope, entries, &mut page).await?,
                Learned::Receipt(receipt) => self.receipt(scope, receipt, &mut page).await?,
            };
            if !is_known {
                page.unknown += 1;
                let about = about(learned);
                tracing::debug!(uid, ?about, ?scope, "a report leads to no message of ours");
            }
        }
        Ok(page)
    }

    /// What a report says; `false` when it is about no message.
    async fn report(&self, scope: &Scope, entries: &[News], page: &mut Page) -> Result<bool> {
        let Some(about) = entries.first().and_then(|entry| entry.about.as_ref()) else {
            return Ok(false);
        };
        let Traced { messages, sole } = self.tracer.trace(scope, about).await?;
        let entries = Entries::of(entries);
        for message in &messages {
            if let Some(telling) = entries.about(&message.address, sole) {
                self.add(page, message, telling).await?;
            }
        }
        Ok(!messages.is_empty())
    }

    async fn receipt(&self, scope: &Scope, receipt: &Receipt, page: &mut Page) -> Result<bool> {
        let (Some(about), Some(_)) = (&receipt.about, scope.certified()) else {
            return Ok(false);
        };
        let traced = self
            .tracer
            .trace_receipt(scope, about, &mut page.chosen)
            .await?;
        let Some(telling) = Telling::of_receipt(receipt) else {
            return Ok(!traced.messages.is_empty());
        };
        let meant = meant(&traced, receipt);
        for message in &meant {
            // Of several that may be meant, the first of which it is new.
            if self.add(page, message, telling.clone()).await? {
                break;
            }
        }
        Ok(!meant.is_empty())
    }

    /// Adds what is said of a message, unless it is known already; whether it did.
    async fn add(&self, page: &mut Page, message: &Message, telling: Telling) -> Result<bool> {
        match message.state {
            MessageState::Delivered => {}
            MessageState::Queued => {
                page.is_early = true;
                return Ok(false);
            }
            MessageState::Bounced
            | MessageState::Expired
            | MessageState::Dropped
            | MessageState::Cancelled => return Ok(false),
        }
        let known = match page.known.entry(message.seq) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(self.learned(message.seq).await?),
        };
        if known.contains(&telling.news) {
            return Ok(false);
        }
        known.push(telling.news.clone());
        page.news.push(self.news(message.seq, telling));
        Ok(true)
    }

    async fn learned(&self, message: Seq) -> Result<Vec<model::News>> {
        let timeline = self.store.timeline(message).await?;
        let events = timeline.into_iter().flat_map(|timeline| timeline.events);
        Ok(events.filter_map(|event| event.news).collect())
    }

    fn news(&self, message: Seq, telling: Telling) -> NewNews {
        NewNews {
            message,
            kind: telling.kind,
            at: self.clock.now(),
            news: telling.news,
            reason: telling.reason,
        }
    }
}

impl AddAssign for Noted {
    fn add_assign(&mut self, other: Self) {
        self.news += other.news;
        self.unknown += other.unknown;
    }
}

/// The messages that a receipt may be about: the recipient's, where one is named.
fn meant<'t>(traced: &'t Traced, receipt: &Receipt) -> Vec<&'t Message> {
    let named = match traced.sole {
        Sole::Yes => None,
        Sole::No => receipt.recipient.as_deref().map(key),
    };
    let is_meant = |message: &&Message| match &named {
        Some(key) => key.as_ref() == Some(&message.address.key()),
        None => true,
    };
    traced.messages.iter().filter(is_meant).collect()
}

fn about(learned: &Learned) -> Option<&Original> {
    match learned {
        Learned::Nothing => None,
        Learned::Report(entries) => entries.first()?.about.as_ref(),
        Learned::Receipt(receipt) => receipt.about.as_ref(),
    }
}
