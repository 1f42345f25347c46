//! Which lanes are delivered now, which sleep until when, and what wakes them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::account::AccountPk;
use model::{EventKind, LaneId, Priority, Seq, Timestamp};
use store::submissions::WaitingLane;
use store::{LogBatch, StoreError};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::lane::{self, Lane, Next};
use crate::run::DeliverError;

/// How long the rota sleeps at most. Then it looks for mail that nobody told of: another process may have accepted it, and
/// died. After the second look at the latest it knows.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// How long a lane is not looked at where all that waits is held back, when nobody tells of it. Those may be many.
const FORGOTTEN_AGAIN: Duration = Duration::from_secs(60);
/// The pause before a store that cannot be read is asked again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// The lanes of a running dispatcher. A lane that sleeps costs an entry here, and no task.
pub(super) struct Rota {
    shared: Arc<Shared>,
    stop: CancellationToken,
    lanes: HashMap<AccountPk, Entry>,
    /// The lanes that sleep until a time.
    sleeping: BTreeSet<(Timestamp, AccountPk)>,
    /// The lanes that are left alone for a while. That is no time of day: a clock that is set back makes it no longer.
    aside: BTreeSet<(Instant, AccountPk)>,
    turns: JoinSet<(AccountPk, Next)>,
    /// The accounts of the lanes that were told of.
    accounts: HashMap<LaneId, AccountPk>,
    /// How far the log was followed.
    followed: Seq,
    /// Where the log ended at the latest look.
    end_seen: Seq,
    /// When the store is asked for lanes with mail, and which of them are looked at then.
    look: (Instant, Whom),
    /// When lanes are looked at that were delivered once and had nothing to send.
    forgotten: Instant,
}

struct Entry {
    lane: Arc<Lane>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Delivering,
    /// Until then, or until news.
    Asleep(Timestamp),
    /// Until then, whatever news there is.
    Aside(Instant),
}

/// Which lanes with mail are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    /// Those that are new; and when another process wrote, all but those that are left alone.
    New,
    /// All.
    Everyone,
}

impl Rota {
    pub(super) fn new(shared: Arc<Shared>, stop: &CancellationToken) -> Self {
        Self {
            shared,
            stop: stop.child_token(),
            lanes: HashMap::new(),
            sleeping: BTreeSet::new(),
            aside: BTreeSet::new(),
            turns: JoinSet::new(),
            accounts: HashMap::new(),
            followed: Seq::START,
            end_seen: Seq::START,
            look: (Instant::now(), Whom::Everyone),
            forgotten: Instant::now() + FORGOTTEN_AGAIN,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), DeliverError> {
        let followed = self.follow().await;
        // What is under way is finished, whatever the reason.
        self.stop.cancel();
        while self.turns.join_next().await.is_some() {}
        followed
    }

    async fn follow(&mut self) -> Result<(), DeliverError> {
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        let mut tail = shared.rooms.store.tail();
        self.followed = shared.rooms.store.end_of_log().await?;
        loop {
            let pause = self.pause();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = shared.desk.ordered() => self.follow_orders(),
                Some(ended) = self.turns.join_next() => self.turn_ended(ended)?,
                batch = tail.next() => match batch {
                    Some(batch) => self.news(&batch).await,
                    None => return Err(StoreError::Closed.into()),
                },
                () = tokio::time::sleep(pause) => self.look_and_wake().await,
            }
        }
    }

    /// How long until something is to be done without being asked.
    fn pause(&self) -> Duration {
        let now = self.shared.rooms.clock.now();
        let aside = self.aside.first().map(|(at, _)| *at);
        let look = aside.unwrap_or(self.look.0).min(self.look.0);
        let look = look.saturating_duration_since(Instant::now());
        let wake = self.sleeping.first().map(|(at, _)| at.since(now));
        wake.unwrap_or(look).min(look)
    }

    /// Begins the lanes whose time has come, and asks the store when that is due.
    async fn look_and_wake(&mut self) {
        let now = self.shared.rooms.clock.now();
        while let Some((at, account)) = self.sleeping.first().copied()
            && at <= now
        {
            self.sleeping.pop_first();
            self.begin(account);
        }
        while let Some((at, account)) = self.aside.first().copied()
            && at <= Instant::now()
        {
            self.aside.pop_first();
            self.begin(account);
        }
        if self.look.0 <= Instant::now() {
            self.ask_the_store().await;
        }
    }

