//! Lanes: the unit of ownership of the queue. Lanes are leased, not messages.

use std::fmt;

use model::{AccountPk, LaneId, Message, Timestamp};

/// What the names of accounts' lanes begin with.
const ACCOUNT: &str = "account/";

/// A lane's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LaneKey(String);

/// The right to deliver a lane's messages and to record what became of them, until it is released or its
/// holder dies. On one machine a holder's death is seen at once, by its lock file; so a living holder that
/// is slow is never overtaken.
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

    /// The lane of one account.
    pub fn account(pk: AccountPk) -> Self {
        Self(format!("{ACCOUNT}{}", pk.0))
    }

    /// The account, where it is the lane of one.
    pub(crate) fn account_pk(&self) -> Option<AccountPk> {
        let number = self.0.strip_prefix(ACCOUNT)?;
        number.parse().ok().map(AccountPk)
    }

    /// The lane of one scheduled job: whoever holds it runs the job.
    pub fn job(id: &str) -> Self {
        Self(format!("job/{id}"))
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
