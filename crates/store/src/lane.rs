//! Lanes: the unit of ownership of the queue. Lanes are leased, not messages.

use std::fmt;
use std::time::Duration;

use model::{AccountPk, LaneId, Message, Timestamp};

/// What the names of accounts' lanes begin with.
const ACCOUNT: &str = "account/";
/// How long a due message is left alone whose row cannot be read, and of which nothing can be recorded.
pub(crate) const LEFT_ALONE: Duration = Duration::from_secs(60 * 60);

/// A lane's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LaneKey(String);

/// The right to deliver a lane's messages and to record what became of them, until it is released or its
/// holder dies. On one machine a holder's death is seen at once, by its lock file; so a living holder that
/// is slow is never overtaken. In a database it is held for some seconds at a time: whoever holds it asks before each
/// attempt whether it still does ([`Store::holds`](crate::Store::holds)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The lane's number in the store.
    pub lane: LaneId,
    /// The lane's name.
    pub key: LaneKey,
    /// Grows with every change of holder; a record with an old one is refused.
    pub token: i64,
}

/// What may be tried now, and when to look again.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// Messages to try: the more urgent before the others, and of one priority the oldest due first.
    pub messages: Vec<Message>,
    /// When the next one that is not due yet will be; `None` when none waits.
    pub next_at: Option<Timestamp>,
}

impl LaneKey {
    /// The lane of one campaign's run.
    pub fn campaign(job_id: &str) -> Self {
        Self(format!("campaign/{job_id}"))
    }

    /// The lane of a campaign while it is decided which of its runs is sent: whoever holds it may begin one.
    pub fn beginning(identity: &str) -> Self {
        Self(format!("beginning/{identity}"))
    }

    /// The lane of one account: its only one, or the first of its shards.
    pub fn account(pk: AccountPk) -> Self {
        Self::account_shard(pk, 0)
    }

    /// One of the lanes of an account.
    pub fn account_shard(pk: AccountPk, shard: u16) -> Self {
        match shard {
            0 => Self(format!("{ACCOUNT}{}", pk.0)),
            shard => Self(format!("{ACCOUNT}{}/{shard}", pk.0)),
        }
    }

    /// The account and which of its shards, where it is a lane of one.
    pub(crate) fn of_account(&self) -> Option<(AccountPk, u16)> {
        let name = self.0.strip_prefix(ACCOUNT)?;
        let (number, shard) = name.split_once('/').unwrap_or((name, "0"));
        Some((AccountPk(number.parse().ok()?), shard.parse().ok()?))
    }

    /// The account, where it is a lane of one.
    pub(crate) fn account_pk(&self) -> Option<AccountPk> {
        self.of_account().map(|(account, _)| account)
    }

    /// The lane of one scheduled job: whoever holds it runs the job.
    pub fn job(id: &str) -> Self {
        Self(format!("job/{id}"))
    }

    /// The lane of what one process does for all: whoever holds it does it.
    pub fn duty(name: &str) -> Self {
        Self(format!("duty/{name}"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
