//! What becomes of something that is handed over, as every backend decides it.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use model::account::AccountPk;
use model::{
    Address, BatchCode, Content, LaneId, Message, MessageId, MessageState, Priority, Seq,
    SubmissionId, Timestamp,
};

use crate::log::accepted_event;
use crate::vault::{Vault, needed};
use crate::{Logged, NewSubmission, Payload, Result, Submitted};

/// Messages of one transaction, unless one submission alone has more: what a delivery may have to wait for.
const MESSAGES_AT_ONCE: usize = 10_000;
/// Bytes of what they say in one transaction, unless one submission alone has more: what is bound to one statement.
const BYTES_AT_ONCE: usize = 32 * 1024 * 1024;
/// The data of a submission's message: what it says is in the submission.
pub(crate) const NO_DATA: &str = "{}";
/// The template of a submission's message: none.
pub(crate) const NO_CONTENT: i64 = 0;

/// What becomes of something that is there under the id of something with other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replacing {
    /// It gives way, unless it is final for somebody.
    Allowed,
    /// It stays.
    Forbidden,
}

/// A batch in parts that are each of bearable length. An id is known after a part was committed and another failed, so
/// that the whole can be handed over again.
pub(crate) fn parts(batch: Vec<NewSubmission>) -> Vec<Vec<NewSubmission>> {
    let mut parts = Vec::new();
    let (mut part, mut messages, mut bytes) = (Vec::new(), 0, 0);
    for new in batch {
        let (more, longer) = (new.recipients.len(), new.payload.expose().len());
        let is_full = messages + more > MESSAGES_AT_ONCE || bytes + longer > BYTES_AT_ONCE;
        if is_full && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            (messages, bytes) = (0, 0);
        }
        (messages, bytes) = (messages + more, bytes + longer);
        part.push(new);
    }
    parts.push(part);
    parts
}

/// When a new submission may first be tried.
pub(crate) fn due_at(new: &NewSubmission) -> Timestamp {
    new.deferred_until.unwrap_or(new.at)
}

/// A submission's new message as its followers are shown it.
pub(crate) fn accepted(
    seq: Seq,
    tag: u32,
    lane: LaneId,
    submission: SubmissionId,
    (address, priority, at): (Address, Priority, Timestamp),
) -> Logged {
    let message = Message {
        seq,
        id: MessageId::new(at, tag, seq),
        lane,
        content: Content::Submission(submission),
        priority,
        address,
        data: NO_DATA.into(),
        accepted_at: at,
        attempts: 0,
        state: MessageState::Queued,
        retry_of: None,
    };
    Logged {
        event: accepted_event(&message),
        message: Arc::new(message),
    }
}

/// What is there under an id.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) id: SubmissionId,
    pub(crate) account: AccountPk,
    pub(crate) messages: i64,
    pub(crate) open: i64,
    pub(crate) digest: [u8; 32],
}

impl Known {
    /// The answer to who hands something over under the same id; `None` when what is there gives way to it.
    pub(crate) fn stays(&self, digest: &[u8; 32]) -> Option<Submitted> {
        if self.open == 0 {
            return Some(Submitted::Final(self.id));
        }
        if self.digest == *digest {
            return Some(Submitted::Known(self.id));
        }
        // Some recipients had the old content, for good or ill. To give the others another one would be two letters
        // under one id, and to begin anew would write to somebody twice.
        (self.open < self.messages).then_some(Submitted::Final(self.id))
    }
}

/// The SHA-256 of all that a client gave: each part after its length, so that no two can be read as one. What it says is
/// the first and by far the longest part, and can be taken in before the others are known.
#[derive(Clone)]
pub(crate) struct Digest(Context);

impl Digest {
    /// Takes in what it says.
    pub(crate) fn begin(payload: &Payload) -> Self {
        let mut digest = Self(Context::new(&SHA256));
        digest.add(payload.expose().as_bytes());
        digest
    }

    /// Takes in the rest. The digest of a secret is keyed, since whoever has the data could try out passwords against it.
    pub(crate) fn finish(
        mut self,
        vault: Option<&Arc<Vault>>,
        new: &NewSubmission,
        account: AccountPk,
    ) -> Result<[u8; 32]> {
        self.add(&new.priority.code().to_le_bytes());
        self.add(&account.0.to_le_bytes());
        self.add(new.batch.as_ref().map_or("", BatchCode::as_str).as_bytes());
        let deferred_until = new.deferred_until.map(Timestamp::as_millis);
        self.add(&deferred_until.map_or(Vec::new(), |millis| millis.to_le_bytes().to_vec()));
        for address in &new.recipients {
            self.add(address.as_str().as_bytes());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        match new.payload {
            Payload::Open(_) => Ok(digest),
            Payload::Secret(_) => Ok(needed(vault)?.keyed(&digest)),
        }
    }

    fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }
}

#[cfg(test)]
mod tests {
    use model::account::AccountId;
    use model::{Line, TenantId};

    use super::*;
    use crate::Parts;

    fn new(recipients: usize, payload: &str) -> NewSubmission {
        NewSubmission {
            tenant: TenantId::parse("acme").unwrap(),
            client_id: Line::parse("id", "1").unwrap(),
            account: AccountId::parse("main").unwrap(),
            priority: Priority::default(),
            batch: None,
            deferred_until: None,
            payload: payload.into(),
            parts: Parts::Inside,
            recipients: vec![Address::parse("ada@example.org").unwrap(); recipients],
            at: Timestamp::default(),
        }
    }

    fn lengths(batch: Vec<NewSubmission>) -> Vec<usize> {
        parts(batch).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_batch_of_many_messages_or_bytes_is_taken_in_parts() {
        assert_eq!(lengths(vec![new(1, "{}"); 500]), [500]);
        let messages = vec![new(MESSAGES_AT_ONCE / 2, "{}"); 5];
        assert_eq!(lengths(messages), [2, 2, 1]);
        let bytes = vec![new(1, &"x".repeat(BYTES_AT_ONCE / 2)); 3];
        assert_eq!(lengths(bytes), [2, 1]);
    }

    #[test]
    fn one_that_is_too_large_for_a_part_is_a_part_of_its_own() {
        let batch = vec![
            new(1, "{}"),
            new(MESSAGES_AT_ONCE + 1, "{}"),
            new(1, &"x".repeat(BYTES_AT_ONCE + 1)),
            new(1, "{}"),
        ];
        assert_eq!(lengths(batch), [1, 1, 1, 1]);
        assert_eq!(lengths(Vec::new()), [0]);
    }

    #[test]
    fn what_is_there_stays_unless_it_is_all_open_and_other() {
        let known = |open| Known {
            id: SubmissionId(Seq::new(7)),
            account: AccountPk(1),
            messages: 2,
            open,
            digest: [1; 32],
        };
        let (same, other) = ([1; 32], [2; 32]);
        let id = known(0).id;
        assert_eq!(known(0).stays(&same), Some(Submitted::Final(id)));
        assert_eq!(known(0).stays(&other), Some(Submitted::Final(id)));
        assert_eq!(known(1).stays(&same), Some(Submitted::Known(id)));
        assert_eq!(known(1).stays(&other), Some(Submitted::Final(id)));
        assert_eq!(known(2).stays(&same), Some(Submitted::Known(id)));
        assert_eq!(known(2).stays(&other), None);
    }
}
