//! What is being made of submissions at the moment, as it is seen: on a data file, the queue `email:process`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use console::service::Making;
use deliver::{Maker, Recent, Unmade};
use model::{Clock, Envelope, Message, Timestamp};

/// What is being made: messages, and submissions that are prepared ahead. Copies share them.
#[derive(Clone, Debug, Default)]
pub struct Bench(Arc<Mutex<Begun>>);

#[derive(Debug, Default)]
struct Begun {
    /// When each was begun, and what tells it from others of that moment.
    places: BTreeSet<(Timestamp, u64)>,
    last: u64,
}

/// A message's place, or a submission's, while it is being made.
pub struct Place<'a> {
    bench: &'a Bench,
    place: (Timestamp, u64),
}

/// A maker at whose bench it is seen what he makes.
pub struct Seen<M> {
    /// Who makes.
    pub maker: M,
    /// Where.
    pub bench: Bench,
    /// The time.
    pub clock: Clock,
}

impl Bench {
    /// What is being made.
    pub fn making(&self) -> Making {
        let begun = self.begun();
        Making {
            count: begun.places.len() as u64,
            oldest_at: begun.places.first().map(|(at, _)| *at),
        }
    }

    /// Something is made from that moment on, until the place is dropped.
    pub fn begin(&self, at: Timestamp) -> Place<'_> {
        let mut begun = self.begun();
        begun.last += 1;
        let place = (at, begun.last);
        begun.places.insert(place);
        Place { bench: self, place }
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.bench.begun().places.remove(&self.place);
    }
}

#[async_trait]
impl<M: Maker> Maker for Seen<M> {
    async fn make(
        &self,
        message: &Message,
        recent: &Recent,
        bytes: &mut Vec<u8>,
    ) -> Result<Envelope, Unmade> {
        // It is given up when a message that is half made is dropped, too.
        let _place = self.bench.begin(self.clock.now());
        self.maker.make(message, recent, bytes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_seen_until_it_is_done_or_dropped() {
        let bench = Bench::default();
        let at = Timestamp::from_millis;
        let (first, second) = (bench.begin(at(5)), bench.begin(at(5)));
        let third = bench.begin(at(9));
        assert_eq!(bench.making().count, 3);
        drop(first);
        assert_eq!(bench.making().oldest_at, Some(at(5)));
        drop(second);
        assert_eq!(bench.making().oldest_at, Some(at(9)));
        drop(third);
        assert_eq!(bench.making(), Making::default());
    }
}
