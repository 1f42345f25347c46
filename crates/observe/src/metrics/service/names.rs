//! Who has series of its own, and who is summed under `other`: decided once, so that no counter goes back.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::TenantId;
use model::account::AccountPk;
use model::metrics::service::{ACCOUNTS_NAMED_MAX, ServiceMetricId, TENANTS_NAMED_MAX};

/// Who has series of its own. Kept as long as the process runs.
#[derive(Debug, Default)]
pub struct Names(Mutex<State>);

#[derive(Debug)]
pub(super) struct State {
    pub accounts: Places<AccountPk>,
    pub tenants: Places<TenantId>,
    /// What stood under `other` the last time.
    others: HashMap<ServiceMetricId, u64>,
}

/// Everybody's place.
#[derive(Debug)]
pub(super) struct Places<K> {
    named_max: usize,
    named: HashSet<K>,
    summed: HashSet<K>,
}

impl Names {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Brings a counter under `other` to what it was the last time, where it would go back because somebody who was
    /// summed is gone.
    pub fn keep_up(&mut self, id: ServiceMetricId, sum: &mut u64) {
        let shown = self.others.entry(id).or_default();
        *shown = (*sum).max(*shown);
        *sum = *shown;
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            accounts: Places::new(ACCOUNTS_NAMED_MAX),
            tenants: Places::new(TENANTS_NAMED_MAX),
            others: HashMap::new(),
        }
    }
}

impl<K: Clone + Eq + Hash + Ord> Places<K> {
    fn new(named_max: usize) -> Self {
        Self {
            named_max,
            named: HashSet::new(),
            summed: HashSet::new(),
        }
    }

    /// Gives everybody who is new a place: those with the most traffic by name while there is room. Whoever has a place
    /// keeps it while it is there.
    pub fn settle(&mut self, present: impl Iterator<Item = (K, u64)>) {
        let present: HashMap<K, u64> = present.collect();
        self.named.retain(|key| present.contains_key(key));
        self.summed.retain(|key| present.contains_key(key));
        let is_new = |(key, _): &(K, u64)| !self.named.contains(key) && !self.summed.contains(key);
        let mut new: Vec<(K, u64)> = present.into_iter().filter(is_new).collect();
        new.sort_by(|(key, traffic), (other, others)| {
            (Reverse(traffic), key).cmp(&(Reverse(others), other))
        });
        let room = self.named_max - self.named.len();
        let summed = new.split_off(room.min(new.len()));
        self.named.extend(new.into_iter().map(|(key, _)| key));
        self.summed.extend(summed.into_iter().map(|(key, _)| key));
    }

    /// Whether somebody has series of its own.
    pub fn is_named(&self, key: &K) -> bool {
        self.named.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(places: &Places<u32>) -> Vec<u32> {
        let mut named: Vec<u32> = places.named.iter().copied().collect();
        named.sort_unstable();
        named
    }

    #[test]
    fn the_busiest_are_named_and_stay_so_whoever_comes() {
        let mut places = Places::new(3);
        places.settle([(1, 5), (2, 50), (3, 5), (4, 500)].into_iter());
        assert_eq!(named(&places), [1, 2, 4]);
        places.settle([(1, 5), (2, 50), (3, 9_999), (4, 500), (5, 7_777)].into_iter());
        assert_eq!(named(&places), [1, 2, 4]);
        // Room that somebody leaves is for who is new: those who are summed stay there.
        places.settle([(1, 5), (3, 9_999), (4, 500), (5, 7_777), (6, 0)].into_iter());
        assert_eq!(named(&places), [1, 4, 6]);
        assert_eq!(places.summed, HashSet::from([3, 5]));
    }

    #[test]
    fn a_counter_under_other_never_goes_back() {
        let mut state = State::default();
        let mut shown = [5, 9, 4, 10];
        for sum in &mut shown {
            state.keep_up(ServiceMetricId::Sent, sum);
        }
        assert_eq!(shown, [5, 9, 9, 10]);
    }
}
