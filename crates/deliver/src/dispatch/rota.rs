//! Which lanes are delivered now, and what wakes the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::account::AccountPk;
use model::{EventKind, LaneId, Priority, Seq};
use store::submissions::WaitingLane;
use store::{LogBatch, Origin, StoreError};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::roster::{Roster, State};
use super::spot::{Spot, Spots};
use super::turn::{self, Next};
use crate::run::DeliverError;
use crate::run::connections::Connections;

/// How long the rota sleeps at most. Then it looks for mail that nobody told of: another process may have accepted it, and
/// died. After the second look at the latest it knows.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// How long a lane is not looked at where all that waits is held back, when nobody tells of it. Those may be many.
const FORGOTTEN_AGAIN: Duration = Duration::from_secs(60);
/// The pause before a store that cannot be read is asked again.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// How long after a look lanes are looked for that nobody knew: where there are many, they are found together.
const FOUND_AGAIN: Duration = Duration::from_millis(50);
/// How often everybody is looked at at most because of what others did and did not tell.
const UNTOLD_AGAIN: Duration = Duration::from_secs(1);

/// The lanes of a running dispatcher.
pub(super) struct Rota {
    shared: Arc<Shared>,
    stop: CancellationToken,
    roster: Roster,
    spots: Spots,
    turns: JoinSet<(Spot, Next)>,
    /// Where the log ended at the latest look, and as far as was told.
    end_seen: Seq,
    end_told: Seq,
    /// Where the latest commit of this process ended that was followed.
    own_end: Seq,
    /// When the store is asked for lanes with mail, and which of them are looked at then.
    look: (Instant, Whom),
    /// When it was asked the last time, and the last time for what was not told.
    looked: Instant,
    looked_untold: Option<Instant>,
    /// When lanes are looked at that were delivered once and had nothing to send.
    forgotten: Instant,
}

/// Which lanes with mail are looked at; each of these includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whom {
    /// Those that are new; and when another process wrote, all but those that are left alone.
    New,
    /// All but those that are left alone.
    Untold,
    /// All.
    Everyone,
}

impl Rota {
    pub(super) fn new(shared: Arc<Shared>, stop: &CancellationToken) -> Self {
        let now = Instant::now();
        Self {
            shared,
            stop: stop.child_token(),
            roster: Roster::default(),
            spots: Spots::default(),
            turns: JoinSet::new(),
            end_seen: Seq::START,
            end_told: Seq::START,
            own_end: Seq::START,
            look: (now, Whom::Everyone),
            looked: now,
            looked_untold: None,
            forgotten: now + FORGOTTEN_AGAIN,
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
        let mut nodes = shared.settings.placement.follow();
        let Some(end) = self.end_of_log().await? else {
            return Ok(());
        };
        (self.end_told, self.own_end) = (end, end);
        loop {
            let pause = self.pause();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = shared.desk.ordered() => self.follow_orders(),
                Ok(()) = nodes.changed() => self.follow_placement(),
                Some(ended) = self.turns.join_next() => self.turn_ended(ended)?,
                batch = tail.next() => match batch {
                    Some(batch) => self.news(&batch).await,
                    None => return Err(StoreError::Closed.into()),
                },
                () = tokio::time::sleep(pause) => self.look_and_wake().await,
            }
        }
    }

