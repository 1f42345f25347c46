//! Acceptance of what clients hand over: new under its id, known, or another content under a known id.

use std::collections::HashMap;
use std::sync::Arc;

use model::account::{AccountId, AccountPk};
use model::{
    Address, BatchCode, LaneId, MessageId, Seq, SubmissionId, Suspension, TenantId, Timestamp,
};
use rusqlite::{OptionalExtension, params};

use super::counts;
use super::forget::{self, TakenBack};
use crate::fact::Counts;
use crate::handover::{Digest, Known, NO_CONTENT, NO_DATA, Replacing, accepted, due_at};
use crate::payload::Kept;
use crate::sqlite::directory::{accounts, tenants};
use crate::sqlite::transaction::WriteTx;
use crate::sqlite::{books, lanes, row};
use crate::vault::Vault;
use crate::{LaneKey, NewSubmission, Result, StoreError, Submitted};

pub(super) fn submit(
    tx: &mut WriteTx<'_>,
    (tag, vault, replacing): (u32, Option<Arc<Vault>>, Replacing),
    batch: Vec<NewSubmission>,
) -> Result<Vec<Submitted>> {
    let mut desk = Desk::new(tag, vault, replacing);
    let mut answers = Vec::with_capacity(batch.len());
    for new in &batch {
        answers.push(desk.take(tx, new)?);
    }
    desk.write(tx)?;
    Ok(answers)
}

/// What the submissions of a batch share, looked up once, and what they add up to.
struct Desk {
    tag: u32,
    vault: Option<Arc<Vault>>,
    replacing: Replacing,
    /// What each tenant holds back; `None` for one that is not there or not active.
    tenants: HashMap<TenantId, Option<Suspension>>,
    accounts: HashMap<(TenantId, AccountId), Option<Window>>,
    added: HashMap<AccountPk, Added>,
}

/// Where an account's mail waits.
#[derive(Clone, Copy)]
struct Window {
    account: AccountPk,
    lane: LaneId,
}

/// What one account was given.
struct Added {
    lane: LaneId,
    submissions: i64,
    messages: i64,
}

/// What was handed over, with what was found out about it.
struct Item<'a> {
    new: &'a NewSubmission,
    window: Window,
    digest: [u8; 32],
    held: Option<i64>,
}

impl Desk {
    fn new(tag: u32, vault: Option<Arc<Vault>>, replacing: Replacing) -> Self {
        Self {
            tag,
            vault,
            replacing,
            tenants: HashMap::new(),
            accounts: HashMap::new(),
            added: HashMap::new(),
        }
    }

    fn take(&mut self, tx: &mut WriteTx<'_>, new: &NewSubmission) -> Result<Submitted> {
        if new.recipients.is_empty() {
            return Err(StoreError::Invalid("a submission for nobody".to_owned()));
        }
        let Some(held) = self.held(tx, new)? else {
            return Ok(Submitted::NoTenant);
        };
        let Some(window) = self.window(tx, new)? else {
            return Ok(Submitted::NoAccount);
        };
        let digest =
            Digest::begin(&new.payload).finish(self.vault.as_ref(), new, window.account)?;
        let item = Item {
            new,
            window,
            digest,
            held,
        };
        match self.insert(tx, &item)? {
            Some(id) => Ok(Submitted::New(id)),
            None => self.meet(tx, &item),
        }
    }

    /// The value of `held` for a new submission; `None` when its tenant may send nothing.
    fn held(&mut self, tx: &WriteTx<'_>, new: &NewSubmission) -> Result<Option<Option<i64>>> {
        if !self.tenants.contains_key(&new.tenant) {
            let active = tenants::suspension_of_active(tx.connection, &new.tenant)?;
            self.tenants.insert(new.tenant.clone(), active);
        }
        let suspension = self.tenants.get(&new.tenant).and_then(Option::as_ref);
        Ok(suspension.map(|suspension| suspension.holds(new.batch.as_ref()).then_some(1)))
    }

