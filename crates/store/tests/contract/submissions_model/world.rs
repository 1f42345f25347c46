//! The model, and what each operation does to it and to the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::account::AccountPk;
use model::{EventKind, MessageState, News, Permanence, Seq, SubmissionId, Tenant};
use store::submissions::{Channel, NewNews};
use store::{Books, LaneKey, Lease, Submitted};

use super::entry::{Entry, due_at};
use super::{ACCOUNTS, BATCHES, Choice, IDS, OWNERS, batch_code, content, new_submission};
use crate::service::{Service, client_id, outcome};
use crate::support::directory::{account, tenant, tenant_id};
use crate::support::second;
use crate::{OUTCOMES, Place, lease_soon};

/// Accepted, sent, errors, cancelled, deferred, rate limited.
type Figures = [u64; 6];

pub(super) struct World {
    pub(super) service: Arc<dyn Service>,
    pub(super) now: u64,
    /// By owner and account, by number.
    pub(super) desks: HashMap<(usize, usize), (AccountPk, Lease)>,
    /// Everything by its number; `ids` leads to it.
    pub(super) entries: BTreeMap<SubmissionId, Entry>,
    pub(super) ids: HashMap<(usize, usize), SubmissionId>,
    /// Of each owner: all, or batches by number.
    pub(super) suspended: [(bool, BTreeSet<usize>); 2],
    pub(super) figures: HashMap<(usize, usize), Figures>,
    pub(super) books: HashMap<(usize, usize), Books>,
    /// Of each owner: the event, its submission, and when it happened.
    pub(super) reports: [BTreeMap<Seq, (SubmissionId, u64)>; 2],
}

impl World {
    pub(super) async fn new(place: &dyn Place) -> Self {
        let service = place.service().await;
        let mut desks = HashMap::new();
        for (owner, name) in OWNERS.into_iter().enumerate() {
            let mut tenant = tenant(name);
            tenant.webhook = None;
            tenant.suspension = model::Suspension::default();
            service.put_tenant(tenant).await.unwrap();
            for (number, id) in ACCOUNTS.into_iter().enumerate() {
                let pk = service.put_account(account(name, id)).await.unwrap();
                let lease = service.lease(LaneKey::account(pk)).await.unwrap();
                desks.insert((owner, number), (pk, lease));
            }
        }
        Self {
            service,
            now: 0,
            desks,
            entries: BTreeMap::new(),
            ids: HashMap::new(),
            suspended: Default::default(),
            figures: HashMap::new(),
            books: HashMap::new(),
            reports: Default::default(),
        }
    }

    pub(super) async fn reopen(&mut self, place: &dyn Place) {
        self.service = place.service().await;
        for (pk, lease) in self.desks.values_mut() {
            *lease = lease_soon(&*self.service, LaneKey::account(*pk)).await;
        }
    }

    // === what happens ===

    pub(super) async fn submit(&mut self, choices: Vec<Choice>) {
        let new = |choice: &Choice| new_submission(choice, self.now);
        let batch = choices.iter().map(new).collect();
        let answers = self.service.submit(batch).await.unwrap();
        assert_eq!(answers.len(), choices.len());
        for (choice, answer) in choices.into_iter().zip(answers) {
            self.expect(choice, answer);
        }
    }

    fn expect(&mut self, choice: Choice, answer: Submitted) {
        let key = (choice.owner, choice.id);
        let Some(&id) = self.ids.get(&key) else {
            let Submitted::New(id) = answer else {
                panic!("{choice:?} is new, but {answer:?}");
            };
            return self.add(choice, id);
        };
        let known = self.entries[&id].clone();
        let is_same = content(&known.choice) == content(&choice);
        let (open, all) = (known.open(), known.messages.len());
        if open == 0 || open < all && !is_same {
            return assert_eq!(answer, Submitted::Final(id));
        }
        if is_same {
            return assert_eq!(answer, Submitted::Known(id));
        }
        let Submitted::Replaced(next) = answer else {
            panic!("{choice:?} replaces {known:?}, but {answer:?}");
        };
        let are_same = known.place() == (choice.owner, choice.account)
            && known.choice.recipients == choice.recipients;
        assert_eq!(next == id, are_same);
        if !are_same {
            self.forget(id);
            return self.add(choice, next);
        }
        let is_held = self.holds(choice.owner, choice.batch);
        let at = self.now;
        let entry = self.entries.get_mut(&id).unwrap();
        (entry.choice, entry.is_held) = (choice, is_held);
        for line in &mut entry.messages {
            (line.due_at, line.attempts) = (due_at(&choice, at), 0);
        }
    }

    fn add(&mut self, choice: Choice, id: SubmissionId) {
        let entry = Entry::new(choice, self.now, self.holds(choice.owner, choice.batch));
        self.figures.entry(entry.place()).or_default()[0] += 1;
        let books = self.books.entry(entry.place()).or_default();
        books.accepted += entry.messages.len() as u64;
        books.queued += entry.messages.len() as u64;
        self.ids.insert((choice.owner, choice.id), id);
        assert!(self.entries.insert(id, entry).is_none());
    }

