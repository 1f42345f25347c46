//! Acceptance: a batch of messages into the ledger.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use model::{ContentHash, MessageState, Priority, Seq};

use super::transaction::WriteTx;
use super::{books, contents, lanes, row};
use crate::campaign::check_are_of_its_lane;
use crate::log::accepted;
use crate::{Accepted, Lease, NewMessage, Renewal, Result};

pub(super) async fn accept(
    tx: &mut WriteTx,
    tag: u32,
    lease: &Lease,
    batch: Vec<NewMessage>,
) -> Result<Vec<Accepted>> {
    check_are_of_its_lane(lease, &batch)?;
    lanes::check_of_run(tx, lease).await?;
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let lane = lease.lane;
    let contents = content_ids(tx, batch.iter().map(|new| new.content)).await?;
    let mut ledger = known(tx, &batch).await?;
    let mut answers = Vec::with_capacity(batch.len());
    let mut rows = Rows::default();
    for new in batch {
        let key = new.address.key();
        let answer = match ledger.get(&key) {
            Some(&(seq, state)) => Accepted::Known { seq, state },
            None => {
                let seq = tx.next_seq();
                rows.add(seq, &new, contents[&new.content], &key);
                ledger.insert(key, (seq, MessageState::Queued));
                tx.append(|| accepted(new, seq, tag));
                Accepted::New(seq)
            }
        };
        answers.push(answer);
    }
    let added = row::at_most(rows.seqs.len());
    if added > 0 {
        rows.insert(tx, lane.0).await?;
        books::add(tx, lane, added).await?;
        tx.has_mail(lane, Priority::default());
    }
    Ok(answers)
}

/// The rows of the contents of a batch.
async fn content_ids(
    tx: &WriteTx,
    batch: impl Iterator<Item = ContentHash>,
) -> Result<HashMap<ContentHash, i64>> {
    let mut ids = HashMap::new();
    for content in batch {
        if let Entry::Vacant(place) = ids.entry(content) {
            place.insert(contents::id(&tx.session, content).await?);
        }
    }
    Ok(ids)
}

/// What the ledger has of the addresses of a batch. Each is looked up by itself: asked for all at once, the server may go
/// through the whole lane instead.
async fn known(tx: &WriteTx, batch: &[NewMessage]) -> Result<HashMap<String, (Seq, MessageState)>> {
    let keys: Vec<String> = batch.iter().map(|new| new.address.key()).collect();
    let rows = tx
        .session
        .rows(
            "SELECT wanted.key, known.seq, known.state FROM unnest($2::text[]) AS wanted (key) CROSS JOIN LATERAL \
             (SELECT seq, state FROM messages WHERE lane = $1 AND coalesce(folded, address) = wanted.key COLLATE \"C\" \
              AND retry_of IS NULL AND submission IS NULL LIMIT 1) AS known",
            &[&batch[0].lane.0, &keys],
        )
        .await?;
    rows.iter()
        .map(|found| {
            let seq = Seq::new(found.try_get(1)?);
            let state = row::state(seq, found.try_get(2)?)?;
            Ok((found.try_get(0)?, (seq, state)))
        })
        .collect()
}

/// The columns of the rows to write.
#[derive(Default)]
struct Rows {
    seqs: Vec<i64>,
    contents: Vec<i64>,
    due: Vec<i64>,
    accepted: Vec<i64>,
    folded: Vec<Option<String>>,
    addresses: Vec<String>,
    data: Vec<String>,
}

impl Rows {
    fn add(&mut self, seq: Seq, new: &NewMessage, content: i64, key: &str) {
        self.seqs.push(seq.get());
        self.contents.push(content);
        self.due.push(new.due_at.as_millis());
        self.accepted.push(new.at.as_millis());
        self.folded
            .push((key != new.address.as_str()).then(|| key.to_owned()));
        self.addresses.push(new.address.as_str().to_owned());
        self.data.push(new.data.as_ref().to_owned());
    }

    async fn insert(self, tx: &WriteTx, lane: i64) -> Result<()> {
        tx.session
            .execute(
                "INSERT INTO messages \
                 (lane, state, attempts, seq, content, due_at, accepted_at, folded, address, data) \
                 SELECT $1, 0, 0, new.* FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
                 $6::text[], $7::text[], $8::text[]) AS new",
                &[
                    &lane,
                    &self.seqs,
                    &self.contents,
                    &self.due,
                    &self.accepted,
                    &self.folded,
                    &self.addresses,
                    &self.data,
                ],
            )
            .await?;
        Ok(())
    }
}

/// Gives messages that are still queued other data and another template, where they differ.
pub(super) async fn renew(tx: &WriteTx, lease: &Lease, batch: Vec<Renewal>) -> Result<()> {
    lanes::check_of_run(tx, lease).await?;
    let contents = content_ids(tx, batch.iter().map(|new| new.content)).await?;
    // Of two about one message the later holds.
    let latest: BTreeMap<i64, &Renewal> = batch.iter().map(|new| (new.seq.get(), new)).collect();
    let seqs: Vec<i64> = latest.keys().copied().collect();
    let (ids, data): (Vec<i64>, Vec<&str>) = latest
        .values()
        .map(|new| (contents[&new.content], &*new.data))
        .unzip();
    // The sum keeps the server from looking the messages up by their lane, which may hold a million.
    tx.session
        .execute(
            "UPDATE messages SET data = new.data, content = new.content \
             FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS new (seq, content, data) \
             WHERE messages.seq = new.seq AND lane + 0 = $4 AND state = 0 AND submission IS NULL \
             AND (messages.data <> new.data OR messages.content <> new.content)",
            &[&seqs, &ids, &data, &lease.lane.0],
        )
        .await?;
    Ok(())
}
