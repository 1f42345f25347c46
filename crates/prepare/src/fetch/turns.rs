//! How many attachments are fetched at once, altogether and for one tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of all tenants. A tenant whose server is slow uses up its own, not those of others.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    per_tenant_max: usize,
    tenants: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
}

/// The right to fetch one attachment, until it is dropped.
pub(crate) struct Turn {
    _tenant: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Turns {
    pub fn new(all_max: usize, per_tenant_max: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all_max.max(1))),
            per_tenant_max: per_tenant_max.max(1),
            tenants: Mutex::default(),
        }
    }

    /// Waits for a turn. `None` would be a closed semaphore, and none is ever closed.
    pub async fn take(&self, tenant: &str) -> Option<Turn> {
        let own = self.of(tenant);
        // One's own first: whoever waits for that must not hold a turn of all.
        let own = own.acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn {
            _tenant: own,
            _all: all,
        })
    }

    fn of(&self, tenant: &str) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = tenants.get(tenant).and_then(Weak::upgrade) {
            return found;
        }
        // Only tenants with a fetch under way are kept.
        tenants.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(self.per_tenant_max));
        tenants.insert(tenant.into(), Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
