//! News of delivered messages: events that change no state (promise: P-02).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::account::AccountPk;
use model::{Event, Message, Seq, SubmissionId, Timestamp};
use tokio::try_join;
use tokio_postgres::Row;

use super::reports::{self, Told};
use crate::postgres::campaigns;
use crate::postgres::row::{MESSAGE_COLUMNS, MESSAGE_WIDTH, at_most, to_message};
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;
use crate::submissions::{Channel, NewNews, PAGE_MAX, Place, news};
use crate::{Logged, Result};

pub(super) async fn note(
    tx: &mut WriteTx,
    tag: u32,
    batch: Vec<NewNews>,
    place: Option<Place>,
) -> Result<usize> {
    for new in &batch {
        news::check(new.kind)?;
    }
    let mut known = known(tx, tag, &batch).await?;
    let mut noted = Noted::default();
    for new in batch {
        if let Some(known) = known.get_mut(&new.message)
            && news::may_have(&known.message, known.count)
        {
            let event = news::event(new, &known.message, tx.next_seq());
            noted.add(known, &event)?;
            known.have(&event);
            let message = Arc::clone(&known.message);
            tx.append(|| Logged { event, message });
        }
    }
    noted.write(&tx.session, &known).await?;
    if let Some(Place { reader, place }) = place {
        campaigns::save_cursor(tx, &reader, &place).await?;
    }
    Ok(noted.seqs.len())
}

/// A message that there are news of.
struct Known {
    message: Arc<Message>,
    /// Its latest event, and when that was.
    last: Option<(i64, i64)>,
    /// How many of its events were news.
    count: i64,
    /// Whom to tell, and by which ways; `None` when nobody handed it over.
    told: Option<(String, &'static [Channel])>,
}

impl Known {
    fn of(row: &Row, tag: u32) -> Result<Self> {
        let column = |place: usize| MESSAGE_WIDTH + place;
        let (seq, at): (Option<i64>, Option<i64>) =
            (row.try_get(column(0))?, row.try_get(column(1))?);
        let tenant: Option<String> = row.try_get(column(3))?;
        let channels = reports::channels(row, column(4))?;
        Ok(Self {
            message: Arc::new(to_message(row, tag)?),
            last: seq.zip(at),
            count: row.try_get(column(2))?,
            told: tenant.map(|tenant| (tenant, channels)),
        })
    }

    fn have(&mut self, event: &Event) {
        self.last = Some((event.seq.get(), event.at.as_millis()));
        self.count += 1;
    }
}

async fn known(tx: &WriteTx, tag: u32, batch: &[NewNews]) -> Result<HashMap<Seq, Known>> {
    let seqs: Vec<i64> = batch.iter().map(|new| new.message.get()).collect();
    let query = format!(
        "SELECT {MESSAGE_COLUMNS}, coalesce(n.last_event, m.last_event), coalesce(n.last_event_at, m.last_event_at), \
         coalesce(n.count, 0), s.tenant, t.webhook IS NOT NULL \
         FROM messages m LEFT JOIN contents c ON c.id = m.content LEFT JOIN news n ON n.message = m.seq \
         LEFT JOIN submissions s ON s.id = m.submission LEFT JOIN tenants t ON t.id = s.tenant \
         WHERE m.seq = ANY ($1)"
    );
    let rows = tx.session.rows(&query, &[&seqs]).await?;
    let known = |row: &Row| {
        let known = Known::of(row, tag)?;
        Ok((known.message.seq, known))
    };
    rows.iter().map(known).collect()
}

/// What is written of a batch.
#[derive(Default)]
struct Noted {
    seqs: Vec<i64>,
    messages: Vec<i64>,
    lanes: Vec<i64>,
    kinds: Vec<i64>,
    at: Vec<i64>,
    attempts: Vec<i64>,
    previous: Vec<Option<i64>>,
    previous_at: Vec<Option<i64>>,
    details: Vec<Option<String>>,
    told: BTreeMap<String, ToldTenant>,
}

/// The events that one tenant's application is told.
struct ToldTenant {
    channels: &'static [Channel],
    told: Vec<Told>,
}

impl Noted {
    /// Adds an event of a message that is known as it was before.
    fn add(&mut self, known: &Known, event: &Event) -> Result<()> {
        let (previous, previous_at) = known.last.unzip();
        self.seqs.push(event.seq.get());
        self.messages.push(event.message.get());
        self.lanes.push(event.lane.0);
        self.kinds.push(event.kind.code());
        self.at.push(event.at.as_millis());
        self.attempts.push(event.attempts.into());
        self.previous.push(previous);
        self.previous_at.push(previous_at);
        self.details.push(news::detail(event)?);
        if let (Some((tenant, channels)), Some(submission)) =
            (&known.told, known.message.content.submission())
        {
            self.tell(tenant, channels, event, submission);
        }
        Ok(())
    }

