//! Who has series of its own, and who is summed under `other`: decided once, so that no counter goes back.

use std::cmp::Reverse;
use std::collections::HashMap;
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
    round: u64,
    places: HashMap<K, Place>,
}

#[derive(Debug)]
struct Place {
    is_named: bool,
    /// The last round in which it was there.
    round: u64,
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
            round: 0,
            places: HashMap::new(),
        }
    }

    /// Gives everybody who is new a place: those with the most traffic by name while there is room. Whoever has a place
    /// keeps it while it is there.
    pub fn settle<'a>(&mut self, present: impl Iterator<Item = (&'a K, u64)>)
    where
        K: 'a,
    {
        self.round += 1;
        let round = self.round;
        let mut new = Vec::new();
        for (key, traffic) in present {
            match self.places.get_mut(key) {
                Some(place) => place.round = round,
                None => new.push((Reverse(traffic), key)),
            }
        }
        self.places.retain(|_, place| place.round == round);
        let named = self.places.values().filter(|place| place.is_named).count();
        let room = self.named_max - named;
        new.sort_unstable();
        for (rank, (_, key)) in new.into_iter().enumerate() {
            let is_named = rank < room;
            self.places.insert(key.clone(), Place { is_named, round });
        }
    }

    /// Whether somebody has series of its own.
    pub fn is_named(&self, key: &K) -> bool {
        self.places.get(key).is_some_and(|place| place.is_named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(places: &mut Places<u32>, present: &[(u32, u64)]) -> Vec<u32> {
        places.settle(present.iter().map(|(key, traffic)| (key, *traffic)));
        assert_eq!(places.places.len(), present.len());
        let keys = present.iter().map(|(key, _)| *key);
        keys.filter(|key| places.is_named(key)).collect()
    }

    #[test]
    fn the_busiest_are_named_and_stay_so_whoever_comes() {
        let mut places = Places::new(3);
        let first = [(1, 5), (2, 50), (3, 5), (4, 500)];
        assert_eq!(settle(&mut places, &first), [1, 2, 4]);
        let more = [(1, 5), (2, 50), (3, 9_999), (4, 500), (5, 7_777)];
        assert_eq!(settle(&mut places, &more), [1, 2, 4]);
        // Room that somebody leaves is for who is new: those who are summed stay there.
        let less = [(1, 5), (3, 9_999), (4, 500), (5, 7_777), (6, 0)];
        assert_eq!(settle(&mut places, &less), [1, 4, 6]);
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
