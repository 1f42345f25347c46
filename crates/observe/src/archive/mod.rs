//! The archive: every event of the log as a line of JSON, in one file a month, for as long as somebody keeps the files.
//!
//! It reads the log of all lanes by itself, with a place that the store remembers, and appends to
//! `events-YYYY-MM.jsonl`, where the month is the event's in UTC. Of what was removed before it got there (a client may
//! remove its mail at any moment) it has nothing; retention waits for it, see [`Place`].
//!
//! **Each event stands there once.** Lines are synced before the place is remembered, and a file has them in the log's
//! order. So before each appending its end is read: what stands behind the last whole line was torn by a crash and is cut
//! off, and what that line and those before it have already is left out. Nothing is known from before, so it holds as well
//! when another process goes on in the same folder: a lock lets one append at a time. One that goes on in a folder of its
//! own begins where the store says: when the process before it died or hung between the lines and their place, the same
//! lines, known by their `seq`, are in both folders.
//!
//! - `entry`: an event as a line, and what is in it
//! - `files`: lines added to the files of their months

mod entry;
mod files;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{LaneId, Seq, SubmissionId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Logged, Store, StoreError, Submission, Submissions};
use tokio_util::sync::CancellationToken;

use entry::{Line, Names};
use files::Files;

/// What the store remembers its place under.
const READER: &str = "archive";
/// Events that are read, written and synced at once.
const PAGE: usize = 1_000;
/// How often it looks for new events.
const EVERY: Duration = Duration::from_secs(1);
/// The pause between two pages, so that mail comes first.
const BREATH: Duration = Duration::from_millis(10);
/// How soon it tries again what failed.
const AGAIN: Duration = Duration::from_secs(5);
/// Runs of campaigns whose ids are known: the newest.
const RUNS_MAX: u32 = 1_000;

/// Why events cannot be archived.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file or the folder cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How far the archive has come: what the log has up to there may be forgotten without a loss to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The last place of the log that it has seen to.
    pub seq: Seq,
    /// The latest moment of the events up to there.
    pub at: Timestamp,
}

/// Appends events to files. Copies share what they tell.
#[derive(Clone)]
pub struct Archive {
    store: Arc<dyn Store>,
    submissions: Arc<dyn Submissions>,
    files: Files,
    behind: Arc<AtomicU64>,
}

// === impl Place ===

impl Place {
    /// What the store remembers; the log's start where there was no archive yet.
    pub async fn read(store: &dyn Store) -> store::Result<Self> {
        let Some(json) = store.cursor(READER).await? else {
            return Ok(Self::default());
        };
        serde_json::from_str(&json)
            .map_err(|error| StoreError::Damaged(format!("the archive's place: {error}: {json}")))
    }

    async fn save(self, store: &dyn Store) -> store::Result<()> {
        let json =
            serde_json::to_string(&self).map_err(|error| StoreError::Backend(error.to_string()))?;
        store.save_cursor(READER, &json).await
    }

    /// The place after some events, `end` being where the log ended before they were read: behind the last of them there
    /// is nothing up to it, unless they are a whole page.
    fn after(self, events: &[Logged], end: Seq) -> Self {
        let last = events.last().map_or(self.seq, |logged| logged.event.seq);
        let latest = events.iter().map(|logged| logged.event.at).max();
        Self {
            seq: match events.len() < PAGE {
                true => last.max(end),
                false => last,
            },
            at: latest.map_or(self.at, |latest| latest.max(self.at)),
        }
    }
}

// === impl Archive ===

impl Archive {
    /// An archive in a folder, which is made where it is not there. One that cannot be written to is refused.
    pub fn open(
        folder: &Path,
        store: Arc<dyn Store>,
        submissions: Arc<dyn Submissions>,
    ) -> Result<Self, ArchiveError> {
        Ok(Self {
            store,
            submissions,
            files: Files::open(folder)?,
            behind: Arc::default(),
        })
    }

    /// Places of the log that it has still to see to, as this process knows; none while another one appends.
    pub fn behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// Archives until `stop`. What fails is said and tried again. Lines that are being added, and their place, come before
    /// the end: nobody else is to begin while they are written.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.advance().await {
                Ok(true) => BREATH,
                Ok(false) => EVERY,
                Err(error) => {
                    let behind = self.behind();
                    tracing::error!(%error, behind, "events cannot be archived, it is tried again");
                    AGAIN
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.behind.store(0, Ordering::Relaxed);
    }

    /// Archives the next events; whether there may be more.
    async fn advance(&self) -> Result<bool, ArchiveError> {
        let place = Place::read(&*self.store).await?;
        let end = self.store.end_of_log().await?;
        self.note(place, end);
        if end <= place.seq {
            return Ok(false);
        }
        let events = self.store.events_after(place.seq, None, PAGE).await?;
        let lines = self.lines(&events).await?;
        if !lines.is_empty() {
            self.files.clone().append(lines, end).await?;
        }
        let next = place.after(&events, end);
        next.save(&*self.store).await?;
        self.note(next, end);
        Ok(events.len() == PAGE)
    }

    fn note(&self, place: Place, end: Seq) {
        let behind = u64::try_from(end.get() - place.seq.get()).unwrap_or(0);
        self.behind.store(behind, Ordering::Relaxed);
    }

    async fn lines(&self, events: &[Logged]) -> Result<Vec<Line>, ArchiveError> {
        let names = Names {
            submissions: self.submissions_of(events).await?,
            runs: self.runs_of(events).await?,
        };
        let line = |logged| Line::of(logged, &names);
        let lines: Result<_, serde_json::Error> = events.iter().map(line).collect();
        Ok(lines.map_err(|error| StoreError::Backend(error.to_string()))?)
    }

    /// The submissions that events are about, as far as they are still there.
    async fn submissions_of(
        &self,
        events: &[Logged],
    ) -> store::Result<HashMap<SubmissionId, Submission>> {
        let content = events.iter().map(|logged| logged.message.content);
        let mut ids: Vec<SubmissionId> = content.filter_map(|one| one.submission()).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = match ids.is_empty() {
            true => Vec::new(),
            false => self.submissions.summaries(ids).await?,
        };
        Ok(found.into_iter().map(|one| (one.id, one)).collect())
    }

    /// The ids of campaigns' runs, by their lanes, where an event is about one.
    async fn runs_of(&self, events: &[Logged]) -> store::Result<HashMap<LaneId, String>> {
        let mut content = events.iter().map(|logged| logged.message.content);
        if !content.any(|one| one.letter().is_some()) {
            return Ok(HashMap::new());
        }
        let runs = self.store.campaigns(None, RUNS_MAX).await?;
        Ok(runs.into_iter().map(|run| (run.lane, run.job_id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use model::EventKind;

    use super::*;
    use crate::monitor::sample::logged;

    #[test]
    fn behind_the_last_event_there_is_nothing_unless_they_are_a_page() {
        let before = Place {
            seq: Seq::new(4),
            at: Timestamp::from_millis(9_000),
        };
        let event = logged(EventKind::Delivered, 5, "ada@example.org", 5_000);
        let last = event.event.seq;
        let few = before.after(std::slice::from_ref(&event), Seq::new(99));
        assert_eq!((few.seq, few.at), (Seq::new(99), before.at));
        let page = before.after(&vec![event; PAGE], Seq::new(99));
        assert_eq!(page.seq, last);
        assert_eq!(before.after(&[], Seq::new(7)).seq, Seq::new(7));
    }
}