    fn window(&mut self, tx: &WriteTx<'_>, new: &NewSubmission) -> Result<Option<Window>> {
        let key = (new.tenant.clone(), new.account.clone());
        if let Some(known) = self.accounts.get(&key) {
            return Ok(*known);
        }
        let account = accounts::pk(tx.connection, &new.tenant, &new.account)?;
        let window = account
            .map(|account| {
                let lane = lanes::id(tx, &LaneKey::account(account))?;
                Ok::<_, StoreError>(Window { account, lane })
            })
            .transpose()?;
        self.accounts.insert(key, window);
        Ok(window)
    }

    /// Writes the submission with its messages; `None` when its id is taken.
    fn insert(&mut self, tx: &mut WriteTx<'_>, item: &Item<'_>) -> Result<Option<SubmissionId>> {
        let (new, id) = (item.new, tx.next_seq());
        let messages = row::at_most(new.recipients.len());
        let written = tx
            .connection
            .prepare_cached(
                "INSERT INTO submissions (id, tenant, client_id, account, priority, batch, deferred_until, \
                 messages, open, failed, held, reports, created_at, updated_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 0, ?9, 0, ?10, ?10) \
                 ON CONFLICT (tenant, client_id) DO NOTHING",
            )?
            .execute(params![
                id.get(),
                new.tenant.as_str(),
                new.client_id.as_str(),
                item.window.account.0,
                new.priority.code(),
                new.batch.as_ref().map(BatchCode::as_str),
                new.deferred_until.map(Timestamp::as_millis),
                messages,
                item.held,
                new.at.as_millis(),
            ])?;
        if written == 0 {
            return Ok(None);
        }
        let payload = Kept::of(self.vault.as_ref(), SubmissionId(id), &new.payload)?;
        tx.connection
            .prepare_cached(
                "INSERT INTO payloads (submission, digest, payload) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![id.get(), item.digest, payload])?;
        for address in &new.recipients {
            insert_message(tx, self.tag, item, id, address)?;
        }
        let added = self.added.entry(item.window.account).or_insert(Added {
            lane: item.window.lane,
            submissions: 0,
            messages: 0,
        });
        added.submissions += 1;
        added.messages += messages;
        Ok(Some(SubmissionId(id)))
    }

    /// What is there under the id stays, or gives way to what is new.
    fn meet(&mut self, tx: &mut WriteTx<'_>, item: &Item<'_>) -> Result<Submitted> {
        let known = known(tx, item.new)?;
        if let Some(answer) = known.stays(&item.digest) {
            return Ok(answer);
        }
        if self.replacing == Replacing::Forbidden {
            return Ok(Submitted::Differs(known.account));
        }
        if known.account == item.window.account && has_recipients(tx, &known, item.new)? {
            rewrite(tx, self.vault.as_ref(), &known, item)?;
            return Ok(Submitted::Replaced(known.id));
        }
        self.give_way(tx, &known, item).map(Submitted::Replaced)
    }

    /// Takes back what is there, and takes what is new.
    fn give_way(
        &mut self,
        tx: &mut WriteTx<'_>,
        known: &Known,
        item: &Item<'_>,
    ) -> Result<SubmissionId> {
        // The cancellations take a place in the log each, and what is new comes after them.
        let first = Seq::new(tx.next_seq().get() + known.open);
        let message = MessageId::new(item.new.at, self.tag, first);
        let why = TakenBack {
            at: Some(item.new.at),
            reason: &format!("replaced by {message}"),
        };
        // It counts as accepted before it is taken back, also when both are in this batch.
        self.write(tx)?;
        forget::take_back(tx, self.tag, known.id.0.get(), &why)?;
        self.insert(tx, item)?
            .ok_or_else(|| row::missing(known.id.0))
    }

    /// Counts what was added so far.
    fn write(&mut self, tx: &WriteTx<'_>) -> Result<()> {
        for (account, added) in self.added.drain() {
            books::add(tx, added.lane, added.messages)?;
            let counts = Counts {
                accepted: added.submissions,
                ..Counts::default()
            };
            counts::add(tx, account, &counts)?;
        }
        Ok(())
    }
}

fn insert_message(
    tx: &mut WriteTx<'_>,
    tag: u32,
    item: &Item<'_>,
    id: Seq,
    address: &Address,
) -> Result<()> {
    let (new, seq, key) = (item.new, tx.next_seq(), address.key());
    tx.connection
        .prepare_cached(
            "INSERT INTO messages (seq, lane, content, state, due_at, attempts, accepted_at, folded, address, data, \
             submission, priority, held) VALUES (?1, ?2, ?3, 0, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            seq.get(),
            item.window.lane.0,
            NO_CONTENT,
            due_at(new).as_millis(),
            new.at.as_millis(),
            (key != address.as_str()).then_some(&*key),
            address.as_str(),
            NO_DATA,
            id.get(),
            new.priority.code(),
            item.held,
        ])?;
    let (lane, submission) = (item.window.lane, SubmissionId(id));
    tx.append(|| {
        let addressed = (address.clone(), new.priority, new.at);
        accepted(seq, tag, lane, submission, addressed)
    });
    Ok(())
}