    /// Takes a submission out, and what of it is queued back.
    fn forget(&mut self, id: SubmissionId) {
        let entry = self.entries.remove(&id).unwrap();
        let choice = entry.choice;
        self.ids.remove(&(choice.owner, choice.id));
        self.reports[choice.owner].retain(|_, (of, _)| *of != id);
        let open = entry.open() as u64;
        if open > 0 {
            self.figures.entry(entry.place()).or_default()[3] += 1;
        }
        let books = self.books.entry(entry.place()).or_default();
        books.queued -= open;
        books.cancelled += open;
    }

    /// The message of a number, where there is any.
    fn pick(&self, number: usize) -> Option<(SubmissionId, usize)> {
        let all = self.entries.iter();
        let places = all.flat_map(|(id, entry)| (0..entry.messages.len()).map(|line| (*id, line)));
        let places: Vec<_> = places.collect();
        places.get(number % places.len().max(1)).copied()
    }

    pub(super) async fn record(&mut self, list: Vec<(usize, usize)>) {
        for (number, kind) in list {
            let Some((id, place)) = self.pick(number) else {
                continue;
            };
            let is_limit = kind >= OUTCOMES.len();
            let kind = match kind - OUTCOMES.len().min(kind) {
                _ if !is_limit => OUTCOMES[kind],
                0 => EventKind::RateLimited,
                _ => EventKind::Dropped,
            };
            let seq = Seq::new(id.0.get() + place as i64);
            let message = Arc::new(self.service.message(seq).await.unwrap().unwrap());
            let mut new = outcome(&message, kind, self.now);
            new.due_at = Some(second(self.now + 7));
            new.reason = is_limit.then(|| "rate_limit_exceeded".into());
            let lease = self.desks[&self.entries[&id].place()].1.clone();
            let left_out = self.service.record(&lease, vec![new]).await.unwrap();
            let is_final = self.entries[&id].messages[place].state != MessageState::Queued;
            assert_eq!(left_out, usize::from(is_final));
            if !is_final {
                let event = self.service.end_of_log().await.unwrap();
                self.note(id, place, kind, is_limit, event);
            }
        }
    }

    fn note(
        &mut self,
        id: SubmissionId,
        place: usize,
        kind: EventKind,
        is_limit: bool,
        event: Seq,
    ) {
        let now = self.now;
        let entry = self.entries.get_mut(&id).unwrap();
        let figures = self.figures.entry(entry.place()).or_default();
        let line = &mut entry.messages[place];
        line.events.push(kind);
        line.limited_until = 0;
        if kind == EventKind::RateLimited {
            line.limited_until = now + 7;
        } else {
            line.attempts += u32::from(kind != EventKind::Cancelled);
            (line.state, line.due_at) = (kind.state(), now + 7);
        }
        figures[5] += u64::from(is_limit);
        let is_put_off = line.state == MessageState::Queued;
        if is_put_off {
            figures[4] += 1;
        } else {
            let books = self.books.entry(entry.place()).or_default();
            books.queued -= 1;
            *books.count_mut(kind.state()) += 1;
        }
        let is_over = entry.open() == 0;
        if is_over {
            entry.finished_at = Some(now);
            let has_failed = entry.count(|state| state != MessageState::Delivered) > 0;
            let place = match (kind, has_failed) {
                (EventKind::Cancelled, _) => 3,
                (_, true) => 2,
                (_, false) => 1,
            };
            figures[place] += 1;
        }
        if is_put_off || is_over {
            self.reports[entry.choice.owner].insert(event, (id, now));
        }
    }

    pub(super) async fn remove(&mut self, owner: usize, ids: Vec<usize>) {
        let named = ids.iter().map(|&id| client_id(IDS[id])).collect();
        let tenant = tenant_id(OWNERS[owner]);
        let at = second(self.now);
        let answers = self.service.remove(&tenant, named, at).await.unwrap();
        for (id, answer) in ids.into_iter().zip(answers) {
            let known = self.ids.get(&(owner, id)).copied();
            assert_eq!(answer, known.is_some());
            if let Some(known) = known {
                self.forget(known);
            }
        }
    }

