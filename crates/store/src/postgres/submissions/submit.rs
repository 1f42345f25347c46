//! Acceptance of what clients hand over: new under its id, known, or another content under a known id.
//!
//! What a batch meets is looked up at once, what becomes of each is decided here, one after the other, and what is new
//! is written at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::future::try_join_all;
use model::account::AccountPk;
use model::{Seq, SubmissionId, TenantId, Timestamp};
use tokio::try_join;

use super::counts;
use super::replace;
use super::rows::Rows;
use super::windows::Windows;
use crate::fact::Counts;
use crate::handover::{Digest, Known, Replacing, accepted, due_at};
use crate::payload::Kept;
use crate::postgres::books;
use crate::postgres::preparing::Wait;
use crate::postgres::row::at_most;
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;
use crate::preparation::PREPARED_WITHIN;
use crate::submissions::ClientId;
use crate::vault::Vault;
use crate::{NewSubmission, Parts, Result, StoreError, Submitted};

/// What every batch is taken with.
#[derive(Clone)]
pub(super) struct House {
    pub(super) tag: u32,
    pub(super) vault: Option<Arc<Vault>>,
    /// Lanes of an account that has no limits.
    pub(super) shards: u16,
    pub(super) replacing: Replacing,
}

/// Something handed over, with the digest of what it says: made before others have to wait for it.
pub(super) struct Offered {
    new: NewSubmission,
    digest: Digest,
}

impl Offered {
    pub(super) fn new(new: NewSubmission) -> Self {
        let digest = Digest::begin(&new.payload);
        Self { new, digest }
    }
}

pub(super) async fn submit(
    tx: &mut WriteTx,
    house: House,
    batch: Vec<Offered>,
) -> Result<Vec<Submitted>> {
    let mut desk = Desk::open(tx, house, &batch).await?;
    let mut answers = Vec::with_capacity(batch.len());
    for offered in batch {
        answers.push(desk.take(tx, offered).await?);
    }
    desk.write(tx).await?;
    Ok(answers)
}

/// A batch being taken.
struct Desk {
    house: House,
    windows: Windows,
    /// What is there under the ids of the batch.
    known: HashMap<(TenantId, ClientId), Known>,
    /// What is new and not written yet.
    rows: Rows,
}

/// Something with what was found out about it.
pub(super) struct Item {
    pub(super) new: NewSubmission,
    pub(super) account: AccountPk,
    pub(super) digest: [u8; 32],
    pub(super) is_held: bool,
}

impl Item {
    /// Whether its parts are fetched ahead, and when it is due otherwise. What is held back is not: it may be for long.
    pub(super) fn wait(&self) -> Option<Wait> {
        let waits = self.new.parts == Parts::Outside && !self.is_held;
        waits.then(|| Wait {
            priority: self.new.priority,
            due_at: due_at(&self.new),
        })
    }

    /// When its messages are due, unless it is prepared before.
    pub(super) fn due_at(&self) -> Timestamp {
        match self.wait() {
            Some(wait) => wait.due_at + PREPARED_WITHIN,
            None => due_at(&self.new),
        }
    }
}

impl Desk {
    async fn open(tx: &WriteTx, house: House, batch: &[Offered]) -> Result<Self> {
        let session = &tx.session;
        let batch = || batch.iter().map(|offered| &offered.new);
        let (windows, known) = try_join!(
            Windows::open(session, house.shards, batch()),
            known(session, batch())
        )?;
        Ok(Self {
            house,
            windows,
            known,
            rows: Rows::default(),
        })
    }

    async fn take(&mut self, tx: &mut WriteTx, offered: Offered) -> Result<Submitted> {
        let Offered { new, digest } = offered;
        if new.recipients.is_empty() {
            return Err(StoreError::Invalid("a submission for nobody".to_owned()));
        }
        let Some(is_held) = self.windows.is_held(&new) else {
            return Ok(Submitted::NoTenant);
        };
        let Some(account) = self.windows.account(&new) else {
            return Ok(Submitted::NoAccount);
        };
        let item = Item {
            digest: digest.finish(self.house.vault.as_ref(), &new, account)?,
            new,
            account,
            is_held,
        };
        let key = (item.new.tenant.clone(), item.new.client_id.clone());
        let Some(known) = self.known.get(&key).copied() else {
            return self.add(tx, item).await.map(Submitted::New);
        };
        match known.stays(&item.digest) {
            Some(answer) => Ok(answer),
            None if self.house.replacing == Replacing::Forbidden => {
                Ok(Submitted::Differs(known.account))
            }
            None => self.replace(tx, &known, item).await,
        }
    }