fn known(tx: &WriteTx<'_>, new: &NewSubmission) -> Result<Known> {
    let known = tx
        .connection
        .prepare_cached(
            "SELECT s.id, s.account, s.messages, s.open, p.digest \
             FROM submissions s INDEXED BY submissions_by_client_id JOIN payloads p ON p.submission = s.id \
             WHERE s.tenant = ?1 AND s.client_id = ?2",
        )?
        .query_row([new.tenant.as_str(), new.client_id.as_str()], |row| {
            Ok(Known {
                id: SubmissionId(Seq::new(row.get(0)?)),
                account: AccountPk(row.get(1)?),
                messages: row.get(2)?,
                open: row.get(3)?,
                digest: row.get(4)?,
            })
        })
        .optional()?;
    known.ok_or_else(|| StoreError::Damaged("a submission is without its payload".to_owned()))
}

/// Whether a submission is for the same recipients, in the same order.
fn has_recipients(tx: &WriteTx<'_>, known: &Known, new: &NewSubmission) -> Result<bool> {
    if known.messages != row::at_most(new.recipients.len()) {
        return Ok(false);
    }
    let mut statement = tx
        .connection
        .prepare_cached("SELECT address FROM messages WHERE seq >= ?1 ORDER BY seq LIMIT ?2")?;
    let mut rows = statement.query([known.id.0.get(), known.messages])?;
    for address in &new.recipients {
        match rows.next()? {
            Some(row) if row.get_ref(0)?.as_str() == Ok(address.as_str()) => {}
            Some(_) | None => return Ok(false),
        }
    }
    Ok(true)
}

/// Gives a submission another content; its messages stay who they are, with all their tries before them.
fn rewrite(
    tx: &WriteTx<'_>,
    vault: Option<&Arc<Vault>>,
    known: &Known,
    item: &Item<'_>,
) -> Result<()> {
    let new = item.new;
    let (id, payload) = (known.id.0.get(), Kept::of(vault, known.id, &new.payload)?);
    tx.connection
        .prepare_cached("UPDATE payloads SET digest = ?2, payload = ?3 WHERE submission = ?1")?
        .execute(params![id, item.digest, payload])?;
    tx.connection
        .prepare_cached(
            "UPDATE submissions SET priority = ?2, batch = ?3, deferred_until = ?4, held = ?5, \
             updated_at = max(updated_at, ?6) WHERE id = ?1",
        )?
        .execute(params![
            id,
            new.priority.code(),
            new.batch.as_ref().map(BatchCode::as_str),
            new.deferred_until.map(Timestamp::as_millis),
            item.held,
            new.at.as_millis(),
        ])?;
    tx.connection
        .prepare_cached(
            "UPDATE messages SET priority = ?3, due_at = ?4, held = ?5, attempts = 0 \
             WHERE seq >= ?1 AND seq < ?1 + ?2 AND state = 0",
        )?
        .execute(params![
            id,
            known.messages,
            new.priority.code(),
            due_at(new).as_millis(),
            item.held,
        ])?;
    tx.connection
        .prepare_cached(
            "DELETE FROM troubled WHERE lane = ?1 AND message >= ?2 AND message < ?2 + ?3",
        )?
        .execute([item.window.lane.0, id, known.messages])?;
    Ok(())
}
