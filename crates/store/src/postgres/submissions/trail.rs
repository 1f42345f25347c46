//! What leads back from messages that go: their events from the last one back, and the reports of those.

use std::collections::{BTreeSet, HashMap};

use model::AccountPk;

use super::forget::{Going, GoingMessage};
use crate::Result;
use crate::postgres::session::Session;
use crate::postgres::statistics::forgotten::Forgotten;
use crate::submissions::Channel;

/// Events of as many messages, one each.
#[derive(Default)]
struct Step {
    seqs: Vec<i64>,
    at: Vec<i64>,
    messages: Vec<i64>,
}

impl Step {
    fn add(&mut self, message: i64, (seq, at): (i64, i64)) {
        self.seqs.push(seq);
        self.at.push(at);
        self.messages.push(message);
    }

    /// Deletes these events and notes them; gives those before them. `accounts` says whose each message is.
    async fn delete(
        &self,
        session: &Session,
        accounts: &HashMap<i64, AccountPk>,
        forgotten: &mut Forgotten,
    ) -> Result<Self> {
        let rows = session
            .rows(
                "DELETE FROM events e USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS last (seq, at, message) \
                 WHERE e.seq = last.seq AND e.at = last.at AND e.message = last.message \
                 RETURNING e.message, e.previous, e.previous_at, e.seq, e.at, e.kind",
                &[&self.seqs, &self.at, &self.messages],
            )
            .await?;
        let mut before = Self::default();
        for row in &rows {
            let (message, seq): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
            if let Some(previous) = seq.zip(row.try_get(2)?) {
                before.add(message, previous);
            }
            if let Some(&account) = accounts.get(&message) {
                forgotten.add(row.try_get(3)?, row.try_get(4)?, account, row.try_get(5)?);
            }
        }
        Ok(before)
    }
}

/// Deletes the events of messages, with their reports, and notes what is forgotten.
pub(super) async fn delete(
    session: &Session,
    all: &[Going],
    messages: &[GoingMessage],
) -> Result<()> {
    let mut step = Step::default();
    let mut accounts = HashMap::with_capacity(messages.len());
    let mut forgotten = Forgotten::default();
    for message in messages {
        if let Some(last) = message.last_event {
            step.add(message.seq.get(), last);
        }
        accounts.insert(message.seq.get(), message.account);
        message.note(&mut forgotten);
    }
    let mut gone = Vec::new();
    // Each step is earlier than the one before, and has no more events.
    while !step.seqs.is_empty() {
        let before = step.delete(session, &accounts, &mut forgotten).await?;
        gone.extend(step.seqs);
        step = before;
    }
    forgotten.note(session).await?;
    let waiting = all.iter().filter(|going| going.reports > 0);
    let tenants: BTreeSet<&str> = waiting.map(|going| going.tenant.as_str()).collect();
    match tenants.is_empty() {
        true => Ok(()),
        false => delete_reports(session, &tenants, &gone).await,
    }
}

/// Deletes the reports of events on every channel, and counts them. What they count in of their submissions goes with it.
async fn delete_reports(session: &Session, tenants: &BTreeSet<&str>, events: &[i64]) -> Result<()> {
    let tenants: Vec<&str> = tenants.iter().copied().collect();
    session
        .execute(
            "WITH gone AS (DELETE FROM reports \
             WHERE tenant = ANY ($1) AND channel = ANY ($2) AND seq = ANY ($3) RETURNING tenant, channel), \
             less AS (SELECT tenant, channel, count(*) FROM gone GROUP BY tenant, channel) \
             UPDATE report_counts c SET count = c.count - less.count FROM less \
             WHERE c.tenant = less.tenant AND c.channel = less.channel",
            &[&tenants, &Channel::ALL.map(Channel::code).as_slice(), &events],
        )
        .await?;
    Ok(())
}
