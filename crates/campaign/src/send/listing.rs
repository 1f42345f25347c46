//! The list's rows accepted into the ledger; on a resumed run reconciled with it.

use std::collections::HashSet;
use std::sync::Arc;

use deliver::Supply;
use model::{MessageState, Seq};
use store::{Accepted, NewMessage, Progress};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ledger::Run;
use super::missing::MissingFields;
use super::{Tools, patience};
use crate::check::blocking;
use crate::error::CampaignError;
use crate::filter::{BoundFilter, Filter};
use crate::letter::Written;
use crate::list::OpenableList;
use crate::recipients::{ListSummary, Recipient, RecipientList};
use crate::request::SendRequest;

/// Rows accepted in one commit.
const BATCH_ROWS: usize = 512;
/// Batches read ahead of the store.
const BATCHES_AHEAD: usize = 4;
/// Messages taken back in one commit.
const CANCEL_ROWS: usize = 512;
/// Why somebody who left the list between two processes of a run gets no mail.
const NOT_LISTED: &str = "not in the list any more when the run was resumed";

/// A list that has at least one recipient, open at its first.
pub(super) struct Listing {
    rows: Rows,
    first: Recipient,
}

/// The rows of a list that are wanted.
struct Rows {
    name: String,
    list: RecipientList,
    filter: Option<BoundFilter>,
    summary: ListSummary,
    filtered_out: u64,
}

impl Listing {
    /// Opens the list and reads up to its first recipient, so that a list of nobody begins no run.
    pub(super) async fn open(
        list: &Arc<OpenableList>,
        filter: Option<Filter>,
        request: &SendRequest,
    ) -> Result<Self, CampaignError> {
        let list = Arc::clone(list);
        let (expression, strict) = (request.filter.clone(), request.checking);
        blocking(move || {
            let mut rows = Rows::open(&list, filter, strict)?;
            match rows.next()? {
                Some(first) => Ok(Self { rows, first }),
                None => Err(rows.nobody(expression.as_deref())),
            }
        })
        .await
    }

    /// Accepts every wanted row, and tells the delivery. On a resumed run, whoever is queued and not in the list
    /// any more is taken back.
    pub(super) async fn run(
        self,
        run: &Run,
        written: Arc<Written>,
        supply: Arc<Supply>,
        tools: &Tools,
        stop: CancellationToken,
    ) -> Result<ListSummary, CampaignError> {
        let result = self.accept_all(run, written, &supply, tools, &stop).await;
        match &result {
            Ok(_) => supply.complete(),
            // Nothing more will come, and what came is not the whole: the run is not to end as complete.
            Err(_) => stop.cancel(),
        }
        result
    }

    async fn accept_all(
        self,
        run: &Run,
        written: Arc<Written>,
        supply: &Supply,
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<ListSummary, CampaignError> {
        let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let reading = tokio::task::spawn_blocking(move || self.read(&written, &sender));
        let mut seen = Seen::default();
        while let Some(batch) = batches.recv().await {
            if stop.is_cancelled() {
                break;
            }
            let accepted = accept(batch, run, tools, stop).await?;
            supply.added();
            accepted.into_iter().for_each(|answer| seen.note(answer));
        }
        // The reader sees the closed channel and ends.
        drop(batches);
        let read = reading.await.map_err(|error| {
            CampaignError::Deliver(deliver::DeliverError::Task(error.to_string()))
        })??;
        let mut summary = read;
        summary.remove_duplicates(seen.duplicates);
        if stop.is_cancelled() {
            return Ok(summary);
        }
        if run.is_resumed {
            take_back(run, &seen, tools, stop).await?;
        }
        if seen.taken_back > 0 {
            tracing::warn!(
                recipients = seen.taken_back,
                "these are in the list again, but were taken back when the run was resumed without them: \
                 they get no mail in this run"
            );
        }
        let listed = Progress::Listed(tools.clock.now());
        let mark = || tools.store.mark_campaign(run.campaign.id, listed);
        patience::ask(stop, mark).await?;
        if summary.skipped() > 0 || summary.duplicates() > 0 {
            tracing::info!("{summary}");
        }
        Ok(summary)
    }

    /// Reads all rows in batches, on a thread that may block.
    fn read(
        self,
        written: &Written,
        sender: &mpsc::Sender<Vec<Recipient>>,
    ) -> Result<ListSummary, CampaignError> {
        let Self { mut rows, first } = self;
        let mut missing = MissingFields::of(&written.letter, &first);
        let mut batch = Vec::with_capacity(BATCH_ROWS);
        let mut next = Some(first);
        while let Some(recipient) = next {
            missing.count(&written.letter, &recipient);
            batch.push(recipient);
            if batch.len() == BATCH_ROWS {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
                if sender.blocking_send(full).is_err() {
                    return Ok(rows.summary);
                }
            }
            next = rows.next()?;
        }
        // A closed channel means that the run stops.
        let _ = sender.blocking_send(batch);
        missing.warn();
        Ok(rows.summary)
    }
}

async fn accept(
    batch: Vec<Recipient>,
    run: &Run,
    tools: &Tools,
    stop: &CancellationToken,
) -> Result<Vec<Accepted>, CampaignError> {
    let now = tools.clock.now();
    let messages = batch.into_iter().map(|recipient| {
        let mut data = String::with_capacity(256);
        recipient.write_json(&mut data);
        NewMessage {
            campaign: run.campaign.id,
            content: run.content,
            address: recipient.address,
            data: data.into_boxed_str(),
            at: now,
            due_at: now,
        }
    });
    let messages: Vec<NewMessage> = messages.collect();
    let accept = || tools.store.accept(messages.clone());
    Ok(patience::ask(stop, accept).await?)
}

/// Takes back whoever is queued and was not in the list.
async fn take_back(
    run: &Run,
    seen: &Seen,
    tools: &Tools,
    stop: &CancellationToken,
) -> Result<(), CampaignError> {
    let (mut cursor, mut total) = (Seq::START, 0);
    loop {
        let queued = tools
            .store
            .queued(run.campaign.id, cursor, CANCEL_ROWS)
            .await?;
        let Some(last) = queued.last() else { break };
        cursor = *last;
        let gone: Vec<Seq> = queued
            .into_iter()
            .filter(|seq| !seen.contains(*seq))
            .collect();
        if !gone.is_empty() {
            let now = tools.clock.now();
            let cancel = || {
                let store = &tools.store;
                store.cancel(&run.lease, gone.clone(), NOT_LISTED, now)
            };
            total += patience::ask(stop, cancel).await?;
        }
    }
    if total > 0 {
        tracing::info!(recipients = total, "taken back: {NOT_LISTED}");
    }
    Ok(())
}

impl Rows {
    fn open(
        list: &OpenableList,
        filter: Option<Filter>,
        checking: crate::request::Checking,
    ) -> Result<Self, CampaignError> {
        let name = list.name.clone();
        let list = list.open()?;
        if let Some(filter) = &filter {
            warn_unknown(filter, &list, checking)?;
        }
        let filter = filter.map(|filter| filter.bind(list.columns()));
        Ok(Self {
            name,
            list,
            filter,
            summary: ListSummary::default(),
            filtered_out: 0,
        })
    }

