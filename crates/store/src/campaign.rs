//! A campaign's runs, and the messages that are handed over for them.

use model::{Address, ContentHash, LaneId, MessageState, Seq, Timestamp};

use crate::lane::{LaneKey, Lease};
use crate::{Result, StoreError};

/// A run to begin.
#[derive(Clone, Debug)]
pub struct NewCampaign {
    /// The id to show people; when it is taken, `-2`, `-3` … is appended.
    pub job_id: String,
    /// What makes two runs the same campaign: its name, or the digest of what it says.
    pub identity: String,
    /// What people call it.
    pub name: Option<String>,
    /// Its template.
    pub content: ContentHash,
    /// How it was started, a JSON object of the campaign room's making.
    pub settings: String,
    /// When.
    pub at: Timestamp,
}

impl NewCampaign {
    /// Refuses the lease of another lane than that on which it is decided who begins a run of this campaign.
    pub(crate) fn check_is_its_lane(&self, lease: &Lease) -> Result<()> {
        match lease.key == LaneKey::beginning(&self.identity) {
            true => Ok(()),
            false => Err(StoreError::Invalid(format!(
                "a run of {} to begin with the lease on lane {}",
                self.identity, lease.key
            ))),
        }
    }
}

/// One run of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// The lane that its messages wait in; no other run has it.
    pub lane: LaneId,
    /// Its id for people.
    pub job_id: String,
    /// What makes two runs the same campaign.
    pub identity: String,
    /// What people call it.
    pub name: Option<String>,
    /// Its template.
    pub content: ContentHash,
    /// How it was started, a JSON object of the campaign room's making.
    pub settings: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When its list had been read to the end; `None` while it has not.
    pub listed_at: Option<Timestamp>,
    /// When its last message became final; `None` while work is left.
    pub finished_at: Option<Timestamp>,
}

impl Campaign {
    /// The name of its lane, to lease it by.
    pub fn lane_key(&self) -> LaneKey {
        LaneKey::campaign(&self.job_id)
    }
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Its list is being read (again).
    Listing,
    /// Its list has been read to the end.
    Listed(Timestamp),
    /// Nothing of it is queued any more.
    Finished(Timestamp),
}

/// A message to take responsibility for.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The lane to wait in: that of the campaign's run.
    pub lane: LaneId,
    /// What it shares with others: its template.
    pub content: ContentHash,
    /// Whom it is for.
    pub address: Address,
    /// The recipient's own data, a JSON object.
    pub data: Box<str>,
    /// When it was handed over.
    pub at: Timestamp,
    /// When it may first be tried.
    pub due_at: Timestamp,
}

/// Refuses a batch with messages for another lane than the one that is held.
pub(crate) fn check_are_of_its_lane(lease: &Lease, batch: &[NewMessage]) -> Result<()> {
    match batch.iter().all(|new| new.lane == lease.lane) {
        true => Ok(()),
        false => Err(StoreError::Invalid(format!(
            "a batch with messages for another lane than {}, which is held",
            lease.key
        ))),
    }
}

/// What a message that is in the ledger is to say instead, while it was not mailed yet.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The message.
    pub seq: Seq,
    /// Its template now.
    pub content: ContentHash,
    /// Its recipient's data now, a JSON object.
    pub data: Box<str>,
}

/// What became of a message that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, under this number.
    New(Seq),
    /// The run has this address already.
    Known {
        /// The number it has.
        seq: Seq,
        /// Where it stands.
        state: MessageState,
    },
}

impl Accepted {
    /// The message's number.
    pub fn seq(self) -> Seq {
        match self {
            Self::New(seq) | Self::Known { seq, .. } => seq,
        }
    }
}
