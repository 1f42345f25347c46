//! An open connection: sends message after message and reports what became of each.
//!
//! Invariants: a message is never sent in part and then ended; a connection whose state is in doubt is never
//! used again. While a message is under way the state is `Closed`, so a send that is dropped half-way leaves
//! a connection that refuses to be used.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use model::{Attempt, Category, Envelope, Phase, PhaseTimes, Reply};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::commands::Commands;
use super::config::{Chunking, Dialogue};
use super::connector::{Shared, micros};
use super::offer::Offer;
use super::transaction::{Before, Decision, Hand, Transaction};
use super::verdict::{Course, Sent, Stop, Verdict, verdict, violation};
use super::wire::{SPOKE_UNASKED, Trouble, Wire, closed};
use crate::channel::Transport;
use crate::wire::command::write_line;
use crate::wire::dot::check_line_breaks;

/// Largest message that goes out in one write together with its envelope, in bytes. A larger one is written
/// in blocks of this size.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;
/// How long QUIT's reply is waited for.
const QUIT_WAIT: Duration = Duration::from_secs(2);

/// An open connection. Dropping it closes it without QUIT.
#[derive(Debug)]
pub struct Connection<S = TcpStream> {
    pub(super) shared: Arc<Shared>,
    pub(super) wire: Wire<S>,
    pub(super) offer: Offer,
    tls: Option<Box<str>>,
    state: State,
    /// Times of the opening, until the first message reports them.
    opening_times: Option<PhaseTimes>,
    /// The commands that were sent ahead, to tell whether the next message is the one they were for.
    pub(super) ahead: Vec<u8>,
}

#[derive(Debug)]
pub(super) enum State {
    /// No transaction is open.
    Clean,
    /// The last transaction was refused: RSET goes first.
    Unfinished,
    /// The next transaction's commands were sent behind the last message's dot.
    Ahead(Transaction),
    /// Not to be used any more.
    Closed,
}

