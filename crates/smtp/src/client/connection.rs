//! An open connection: sends message after message and reports what became of each.
//!
//! Invariants: a message is never sent in part and then ended; a connection whose state is in doubt is never
//! used again. While a message is under way the state is `Closed`, so a send that is dropped half-way leaves
//! a connection that refuses to be used.

use std::sync::Arc;
use std::time::Duration;

use model::{Attempt, Category, Envelope, Phase, PhaseTimes, Reply};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::config::{Chunking, Dialogue};
use super::connector::{Shared, micros};
use super::offer::Offer;
use super::transaction::{
    Before, Commands, Decision, Hand, Interruption, Transaction, missing_line_end, write_chunk,
};
use super::wire::{SPOKE_UNASKED, Trouble, Wire, closed};
use crate::wire::command::{write_bdat_last, write_line};
use crate::wire::dot::{DotStuffer, check_line_breaks};

/// Largest message that goes out in one write together with its envelope, in bytes. A larger one is written
/// in blocks of this size.
const BLOCK_BYTES: usize = 64 * 1024;
/// How long QUIT's reply is waited for.
const QUIT_WAIT: Duration = Duration::from_secs(2);

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The facts.
    pub attempt: Attempt,
    /// What they amount to.
    pub verdict: Verdict,
}

/// What one try amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server took responsibility.
    Delivered,
    /// A reply decides, for now or for good: see the attempt's reply.
    Refused,
    /// No reply decided: the connection broke, a deadline passed, or what came was no SMTP. If the attempt's
    /// phase is [`Phase::Final`], the server may have taken the message all the same.
    Failed,
    /// This message can never be sent to this server as it is; nothing of it was.
    Unsendable,
    /// A connection used before turned out dead, or said 421, before any byte of the message was sent: safe
    /// to try again at once on a fresh one.
    NotStarted,
}

/// An open connection. Dropping it closes it without QUIT.
#[derive(Debug)]
pub struct Connection<S = TcpStream> {
    shared: Arc<Shared>,
    wire: Wire<S>,
    offer: Offer,
    tls: Option<Box<str>>,
    state: State,
    /// Times of the opening, until the first message reports them.
    opening_times: Option<PhaseTimes>,
    /// The commands that were sent ahead, to tell whether the next message is the one they were for.
    ahead: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// No transaction is open.
    Clean,
    /// The last transaction was refused: RSET goes first.
    Unfinished,
    /// The next transaction's commands were sent behind the last message's dot.
    Ahead(Transaction),
    /// Not to be used any more.
    Closed,
}

/// Where a message got to; what is left to say about it when it fails.
#[derive(Debug)]
struct Course {
    phase: Phase,
    body_begun: bool,
    was_used: bool,
    refused_copies: Vec<Box<str>>,
}

/// Why a message was not sent to its end.
#[derive(Debug)]
enum Stop {
    Unsendable(Category, String),
    Wire(Trouble),
    Interrupted(Interruption),
    /// The server spoke before anything was asked of it.
    Unasked(Reply),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Wire(trouble)
    }
}