    pub(super) async fn remove_of_account(&mut self, number: usize, limit: usize) {
        let place = (number % 2, number / 2);
        let pk = self.desks[&place].0;
        let of_account = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.place() == place);
        let gone: Vec<_> = of_account.map(|(id, _)| *id).take(limit).collect();
        let at = second(self.now);
        let removed = self.service.remove_of_account(pk, at, limit).await.unwrap();
        assert_eq!(removed, gone.len());
        for id in gone {
            self.forget(id);
        }
    }

    fn holds(&self, owner: usize, batch: usize) -> bool {
        let (all, batches) = &self.suspended[owner];
        *all || batches.contains(&batch)
    }

    pub(super) async fn suspend(&mut self, owner: usize, batch: usize) {
        let (all, batches) = &mut self.suspended[owner];
        match BATCHES[batch] {
            None => (*all, *batches) = (true, BTreeSet::new()),
            Some(_) if *all => {}
            Some(_) => {
                batches.insert(batch);
            }
        }
        let code = batch_code(batch);
        let change = |tenant: &mut Tenant| tenant.suspension.suspend(code);
        let tenant = tenant_id(OWNERS[owner]);
        let changed = self
            .service
            .change_tenant(&tenant, Box::new(change), second(self.now));
        changed.await.unwrap().unwrap();
    }

    pub(super) async fn activate(&mut self, owner: usize, batch: usize) {
        let (all, batches) = &mut self.suspended[owner];
        match BATCHES[batch] {
            None => (*all, *batches) = (false, BTreeSet::new()),
            Some(_) if *all => return,
            Some(_) => {
                batches.remove(&batch);
            }
        }
        let code = batch_code(batch);
        let change = move |tenant: &mut Tenant| tenant.suspension.activate(code.as_ref());
        let tenant = tenant_id(OWNERS[owner]);
        let changed = self
            .service
            .change_tenant(&tenant, Box::new(change), second(self.now));
        changed.await.unwrap().unwrap();
    }

    pub(super) async fn align(&mut self, owner: usize, limit: usize) {
        let tenant = tenant_id(OWNERS[owner]);
        let mut aligned = 0;
        loop {
            let some = self.service.align_suspension(&tenant, limit).await.unwrap();
            assert!(some <= limit);
            aligned += some;
            if some == 0 {
                break;
            }
        }
        let mut expected = 0;
        for id in self.entries.keys().copied().collect::<Vec<_>>() {
            let choice = self.entries[&id].choice;
            let is_held = self.holds(choice.owner, choice.batch);
            let entry = self.entries.get_mut(&id).unwrap();
            if choice.owner == owner && entry.open() > 0 && entry.is_held != is_held {
                entry.is_held = is_held;
                expected += 1;
            }
        }
        assert_eq!(aligned, expected);
    }

    pub(super) async fn news(&mut self, number: usize) {
        let Some((id, place)) = self.pick(number) else {
            return;
        };
        let news = NewNews {
            message: Seq::new(id.0.get() + place as i64),
            kind: EventKind::Returned,
            at: second(self.now),
            news: News::Bounce {
                permanence: Permanence::Hard,
                code: None,
            },
            reason: "no".into(),
        };
        let noted = self.service.note_news(vec![news], None).await.unwrap();
        let entry = self.entries.get_mut(&id).unwrap();
        let line = &mut entry.messages[place];
        assert_eq!(noted, usize::from(line.state == MessageState::Delivered));
        if noted == 1 {
            line.events.push(EventKind::Returned);
            let event = self.service.end_of_log().await.unwrap();
            self.reports[entry.choice.owner].insert(event, (id, self.now));
        }
    }

    pub(super) async fn acknowledge(&mut self, owner: usize, numbers: Vec<usize>) {
        let all: Vec<Seq> = self
            .reports
            .iter()
            .flat_map(BTreeMap::keys)
            .copied()
            .collect();
        let arrived: Vec<Seq> = numbers
            .iter()
            .filter_map(|&number| all.get(number))
            .copied()
            .collect();
        let before = self.reports[owner].len();
        self.reports[owner].retain(|seq, _| !arrived.contains(seq));
        let gone = before - self.reports[owner].len();
        let tenant = tenant_id(OWNERS[owner]);
        assert_eq!(
            self.service
                .acknowledge(&tenant, Channel::Sync, arrived)
                .await
                .unwrap(),
            gone
        );
    }

    pub(super) async fn expire(&mut self, before: u64, limit: usize) {
        loop {
            let some = self
                .service
                .expire_reports(second(before), limit)
                .await
                .unwrap();
            assert!(some <= limit);
            if some == 0 {
                break;
            }
        }
        for reports in &mut self.reports {
            reports.retain(|_, (_, at)| *at >= before);
        }
    }

    pub(super) async fn clean_up(&mut self, owner: Option<usize>, before: u64, limit: usize) {
        let tenant = owner.map(|owner| tenant_id(OWNERS[owner]));
        let mut cleaned = 0;
        loop {
            let some = self
                .service
                .clean_up(tenant.as_ref(), second(before), limit)
                .await
                .unwrap();
            assert!(some <= limit);
            cleaned += some;
            if some == 0 {
                break;
            }
        }
        let is_old = |id: &SubmissionId, entry: &Entry| {
            let reports = &self.reports[entry.choice.owner];
            owner.is_none_or(|owner| owner == entry.choice.owner)
                && entry.finished_at.is_some_and(|at| at < before)
                && !reports.values().any(|(of, _)| of == id)
        };
        let old: Vec<_> = self
            .entries
            .iter()
            .filter(|(id, entry)| is_old(id, entry))
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(cleaned, old.len());
        for id in old {
            self.forget(id);
        }
    }
}
