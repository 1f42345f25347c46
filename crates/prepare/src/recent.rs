//! A bounded store: least recently used go first, and everything goes in time.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Timestamp;

/// What an entry costs besides its bytes, about, so that a million empty ones are bounded too.
const ENTRY_BYTES: u64 = 256;

/// A bounded store ordered by last use. Its values are what is kept in memory, or the sizes of files.
pub(crate) struct Recent<K, V> {
    bytes_max: u64,
    ttl: Duration,
    bytes: u64,
    uses: u64,
    entries: BTreeMap<K, Entry<V>>,
    by_use: BTreeMap<u64, K>,
    by_age: BTreeMap<u64, K>,
}

struct Entry<V> {
    value: V,
    bytes: u64,
    birth: u64,
    last_use: u64,
    expires: Timestamp,
}

impl<K: Ord + Clone, V: Clone> Recent<K, V> {
    pub fn new(bytes_max: u64, ttl: Duration) -> Self {
        Self {
            bytes_max,
            ttl,
            bytes: 0,
            uses: 0,
            entries: BTreeMap::new(),
            by_use: BTreeMap::new(),
            by_age: BTreeMap::new(),
        }
    }

    /// The value of `key` unless it is too old. Using it makes it the last to go, not younger.
    pub fn get(&mut self, key: &K, now: Timestamp) -> Option<V> {
        let entry = self.entries.get_mut(key)?;
        if entry.expires <= now {
            return None;
        }
        self.uses += 1;
        self.by_use.remove(&entry.last_use);
        self.by_use.insert(self.uses, key.clone());
        entry.last_use = self.uses;
        Some(entry.value.clone())
    }

    /// Makes room for `bytes` and a new value of `key`, and says who had to go for it: what was there
    /// before, what is too old and what was not used longest. `None` when it would not fit at all.
    pub fn make_room(&mut self, key: &K, bytes: u64, now: Timestamp) -> Option<Vec<K>> {
        let bytes = bytes + ENTRY_BYTES;
        if bytes > self.bytes_max {
            return None;
        }
        let mut gone = Vec::new();
        if self.entries.contains_key(key) {
            self.remove(key);
            gone.push(key.clone());
        }
        while let Some(old) = self.expired(now) {
            self.remove(&old);
            gone.push(old);
        }
        while self.bytes + bytes > self.bytes_max {
            let (_, unused) = self.by_use.pop_first()?;
            self.remove(&unused);
            gone.push(unused);
        }
        Some(gone)
    }

    /// The oldest entry, if it is too old. All live equally long, so the first born goes first.
    fn expired(&self, now: Timestamp) -> Option<K> {
        let (_, oldest) = self.by_age.first_key_value()?;
        let entry = self.entries.get(oldest)?;
        (entry.expires <= now).then(|| oldest.clone())
    }

    /// Adds a value, unless it is larger than all room.
    pub fn put(&mut self, key: K, value: V, bytes: u64, now: Timestamp) {
        if self.make_room(&key, bytes, now).is_some() {
            self.insert(key, value, bytes, now);
        }
    }

    /// Adds a value for which room was made.
    pub fn insert(&mut self, key: K, value: V, bytes: u64, now: Timestamp) {
        self.remove(&key);
        self.uses += 1;
        let entry = Entry {
            value,
            bytes: bytes + ENTRY_BYTES,
            birth: self.uses,
            last_use: self.uses,
            expires: now + self.ttl,
        };
        self.bytes += entry.bytes;
        self.by_use.insert(self.uses, key.clone());
        self.by_age.insert(self.uses, key.clone());
        self.entries.insert(key, entry);
    }

    pub fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
            self.by_use.remove(&entry.last_use);
            self.by_age.remove(&entry.birth);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(300);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn key(name: &str) -> String {
        name.to_owned()
    }

    /// Room for three entries of 100 bytes.
    fn filled() -> Recent<String, usize> {
        let mut recent = Recent::new(3 * (100 + ENTRY_BYTES), TTL);
        for (second, name) in (0..).zip(["a", "b", "c"]) {
            recent.put(key(name), 100, 100, at(second));
        }
        recent
    }

    #[test]
    fn what_was_not_used_longest_goes_first() {
        let mut recent = filled();
        assert!(recent.get(&key("a"), at(3)).is_some());
        recent.put(key("d"), 100, 100, at(4));
        let kept = ["a", "b", "c", "d"].map(|name| recent.get(&key(name), at(5)).is_some());
        assert_eq!(kept, [true, false, true, true]);
        recent.put(key("e"), 800, 800, at(6));
        assert_eq!(recent.entries.len(), 1);
        recent.put(key("f"), 2000, 2000, at(7));
        assert!(
            recent.get(&key("f"), at(8)).is_none(),
            "larger than all room"
        );
        assert!(recent.get(&key("e"), at(8)).is_some());
    }

    #[test]
    fn everything_goes_in_time_however_often_it_is_used() {
        let mut recent = filled();
        assert!(recent.get(&key("a"), at(299)).is_some());
        assert!(recent.get(&key("a"), at(300)).is_none());
        assert!(recent.get(&key("b"), at(300)).is_some());
        recent.put(key("d"), 100, 100, at(302));
        assert_eq!(recent.entries.len(), 1, "old ones make room");
    }

    #[test]
    fn a_new_value_takes_the_place_of_the_old_one() {
        let mut recent = filled();
        for second in 3..100 {
            recent.put(key("a"), 50, 50, at(second));
        }
        assert_eq!(recent.get(&key("a"), at(100)).unwrap(), 50);
        assert_eq!(recent.bytes, 250 + 3 * ENTRY_BYTES);
        assert_eq!((recent.by_use.len(), recent.by_age.len()), (3, 3));
    }

    #[test]
    fn a_flood_of_empty_attachments_is_bounded() {
        let mut recent = Recent::new(100 * ENTRY_BYTES, TTL);
        for number in 0..1000 {
            recent.put(key(&number.to_string()), 0, 0, at(0));
        }
        assert_eq!(recent.entries.len(), 100);
    }
}