    /// The next wanted recipient. Rows that are none are reported and counted.
    fn next(&mut self) -> Result<Option<Recipient>, CampaignError> {
        while let Some(row) = self.list.next() {
            let row = row.map_err(|error| CampaignError::List {
                list: self.name.clone(),
                error,
            })?;
            self.summary.record(&row);
            match row {
                Ok(recipient) if self.wants(&recipient) => return Ok(Some(recipient)),
                Ok(_) => self.filtered_out += 1,
                Err(problem) => {
                    tracing::warn!(
                        list = self.name,
                        line = problem.line,
                        "row skipped: {}",
                        problem.reason
                    );
                }
            }
        }
        Ok(None)
    }

    fn wants(&self, recipient: &Recipient) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.matches(&recipient.fields))
    }

    fn nobody(&self, expression: Option<&str>) -> CampaignError {
        CampaignError::Nobody(match expression {
            Some(expression) if self.filtered_out > 0 => {
                format!("no recipients matched the filter: {expression:?}")
            }
            _ => format!(
                "no valid recipients found in {} ({})",
                self.name, self.summary
            ),
        })
    }
}

/// A filter's field that the list does not have is always empty: probably a slip of the pen.
fn warn_unknown(
    filter: &Filter,
    list: &RecipientList,
    checking: crate::request::Checking,
) -> Result<(), CampaignError> {
    let unknown = filter.unknown_fields(list.columns());
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown.join(", ");
    if checking == crate::request::Checking::Strict {
        return Err(CampaignError::Strict(format!(
            "the filter uses fields the list lacks: {names}"
        )));
    }
    tracing::warn!("the filter uses fields the list lacks, they count as empty: {names}");
    Ok(())
}

/// Which messages of the run were met in this reading of the list: a bit each, so that a million recipients
/// cost a hundred kilobytes or two.
#[derive(Default)]
struct Seen {
    bits: Vec<u64>,
    first: i64,
    /// Messages with numbers before the first one met. They are few: the list was sorted anew.
    before: HashSet<Seq>,
    /// Rows whose message was met before.
    duplicates: u64,
    /// Messages that an earlier process took back. That is final, also when the list has them again.
    taken_back: u64,
}

impl Seen {
    /// Notes and counts an answer of the ledger.
    fn note(&mut self, answer: Accepted) {
        if !self.is_new(answer) {
            self.duplicates += 1;
        } else if matches!(
            answer,
            Accepted::Known {
                state: MessageState::Cancelled,
                ..
            }
        ) {
            self.taken_back += 1;
        }
    }

    /// Notes an answer of the ledger; whether its message was not met before.
    fn is_new(&mut self, answer: Accepted) -> bool {
        let seq = answer.seq();
        if self.bits.is_empty() {
            self.first = seq.get();
        }
        let Ok(place) = usize::try_from(seq.get() - self.first) else {
            return self.before.insert(seq);
        };
        let (word, bit) = (place / 64, 1_u64 << (place % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }

    fn contains(&self, seq: Seq) -> bool {
        match usize::try_from(seq.get() - self.first) {
            Ok(place) => self
                .bits
                .get(place / 64)
                .is_some_and(|word| word & (1 << (place % 64)) != 0),
            Err(_) => self.before.contains(&seq),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_new_once_in_any_order() {
        let mut seen = Seen::default();
        let known = |seq| Accepted::Known {
            seq: Seq::new(seq),
            state: MessageState::Queued,
        };
        for seq in [500, 900, 3, 499, 100_000] {
            assert!(seen.is_new(known(seq)), "{seq}");
            assert!(!seen.is_new(known(seq)), "{seq}");
            assert!(seen.contains(Seq::new(seq)));
        }
        assert!(!seen.contains(Seq::new(501)));
        assert!(!seen.contains(Seq::new(4)));
    }
}
