//! Recording: every change of a message's state, with its event, in one transaction (promise: P-02). A batch of any length
//! takes a handful of statements.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Event, EventKind, MessageState, Seq, Timestamp};
use tokio::try_join;

use super::session::Session;
use super::submissions::tally::Tally;
use super::transaction::WriteTx;
use super::{books, lanes, row, troubled};
use crate::fact::Fact;
use crate::outcome::{Moves, Outcome, check_is_covered};
use crate::{Lease, NewEvent, Result};

pub(super) async fn record(tx: &mut WriteTx, lease: &Lease, batch: Vec<NewEvent>) -> Result<usize> {
    let (account, mut rows) = try_join!(lanes::check(tx, lease), read(&tx.session, &batch))?;
    let mut tally = account.map(Tally::begin);
    let (mut moves, mut events) = (Moves::default(), Events::default());
    let mut left_out = 0;
    for new in batch {
        let fact = Fact::of(&new);
        let outcome = Outcome::new(new, tx.next_seq())?;
        let (event, message) = (&outcome.logged.event, &outcome.logged.message);
        let row = rows.get_mut(&message.seq);
        check_is_covered(row.as_deref().map(|row| row.lane), lease, message)?;
        let Some(row) = row.filter(|row| row.takes(event)) else {
            left_out += 1;
            continue;
        };
        events.add(&outcome, row);
        row.change(&outcome);
        moves.add(event.kind.state());
        if let Some(tally) = &mut tally {
            tally.note(event.seq, &fact)?;
        }
        tx.append(|| outcome.logged);
    }
    if !events.seqs.is_empty() {
        // None depends on another, so that all are sent before the first is answered.
        try_join!(
            events.insert(&tx.session, lease.lane.0),
            update(&tx.session, &rows),
            troubled::note(&tx.session, lease.lane, stands(&rows)),
            books::finish(tx, lease.lane, moves.counts()),
            write(tx, tally),
        )?;
    }
    Ok(left_out)
}

/// Takes back messages that are still queued.
pub(super) async fn cancel(
    tx: &mut WriteTx,
    tag: u32,
    lease: &Lease,
    messages: &[Seq],
    reason: &str,
    at: Timestamp,
) -> Result<usize> {
    let known = row::messages(&tx.session, tag, messages).await?;
    let known: BTreeMap<Seq, _> = known
        .into_iter()
        .map(|message| (message.seq, Arc::new(message)))
        .collect();
    let mut batch = Vec::with_capacity(messages.len());
    for &seq in messages {
        let message = known.get(&seq).ok_or_else(|| row::missing(seq))?;
        let message = Arc::clone(message);
        batch.push(NewEvent::end(message, EventKind::Cancelled, at, reason));
    }
    let left_out = record(tx, lease, batch).await?;
    Ok(messages.len() - left_out)
}

async fn write(tx: &WriteTx, tally: Option<Tally>) -> Result<()> {
    match tally {
        Some(tally) => tally.write(tx).await,
        None => Ok(()),
    }
}

/// A message's row, as far as outcomes look at it and change it.
struct Row {
    lane: i64,
    state: i64,
    due_at: Option<i64>,
    attempts: i64,
    code: Option<i64>,
    last_event: Option<i64>,
    last_event_at: Option<i64>,
    /// The attempts that were recorded before this batch.
    recorded: i64,
    is_led_on: bool,
    is_moved: bool,
}

// === impl Row ===

impl Row {
    /// Whether the event counts: not when the message is final, nor when this attempt was recorded by an operation that
    /// was answered too late, and is asked for again.
    fn takes(&self, event: &Event) -> bool {
        let is_queued = self.state == MessageState::Queued.code();
        let is_known =
            event.kind == EventKind::Deferred && i64::from(event.attempts) <= self.recorded;
        is_queued && !is_known
    }

    fn change(&mut self, outcome: &Outcome) {
        let event = &outcome.logged.event;
        self.last_event = Some(event.seq.get());
        self.last_event_at = Some(event.at.as_millis());
        self.is_led_on = true;
        if let Some(moved) = &outcome.moved {
            self.state = moved.state.code();
            self.due_at = moved.due_at.map(Timestamp::as_millis);
            self.attempts = moved.attempts.into();
            self.code = moved.code.map(i64::from).or(self.code);
            self.is_moved = true;
        }
    }
}