    fn tell(
        &mut self,
        tenant: &str,
        channels: &'static [Channel],
        event: &Event,
        submission: SubmissionId,
    ) {
        let new = || ToldTenant {
            channels,
            told: Vec::new(),
        };
        let of_tenant = self.told.entry(tenant.to_owned()).or_insert_with(new);
        of_tenant.told.push(Told {
            seq: event.seq,
            submission,
            at: event.at,
        });
    }

    /// Writes it; the messages' rows stay as their outcomes left them.
    async fn write(&self, session: &Session, known: &HashMap<Seq, Known>) -> Result<()> {
        if self.seqs.is_empty() {
            return Ok(());
        }
        // They do not depend on each other, so that all are sent before the first is answered.
        try_join!(
            self.insert_events(session),
            self.count(session, known),
            self.have_answers(session),
            self.report(session),
        )?;
        Ok(())
    }

    async fn insert_events(&self, session: &Session) -> Result<()> {
        session
            .execute(
                "INSERT INTO events (seq, message, lane, kind, at, attempts, previous, previous_at, detail) \
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
                 $6::bigint[], $7::bigint[], $8::bigint[], $9::text[])",
                &[
                    &self.seqs,
                    &self.messages,
                    &self.lanes,
                    &self.kinds,
                    &self.at,
                    &self.attempts,
                    &self.previous,
                    &self.previous_at,
                    &self.details,
                ],
            )
            .await?;
        Ok(())
    }

    /// Keeps of each message its latest event and the number of its news.
    async fn count(&self, session: &Session, known: &HashMap<Seq, Known>) -> Result<()> {
        let (mut messages, mut last, mut last_at, mut counts) = (vec![], vec![], vec![], vec![]);
        for (message, known) in known {
            if let Some((seq, at)) = known.last
                && self.messages.contains(&message.get())
            {
                messages.push(message.get());
                last.push(seq);
                last_at.push(at);
                counts.push(known.count);
            }
        }
        session
            .execute(
                "INSERT INTO news (message, last_event, last_event_at, count) \
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) \
                 ON CONFLICT (message) DO UPDATE SET last_event = excluded.last_event, \
                 last_event_at = excluded.last_event_at, count = excluded.count",
                &[&messages, &last, &last_at, &counts],
            )
            .await?;
        Ok(())
    }

    async fn have_answers(&self, session: &Session) -> Result<()> {
        session
            .execute(
                "DELETE FROM unanswered WHERE message = ANY ($1)",
                &[&self.messages],
            )
            .await?;
        Ok(())
    }

    /// Whoever handed the messages over is to be told.
    async fn report(&self, session: &Session) -> Result<()> {
        for (tenant, ToldTenant { channels, told }) in &self.told {
            let (submissions, at): (Vec<i64>, Vec<i64>) = told
                .iter()
                .map(|told| (told.submission.0.get(), told.at.as_millis()))
                .unzip();
            session
                .execute(
                    "UPDATE submissions s SET reports = s.reports + $3 * new.count, \
                     updated_at = greatest(s.updated_at, new.at) \
                     FROM (SELECT id, count(*), max(at) AS at FROM unnest($1::bigint[], $2::bigint[]) AS told (id, at) \
                           GROUP BY id) AS new WHERE s.id = new.id",
                    &[&submissions, &at, &at_most(channels.len())],
                )
                .await?;
            reports::insert(session, tenant, channels, told).await?;
        }
        Ok(())
    }
}

/// The messages of an account that nothing was learned of since they were delivered, the oldest delivery first.
pub(super) async fn unanswered(
    session: &Session,
    account: AccountPk,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<Seq>> {
    let rows = session
        .rows(
            "SELECT message FROM unanswered WHERE account = $1 AND since < $2 \
             ORDER BY account, since, message LIMIT $3",
            &[
                &account.0,
                &before.as_millis(),
                &at_most(limit.min(PAGE_MAX)),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(Seq::new(row.try_get(0)?)))
        .collect()
}
