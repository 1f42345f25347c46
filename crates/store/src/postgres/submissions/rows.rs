//! The columns of new submissions, their payloads and their messages: each table is written with one statement.

use std::collections::BTreeMap;

use model::account::AccountPk;
use model::{Address, BatchCode, LaneId, Seq, SubmissionId, Timestamp};

use super::payload;
use super::submit::Item;
use crate::Result;
use crate::handover::{NO_CONTENT, NO_DATA};
use crate::payload::Kept;
use crate::postgres::row::at_most;
use crate::postgres::session::Session;

/// What is to be written.
#[derive(Default)]
pub(super) struct Rows {
    submissions: SubmissionRows,
    payloads: PayloadRows,
    messages: MessageRows,
    unprepared: UnpreparedRows,
}

#[derive(Default)]
struct SubmissionRows {
    ids: Vec<i64>,
    tenants: Vec<String>,
    client_ids: Vec<String>,
    accounts: Vec<i64>,
    priorities: Vec<i64>,
    batches: Vec<Option<String>>,
    deferred_until: Vec<Option<i64>>,
    messages: Vec<i64>,
    held: Vec<bool>,
    at: Vec<i64>,
}

#[derive(Default)]
struct PayloadRows {
    digests: Vec<Vec<u8>>,
    sealed: Vec<bool>,
    texts: Vec<String>,
}

#[derive(Default)]
struct UnpreparedRows {
    submissions: Vec<i64>,
    tenants: Vec<String>,
    priorities: Vec<i64>,
    due: Vec<i64>,
}

#[derive(Default)]
struct MessageRows {
    seqs: Vec<i64>,
    lanes: Vec<i64>,
    submissions: Vec<i64>,
    due: Vec<i64>,
    at: Vec<i64>,
    priorities: Vec<i64>,
    held: Vec<bool>,
    folded: Vec<Option<String>>,
    addresses: Vec<String>,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.submissions.ids.is_empty()
    }

    /// Whether a submission is among them.
    pub(super) fn has(&self, id: SubmissionId) -> bool {
        // Their ids are places of the log, which it gives in order.
        self.submissions.ids.binary_search(&id.0.get()).is_ok()
    }

    pub(super) fn add_submission(&mut self, item: &Item, id: SubmissionId, kept: Kept<'_>) {
        let (new, rows) = (&item.new, &mut self.submissions);
        let batch = new.batch.as_ref().map(BatchCode::as_str);
        rows.ids.push(id.0.get());
        rows.tenants.push(new.tenant.as_str().to_owned());
        rows.client_ids.push(new.client_id.as_str().to_owned());
        rows.accounts.push(item.account.0);
        rows.priorities.push(new.priority.code());
        rows.batches.push(batch.map(str::to_owned));
        rows.deferred_until
            .push(new.deferred_until.map(Timestamp::as_millis));
        rows.messages.push(at_most(new.recipients.len()));
        rows.held.push(item.is_held);
        rows.at.push(new.at.as_millis());
        let (is_sealed, text) = payload::columns(kept);
        self.payloads.digests.push(item.digest.to_vec());
        self.payloads.sealed.push(is_sealed);
        self.payloads.texts.push(text);
        if let Some(wait) = item.wait() {
            self.unprepared.submissions.push(id.0.get());
            self.unprepared.tenants.push(new.tenant.as_str().to_owned());
            self.unprepared.priorities.push(wait.priority.code());
            self.unprepared.due.push(wait.due_at.as_millis());
        }
    }

    pub(super) fn add_message(
        &mut self,
        item: &Item,
        submission: SubmissionId,
        lane: LaneId,
        seq: Seq,
        address: &Address,
    ) {
        let (new, key, rows) = (&item.new, address.key(), &mut self.messages);
        rows.seqs.push(seq.get());
        rows.lanes.push(lane.0);
        rows.submissions.push(submission.0.get());
        rows.due.push(item.due_at().as_millis());
        rows.at.push(new.at.as_millis());
        rows.priorities.push(new.priority.code());
        rows.held.push(item.is_held);
        rows.folded.push((key != address.as_str()).then_some(key));
        rows.addresses.push(address.as_str().to_owned());
    }

    /// How many submissions each account is given.
    pub(super) fn by_account(&self) -> BTreeMap<AccountPk, i64> {
        let mut counts = BTreeMap::new();
        for &account in &self.submissions.accounts {
            *counts.entry(AccountPk(account)).or_default() += 1;
        }
        counts
    }

    /// How many messages each lane is given.
    pub(super) fn by_lane(&self) -> BTreeMap<LaneId, i64> {
        let mut counts = BTreeMap::new();
        for &lane in &self.messages.lanes {
            *counts.entry(LaneId(lane)).or_default() += 1;
        }
        counts
    }

    pub(super) async fn insert_submissions(&self, session: &Session) -> Result<()> {
        let rows = &self.submissions;
        session
            .execute(
                "INSERT INTO submissions (id, tenant, client_id, account, priority, batch, deferred_until, held, \
                 messages, open, failed, reports, created_at, updated_at) \
                 SELECT id, tenant, client_id, account, priority, batch, deferred_until, held, \
                 messages, messages, 0, 0, at, at \
                 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], \
                 $7::bigint[], $8::boolean[], $9::bigint[], $10::bigint[]) AS new (id, tenant, client_id, account, \
                 priority, batch, deferred_until, held, messages, at)",
                &[
                    &rows.ids,
                    &rows.tenants,
                    &rows.client_ids,
                    &rows.accounts,
                    &rows.priorities,
                    &rows.batches,
                    &rows.deferred_until,
                    &rows.held,
                    &rows.messages,
                    &rows.at,
                ],
            )
            .await?;
        Ok(())
    }

    pub(super) async fn insert_payloads(&self, session: &Session) -> Result<()> {
        let rows = &self.payloads;
        session
            .execute(
                "INSERT INTO payloads (submission, digest, is_sealed, payload) \
                 SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::boolean[], $4::text[])",
                &[
                    &self.submissions.ids,
                    &rows.digests,
                    &rows.sealed,
                    &rows.texts,
                ],
            )
            .await?;
        Ok(())
    }

    pub(super) async fn insert_messages(&self, session: &Session) -> Result<()> {
        let rows = &self.messages;
        session
            .execute(
                "INSERT INTO messages (content, state, attempts, data, \
                 seq, lane, submission, due_at, accepted_at, priority, held, folded, address) \
                 SELECT $1, 0, 0, $2, new.* FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
                 $7::bigint[], $8::bigint[], $9::boolean[], $10::text[], $11::text[]) AS new",
                &[
                    &NO_CONTENT,
                    &NO_DATA,
                    &rows.seqs,
                    &rows.lanes,
                    &rows.submissions,
                    &rows.due,
                    &rows.at,
                    &rows.priorities,
                    &rows.held,
                    &rows.folded,
                    &rows.addresses,
                ],
            )
            .await?;
        Ok(())
    }

    /// What waits to be prepared; of most batches nothing.
    pub(super) async fn insert_unprepared(&self, session: &Session) -> Result<()> {
        let rows = &self.unprepared;
        if rows.submissions.is_empty() {
            return Ok(());
        }
        session
            .execute(
                "INSERT INTO unprepared (submission, tenant, priority, due_at) \
                 SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])",
                &[
                    &rows.submissions,
                    &rows.tenants,
                    &rows.priorities,
                    &rows.due,
                ],
            )
            .await?;
        Ok(())
    }
}
