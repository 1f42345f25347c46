//! One doing for all who want the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

use crate::digest::Sha256;

/// What is under way, and what each gives.
pub(crate) struct Flights<T>(Mutex<HashMap<Sha256, Weak<OnceCell<T>>>>);

/// A place in a flight. The last to leave takes the flight off the list.
struct Seat<'a, T> {
    flights: &'a Flights<T>,
    key: Sha256,
    cell: Arc<OnceCell<T>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Flights<T> {
    /// Does `work` unless the same `key` is under way, and gives what that one gave. When the one who works
    /// is cancelled, the next who waits takes over.
    pub async fn run(&self, key: Sha256, work: impl Future<Output = T>) -> T {
        let seat = self.board(key);
        seat.cell.get_or_init(|| work).await.clone()
    }

    fn board(&self, key: Sha256) -> Seat<'_, T> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = flights.get(&key).and_then(Weak::upgrade);
        let cell = under_way.unwrap_or_else(|| {
            let cell = Arc::default();
            flights.insert(key, Arc::downgrade(&cell));
            cell
        });
        Seat {
            flights: self,
            key,
            cell,
        }
    }
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut flights = self
            .flights
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Nobody boards while the list is locked, so a count of one is this seat.
        if Arc::strong_count(&self.cell) == 1 {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    const KEY: Sha256 = [7; 32];

    async fn slow(count: &AtomicUsize) -> &'static str {
        count.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(5)).await;
        "x"
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_come_together_share_one_doing() {
        let (flights, count) = (Flights::default(), AtomicUsize::new(0));
        let both = tokio::join!(
            flights.run(KEY, slow(&count)),
            flights.run(KEY, slow(&count)),
        );
        assert_eq!(both, ("x", "x"));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        flights.run([8; 32], slow(&count)).await;
        flights.run(KEY, slow(&count)).await;
        assert_eq!(count.load(Ordering::Relaxed), 3);
        assert!(flights.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_doing_is_taken_over_and_leaves_nothing_behind() {
        let (flights, count) = (Flights::default(), AtomicUsize::new(0));
        let impatient =
            tokio::time::timeout(Duration::from_secs(1), flights.run(KEY, slow(&count)));
        let (first, second) = tokio::join!(impatient, flights.run(KEY, slow(&count)));
        assert!(first.is_err());
        assert_eq!(second, "x");
        assert_eq!(count.load(Ordering::Relaxed), 2);
        let alone = tokio::time::timeout(Duration::from_secs(1), flights.run(KEY, slow(&count)));
        assert!(alone.await.is_err());
        assert!(flights.0.lock().unwrap().is_empty());
    }
}
