//! Random operations on mail and its statistics, compared after each with a model that is a list of what happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{EventKind, MessageState, News, Permanence, Seq, SubmissionId, Timestamp};
use proptest::prelude::*;
use store::statistics::{Each, Rebuilt, Span};
use store::submissions::{Channel, NewNews};
use store::{Lease, NewEvent, StatisticsQuery, Submitted};

use crate::service::{Service, client_id, lease, mail, outcome, settle};
use crate::statistics::{query, roll_up};
use crate::support::START;
use crate::support::directory::{account, account_id, tenant_id};
use crate::{ALWAYS, OUTCOMES, Place, backends, on_random_values};

const CASES: u32 = 120;
const OWNERS: [&str; 2] = ["acme", "other"];
const IDS: usize = 4;
const RECIPIENTS: [&[&str]; 3] = [
    &["ada@example.org"],
    &["ada@example.org", "bob@example.org"],
    &["cleo@example.org", "bob@example.org", "ada@example.org"],
];
/// Hours that something happens in.
const HOURS: u32 = 4;

#[derive(Clone, Debug)]
enum Operation {
    /// Of an owner, under an id, for some recipients, in an hour.
    Submit(usize, usize, usize, u32),
    /// A message by number, what happens to it by number, and in which hour.
    Record(usize, usize, u32),
    News(usize, u32),
    Remove(usize, Vec<usize>, u32),
    RemoveOfAccount(usize, usize, u32),
    /// All reports were told, and what is final is forgotten.
    CleanUp(usize),
    /// An account goes with all that it has, and another of its name comes.
    Settle(usize, u32),
    RollUp(u32),
    /// From one hour on and before another.
    Rebuild(u32, u32),
}

fn operation() -> impl Strategy<Value = Operation> {
    let (owner, id, hour) = (0..OWNERS.len(), 0..IDS, 0..HOURS);
    let ids = prop::collection::vec(id.clone(), 0..3);
    prop_oneof![
        8 => (owner.clone(), id, 0..RECIPIENTS.len(), hour.clone())
            .prop_map(|(a, b, c, d)| Operation::Submit(a, b, c, d)),
        8 => (0..16_usize, 0..=OUTCOMES.len(), hour.clone())
            .prop_map(|(a, b, c)| Operation::Record(a, b, c)),
        2 => (0..16_usize, hour.clone()).prop_map(|(a, b)| Operation::News(a, b)),
        2 => (owner.clone(), ids, hour.clone()).prop_map(|(a, b, c)| Operation::Remove(a, b, c)),
        1 => (owner.clone(), 1..4_usize, hour.clone())
            .prop_map(|(a, b, c)| Operation::RemoveOfAccount(a, b, c)),
        2 => (1..4_usize).prop_map(Operation::CleanUp),
        1 => (owner, hour).prop_map(|(a, b)| Operation::Settle(a, b)),
        6 => (0..12_u32).prop_map(Operation::RollUp),
        3 => (0..HOURS, 1..=HOURS).prop_map(|(a, b)| Operation::Rebuild(a, b)),
    ]
}

#[test]
fn statistics_behave_as_a_list_of_what_happened() {
    for (name, new_place) in backends() {
        let operations = prop::collection::vec(operation(), 1..60);
        on_random_values(name, CASES, operations, async |operations| {
            run(&*new_place(), operations).await;
        });
    }
}

async fn run(place: &dyn Place, operations: Vec<Operation>) {
    let mut world = World::new(place).await;
    for operation in operations {
        match operation {
            Operation::Submit(owner, id, recipients, hour) => {
                world.submit(owner, id, recipients, hour).await;
            }
            Operation::Record(number, kind, hour) => world.record(number, kind, hour).await,
            Operation::News(number, hour) => world.news(number, hour).await,
            Operation::Remove(owner, ids, hour) => world.remove(owner, ids, hour).await,
            Operation::RemoveOfAccount(owner, limit, hour) => {
                world.remove_of_account(owner, limit, hour).await;
            }
            Operation::CleanUp(limit) => world.clean_up(limit).await,
            Operation::Settle(owner, hour) => world.settle(owner, hour).await,
            Operation::RollUp(limit) => world.roll_up(limit).await,
            Operation::Rebuild(from, until) => world.rebuild(from, until).await,
        }
        world.compare().await;
    }
    roll_up(&*world.service).await;
    world.compare().await;
    world.rebuild(0, HOURS).await;
    assert_eq!(world.upto().await, world.end().await);
}

/// What is counted: hour, owner, and the kind's code.
type Key = (u32, usize, i64);