    /// Where the log ends, as soon as the store can say it; `None` after a stop.
    async fn end_of_log(&self) -> Result<Option<Seq>, StoreError> {
        loop {
            match self.shared.rooms.store.end_of_log().await {
                Ok(end) => return Ok(Some(end)),
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "the log cannot be read, trying again");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(READ_AGAIN) => {}
            }
        }
    }

    /// How long until something is to be done without being asked.
    fn pause(&self) -> Duration {
        let now = self.shared.rooms.clock.now();
        let back = self.roster.comes_back_at();
        let first = back.unwrap_or(self.look.0).min(self.look.0);
        let first = first.saturating_duration_since(Instant::now());
        let wake = self.roster.wakes_at().map(|at| at.since(now));
        wake.unwrap_or(first).min(first)
    }

    /// Begins the lanes whose time has come, and asks the store when that is due.
    async fn look_and_wake(&mut self) {
        let now = Instant::now();
        for spot in self.roster.due(self.shared.rooms.clock.now(), now) {
            self.begin(spot);
        }
        if self.look.0 <= now {
            self.ask_the_store().await;
        }
    }

    async fn ask_the_store(&mut self) {
        let whom = self.look.1;
        match self.waiting().await {
            Ok((waiting, others_wrote)) => {
                let now = Instant::now();
                self.look = (now + LOOK_AGAIN, Whom::New);
                self.looked = now;
                if whom >= Whom::Untold {
                    self.looked_untold = Some(now);
                }
                let with_forgotten = others_wrote || self.forgotten <= now;
                if self.forgotten <= now {
                    self.forgotten = now + FORGOTTEN_AGAIN;
                }
                self.note_contested(&waiting);
                for one in waiting {
                    let (account, shard) = (one.account, one.shard);
                    let spot = Spot { account, shard };
                    let is_new = self.spots.learn(one.lane, spot);
                    let from = match self.roster.state(spot) {
                        None if is_new || with_forgotten => Whom::New,
                        Some(State::Asleep(_) | State::Delivering) if others_wrote => Whom::New,
                        None | Some(State::Asleep(_) | State::Delivering) => Whom::Untold,
                        Some(State::Aside(_) | State::Held(_)) => Whom::Everyone,
                    };
                    if whom >= from {
                        self.look_at(spot);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the lanes with mail cannot be read, trying again");
                self.look = (Instant::now() + READ_AGAIN, whom);
            }
        }
    }

    /// The lanes with mail, and whether another process wrote: what this one commits, and what it is told of, is followed
    /// long before the next look.
    async fn waiting(&mut self) -> Result<(Vec<WaitingLane>, bool), StoreError> {
        let rooms = &self.shared.rooms;
        let end = rooms.store.end_of_log().await?;
        let waiting = rooms.submissions.waiting_lanes().await?;
        let others_wrote = self.end_seen > self.end_told;
        self.end_told = self.end_told.max(self.end_seen);
        self.end_seen = end;
        Ok((waiting, others_wrote))
    }

    /// Says to each account whether several of its lanes have mail.
    fn note_contested(&self, waiting: &[WaitingLane]) {
        let mut lanes_of: HashMap<AccountPk, usize> = HashMap::new();
        for one in waiting {
            *lanes_of.entry(one.account).or_default() += 1;
        }
        for lane in self.roster.lanes() {
            let lanes = lanes_of.get(&lane.spot.account);
            lane.common
                .set_contested(lanes.is_some_and(|lanes| *lanes > 1));
        }
    }

    /// The store is to be asked then at the latest, and these are to be looked at.
    fn look_by(&mut self, at: Instant, whom: Whom) {
        self.look = (self.look.0.min(at), self.look.1.max(whom));
    }

    /// Everything is to be looked at that is not left alone, though not all the time.
    fn look_at_the_untold(&mut self) {
        let now = Instant::now();
        let earliest = self.looked_untold.map_or(now, |at| at + UNTOLD_AGAIN);
        self.look_by(earliest.max(now), Whom::Untold);
    }

    fn follow_orders(&mut self) {
        let orders = self.shared.desk.take_orders();
        if orders.everything {
            self.look_by(Instant::now(), Whom::Everyone);
        }
        for account in orders.changed {
            for (spot, state) in self.roster.of(account) {
                match (state, self.roster.lane(spot)) {
                    (State::Delivering, Some(lane)) => lane.account_changed(),
                    _ => self.begin(spot),
                }
            }
        }
        for account in orders.look_at {
            let spots = self.spots.of(account);
            if spots.is_empty() {
                self.look_for_new();
            }
            for spot in spots {
                self.look_at(spot);
            }
        }
    }

    /// Lanes that are another's are left; a turn ends by itself. Those that are ours now are looked at.
    fn follow_placement(&mut self) {
        for (spot, state) in self.roster.all() {
            if state != State::Delivering && !self.is_ours(spot) {
                self.forget(spot);
            }
        }
        self.look_by(Instant::now(), Whom::Everyone);
    }

    fn is_ours(&self, spot: Spot) -> bool {
        let placement = &self.shared.settings.placement;
        placement.is_ours(spot.account, spot.shard)
    }

    /// Follows what was committed: mail that was accepted wakes its lane.
    async fn news(&mut self, batch: &LogBatch) {
        self.end_told = self.end_told.max(batch.last);
        let mut told: HashMap<LaneId, Priority> = HashMap::new();
        match &batch.origin {
            Origin::Here { after } => {
                if *after > self.own_end {
                    self.look_at_the_untold();
                }
                self.own_end = self.own_end.max(batch.last);
                for logged in &batch.events {
                    let message = &logged.message;
                    let is_mail = message.content.submission().is_some();
                    if is_mail && logged.event.kind == EventKind::Accepted {
                        let urgency = told.entry(message.lane).or_insert(message.priority);
                        *urgency = message.priority.min(*urgency);
                    }
                }
            }
            Origin::Elsewhere(lanes) => told.extend(lanes.iter().copied()),
            Origin::Untold => self.look_at_the_untold(),
        }
        for (lane, urgency) in told {
            match self.spots.of_lane(lane) {
                Some(spot) => self.tell(spot, urgency),
                None => self.meet(lane).await,
            }
        }
    }

    /// A lane has mail that nobody here knows. Which one it is, is seen with those that wait.
    async fn meet(&mut self, lane: LaneId) {
        if self.spots.is_other(lane) {
            return;
        }
        match self.shared.rooms.submissions.lane_account(lane).await {
            Ok(Some(_)) => self.look_for_new(),
            Ok(None) => self.spots.learn_other(lane),
            Err(error) => {
                tracing::warn!(%error, "an account cannot be read, trying again");
                self.look_by(Instant::now() + READ_AGAIN, Whom::Untold);
            }
        }
    }

    fn look_for_new(&mut self) {
        let soon = (self.looked + FOUND_AGAIN).max(Instant::now());
        self.look_by(soon, Whom::New);
    }

    /// A lane has new mail.
    fn tell(&mut self, spot: Spot, urgency: Priority) {
        match (self.roster.state(spot), self.roster.lane(spot)) {
            (Some(State::Aside(_) | State::Held(_)), _) => {}
            (Some(State::Delivering), Some(lane)) => lane.has_news(Some(urgency)),
            _ => self.begin(spot),
        }
    }

    /// A lane's mail is to be looked at.
    fn look_at(&mut self, spot: Spot) {
        match (self.roster.state(spot), self.roster.lane(spot)) {
            (Some(State::Delivering), Some(lane)) => lane.has_news(None),
            _ => self.begin(spot),
        }
    }

    /// Begins a lane's turn, unless nothing may begin or it is another process's.
    fn begin(&mut self, spot: Spot) {
        let shared = &self.shared;
        if !shared.desk.gate.is_open() || !self.is_ours(spot) {
            // Everybody is looked at when that is over.
            return self.forget(spot);
        }
        let settings = &shared.settings;
        let (connections, unrecorded) = (
            settings.connections_per_account,
            settings.unrecorded_outcomes_max,
        );
        let connections = || Connections::new(connections, unrecorded);
        let lane = self.roster.begin(spot, connections);
        shared.desk.show(Arc::clone(&lane));
        let (shared, stop) = (Arc::clone(shared), self.stop.clone());
        self.turns
            .spawn(async move { (spot, turn::run(shared, lane, stop).await) });
    }

    fn turn_ended(&mut self, ended: Result<(Spot, Next), JoinError>) -> Result<(), DeliverError> {
        let (spot, next) = ended.map_err(|error| DeliverError::Task(error.to_string()))?;
        let Some(lane) = self.roster.lane(spot) else {
            return Ok(());
        };
        let has_news = lane.take_news();
        if !matches!(next, Next::Refused(_)) {
            self.begin_held(spot.account);
        }
        match next {
            Next::NotBefore(at) => self.roster.rest(spot, State::Aside(at)),
            Next::Refused(at) | Next::GaveWay(at) => self.roster.rest(spot, State::Held(at)),
            Next::At(at) if !has_news => self.roster.rest(spot, State::Asleep(at)),
            Next::WhenNews if !has_news => self.forget(spot),
            Next::Now | Next::At(_) | Next::WhenNews => self.begin(spot),
        }
        Ok(())
    }

    /// Begins those lanes of an account that waited for another of them.
    fn begin_held(&mut self, account: AccountPk) {
        for (spot, state) in self.roster.of(account) {
            if matches!(state, State::Held(_)) {
                self.begin(spot);
            }
        }
    }

    fn forget(&mut self, spot: Spot) {
        self.roster.forget(spot);
        self.shared.desk.hide(spot);
    }
}
