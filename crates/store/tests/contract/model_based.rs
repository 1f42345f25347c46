//! Random operations, compared with a model that is a map and a list.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use model::{EventKind, MessageState, Seq};
use proptest::prelude::*;
use store::{Accepted, Books, Campaign, Lease, Queued, Renewal, Store};

use crate::support::{START, begin, event, message, second};
use crate::{ALWAYS, Place, backends, lease_soon, on_random_values};

const CASES: u32 = 300;
const ADDRESSES: [&str; 6] = [
    "ada@example.org",
    "ADA@example.org",
    "bob@example.org",
    "jörg@example.org",
    "JÖRG@example.org",
    "eve@example.org",
];

#[derive(Clone, Debug)]
enum Operation {
    /// Addresses by number, each with data by number.
    Accept(Vec<(usize, u8)>),
    /// Messages by number, whatever their state, each with a kind by number.
    Record(Vec<(usize, usize)>),
    Cancel(Vec<usize>),
    /// Up to the message of this number, so many at most.
    Retry(usize, usize),
    /// The process ends and another begins.
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let pairs = |count: usize| prop::collection::vec((0..count, 0..3_u8), 0..5);
    prop_oneof![
        4 => pairs(ADDRESSES.len()).prop_map(Operation::Accept),
        5 => prop::collection::vec((0..8_usize, 1..7_usize), 0..5).prop_map(Operation::Record),
        1 => prop::collection::vec(0..8_usize, 0..3).prop_map(Operation::Cancel),
        2 => (0..12_usize, 1..4_usize).prop_map(|(number, limit)| Operation::Retry(number, limit)),
        1 => Just(Operation::Reopen),
    ]
}

#[test]
fn the_store_behaves_as_a_map_and_a_list() {
    for (name, new_place) in backends() {
        let place = new_place();
        let operations = prop::collection::vec(operation(), 1..16);
        on_random_values(name, CASES, operations, async |operations| {
            run(&*place, operations).await;
        });
    }
}

/// One case, in a run of its own: the others' messages stand beside it.
async fn run(place: &dyn Place, operations: Vec<Operation>) {
    let mut world = World::new(place).await;
    for operation in operations {
        match operation {
            Operation::Accept(list) => world.accept(list).await,
            Operation::Record(list) => world.record(list).await,
            Operation::Cancel(list) => world.cancel(list).await,
            Operation::Retry(number, limit) => world.retry(number, limit).await,
            Operation::Reopen => world.reopen(place).await,
        }
        world.compare().await;
    }
}

fn is_failure(state: MessageState) -> bool {
    match state {
        MessageState::Queued | MessageState::Delivered | MessageState::Cancelled => false,
        MessageState::Bounced | MessageState::Expired | MessageState::Dropped => true,
    }
}

/// What the model knows of a message.
#[derive(Debug)]
struct Entry {
    address: &'static str,
    data: String,
    state: MessageState,
    attempts: u32,
    due_at: model::Timestamp,
    latest: EventKind,
    retry_of: Option<Seq>,
}

struct World {
    store: Arc<dyn Store>,
    campaign: Campaign,
    lease: Lease,
    /// By address in lower case.
    known: HashMap<String, Seq>,
    entries: BTreeMap<Seq, Entry>,
    log: Vec<(Seq, EventKind)>,
}