/// The rows of the messages of a batch.
async fn read(session: &Session, batch: &[NewEvent]) -> Result<BTreeMap<Seq, Row>> {
    let seqs: Vec<i64> = batch.iter().map(|new| new.message.seq.get()).collect();
    let rows = session
        .rows(
            "SELECT seq, lane, state, due_at, attempts, code, last_event, last_event_at \
             FROM messages WHERE seq = ANY ($1)",
            &[&seqs],
        )
        .await?;
    rows.iter()
        .map(|found| {
            let row = Row {
                lane: found.try_get(1)?,
                state: found.try_get(2)?,
                due_at: found.try_get(3)?,
                attempts: found.try_get(4)?,
                code: found.try_get(5)?,
                last_event: found.try_get(6)?,
                last_event_at: found.try_get(7)?,
                recorded: found.try_get(4)?,
                is_led_on: false,
                is_moved: false,
            };
            Ok((Seq::new(found.try_get(0)?), row))
        })
        .collect()
}

/// Writes the rows that were changed.
async fn update(session: &Session, rows: &BTreeMap<Seq, Row>) -> Result<()> {
    let changed: Vec<(&Seq, &Row)> = rows.iter().filter(|(_, row)| row.is_led_on).collect();
    let column = |value: fn(&Row) -> i64| -> Vec<i64> {
        changed.iter().map(|(_, row)| value(row)).collect()
    };
    let optional = |value: fn(&Row) -> Option<i64>| -> Vec<Option<i64>> {
        changed.iter().map(|(_, row)| value(row)).collect()
    };
    let seqs: Vec<i64> = changed.iter().map(|(seq, _)| seq.get()).collect();
    session
        .execute(
            "UPDATE messages m SET state = new.state, attempts = new.attempts, due_at = new.due_at, \
             code = new.code, last_event = new.last_event, last_event_at = new.last_event_at \
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
             $7::bigint[]) AS new (seq, state, attempts, due_at, code, last_event, last_event_at) \
             WHERE m.seq = new.seq",
            &[
                &seqs,
                &column(|row| row.state),
                &column(|row| row.attempts),
                &optional(|row| row.due_at),
                &optional(|row| row.code),
                &optional(|row| row.last_event),
                &optional(|row| row.last_event_at),
            ],
        )
        .await?;
    Ok(())
}

/// Where the messages stand that were moved: state and attempts.
fn stands(rows: &BTreeMap<Seq, Row>) -> impl Iterator<Item = (Seq, MessageState, u32)> {
    rows.iter()
        .filter(|(_, row)| row.is_moved)
        .filter_map(|(&seq, row)| {
            let state = MessageState::from_code(row.state)?;
            Some((seq, state, u32::try_from(row.attempts).ok()?))
        })
}

/// The columns of the events to write.
#[derive(Default)]
struct Events {
    seqs: Vec<i64>,
    messages: Vec<i64>,
    at: Vec<i64>,
    previous: Vec<Option<i64>>,
    previous_at: Vec<Option<i64>>,
    attempts: Vec<i64>,
    kinds: Vec<i64>,
    details: Vec<Option<String>>,
}

// === impl Events ===

impl Events {
    /// An event, and its message's row before it.
    fn add(&mut self, outcome: &Outcome, row: &Row) {
        let event = &outcome.logged.event;
        self.seqs.push(event.seq.get());
        self.messages.push(event.message.get());
        self.at.push(event.at.as_millis());
        self.previous.push(row.last_event);
        self.previous_at.push(row.last_event_at);
        self.attempts.push(event.attempts.into());
        self.kinds.push(event.kind.code());
        self.details.push(outcome.detail.clone());
    }

    async fn insert(&self, session: &Session, lane: i64) -> Result<()> {
        session
            .execute(
                "INSERT INTO events (lane, seq, message, at, previous, previous_at, attempts, kind, detail) \
                 SELECT $1, new.* FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
                 $6::bigint[], $7::bigint[], $8::bigint[], $9::text[]) AS new",
                &[
                    &lane,
                    &self.seqs,
                    &self.messages,
                    &self.at,
                    &self.previous,
                    &self.previous_at,
                    &self.attempts,
                    &self.kinds,
                    &self.details,
                ],
            )
            .await?;
        Ok(())
    }
}
