//! The log of one lane without gaps: from memory while it can, from the store when it must.

use std::sync::Arc;

use model::{LaneId, Seq};
use store::{LogBatch, Logged, Result, Store, Tail};

/// Events read from the store at once.
const PAGE: usize = 1_000;

/// Follows one lane's events from a cursor.
pub struct Follower {
    store: Arc<dyn Store>,
    tail: Tail,
    lane: LaneId,
    cursor: Seq,
    /// Up to where the store has to be read, after batches were missed or another process wrote.
    missed_to: Option<Seq>,
}

/// Some events, in order: the next ones after those before.
pub enum Batch {
    /// Committed by this process a moment ago; may hold other lanes' events and some seen before.
    Fresh(Arc<LogBatch>, LaneId, Seq),
    /// Read back from the store.
    Stored(Vec<Logged>),
}

impl Follower {
    /// Follows `lane` from after `cursor`. Made before the first event is expected.
    pub fn new(store: Arc<dyn Store>, lane: LaneId, cursor: Seq) -> Self {
        let tail = store.tail();
        Self {
            store,
            tail,
            lane,
            cursor,
            missed_to: None,
        }
    }

    /// How far this reader has come.
    pub fn cursor(&self) -> Seq {
        self.cursor
    }

    /// The next events; `None` when the store is closed. A call that is dropped half-way loses nothing.
    pub async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            if let Some(missed_to) = self.missed_to {
                let events = self.page().await?;
                if events.len() < PAGE {
                    self.cursor = self.cursor.max(missed_to);
                    self.missed_to = None;
                }
                if !events.is_empty() {
                    return Ok(Some(Batch::Stored(events)));
                }
            }
            let Some(batch) = self.tail.next().await else {
                return Ok(None);
            };
            if batch.last <= self.cursor {
                continue;
            }
            if batch.previous > self.cursor {
                // What is fresh comes from the store as well, behind what was missed.
                self.missed_to = Some(batch.last);
                continue;
            }
            let seen = std::mem::replace(&mut self.cursor, batch.last);
            return Ok(Some(Batch::Fresh(batch, self.lane, seen)));
        }
    }

    /// The events that are in the store and not read yet; empty at the log's end.
    pub async fn page(&mut self) -> Result<Vec<Logged>> {
        let events = self
            .store
            .events_after(self.cursor, Some(self.lane), PAGE)
            .await?;
        if let Some(last) = events.last() {
            self.cursor = last.event.seq;
        }
        Ok(events)
    }
}

impl Batch {
    /// The events of the followed lane that were not seen before.
    pub fn iter(&self) -> impl Iterator<Item = &Logged> {
        let (events, lane, seen) = match self {
            Self::Fresh(batch, lane, seen) => (&batch.events, Some(*lane), *seen),
            Self::Stored(events) => (events, None, Seq::START),
        };
        events.iter().filter(move |logged| {
            logged.event.seq > seen && lane.is_none_or(|id| id == logged.event.lane)
        })
    }
}