/// A message: when it is final it has another state.
struct Line {
    seq: i64,
    state: MessageState,
}

struct World {
    service: Arc<dyn Service>,
    leases: [Lease; 2],
    /// What is there, by owner and id.
    mail: BTreeMap<(usize, usize), Vec<Line>>,
    /// What happened at which place of the log.
    facts: BTreeMap<i64, Key>,
}

fn at(hour: u32) -> Timestamp {
    START + Duration::from_secs(3_600) * hour
}

fn beginning(hour: u32) -> Timestamp {
    let at = at(hour).as_millis();
    Timestamp::from_millis(at - at % 3_600_000)
}

impl World {
    async fn new(place: &dyn Place) -> Self {
        let service = place.service().await;
        let mut leases = Vec::new();
        for owner in OWNERS {
            let pk = settle(&*service, owner).await;
            leases.push(lease(&*service, pk).await);
        }
        Self {
            service,
            leases: leases.try_into().unwrap(),
            mail: BTreeMap::new(),
            facts: BTreeMap::new(),
        }
    }

    async fn end(&self) -> i64 {
        self.service.end_of_log().await.unwrap().get()
    }

    async fn upto(&self) -> i64 {
        self.service.counted_to().await.unwrap().place.get()
    }

    fn happens(&mut self, place: i64, hour: u32, owner: usize, kind: EventKind) {
        let known = self.facts.insert(place, (hour, owner, kind.code()));
        assert_eq!(known, None, "one thing happens at place {place}");
    }

    async fn submit(&mut self, owner: usize, id: usize, recipients: usize, hour: u32) {
        let before = self.end().await;
        let to = RECIPIENTS[recipients];
        let mut new = mail(OWNERS[owner], &id.to_string(), to);
        new.at = at(hour);
        let answers = self.service.submit(vec![new]).await.unwrap();
        let first = match answers[..] {
            [Submitted::New(SubmissionId(id)) | Submitted::Replaced(SubmissionId(id))] => id.get(),
            [Submitted::Known(_) | Submitted::Final(_)] => return,
            ref other => panic!("{other:?}"),
        };
        if first <= before {
            return;
        }
        self.forget(owner, id, hour, before);
        let seqs = first..first + to.len() as i64;
        for seq in seqs.clone() {
            self.happens(seq, hour, owner, EventKind::Accepted);
        }
        let state = MessageState::Queued;
        let lines = seqs.map(|seq| Line { seq, state }).collect();
        self.mail.insert((owner, id), lines);
    }

    /// Something goes, and what of it waited is taken back at the places after `before`; gives the last of those.
    fn forget(&mut self, owner: usize, id: usize, hour: u32, before: i64) -> i64 {
        let mut place = before;
        for line in self.mail.remove(&(owner, id)).unwrap_or_default() {
            if line.state == MessageState::Queued {
                place += 1;
                self.happens(place, hour, owner, EventKind::Cancelled);
            }
        }
        place
    }

    /// A message by number: its owner and place.
    fn pick(&mut self, number: usize) -> Option<(usize, &mut Line)> {
        let all = self.mail.iter_mut();
        let mut all: Vec<_> = all
            .flat_map(|(&(owner, _), lines)| lines.iter_mut().map(move |line| (owner, line)))
            .collect();
        let count = all.len().max(1);
        (!all.is_empty()).then(|| all.swap_remove(number % count))
    }

    async fn record(&mut self, number: usize, kind: usize, hour: u32) {
        let service = Arc::clone(&self.service);
        let kind = OUTCOMES
            .get(kind)
            .copied()
            .unwrap_or(EventKind::RateLimited);
        let Some((owner, line)) = self.pick(number) else {
            return;
        };
        let message = Arc::new(service.message(Seq::new(line.seq)).await.unwrap().unwrap());
        let is_queued = line.state == MessageState::Queued;
        if is_queued {
            line.state = kind.state();
        }
        let new = NewEvent {
            at: at(hour),
            ..outcome(&message, kind, 0)
        };
        let left_out = service
            .record(&self.leases[owner], vec![new])
            .await
            .unwrap();
        assert_eq!(left_out == 0, is_queued);
        if is_queued {
            self.happens(self.end().await, hour, owner, kind);
        }
    }

    async fn news(&mut self, number: usize, hour: u32) {
        let service = Arc::clone(&self.service);
        let Some((owner, line)) = self.pick(number) else {
            return;
        };
        let is_delivered = line.state == MessageState::Delivered;
        let news = NewNews {
            message: Seq::new(line.seq),
            kind: EventKind::Returned,
            at: at(hour),
            news: News::Bounce {
                permanence: Permanence::Hard,
                code: None,
            },
            reason: "no".into(),
        };
        let noted = service.note_news(vec![news], None).await.unwrap();
        assert_eq!(noted, usize::from(is_delivered));
        if is_delivered {
            self.happens(self.end().await, hour, owner, EventKind::Returned);
        }
    }

