//! How many attachments are fetched at once, altogether and for one tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of all tenants. A tenant whose server is slow uses up its own, not those of others; and some such tenants do not
/// use up all, since each has more than one only of a half of them.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    /// Those that may be had by who has one.
    further: Arc<Semaphore>,
    per_tenant_max: usize,
    tenants: Mutex<HashMap<Box<str>, Weak<Own>>>,
}

/// The turns of one tenant.
struct Own {
    first: Arc<Semaphore>,
    further: Arc<Semaphore>,
}

/// The right to fetch one attachment, until it is dropped.
pub(crate) struct Turn {
    _own: (Arc<Own>, OwnedSemaphorePermit),
    _further: Option<OwnedSemaphorePermit>,
    _all: OwnedSemaphorePermit,
}

impl Turns {
    pub fn new(all_max: usize, per_tenant_max: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all_max.max(1))),
            further: Arc::new(Semaphore::new(all_max / 2)),
            per_tenant_max: per_tenant_max.max(1),
            tenants: Mutex::default(),
        }
    }

    /// Waits for a turn. `None` would be a closed semaphore, and none is ever closed.
    pub async fn take(&self, tenant: &str) -> Option<Turn> {
        let own = self.of(tenant);
        let first = Arc::clone(&own.first).acquire_owned();
        let further = async {
            let further = Arc::clone(&own.further).acquire_owned().await.ok()?;
            Some((
                further,
                Arc::clone(&self.further).acquire_owned().await.ok()?,
            ))
        };
        // One's own first: whoever waits for that must not hold a turn of all.
        let (mine, further) = tokio::select! {
            biased;
            first = first => (first.ok()?, None),
            further = further => further.map(|(mine, further)| (mine, Some(further)))?,
        };
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn {
            _own: (own, mine),
            _further: further,
            _all: all,
        })
    }

    fn of(&self, tenant: &str) -> Arc<Own> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = tenants.get(tenant).and_then(Weak::upgrade) {
            return found;
        }
        // Only tenants with a fetch under way are kept.
        tenants.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Own {
            first: Arc::new(Semaphore::new(1)),
            further: Arc::new(Semaphore::new(self.per_tenant_max - 1)),
        });
        tenants.insert(tenant.into(), Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_slow_tenants_do_not_use_up_all_turns() {
        let turns = Turns::new(16, 4);
        let soon =
            |tenant| tokio::time::timeout(std::time::Duration::from_secs(1), turns.take(tenant));
        let mut held = Vec::new();
        for slow in ["a", "b", "c", "d"] {
            for _ in 0..4 {
                held.extend(soon(slow).await);
            }
        }
        assert_eq!(held.len(), 12);
        // Four others have one each, and who waits for a further one goes on with its only one.
        let quick = soon("quick").await.unwrap();
        let next = async {
            let next = soon("quick").await;
            assert!(next.is_ok());
        };
        let done = async { drop(quick) };
        tokio::join!(next, done);
        let others = [
            soon("e").await,
            soon("f").await,
            soon("g").await,
            soon("h").await,
        ];
        assert!(others.iter().all(Result::is_ok));
        assert!(soon("i").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_uses_up_its_turns_stops_only_itself() {
        let turns = Turns::new(3, 2);
        let soon =
            |tenant| tokio::time::timeout(std::time::Duration::from_secs(1), turns.take(tenant));
        let held = (soon("slow").await.unwrap(), soon("slow").await.unwrap());
        assert!(soon("slow").await.is_err());
        let other = soon("other").await.unwrap();
        assert!(soon("third").await.is_err(), "three at once are all");
        drop(other);
        drop(soon("third").await.unwrap());
        drop(held);
        assert!(soon("slow").await.is_ok());
        assert_eq!(
            turns.tenants.lock().unwrap().len(),
            1,
            "idle ones are forgotten"
        );
    }
}