impl<S: Transport> Connection<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        wire: Wire<S>,
        offer: Offer,
        times: PhaseTimes,
        tls: Option<Box<str>>,
    ) -> Self {
        Self {
            shared,
            wire,
            offer,
            tls,
            state: State::Clean,
            opening_times: Some(times),
            ahead: Vec::new(),
        }
    }

    /// Whether another message may be sent through it.
    pub fn is_usable(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    /// TLS version and cipher, if it has them.
    pub fn tls(&self) -> Option<&str> {
        self.tls.as_deref()
    }

    /// Sends one message; lines must end with CRLF.
    ///
    /// `next` is the envelope of the message that follows, when that is already known: its commands then
    /// travel behind this message's dot, which saves a round trip. If another message follows after all, the
    /// connection sorts that out, by closing if need be; the message meant by `next` was not sent.
    pub async fn send(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
        next: Option<&Envelope>,
    ) -> Sent {
        let started = Instant::now();
        let was_used = self.opening_times.is_none();
        let times = self.opening_times.take().unwrap_or_default();
        if was_used {
            self.wire.transcript.clear();
        }
        let mut course = Course {
            phase: Phase::Mail,
            body_begun: false,
            was_used,
            refused_copies: Vec::new(),
        };
        let result = self.transact(envelope, message, next, &mut course).await;
        let times = PhaseTimes {
            transaction_us: micros(started.elapsed()),
            ..times
        };
        self.report(times, course, result)
    }

    /// Says NOOP, so that the server keeps an idle connection (RFC 5321 §4.1.1.9); `false` when it is of no more use.
    pub async fn noop(&mut self) -> bool {
        let state = std::mem::replace(&mut self.state, State::Closed);
        // Behind an open DATA a NOOP would be the message's first line.
        if !matches!(state, State::Clean | State::Unfinished) || self.check_quiet().await.is_err() {
            return false;
        }
        let within = self.shared.config.deadlines.mail;
        write_line(&mut self.wire.out, "NOOP");
        let asked =
            self.wire.flush(within).await.is_ok() && self.wire.reply_is_there(within).await.is_ok();
        let is_answered = asked
            && matches!(self.wire.replies.take(), Ok(Some(reply)) if reply.to_reply().is_positive());
        if is_answered && self.wire.replies.is_empty() {
            self.state = state;
        }
        self.is_usable()
    }

    /// Says goodbye and closes. Never fails: the goodbye is a courtesy.
    pub async fn quit(mut self) {
        // Behind an open DATA a QUIT would be the message's first line.
        if matches!(self.state, State::Clean | State::Unfinished) {
            write_line(&mut self.wire.out, "QUIT");
            if self.wire.flush(QUIT_WAIT).await.is_ok() {
                let _ = self.wire.reply_is_there(QUIT_WAIT).await;
            }
        }
        let _ = tokio::time::timeout(QUIT_WAIT, self.wire.channel.shutdown()).await;
    }

    async fn transact(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
        next: Option<&Envelope>,
        course: &mut Course,
    ) -> Result<(Phase, Reply), Stop> {
        self.check_sendable(envelope, message)?;
        let mut transaction = self.begin(envelope, message, course).await?;
        let settled = self
            .settle_envelope(&mut transaction, envelope, message, course)
            .await;
        if let Err(stop) = settled {
            // What was refused stays refused, even if the server then falls silent or hangs up.
            return transaction.take_result().ok_or(stop);
        }
        course.refused_copies = transaction.refused_copies(&envelope.recipients);
        let mut ahead = None;
        let after = match transaction.decision() {
            Decision::HandOver => {
                ahead = self
                    .hand_over(&mut transaction, message, next, course)
                    .await?;
                self.take_reply(&mut transaction, course).await?;
                state_after(&transaction)
            }
            Decision::Answered | Decision::Refused => state_after(&transaction),
            Decision::EndEmpty => self.end_empty(course).await,
            Decision::Abandon => State::Closed,
        };
        // Whatever the server said beyond its final reply belongs to nothing we asked.
        self.state = match ahead {
            Some(ahead) => State::Ahead(ahead),
            None if self.wire.replies.is_empty() => after,
            None => State::Closed,
        };
        transaction
            .take_result()
            .ok_or_else(|| violation("no reply decided"))
    }

    /// What this server cannot take, or nobody should be given.
    fn check_sendable(&self, envelope: &Envelope, message: &[u8]) -> Result<(), Stop> {
        let unsendable = |text: &str| Err(Stop::Unsendable(Category::Protocol, text.to_owned()));
        if envelope.recipients.is_empty() {
            return unsendable("the envelope has no recipient");
        }
        if let Err(bare) = check_line_breaks(message) {
            return unsendable(&bare.to_string());
        }
        if envelope.needs_smtputf8() && !self.offer.smtputf8 {
            return unsendable("an address is not ASCII and the server does not offer SMTPUTF8");
        }
        if !self.offer.eight_bit && !message.is_ascii() {
            return unsendable(
                "the message holds 8-bit bytes and the server does not offer 8BITMIME",
            );
        }
        match self.offer.size.admits(message.len()) {
            true => Ok(()),
            false => Err(Stop::Unsendable(
                Category::TooLarge,
                format!(
                    "the message of {} bytes is larger than the server takes",
                    message.len()
                ),
            )),
        }
    }

    /// The transaction to go on with: a new one, or the one whose commands were sent ahead.
    async fn begin(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
        course: &mut Course,
    ) -> Result<Transaction, Stop> {
        let before = match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => return Err(Trouble::Lost(closed()).into()),
            State::Clean => Before::Clean,
            State::Unfinished => Before::Unfinished,
            State::Ahead(transaction) if self.was_ahead(envelope) => {
                self.wire.transcript.client(&self.ahead);
                return Ok(transaction);
            }
            State::Ahead(transaction) => self.give_up_ahead(transaction, course).await?,
        };
        self.check_quiet().await?;
        let hand = self.hand_for(envelope, message);
        Ok(Transaction::new(hand, envelope, before))
    }

    fn hand_for(&self, envelope: &Envelope, message: &[u8]) -> Hand {
        let chunks = self.offer.chunking && self.shared.config.chunking == Chunking::WhenOffered;
        // With several recipients the message must wait until the first is known to be accepted.
        let at_once =
            self.offer.pipelining && envelope.recipients.len() == 1 && message.len() <= BLOCK_BYTES;
        match (chunks, at_once) {
            (false, _) => Hand::Dot,
            (true, false) => Hand::Chunk,
            (true, true) => Hand::ChunkAtOnce,
        }
    }

    /// Whether the commands sent ahead are this envelope's.
    fn was_ahead(&mut self, envelope: &Envelope) -> bool {
        self.wire.out.clear();
        write_ahead(envelope, &self.offer, &mut self.wire.out);
        let same = self.wire.out == self.ahead;
        self.wire.out.clear();
        same
    }

    /// The commands sent ahead were for a message that does not come: their transaction has to be undone.
    async fn give_up_ahead(
        &mut self,
        mut transaction: Transaction,
        course: &mut Course,
    ) -> Result<Before, Stop> {
        self.wire.transcript.client(&self.ahead);
        while transaction.awaits_reply() && self.take_reply(&mut transaction, course).await.is_ok()
        {
        }
        course.phase = Phase::Mail;
        match transaction.awaits_reply() || transaction.is_data_open() {
            true => Err(Trouble::Lost(io::Error::other(
                "the server waited for another message, so the connection was closed",
            ))
            .into()),
            false => Ok(Before::Unfinished),
        }
    }

    /// Nothing is asked, so nothing may have been said: else the connection is closed or out of step.
    async fn check_quiet(&mut self) -> Result<(), Stop> {
        if self.wire.is_quiet().await? {
            return Ok(());
        }
        if self.wire.last_words_are_there().await
            && let Ok(Some(reply)) = self.wire.replies.take()
        {
            self.wire.transcript.server(reply.as_bytes());
            return Err(Stop::Unasked(reply.to_reply()));
        }
        Err(violation(SPOKE_UNASKED))
    }

    /// Everything asked is answered, so nothing may be left: else each reply would be taken for the next one.
    pub(super) fn check_in_step(&self) -> Result<(), Stop> {
        match self.wire.replies.is_empty() {
            true => Ok(()),
            false => Err(violation(SPOKE_UNASKED)),
        }
    }

    /// Sends the envelope's commands and takes their replies.
    async fn settle_envelope(
        &mut self,
        transaction: &mut Transaction,
        envelope: &Envelope,
        message: &[u8],
        course: &mut Course,
    ) -> Result<(), Stop> {
        while transaction.awaits_reply() {
            let commands = Commands {
                envelope,
                offer: &self.offer,
                message: Some(message),
            };
            transaction.write(&commands, &mut self.wire.out);
            if !self.wire.out.is_empty() {
                course.phase = transaction.phase();
                self.send_commands(transaction, message, course).await?;
            }
            self.take_reply(transaction, course).await?;
        }
        Ok(())
    }

    async fn take_reply(
        &mut self,
        transaction: &mut Transaction,
        course: &mut Course,
    ) -> Result<(), Stop> {
        course.phase = transaction.phase();
        let within = self.shared.config.deadlines.of(course.phase);
        self.wire.reply_is_there(within).await?;
        if let Some(reply) = self.wire.replies.take().map_err(Trouble::from)? {
            self.wire.transcript.server(reply.as_bytes());
            transaction.receive(&reply)?;
        }
        Ok(())
    }

    fn report(
        &mut self,
        times: PhaseTimes,
        course: Course,
        result: Result<(Phase, Reply), Stop>,
    ) -> Sent {
        let verdict = verdict(&course, &result);
        let (phase, reply, category, error) = match result {
            Ok((phase, reply)) => (phase, Some(reply), None, None),
            Err(stop) => stop.facts(&course),
        };
        let wants_dialogue =
            verdict != Verdict::Delivered || self.shared.config.dialogue == Dialogue::Always;
        let dialogue = wants_dialogue
            .then(|| self.wire.transcript.render())
            .flatten();
        let attempt = Attempt {
            remote: self.shared.remote.clone(),
            tls: self.tls.clone(),
            phase,
            reply,
            category,
            error,
            times,
            refused_copies: course.refused_copies,
            dialogue,
        };
        Sent { attempt, verdict }
    }
}

/// Appends an envelope's commands as they are sent ahead of its message.
pub(super) fn write_ahead(envelope: &Envelope, offer: &Offer, out: &mut Vec<u8>) -> Transaction {
    let mut transaction = Transaction::new(Hand::Dot, envelope, Before::Clean);
    let commands = Commands {
        envelope,
        offer,
        message: None,
    };
    transaction.write(&commands, out);
    transaction
}

/// What an answered transaction leaves behind on the server: nothing, once it took the message. After a refusal
/// RSET makes sure of that; after a refused chunk it is asked for (RFC 3030 §2).
fn state_after(transaction: &Transaction) -> State {
    match transaction.is_refused() {
        true => State::Unfinished,
        false => State::Clean,
    }
}
