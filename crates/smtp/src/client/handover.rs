//! Puts commands and messages on the wire: dotted or in chunks, in blocks, the next envelope behind them.

use model::{Envelope, Phase};

use super::commands::{missing_line_end, write_chunk};
use super::connection::{BLOCK_BYTES, Connection, State, write_ahead};
use super::transaction::{Hand, Interruption, Transaction};
use super::verdict::{Course, Stop};
use super::wire::Trouble;
use crate::channel::Transport;
use crate::wire::command::write_bdat_last;
use crate::wire::dot::DotStuffer;

impl<S: Transport> Connection<S> {
    pub(super) async fn send_commands(
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
    pub(super) async fn hand_over(
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

    pub(super) async fn flush(&mut self, course: &Course) -> Result<(), Stop> {
        let deadlines = &self.shared.config.deadlines;
        let within = match course.body_begun {
            true => deadlines.block,
            false => deadlines.of(course.phase),
        };
        let flushed = self.wire.flush(within).await;
        self.or_last_words(flushed).await
    }

    /// When a write failed because the server closed or stopped reading, it may have said why.
    async fn or_last_words(&mut self, written: Result<(), Trouble>) -> Result<(), Stop> {
        let Err(trouble) = written else { return Ok(()) };
        if matches!(trouble, Trouble::Lost(_) | Trouble::TimedOut(_))
            && self.wire.last_words_are_there().await
            && let Ok(Some(reply)) = self.wire.replies.take()
            && reply.is_refusal()
        {
            self.wire.transcript.server(reply.as_bytes());
            return Err(Interruption::Closing(reply.to_reply()).into());
        }
        Err(trouble.into())
    }

    /// Ends an open DATA that nobody is to get. What the server says to that does not matter, as long as it
    /// says something.
    pub(super) async fn end_empty(&mut self, course: &Course) -> State {
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
}