    /// Takes what is new.
    async fn add(&mut self, tx: &mut WriteTx, item: Item) -> Result<SubmissionId> {
        let id = SubmissionId(tx.next_seq());
        let lane = self.windows.lane(tx, item.account, id).await?;
        let known = Known {
            id,
            account: item.account,
            messages: at_most(item.new.recipients.len()),
            open: at_most(item.new.recipients.len()),
            digest: item.digest,
        };
        let kept = Kept::of(self.house.vault.as_ref(), id, &item.new.payload)?;
        self.rows.add_submission(&item, id, kept);
        let (tag, new) = (self.house.tag, &item.new);
        for address in &new.recipients {
            let seq = tx.next_seq();
            self.rows.add_message(&item, id, lane, seq, address);
            tx.append(|| {
                let addressed = (address.clone(), new.priority, new.at);
                accepted(seq, tag, lane, id, addressed)
            });
        }
        tx.has_mail(lane, new.priority);
        self.known
            .insert((item.new.tenant, item.new.client_id), known);
        Ok(id)
    }

    /// What is there gives way to what is new.
    async fn replace(&mut self, tx: &mut WriteTx, known: &Known, item: Item) -> Result<Submitted> {
        // What is of this batch has to be there before it is changed or taken back.
        if self.rows.has(known.id) {
            self.write(tx).await?;
        }
        if known.account == item.account && replace::has_recipients(tx, known, &item.new).await? {
            let kept = Kept::of(self.house.vault.as_ref(), known.id, &item.new.payload)?;
            replace::rewrite(tx, known, &item, kept).await?;
            let known = Known {
                digest: item.digest,
                ..*known
            };
            self.known
                .insert((item.new.tenant, item.new.client_id), known);
            return Ok(Submitted::Replaced(known.id));
        }
        replace::take_back(tx, self.house.tag, known, item.new.at).await?;
        self.add(tx, item).await.map(Submitted::Replaced)
    }

    /// Writes what is new so far, and counts it.
    async fn write(&mut self, tx: &WriteTx) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let (session, lanes, accounts) = (&tx.session, rows.by_lane(), rows.by_account());
        // They do not depend on each other, so that all are sent before the first is answered.
        try_join!(
            rows.insert_submissions(session),
            rows.insert_payloads(session),
            rows.insert_messages(session),
            rows.insert_unprepared(session),
            try_join_all(
                lanes
                    .iter()
                    .map(|(&lane, &count)| books::add(tx, lane, count))
            ),
            count_accepted(session, &accounts),
        )?;
        Ok(())
    }
}

/// Counts what accounts were given.
async fn count_accepted(session: &Session, accounts: &BTreeMap<AccountPk, i64>) -> Result<()> {
    let count = async |(&account, &accepted): (&AccountPk, &i64)| {
        let counts = Counts {
            accepted,
            ..Counts::default()
        };
        counts::add(session, account, &counts).await
    };
    try_join_all(accounts.iter().map(count)).await?;
    Ok(())
}

/// What is there under the ids of a batch.
async fn known(
    session: &Session,
    batch: impl Iterator<Item = &NewSubmission>,
) -> Result<HashMap<(TenantId, ClientId), Known>> {
    let ids: HashMap<(&str, &str), _> = batch
        .map(|new| ((new.tenant.as_str(), new.client_id.as_str()), new))
        .collect();
    let (tenants, client_ids): (Vec<&str>, Vec<&str>) = ids.keys().copied().unzip();
    let rows = session
        .rows(
            "SELECT s.id, s.account, s.messages, s.open, p.digest, new.tenant, new.client_id \
             FROM unnest($1::text[], $2::text[]) AS new (tenant, client_id) CROSS JOIN LATERAL \
             (SELECT id, account, messages, open FROM submissions \
              WHERE tenant = new.tenant AND client_id = new.client_id LIMIT 1) s \
             LEFT JOIN LATERAL (SELECT digest FROM payloads WHERE submission = s.id LIMIT 1) p ON TRUE",
            &[&tenants, &client_ids],
        )
        .await?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in &rows {
        let digest: Option<&[u8]> = row.try_get(4)?;
        let digest = digest.and_then(|digest| digest.try_into().ok());
        let there = Known {
            id: SubmissionId(Seq::new(row.try_get(0)?)),
            account: AccountPk(row.try_get(1)?),
            messages: row.try_get(2)?,
            open: row.try_get(3)?,
            digest: digest.ok_or_else(without_payload)?,
        };
        if let Some(new) = ids.get(&(row.try_get(5)?, row.try_get(6)?)) {
            known.insert((new.tenant.clone(), new.client_id.clone()), there);
        }
    }
    Ok(known)
}

fn without_payload() -> StoreError {
    StoreError::Damaged("a submission is without its payload".to_owned())
}
