//! Which lanes there are, and what each of them waits for. A lane that sleeps costs an entry here, and no task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::Timestamp;
use model::account::AccountPk;
use tokio::time::Instant;

use super::lane::{Common, Lane};
use super::spot::Spot;
use crate::run::connections::Connections;

/// The lanes with mail, or that had some just now.
#[derive(Default)]
pub(super) struct Roster {
    entries: BTreeMap<Spot, Entry>,
    /// The lanes that sleep until a time.
    sleeping: BTreeSet<(Timestamp, Spot)>,
    /// The lanes that are left alone for a while. That is no time of day: a clock that is set back makes it no longer.
    aside: BTreeSet<(Instant, Spot)>,
}

struct Entry {
    lane: Arc<Lane>,
    state: State,
}

/// What a lane is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Delivering,
    /// Until then, or until news.
    Asleep(Timestamp),
    /// Until then, whatever news there is.
    Aside(Instant),
    /// Somebody else has the right to it: until then, or until another lane of the account has ended its turn here.
    Held(Instant),
}

impl Roster {
    /// What a lane is at; `None` when it is not here.
    pub(super) fn state(&self, spot: Spot) -> Option<State> {
        self.entries.get(&spot).map(|entry| entry.state)
    }

    /// A lane.
    pub(super) fn lane(&self, spot: Spot) -> Option<&Arc<Lane>> {
        self.entries.get(&spot).map(|entry| &entry.lane)
    }

    /// Every lane, by account.
    pub(super) fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        self.entries.values().map(|entry| &entry.lane)
    }

    /// The lanes of an account.
    pub(super) fn of(&self, account: AccountPk) -> Vec<(Spot, State)> {
        let of_account = self.entries.range(Spot::all_of(account));
        of_account.map(|(spot, one)| (*spot, one.state)).collect()
    }

    /// Every lane, with what it is at.
    pub(super) fn all(&self) -> Vec<(Spot, State)> {
        let all = self.entries.iter();
        all.map(|(spot, entry)| (*spot, entry.state)).collect()
    }

    /// A lane delivers from now on; it is made when it is not here, with what it shares with the others of its account: the
    /// `connections`, which are made with the first of them.
    pub(super) fn begin(
        &mut self,
        spot: Spot,
        connections: impl FnOnce() -> Connections,
    ) -> Arc<Lane> {
        self.leave_state(spot);
        let mut of_account = self.entries.range(Spot::all_of(spot.account));
        let common = of_account
            .next()
            .map(|(_, sibling)| Arc::clone(&sibling.lane.common));
        let entry = self.entries.entry(spot).or_insert_with(|| {
            let common = common.unwrap_or_else(|| Arc::new(Common::new(connections())));
            Entry {
                lane: Arc::new(Lane::new(spot, common)),
                state: State::Delivering,
            }
        });
        entry.state = State::Delivering;
        Arc::clone(&entry.lane)
    }

    /// A lane is at that from now on.
    pub(super) fn rest(&mut self, spot: Spot, state: State) {
        self.leave_state(spot);
        let Some(entry) = self.entries.get_mut(&spot) else {
            return;
        };
        entry.state = state;
        match state {
            State::Delivering => false,
            State::Asleep(at) => self.sleeping.insert((at, spot)),
            State::Aside(at) | State::Held(at) => self.aside.insert((at, spot)),
        };
    }

    /// A lane is not here any more.
    pub(super) fn forget(&mut self, spot: Spot) {
        self.leave_state(spot);
        self.entries.remove(&spot);
    }

    fn leave_state(&mut self, spot: Spot) {
        match self.state(spot) {
            Some(State::Asleep(at)) => self.sleeping.remove(&(at, spot)),
            Some(State::Aside(at) | State::Held(at)) => self.aside.remove(&(at, spot)),
            Some(State::Delivering) | None => false,
        };
    }

    /// When the first of those that sleep wakes.
    pub(super) fn wakes_at(&self) -> Option<Timestamp> {
        self.sleeping.first().map(|(at, _)| *at)
    }

    /// When the first of those that are left alone is looked at.
    pub(super) fn comes_back_at(&self) -> Option<Instant> {
        self.aside.first().map(|(at, _)| *at)
    }

    /// The lanes whose time has come.
    pub(super) fn due(&self, time: Timestamp, now: Instant) -> Vec<Spot> {
        let awake = self.sleeping.iter().take_while(|(at, _)| *at <= time);
        let back = self.aside.iter().take_while(|(at, _)| *at <= now);
        let awake = awake.map(|(_, spot)| *spot);
        awake.chain(back.map(|(_, spot)| *spot)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spot(account: i64, shard: u16) -> Spot {
        Spot {
            account: AccountPk(account),
            shard,
        }
    }

    fn eight() -> Connections {
        Connections::new(8, 0)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn lanes_of_one_account_share_what_is_common_and_no_others_do() {
        let mut roster = Roster::default();
        let first = roster.begin(spot(1, 3), eight);
        let second = roster.begin(spot(1, 0), eight);
        let other = roster.begin(spot(2, 0), eight);
        assert!(Arc::ptr_eq(&first.common, &second.common));
        assert!(!Arc::ptr_eq(&first.common, &other.common));
        let states = [
            (spot(1, 0), State::Delivering),
            (spot(1, 3), State::Delivering),
        ];
        assert_eq!(roster.of(AccountPk(1)), states);
        roster.forget(spot(1, 3));
        let again = roster.begin(spot(1, 3), eight);
        assert!(Arc::ptr_eq(&again.common, &second.common));
        assert!(!Arc::ptr_eq(&again, &first));
    }

    #[test]
    fn a_lane_is_due_when_its_time_has_come_and_only_for_its_latest_state() {
        let mut roster = Roster::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        for shard in 0..3 {
            roster.begin(spot(1, shard), eight);
        }
        roster.rest(spot(1, 0), State::Asleep(at(50)));
        roster.rest(spot(1, 1), State::Aside(now));
        roster.rest(spot(1, 2), State::Held(later));
        assert_eq!(roster.wakes_at(), Some(at(50)));
        assert_eq!(roster.comes_back_at(), Some(now));
        assert_eq!(roster.due(at(49), now), [spot(1, 1)]);
        roster.begin(spot(1, 1), eight);
        assert!(roster.due(at(49), now).is_empty());
        assert_eq!(roster.due(at(50), later), [spot(1, 0), spot(1, 2)]);
        roster.forget(spot(1, 2));
        assert_eq!(roster.comes_back_at(), None);
        roster.rest(spot(1, 2), State::Held(later));
        assert_eq!(roster.comes_back_at(), None, "it is not here any more");
    }
}