    async fn remove(&mut self, owner: usize, ids: Vec<usize>, hour: u32) {
        let mut place = self.end().await;
        let named = ids.iter().map(|id| client_id(&id.to_string())).collect();
        let tenant = tenant_id(OWNERS[owner]);
        let removed = self.service.remove(&tenant, named, at(hour)).await.unwrap();
        for (id, is_removed) in ids.into_iter().zip(removed) {
            assert_eq!(is_removed, self.mail.contains_key(&(owner, id)));
            place = self.forget(owner, id, hour, place);
        }
    }

    async fn remove_of_account(&mut self, owner: usize, limit: usize, hour: u32) {
        let mut place = self.end().await;
        let account = self.service.lane_account(self.leases[owner].lane).await;
        let account = account.unwrap().unwrap();
        let removed = self
            .service
            .remove_of_account(account, at(hour), limit)
            .await;
        let mut of_owner: Vec<_> = self
            .mail
            .iter()
            .filter(|((of, _), _)| *of == owner)
            .map(|(&(_, id), lines)| (lines[0].seq, id))
            .collect();
        of_owner.sort_unstable();
        of_owner.truncate(limit);
        assert_eq!(removed.unwrap(), of_owner.len());
        for (_, id) in of_owner {
            place = self.forget(owner, id, hour, place);
        }
    }

    async fn clean_up(&mut self, limit: usize) {
        for owner in OWNERS.map(tenant_id) {
            let reports = self
                .service
                .reports(&owner, Channel::Sync, Seq::START, 999)
                .await;
            let told = reports.unwrap().iter().map(|report| report.seq).collect();
            self.service
                .acknowledge(&owner, Channel::Sync, told)
                .await
                .unwrap();
        }
        while self.service.clean_up(None, ALWAYS, limit).await.unwrap() > 0 {}
        let is_open =
            |lines: &Vec<Line>| lines.iter().any(|line| line.state == MessageState::Queued);
        self.mail.retain(|_, lines| is_open(lines));
    }

    async fn settle(&mut self, owner: usize, hour: u32) {
        self.remove_of_account(owner, usize::MAX, hour).await;
        let (tenant, main) = (tenant_id(OWNERS[owner]), account_id("main"));
        assert!(self.service.delete_account(&tenant, &main).await.unwrap());
        let pk = self
            .service
            .put_account(account(OWNERS[owner], "main"))
            .await
            .unwrap();
        self.leases[owner] = lease(&*self.service, pk).await;
    }

    async fn roll_up(&self, limit: u32) {
        let (before, end) = (self.upto().await, self.end().await);
        let rolled = self.service.roll_up(limit).await.unwrap();
        let to = end.min(before + i64::from(limit));
        assert_eq!((rolled.to.get(), rolled.is_behind), (to, to < end));
    }

    /// What was counted of the hours.
    async fn expected(&self, hours: std::ops::Range<u32>) -> BTreeMap<Key, u64> {
        let upto = self.upto().await;
        let mut counts = BTreeMap::new();
        for (_, key) in self.facts.range(..=upto) {
            if hours.contains(&key.0) {
                *counts.entry(*key).or_default() += 1;
            }
        }
        counts
    }

    async fn rebuild(&self, from: u32, until: u32) {
        let expected = self.expected(from..until).await;
        let rebuilt = self
            .service
            .rebuild(beginning(from), beginning(until))
            .await;
        let all = Rebuilt {
            counted: expected.values().sum(),
            corrected: 0,
        };
        assert_eq!(rebuilt.unwrap(), all);
    }

    async fn compare(&self) {
        let everything = StatisticsQuery {
            tenant: None,
            ..query(Span::Hour, Each::Account)
        };
        let mut found = BTreeMap::new();
        for row in self.service.statistics(everything).await.unwrap() {
            let hour = (0..HOURS)
                .find(|&hour| beginning(hour) == row.from)
                .unwrap();
            let is_of = |name: &&str| row.tenant == Some(tenant_id(name));
            let owner = OWNERS.iter().position(is_of).unwrap();
            assert_eq!(row.account, Some(account_id("main")));
            for (kind, count) in row.counts.iter().filter(|(_, count)| *count > 0) {
                found.insert((hour, owner, kind.code()), count);
            }
        }
        assert_eq!(found, self.expected(0..HOURS).await);
    }
}