impl World {
    async fn new(place: &dyn Place) -> Self {
        let store = place.open().await;
        let campaign = begin(&*store, "case").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        Self {
            store,
            campaign,
            lease,
            known: HashMap::new(),
            entries: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    async fn reopen(&mut self, place: &dyn Place) {
        let token = self.lease.token;
        let next = place.open().await;
        self.store = next;
        self.lease = lease_soon(&*self.store, self.campaign.lane_key()).await;
        assert!(self.lease.token > token);
    }

    async fn accept(&mut self, list: Vec<(usize, u8)>) {
        let data = |number: u8| format!("{{\"version\":{number}}}");
        let batch = list
            .iter()
            .map(|&(address, version)| {
                let mut new = message(&self.campaign, ADDRESSES[address]);
                new.data = data(version).into();
                new.due_at = second(u64::from(version));
                new
            })
            .collect();
        let answers = self.store.accept(&self.lease, batch).await.unwrap();
        assert_eq!(answers.len(), list.len());
        for (answer, (address, version)) in answers.into_iter().zip(list) {
            let address = ADDRESSES[address];
            let Some(&seq) = self.known.get(&address.to_lowercase()) else {
                let Accepted::New(seq) = answer else {
                    panic!("{address} is new, but {answer:?}");
                };
                self.add(seq, address, data(version), version);
                continue;
            };
            let entry = self.entries.get_mut(&seq).unwrap();
            assert_eq!(
                answer,
                Accepted::Known {
                    seq,
                    state: entry.state
                }
            );
            let renewal = Renewal {
                seq,
                content: self.campaign.content,
                data: data(version).into(),
            };
            self.store.renew(&self.lease, vec![renewal]).await.unwrap();
            if entry.state == MessageState::Queued {
                entry.data = data(version);
            }
        }
    }

    fn add(&mut self, seq: Seq, address: &'static str, data: String, version: u8) {
        self.known.insert(address.to_lowercase(), seq);
        self.log.push((seq, EventKind::Accepted));
        let entry = Entry {
            address,
            data,
            state: MessageState::Queued,
            attempts: 0,
            due_at: second(u64::from(version)),
            latest: EventKind::Accepted,
            retry_of: None,
        };
        self.entries.insert(seq, entry);
    }

    /// The message of a number, where there is any.
    fn pick(&self, number: usize) -> Option<Seq> {
        self.entries.keys().copied().cycle().nth(number)
    }

    async fn record(&mut self, list: Vec<(usize, usize)>) {
        let (mut batch, mut left_out) = (Vec::new(), 0);
        for (number, kind) in list {
            let Some(seq) = self.pick(number) else {
                continue;
            };
            let kind = EventKind::ALL[kind];
            let found = Arc::new(self.store.message(seq).await.unwrap().unwrap());
            let mut new = event(&found, kind);
            new.due_at = Some(second(100 + number as u64));
            let entry = self.entries.get_mut(&seq).unwrap();
            if entry.state != MessageState::Queued {
                left_out += 1;
            } else {
                (entry.state, entry.latest) = (kind.state(), kind);
                entry.attempts = new.attempts;
                entry.due_at = second(100 + number as u64);
                self.log.push((seq, kind));
            }
            batch.push(new);
        }
        assert_eq!(
            self.store.record(&self.lease, batch).await.unwrap(),
            left_out
        );
    }

    async fn cancel(&mut self, numbers: Vec<usize>) {
        let seqs: Vec<Seq> = numbers
            .iter()
            .filter_map(|&number| self.pick(number))
            .collect();
        let mut taken = 0;
        for seq in &seqs {
            let entry = self.entries.get_mut(seq).unwrap();
            if entry.state == MessageState::Queued {
                (entry.state, entry.latest) = (MessageState::Cancelled, EventKind::Cancelled);
                self.log.push((*seq, EventKind::Cancelled));
                taken += 1;
            }
        }
        let answer = self.store.cancel(&self.lease, seqs, "by hand", START).await;
        assert_eq!(answer.unwrap(), taken);
    }

    async fn retry(&mut self, number: usize, limit: usize) {
        let Some(picked) = self.pick(number) else {
            return;
        };
        let latest = self.latest_events().await;
        let up_to = latest[&picked];
        let is_repeated = |seq| {
            self.entries
                .values()
                .any(|entry| entry.retry_of == Some(seq))
        };
        let failed: Vec<Seq> = self
            .entries
            .iter()
            .filter(|(seq, entry)| {
                latest[seq] <= up_to && is_failure(entry.state) && !is_repeated(**seq)
            })
            .map(|(seq, _)| *seq)
            .take(limit)
            .collect();
        let (id, at) = (self.campaign.lane, second(70));
        let before = self.store.end_of_log().await.unwrap();
        let retry = self.store.retry_failed(&self.lease, up_to, limit, at);
        assert_eq!(retry.await.unwrap(), failed.len());
        let new = self.store.messages(id, before, 100).await.unwrap();
        assert_eq!(new.len(), failed.len());
        for (row, seq) in new.iter().zip(failed) {
            let (address, data) = (self.entries[&seq].address, self.entries[&seq].data.clone());
            self.log.push((row.message.seq, EventKind::Accepted));
            let entry = Entry {
                address,
                data,
                state: MessageState::Queued,
                attempts: 0,
                due_at: at,
                latest: EventKind::Accepted,
                retry_of: Some(seq),
            };
            self.entries.insert(row.message.seq, entry);
        }
    }

    /// The place of each message's latest event; that the log is right is compared after every step.
    async fn latest_events(&self) -> HashMap<Seq, Seq> {
        let log = self
            .store
            .events_after(Seq::START, Some(self.campaign.lane), 1_000);
        let place = |logged: &store::Logged| (logged.event.message, logged.event.seq);
        log.await.unwrap().iter().map(place).collect()
    }

    async fn compare(&self) {
        let id = self.campaign.lane;
        self.compare_messages().await;
        let mut books = Books {
            accepted: self.entries.len() as u64,
            ..Books::default()
        };
        for entry in self.entries.values() {
            *books.count_mut(entry.state) += 1;
        }
        assert_eq!(self.store.books(id).await.unwrap(), books);
        assert_eq!(self.store.count_books(id).await.unwrap(), books);
        let log = self
            .store
            .events_after(Seq::START, Some(id), 1_000)
            .await
            .unwrap();
        let read: Vec<_> = log
            .iter()
            .map(|logged| (logged.event.message, logged.event.kind))
            .collect();
        assert_eq!(read, self.log);
        assert!(
            log.windows(2)
                .all(|pair| pair[0].event.seq < pair[1].event.seq)
        );
        self.compare_due().await;
        self.compare_queued().await;
    }

    async fn compare_queued(&self) {
        let of = |(seq, entry): (&Seq, &Entry)| Queued {
            seq: *seq,
            first: self.known[&entry.address.to_lowercase()],
        };
        let is_queued = |(_, entry): &(&Seq, &Entry)| entry.state == MessageState::Queued;
        let expected: Vec<Queued> = self.entries.iter().filter(is_queued).map(of).collect();
        let id = self.campaign.lane;
        let queued = self.store.queued(id, Seq::START, 100).await.unwrap();
        assert_eq!(queued, expected);
    }

    async fn compare_messages(&self) {
        let rows = self
            .store
            .messages(self.campaign.lane, Seq::START, 100)
            .await
            .unwrap();
        assert_eq!(rows.len(), self.entries.len());
        for (row, (seq, entry)) in rows.iter().zip(&self.entries) {
            let message = &row.message;
            assert_eq!(message.seq, *seq);
            assert_eq!(message.address.as_str(), entry.address);
            assert_eq!(*message.data, *entry.data);
            assert_eq!(
                (message.state, message.attempts),
                (entry.state, entry.attempts)
            );
            assert_eq!(row.event.kind, entry.latest);
            assert_eq!(message.retry_of, entry.retry_of);
        }
    }

    async fn compare_due(&self) {
        let mut expected: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.state == MessageState::Queued)
            .map(|(seq, entry)| (entry.due_at, *seq))
            .collect();
        expected.sort_unstable();
        let now = second(50);
        let next_at = expected
            .iter()
            .map(|(due_at, _)| *due_at)
            .find(|due_at| *due_at > now);
        let nobody = HashSet::new();
        let due = self
            .store
            .due(&self.lease, now, 100, &nobody)
            .await
            .unwrap();
        assert_eq!(due.next_at, next_at);
        let all = self
            .store
            .due(&self.lease, ALWAYS, 100, &nobody)
            .await
            .unwrap();
        let seqs: Vec<Seq> = all.messages.iter().map(|message| message.seq).collect();
        let expected: Vec<Seq> = expected.into_iter().map(|(_, seq)| seq).collect();
        assert_eq!(seqs, expected);
    }
}
