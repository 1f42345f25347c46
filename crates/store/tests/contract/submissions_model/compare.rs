//! That the store and the model say the same.

use std::collections::BTreeSet;

use model::{MessageState, Seq};
use store::submissions::{Channel, SubmissionFilter};

use super::entry::Entry;
use super::world::World;
use super::{ACCOUNTS, BATCHES, IDS, OWNERS, batch_code, payload};
use crate::ALWAYS;
use crate::service::due;
use crate::support::directory::tenant_id;
use crate::support::{second, whole_log};

impl World {
    /// Everything that the store can be asked.
    pub(super) async fn compare(&self) {
        self.compare_counts().await;
        self.compare_entries().await;
        self.compare_due().await;
        self.compare_reports().await;
    }

    async fn compare_counts(&self) {
        for counts in self.service.account_counts().await.unwrap() {
            let place = *self
                .desks
                .iter()
                .find(|(_, desk)| desk.0 == counts.account)
                .unwrap()
                .0;
            let figures = self.figures.get(&place).copied().unwrap_or_default();
            let found = [
                counts.accepted,
                counts.sent,
                counts.errors,
                counts.cancelled,
                counts.deferred,
                counts.rate_limited,
            ];
            assert_eq!(found, figures);
            let of_account = self.entries.values().filter(|entry| entry.place() == place);
            let pending = of_account.filter(|entry| entry.open() > 0).count() as u64;
            assert_eq!(
                counts.accepted,
                counts.sent + counts.errors + counts.cancelled + pending
            );
            let lane = self.desks[&place].1.lane;
            let books = self.books.get(&place).copied().unwrap_or_default();
            assert_eq!(self.service.books(lane).await.unwrap(), books);
            assert_eq!(self.service.count_books(lane).await.unwrap(), books);
            assert!(books.balance());
        }
        for (owner, name) in OWNERS.into_iter().enumerate() {
            for (batch, code) in BATCHES.into_iter().enumerate() {
                let fits = |entry: &&Entry| {
                    entry.choice.owner == owner
                        && entry.open() > 0
                        && (code.is_none() || entry.choice.batch == batch)
                };
                let expected = self.entries.values().filter(fits).count() as u64;
                let code = batch_code(batch);
                let tenant = tenant_id(name);
                let pending = self.service.pending(&tenant, code.as_ref()).await;
                assert_eq!(pending.unwrap(), expected);
            }
        }
    }

    async fn compare_entries(&self) {
        for is_open in [false, true] {
            let filter = SubmissionFilter {
                is_open,
                limit: 100,
                ..SubmissionFilter::default()
            };
            let listed = self.service.submissions(filter).await.unwrap();
            let expected = self
                .entries
                .iter()
                .filter(|(_, entry)| !is_open || entry.open() > 0);
            let expected: Vec<_> = expected.collect();
            assert_eq!(listed.len(), expected.len());
            for (found, (id, entry)) in listed.iter().zip(expected) {
                let submission = &found.submission;
                assert_eq!(submission.id, *id);
                assert_eq!(submission.client_id.as_str(), IDS[entry.choice.id]);
                assert_eq!(
                    submission.account_id.as_str(),
                    ACCOUNTS[entry.choice.account]
                );
                assert_eq!(submission.batch, batch_code(entry.choice.batch));
                assert_eq!(submission.open as usize, entry.open());
                let has_failed =
                    |state| !matches!(state, MessageState::Queued | MessageState::Delivered);
                assert_eq!(submission.failed as usize, entry.count(has_failed));
                assert!(entry.open() == 0 || submission.is_held == entry.is_held);
                assert_eq!(*found.payload, *payload(&entry.choice));
                for (found, line) in found.messages.iter().zip(&entry.messages) {
                    let message = &found.message;
                    assert_eq!(
                        (message.state, message.attempts),
                        (line.state, line.attempts)
                    );
                    assert_eq!(message.priority.code(), entry.choice.priority);
                    let is_queued = line.state == MessageState::Queued;
                    assert_eq!(
                        found.due_at,
                        is_queued.then(|| second(line.due_at.max(line.limited_until)))
                    );
                    assert_eq!(found.last.kind, *line.events.last().unwrap());
                    let timeline = self.service.timeline(message.seq).await.unwrap().unwrap();
                    let kinds: Vec<_> = timeline.events.iter().map(|event| event.kind).collect();
                    assert_eq!(kinds, line.events);
                }
            }
        }
        let all: usize = self
            .entries
            .values()
            .flat_map(|entry| &entry.messages)
            .map(|line| line.events.len())
            .sum();
        assert_eq!(whole_log(&*self.service).await.len(), all);
    }

    async fn compare_due(&self) {
        let mut waiting = BTreeSet::new();
        for (place, (pk, lease)) in &self.desks {
            let mut expected = Vec::new();
            for (id, entry) in self
                .entries
                .iter()
                .filter(|(_, entry)| entry.place() == *place)
            {
                if entry.open() > 0 {
                    waiting.insert(*pk);
                }
                for (line, seq) in entry.messages.iter().zip(id.0.get()..) {
                    if line.state == MessageState::Queued && !entry.is_held {
                        expected.push((entry.choice.priority, line.due_at, seq));
                    }
                }
            }
            expected.sort_unstable();
            let now = 50;
            let of = |(_, due_at, seq): &(i64, u64, i64)| (*due_at <= now).then_some(*seq);
            let found = due(&*self.service, lease, second(now), 100).await;
            let seqs: Vec<i64> = found
                .messages
                .iter()
                .map(|message| message.seq.get())
                .collect();
            assert_eq!(seqs, expected.iter().filter_map(of).collect::<Vec<_>>());
            let later = expected
                .iter()
                .map(|(_, due_at, _)| *due_at)
                .filter(|due_at| *due_at > now);
            assert_eq!(found.next_at, later.min().map(second));
            let all = due(&*self.service, lease, ALWAYS, 100).await;
            let seqs: Vec<i64> = all
                .messages
                .iter()
                .map(|message| message.seq.get())
                .collect();
            assert_eq!(
                seqs,
                expected.iter().map(|(_, _, seq)| *seq).collect::<Vec<_>>()
            );
        }
        let lanes = self.service.waiting_lanes().await.unwrap();
        assert_eq!(
            lanes
                .iter()
                .map(|lane| lane.account)
                .collect::<BTreeSet<_>>(),
            waiting
        );
    }

    async fn compare_reports(&self) {
        let mut backlog = Vec::new();
        for (owner, name) in OWNERS.into_iter().enumerate() {
            let expected: Vec<_> = self.reports[owner]
                .iter()
                .map(|(seq, (id, _))| (*seq, *id))
                .collect();
            let found = self
                .service
                .reports(&tenant_id(name), Channel::Sync, Seq::START, 1_000)
                .await
                .unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|report| (report.seq, report.submission.id))
                .collect();
            assert_eq!(found, expected);
            if let Some((_, (_, at))) = self.reports[owner].first_key_value() {
                backlog.push((tenant_id(name), expected.len() as u64, second(*at)));
            }
        }
        let found = self.service.report_backlog().await.unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|backlog| (backlog.tenant, backlog.count, backlog.oldest_at))
            .collect();
        assert_eq!(found, backlog);
    }
}
