//! Accounts of which nothing begins for a moment: somebody changes mail of theirs that waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::account::AccountPk;
use tokio::time::Instant;

/// How long nothing begins at most: whoever holds an account may have died.
const HOLD_MAX: Duration = Duration::from_secs(10);

/// Which accounts are held, and until when by each who does. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Holds(Arc<Mutex<HashMap<AccountPk, Vec<Instant>>>>);

/// Whether one account is held.
#[derive(Clone, Debug)]
pub struct Hold {
    /// All of them.
    pub holds: Holds,
    /// Which one.
    pub account: AccountPk,
}

impl Holds {
    /// From the answer on nothing begins of an account, until it is let go as often as it was held. What is begun is shown
    /// as being sent.
    pub fn hold(&self, account: AccountPk) {
        let until = Instant::now() + HOLD_MAX;
        self.lock().entry(account).or_default().push(until);
    }

    /// One who held an account does not any more.
    pub fn let_go(&self, account: AccountPk) {
        let mut held = self.lock();
        let Some(by_each) = held.get_mut(&account) else {
            return;
        };
        by_each.remove(0);
        let now = Instant::now();
        by_each.retain(|until| *until > now);
        if by_each.is_empty() {
            held.remove(&account);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountPk, Vec<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Until when nothing begins; `None` when nothing is in the way.
    pub(crate) fn until(&self) -> Option<Instant> {
        let latest = *self.holds.lock().get(&self.account)?.last()?;
        (latest > Instant::now()).then_some(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_account_is_held_until_everybody_lets_go_or_nobody_comes_back() {
        let holds = Holds::default();
        let [one, other] = [1, 2].map(|pk| Hold {
            holds: holds.clone(),
            account: AccountPk(pk),
        });
        holds.let_go(AccountPk(1));
        holds.hold(AccountPk(1));
        holds.hold(AccountPk(1));
        assert!(one.until().is_some() && other.until().is_none());
        holds.let_go(AccountPk(1));
        assert!(one.until().is_some());
        tokio::time::sleep(HOLD_MAX).await;
        assert_eq!(one.until(), None);
        holds.hold(AccountPk(1));
        assert!(one.until().is_some());
        holds.let_go(AccountPk(1));
        holds.let_go(AccountPk(1));
        assert_eq!(one.until(), None);
    }
}
