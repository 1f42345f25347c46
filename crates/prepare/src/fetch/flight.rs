//! One fetch for all who want the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::digest::Sha256;
use crate::fetch::error::Problem;

/// What a fetch gave, for one or for many.
pub(crate) type Outcome = Result<Bytes, Arc<Problem>>;

type Cell = OnceCell<Outcome>;

/// The fetches under way.
#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<Sha256, Weak<Cell>>>);

/// A place in a flight. The last to leave takes the flight off the list.
struct Seat<'a> {
    flights: &'a Flights,
    key: Sha256,
    cell: Arc<Cell>,
}

impl Flights {
    /// Runs `fetch` unless one for the same `key` is under way, and gives what that one gave. When the
    /// one who fetches is cancelled, the next who waits takes over.
    pub async fn run(&self, key: Sha256, fetch: impl Future<Output = Outcome>) -> Outcome {
        let seat = self.board(key);
        seat.cell.get_or_init(|| fetch).await.clone()
    }

    fn board(&self, key: Sha256) -> Seat<'_> {
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

impl Drop for Seat<'_> {
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

    async fn slow(count: &AtomicUsize) -> Outcome {
        count.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(Bytes::from_static(b"x"))
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_come_together_share_one_fetch() {
        let (flights, count) = (Flights::default(), AtomicUsize::new(0));
        let both = tokio::join!(
            flights.run(KEY, slow(&count)),
            flights.run(KEY, slow(&count)),
        );
        assert_eq!((both.0.unwrap(), both.1.unwrap()), ("x".into(), "x".into()));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        flights.run([8; 32], slow(&count)).await.unwrap();
        flights.run(KEY, slow(&count)).await.unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 3);
        assert!(flights.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_fetch_is_taken_over_and_leaves_nothing_behind() {
        let (flights, count) = (Flights::default(), AtomicUsize::new(0));
        let impatient =
            tokio::time::timeout(Duration::from_secs(1), flights.run(KEY, slow(&count)));
        let (first, second) = tokio::join!(impatient, flights.run(KEY, slow(&count)));
        assert!(first.is_err());
        assert!(second.is_ok());
        assert_eq!(count.load(Ordering::Relaxed), 2);
        let alone = tokio::time::timeout(Duration::from_secs(1), flights.run(KEY, slow(&count)));
        assert!(alone.await.is_err());
        assert!(flights.0.lock().unwrap().is_empty());
    }
}