    async fn ask_the_store(&mut self) {
        let whom = self.look.1;
        match self.waiting().await {
            Ok((waiting, others_wrote)) => {
                let now = Instant::now();
                self.look = (now + LOOK_AGAIN, Whom::New);
                let with_forgotten = others_wrote || self.forgotten <= now;
                if self.forgotten <= now {
                    self.forgotten = now + FORGOTTEN_AGAIN;
                }
                for one in waiting {
                    let is_new = self.accounts.insert(one.lane, one.account).is_none();
                    let is_due = match self.lanes.get(&one.account).map(|entry| entry.state) {
                        None => is_new || with_forgotten,
                        Some(State::Asleep(_) | State::Delivering) => others_wrote,
                        Some(State::Aside(_)) => false,
                    };
                    if is_due || whom == Whom::Everyone {
                        self.look_at(one.account);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the lanes with mail cannot be read, trying again");
                self.look = (Instant::now() + READ_AGAIN, whom);
            }
        }
    }

    /// The lanes with mail, and whether another process wrote: what this one commits is followed long before the next look.
    async fn waiting(&mut self) -> Result<(Vec<WaitingLane>, bool), StoreError> {
        let rooms = &self.shared.rooms;
        let end = rooms.store.end_of_log().await?;
        let waiting = rooms.submissions.waiting_lanes().await?;
        let others_wrote = self.end_seen > self.followed;
        self.followed = self.followed.max(self.end_seen);
        self.end_seen = end;
        Ok((waiting, others_wrote))
    }

    /// Everything is to be looked at, at once.
    fn look_at_everyone(&mut self) {
        self.look = (Instant::now(), Whom::Everyone);
    }

    fn follow_orders(&mut self) {
        let orders = self.shared.desk.take_orders();
        if orders.everything {
            self.look_at_everyone();
        }
        for account in orders.changed {
            match self.lanes.get(&account) {
                Some(entry) if entry.state == State::Delivering => {
                    entry.lane.account_changed();
                }
                Some(_) => self.begin(account),
                None => {}
            }
        }
        for account in orders.look_at {
            self.look_at(account);
        }
    }

    /// Follows what was committed: mail that was accepted wakes its lane.
    async fn news(&mut self, batch: &LogBatch) {
        if batch.previous > self.followed {
            self.look_at_everyone();
        }
        self.followed = self.followed.max(batch.last);
        let mut told: HashMap<LaneId, Priority> = HashMap::new();
        for logged in &batch.events {
            let message = &logged.message;
            let is_mail = message.content.submission().is_some();
            if is_mail && logged.event.kind == EventKind::Accepted {
                let urgency = told.entry(message.lane).or_insert(message.priority);
                *urgency = message.priority.min(*urgency);
            }
        }
        for (lane, urgency) in told {
            if let Some(account) = self.account(lane).await {
                self.tell(account, urgency);
            }
        }
    }

    async fn account(&mut self, lane: LaneId) -> Option<AccountPk> {
        if let Some(account) = self.accounts.get(&lane) {
            return Some(*account);
        }
        match self.shared.rooms.submissions.lane_account(lane).await {
            Ok(Some(account)) => {
                self.accounts.insert(lane, account);
                Some(account)
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, "an account cannot be read, trying again");
                self.look = (Instant::now() + READ_AGAIN, Whom::Everyone);
                None
            }
        }
    }

    /// An account has new mail.
    fn tell(&mut self, account: AccountPk, urgency: Priority) {
        match self.lanes.get(&account).map(|entry| entry.state) {
            Some(State::Aside(_)) => {}
            Some(State::Delivering) => {
                if let Some(entry) = self.lanes.get(&account) {
                    entry.lane.has_news(Some(urgency));
                }
            }
            Some(State::Asleep(_)) | None => self.begin(account),
        }
    }

    /// An account's mail is to be looked at.
    fn look_at(&mut self, account: AccountPk) {
        match self.lanes.get(&account) {
            Some(entry) if entry.state == State::Delivering => entry.lane.has_news(None),
            Some(_) | None => self.begin(account),
        }
    }

    /// Begins an account's turn, unless nothing may begin.
    fn begin(&mut self, account: AccountPk) {
        let desk = &self.shared.desk;
        let entry = self.lanes.entry(account).or_insert_with(|| Entry {
            lane: Arc::new(Lane::new(account)),
            state: State::Asleep(Timestamp::default()),
        });
        match entry.state {
            State::Asleep(at) => self.sleeping.remove(&(at, account)),
            State::Aside(at) => self.aside.remove(&(at, account)),
            State::Delivering => false,
        };
        if !desk.gate.is_open() {
            // Everybody is looked at when that is over.
            return self.forget(account);
        }
        entry.state = State::Delivering;
        let lane = Arc::clone(&entry.lane);
        desk.show(Arc::clone(&lane));
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        self.turns
            .spawn(async move { (account, lane::run(shared, lane, stop).await) });
    }

    fn turn_ended(
        &mut self,
        ended: Result<(AccountPk, Next), JoinError>,
    ) -> Result<(), DeliverError> {
        let (account, next) = ended.map_err(|error| DeliverError::Task(error.to_string()))?;
        let Some(entry) = self.lanes.get_mut(&account) else {
            return Ok(());
        };
        let has_news = entry.lane.take_news();
        match next {
            Next::NotBefore(at) => {
                entry.state = State::Aside(at);
                self.aside.insert((at, account));
            }
            Next::At(at) if !has_news => {
                entry.state = State::Asleep(at);
                self.sleeping.insert((at, account));
            }
            Next::WhenNews if !has_news => self.forget(account),
            Next::Now | Next::At(_) | Next::WhenNews => self.begin(account),
        }
        Ok(())
    }

    fn forget(&mut self, account: AccountPk) {
        self.lanes.remove(&account);
        self.shared.desk.hide(account);
    }
}
