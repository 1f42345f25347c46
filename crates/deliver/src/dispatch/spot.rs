//! Which lane of which account.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use model::LaneId;
use model::account::AccountPk;
use store::LaneKey;

/// One lane of an account: its only one, or one of its shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spot {
    pub(super) account: AccountPk,
    pub(super) shard: u16,
}

/// What is known of the lanes that there are. It knows each that had mail once.
#[derive(Default)]
pub(super) struct Spots {
    by_lane: HashMap<LaneId, Spot>,
    known: BTreeSet<Spot>,
    /// Lanes of no account.
    others: HashSet<LaneId>,
}

impl Spot {
    /// Every one that an account could have.
    pub(super) fn all_of(account: AccountPk) -> RangeInclusive<Self> {
        let at = |shard| Self { account, shard };
        at(u16::MIN)..=at(u16::MAX)
    }

    /// Its name in the store.
    pub(super) fn key(self) -> LaneKey {
        LaneKey::account_shard(self.account, self.shard)
    }
}

impl Spots {
    /// Notes a lane; gives whether it is new.
    pub(super) fn learn(&mut self, lane: LaneId, spot: Spot) -> bool {
        self.known.insert(spot);
        self.by_lane.insert(lane, spot).is_none()
    }

    /// Notes that a lane is no account's.
    pub(super) fn learn_other(&mut self, lane: LaneId) {
        self.others.insert(lane);
    }

    /// Whether a lane is known to be no account's.
    pub(super) fn is_other(&self, lane: LaneId) -> bool {
        self.others.contains(&lane)
    }

    /// Which one a lane is.
    pub(super) fn of_lane(&self, lane: LaneId) -> Option<Spot> {
        self.by_lane.get(&lane).copied()
    }

    /// Those of an account.
    pub(super) fn of(&self, account: AccountPk) -> Vec<Spot> {
        self.known.range(Spot::all_of(account)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_known_by_number_and_by_account() {
        let mut spots = Spots::default();
        let spot = |account, shard| Spot {
            account: AccountPk(account),
            shard,
        };
        assert!(spots.learn(LaneId(7), spot(2, 1)));
        assert!(spots.learn(LaneId(8), spot(2, 0)));
        assert!(spots.learn(LaneId(9), spot(3, 0)));
        assert!(!spots.learn(LaneId(9), spot(3, 0)));
        assert_eq!(spots.of_lane(LaneId(7)), Some(spot(2, 1)));
        assert_eq!(spots.of(AccountPk(2)), [spot(2, 0), spot(2, 1)]);
        assert!(spots.of(AccountPk(1)).is_empty());
        spots.learn_other(LaneId(1));
        assert!(spots.is_other(LaneId(1)) && !spots.is_other(LaneId(9)));
    }
}