impl From<Interruption> for Stop {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
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
        while transaction.awaits_reply() {
            self.take_reply(&mut transaction, course).await?;
        }
        course.phase = Phase::Mail;
        match transaction.is_data_open() {
            true => Err(Trouble::Lost(std::io::Error::other(
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
    fn check_in_step(&self) -> Result<(), Stop> {
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

    async fn send_commands(
        &mut self,
        transaction: &Transaction,
        message: &[u8],
        course: &mut Course,
    ) -> Result<(), Stop> {
        self.check_in_step()?;
        let carried = match transaction.carries_message() {
            true => message.len() + missing_line_end(message).len(),
            false => 0,
        };
        let shown = self.wire.out.len().saturating_sub(carried);
        self.wire.transcript.client(&self.wire.out[..shown]);
        if !transaction.carries_message() {
            return self.flush(course).await;
        }
        let before = self.wire.sent_bytes;
        let flushed = self.flush(course).await;
        course.body_begun = self.wire.sent_bytes > before;
        flushed
    }

    /// Hands the message over; gives the next transaction when its commands went along.
    async fn hand_over(
        &mut self,
        transaction: &mut Transaction,
        message: &[u8],
        next: Option<&Envelope>,
        course: &mut Course,
    ) -> Result<Option<Transaction>, Stop> {
        self.check_in_step()?;
        transaction.handed_over();
        course.phase = Phase::Data;
        course.body_begun = true;
        match transaction.hand() {
            Hand::Dot => return self.send_dotted(message, next, course).await,
            Hand::Chunk | Hand::ChunkAtOnce => self.send_chunk(message, course).await?,
        }
        Ok(None)
    }

    async fn send_dotted(
        &mut self,
        message: &[u8],
        next: Option<&Envelope>,
        course: &mut Course,
    ) -> Result<Option<Transaction>, Stop> {
        let mut stuffer = DotStuffer::default();
        for block in message.chunks(BLOCK_BYTES) {
            self.flush(course).await?;
            stuffer.stuff(block, &mut self.wire.out);
        }
        stuffer.finish(&mut self.wire.out);
        self.wire.transcript.client(b".\r\n");
        let next = next.filter(|next| self.may_go_ahead(next));
        let transaction = next.map(|next| {
            self.ahead.clear();
            let transaction = write_ahead(next, &self.offer, &mut self.ahead);
            self.wire.out.extend_from_slice(&self.ahead);
            transaction
        });
        self.flush(course).await?;
        Ok(transaction)
    }

    fn may_go_ahead(&self, next: &Envelope) -> bool {
        let addressable = !next.needs_smtputf8() || self.offer.smtputf8;
        self.offer.pipelining && addressable && !next.recipients.is_empty()
    }

    async fn send_chunk(&mut self, message: &[u8], course: &mut Course) -> Result<(), Stop> {
        if message.len() <= BLOCK_BYTES {
            write_chunk(message, &mut self.wire.out);
            return self.flush(course).await;
        }
        let end = missing_line_end(message);
        write_bdat_last(&mut self.wire.out, message.len() + end.len());
        self.wire.transcript.client(&self.wire.out);
        self.flush(course).await?;
        for block in message.chunks(BLOCK_BYTES) {
            let within = self.shared.config.deadlines.block;
            let written = self.wire.write(block, within).await;
            self.or_last_words(written).await?;
        }
        self.wire.out.extend_from_slice(end);
        self.flush(course).await
    }

    async fn flush(&mut self, course: &Course) -> Result<(), Stop> {
        let deadlines = &self.shared.config.deadlines;
        let within = match course.body_begun {
            true => deadlines.block,
            false => deadlines.of(course.phase),
        };
        let flushed = self.wire.flush(within).await;
        self.or_last_words(flushed).await
    }

    /// When a write failed because the server closed, it may have said why.
    async fn or_last_words(&mut self, written: Result<(), Trouble>) -> Result<(), Stop> {
        let Err(trouble) = written else { return Ok(()) };
        if matches!(trouble, Trouble::Lost(_))
            && self.wire.last_words_are_there().await
            && let Ok(Some(reply)) = self.wire.replies.take()
            && reply.is_refusal()
        {
            self.wire.transcript.server(reply.as_bytes());
            return Err(Interruption::Closing(reply.to_reply()).into());
        }
        Err(trouble.into())
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

    /// Ends an open DATA that nobody is to get. What the server says to that does not matter, as long as it
    /// says something.
    async fn end_empty(&mut self, course: &Course) -> State {
        self.wire.out.extend_from_slice(b".\r\n");
        self.wire.transcript.client(b".\r\n");
        let ended = async {
            self.flush(course).await?;
            let within = self.shared.config.deadlines.final_reply;
            self.wire.reply_is_there(within).await?;
            Ok::<_, Stop>(self.wire.replies.take().map_err(Trouble::from)?.is_some())
        };
        match ended.await {
            Ok(true) => State::Unfinished,
            Ok(false) | Err(_) => State::Closed,
        }
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
fn write_ahead(envelope: &Envelope, offer: &Offer, out: &mut Vec<u8>) -> Transaction {
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

fn violation(text: &str) -> Stop {
    Interruption::Violation(text.to_owned()).into()
}

fn verdict(course: &Course, result: &Result<(Phase, Reply), Stop>) -> Verdict {
    match result {
        Ok((_, reply)) if reply.is_positive() => Verdict::Delivered,
        Ok(_) => Verdict::Refused,
        Err(Stop::Unsendable(..)) => Verdict::Unsendable,
        Err(Stop::Interrupted(Interruption::Closing(reply))) => match course.is_untouched_by(reply)
        {
            true => Verdict::NotStarted,
            false => Verdict::Refused,
        },
        Err(Stop::Unasked(reply)) => match (course.was_used, reply.code) {
            (true, 400..) => Verdict::NotStarted,
            (false, 421) => Verdict::Refused,
            _ => Verdict::Failed,
        },
        Err(Stop::Wire(Trouble::Lost(_))) if course.was_used && !course.body_begun => {
            Verdict::NotStarted
        }
        Err(Stop::Wire(_) | Stop::Interrupted(Interruption::Violation(_))) => Verdict::Failed,
    }
}

impl Course {
    /// Whether a used connection ended with this reply before the server looked at the message. With 421 to
    /// MAIL or RCPT it does not look at what was sent behind them either.
    fn is_untouched_by(&self, closing: &Reply) -> bool {
        let before_message = matches!(self.phase, Phase::Mail | Phase::Recipient);
        self.was_used && closing.code == 421 && (before_message || !self.body_begun)
    }
}

type Facts = (Phase, Option<Reply>, Option<Category>, Option<Box<str>>);

impl Stop {
    /// What an attempt says about it.
    fn facts(self, course: &Course) -> Facts {
        let phase = course.phase;
        match self {
            Self::Unsendable(category, text) => {
                (Phase::Compose, None, Some(category), Some(text.into()))
            }
            Self::Wire(trouble) => {
                let text = trouble.to_string().into_boxed_str();
                (phase, None, Some(trouble.category()), Some(text))
            }
            Self::Interrupted(Interruption::Closing(reply)) => (phase, Some(reply), None, None),
            Self::Interrupted(Interruption::Violation(text)) => {
                (phase, None, Some(Category::Protocol), Some(text.into()))
            }
            Self::Unasked(reply) => {
                let text = SPOKE_UNASKED.into();
                let category = (reply.code < 400).then_some(Category::Protocol);
                (phase, Some(reply), category, Some(text))
            }
        }
    }
}
