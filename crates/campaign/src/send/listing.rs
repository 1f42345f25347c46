//! The list's rows accepted into the ledger; on a resumed run reconciled with it.

use std::collections::HashSet;
use std::sync::Arc;

use deliver::Supply;
use model::{MessageState, Seq};
use store::{Accepted, NewMessage, Progress, Renewal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ledger::Run;
use super::{Tools, patience};
use crate::check::blocking;
use crate::error::CampaignError;
use crate::filter::Filter;
use crate::letter::Written;
use crate::list::OpenableList;
use crate::missing::MissingFields;
use crate::recipients::{ListSummary, Recipient};
use crate::request::SendRequest;
use crate::wanted::WantedRows;

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
    rows: WantedRows,
    first: Recipient,
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
            let mut rows = WantedRows::open(&list, filter, strict)?;
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
            accept(batch, run, tools, stop, &mut seen).await?;
            supply.added();
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
        let mark = || tools.store.mark_campaign(&run.lease, listed);
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

/// Accepts a batch. Of two rows with one address the first counts; on a resumed run, what it says now is sent to
/// whoever was not mailed yet.
async fn accept(
    batch: Vec<Recipient>,
    run: &Run,
    tools: &Tools,
    stop: &CancellationToken,
    seen: &mut Seen,
) -> Result<(), CampaignError> {
    let now = tools.clock.now();
    let messages = batch.into_iter().map(|recipient| {
        let mut data = String::with_capacity(256);
        recipient.write_json(&mut data);
        NewMessage {
            lane: run.campaign.lane,
            content: run.content,
            address: recipient.address,
            data: data.into_boxed_str(),
            at: now,
            due_at: now,
        }
    });
    let messages: Vec<NewMessage> = messages.collect();
    let accept = || tools.store.accept(&run.lease, messages.clone());
    let answers = patience::ask(stop, accept).await?;
    let mut renewals = Vec::new();
    for (answer, message) in answers.into_iter().zip(messages) {
        let is_first = seen.note(answer);
        if is_first && matches!(answer, Accepted::Known { .. }) {
            renewals.push(Renewal {
                seq: answer.seq(),
                content: message.content,
                data: message.data,
            });
        }
    }
    if !renewals.is_empty() {
        let renew = || tools.store.renew(&run.lease, renewals.clone());
        patience::ask(stop, renew).await?;
    }
    Ok(())
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
        let look = || tools.store.queued(run.campaign.lane, cursor, CANCEL_ROWS);
        let queued = patience::ask(stop, look).await?;
        let Some(last) = queued.last() else { break };
        cursor = last.seq;
        let gone: Vec<Seq> = queued
            .into_iter()
            .filter(|queued| !seen.contains(queued.first))
            .map(|queued| queued.seq)
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
    /// Notes and counts an answer of the ledger; whether its message was not met before.
    fn note(&mut self, answer: Accepted) -> bool {
        let is_new = self.is_new(answer);
        let is_cancelled = matches!(
            answer,
            Accepted::Known {
                state: MessageState::Cancelled,
                ..
            }
        );
        self.duplicates += u64::from(!is_new);
        self.taken_back += u64::from(is_new && is_cancelled);
        is_new
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
