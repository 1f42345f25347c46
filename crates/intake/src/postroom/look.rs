//! Looks which mailboxes there are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use store::directory::{Instance, KnownAccount};
use store::{Directory, StoreError};
use tokio::time::Instant;

use super::board::{Board, Listed};
use super::lock;
use super::source::Reader;
use crate::proxy::BounceSettings;

/// Accounts read at once.
const ACCOUNTS: usize = 500;

/// Keeps the board in line with the directory.
pub(super) struct Look {
    directory: Arc<dyn Directory>,
    interval: Duration,
    is_in_trouble: bool,
}

impl Look {
    pub fn new(directory: Arc<dyn Directory>, interval: Duration) -> Self {
        Self {
            directory,
            interval,
            is_in_trouble: false,
        }
    }

    /// Looks once. What it could not look at stays as it was.
    pub async fn look(&mut self, board: &Mutex<Board>) {
        let listed = self.listed().await;
        let was_in_trouble = std::mem::replace(&mut self.is_in_trouble, listed.is_err());
        match listed {
            Ok(listed) => lock(board).align(listed, Instant::now()),
            Err(error) if !was_in_trouble => {
                tracing::warn!(%error, "it cannot be looked which mailboxes there are; it goes on trying");
            }
            Err(_) => {}
        }
    }

    async fn listed(&self) -> Result<Vec<Listed>, StoreError> {
        let instance = self.directory.instance().await?;
        let mut listed: Vec<Listed> = self.bounces(&instance).into_iter().collect();
        let mut last = None;
        loop {
            let page = self.directory.accounts(None, last, ACCOUNTS).await?;
            last = page.last().map(|known| known.pk);
            let is_end = page.len() < ACCOUNTS;
            listed.extend(page.into_iter().filter_map(|known| self.inbox(known)));
            if is_end {
                return Ok(listed);
            }
        }
    }

    /// The bounce mailbox, unless it is not read. Settings that cannot be read are a mailbox in trouble.
    fn bounces(&self, instance: &Instance) -> Option<Listed> {
        let interval = match BounceSettings::of(instance) {
            Ok(set) if set.is_enabled => Duration::from_secs(set.poll_interval_s.into()),
            Ok(_) => return None,
            Err(_) => self.interval,
        };
        Some(Listed {
            reader: Reader::Bounces,
            tenant: None,
            account: None,
            updated_at: instance.updated_at,
            interval,
        })
    }

    fn inbox(&self, KnownAccount { pk, account }: KnownAccount) -> Option<Listed> {
        account.inbox.as_ref()?;
        Some(Listed {
            reader: Reader::Inbox(pk),
            tenant: Some(account.tenant),
            account: Some(account.id),
            updated_at: Some(account.updated_at),
            interval: self.interval,
        })
    }
}
