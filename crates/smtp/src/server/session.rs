//! One session, without IO: input in, replies and questions out.

use model::{Address, Envelope, Reply, Secret};

use super::config::{AuthPolicy, Extension, ServerConfig, ServerTls};
use super::handler::Action;
use super::verbs::{self, auth::AuthStep, bdat::Chunk};
use crate::security::{Peer, Protection};
use crate::wire::chunk::ChunkPosition;
use crate::wire::command::Verb;
use crate::wire::line::{LineError, text_of, whole_line};
use crate::wire::{DotDecoder, InputBuffer};

/// Memory that is kept from message to message, in bytes.
const BODY_BYTES_KEPT: usize = 256 * 1024;

/// The state of one session.
#[derive(Debug)]
pub struct Session<'c> {
    pub(super) config: &'c ServerConfig,
    pub(super) peer: Peer,
    pub(super) protection: Protection,
    pub(super) hello: Option<Box<str>>,
    pub(super) user: Option<Box<str>>,
    pub(super) transaction: Option<Envelope>,
    pub(super) reading: Reading,
    pub(super) body: Body,
    /// Whether the handler refused MAIL or a recipient: commands pipelined behind it are not the client's fault.
    pub(super) refused: bool,
    errors: u32,
}

/// What the next bytes are.
#[derive(Debug)]
pub(super) enum Reading {
    Commands,
    Data(DotDecoder),
    Chunk(Chunk),
    Auth(AuthStep),
    Nothing,
}

/// A message's bytes, up to the limit; beyond it they are only counted.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub bytes: Vec<u8>,
    pub is_oversize: bool,
    /// Whether chunks of this message came already.
    pub is_begun: bool,
}

/// A question that a [`Handler`](super::Handler) answers, or a thing only the driver can do.
#[derive(Debug)]
pub enum Event {
    /// May this sender send?
    Mail(Option<Address>),
    /// May this recipient be written to?
    Recipient(Address),
    /// May the message come? Asked at DATA and at the first BDAT.
    Data,
    /// The message is there: see [`Session::envelope`] and [`Session::message`].
    Message,
    /// Is this who they say?
    Authenticate(Box<str>, Secret),
    /// Start TLS, if nothing of the input is left, then call [`Session::secured`].
    StartTls,
}

/// How far [`Session::advance`] got.
#[derive(Debug)]
pub enum Progress {
    /// A command is done; there may be more.
    Continue,
    /// More input is needed.
    NeedsInput,
    /// The event has to be answered with [`Session::answer`].
    Ask(Event),
    /// The session is over, once the replies are written.
    Closed,
}

impl<'c> Session<'c> {
    /// A new session. The greeting is written by answering it: see [`Session::greet`].
    pub fn new(config: &'c ServerConfig, peer: Peer, protection: Protection) -> Self {
        Self {
            config,
            peer,
            protection,
            hello: None,
            user: None,
            transaction: None,
            reading: Reading::Commands,
            body: Body::default(),
            refused: false,
            errors: 0,
        }
    }

    /// Writes the greeting.
    pub fn greet(&mut self, action: Action, out: &mut Vec<u8>) {
        let usual = format!("220 {} ESMTP ready\r\n", self.config.hostname);
        self.settle(action, usual.as_bytes(), 220..300, out);
    }

    /// Handles what stands first in the input: a command, or a piece of a message.
    pub fn advance(&mut self, input: &mut InputBuffer, out: &mut Vec<u8>) -> Progress {
        match self.reading {
            Reading::Nothing => Progress::Closed,
            _ if input.is_empty() && !self.has_whole_chunk() => Progress::NeedsInput,
            Reading::Commands | Reading::Auth(_) => self.advance_line(input, out),
            Reading::Data(_) => verbs::data::advance(self, input, out),
            Reading::Chunk(_) => verbs::bdat::advance(self, input, out),
        }
    }

    fn has_whole_chunk(&self) -> bool {
        matches!(&self.reading, Reading::Chunk(chunk) if chunk.bytes_left == 0)
    }

    fn advance_line(&mut self, input: &mut InputBuffer, out: &mut Vec<u8>) -> Progress {
        let length = match whole_line(input) {
            Ok(Some(length)) => length,
            Ok(None) => return Progress::NeedsInput,
            Err(error) => return self.refuse_line(error, out),
        };
        let event = match text_of(input.take(length)) {
            Some(line) if matches!(self.reading, Reading::Auth(_)) => {
                verbs::auth::line(self, line, out)
            }
            Some(line) => self.command(line, out),
            None => {
                self.reading = Reading::Commands;
                self.error(b"500 5.5.2 a command is plain text\r\n", out);
                None
            }
        };
        match (event, &self.reading) {
            (Some(event), _) => Progress::Ask(event),
            (None, Reading::Nothing) => Progress::Closed,
            (None, _) => Progress::Continue,
        }
    }

    /// Where the next command begins is unknown, so there is none (RFC 5321 §2.3.8).
    fn refuse_line(&mut self, error: LineError, out: &mut Vec<u8>) -> Progress {
        let code = match error {
            LineError::TooLong => "500 5.5.6",
            LineError::BareLineBreak => "521 5.5.2",
        };
        out.extend_from_slice(format!("{code} {error}\r\n").as_bytes());
        self.reading = Reading::Nothing;
        Progress::Closed
    }

    fn command(&mut self, line: &str, out: &mut Vec<u8>) -> Option<Event> {
        let Some((verb, argument)) = Verb::split(line) else {
            self.error(b"500 5.5.1 command not recognised\r\n", out);
            return None;
        };
        match verb {
            Verb::Ehlo => verbs::ehlo::ehlo(self, argument, out),
            Verb::Helo => verbs::ehlo::helo(self, argument, out),
            Verb::Mail => return verbs::mail::handle(self, argument, out),
            Verb::Rcpt => return verbs::rcpt::handle(self, argument, out),
            Verb::Data => return verbs::data::handle(self, argument, out),
            Verb::Bdat => return verbs::bdat::handle(self, argument, out),
            Verb::Rset => verbs::rset::handle(self, out),
            Verb::Noop => verbs::noop::handle(out),
            Verb::Vrfy => verbs::vrfy::handle(out),
            Verb::Help => verbs::help::handle(out),
            Verb::Quit => verbs::quit::handle(self, out),
            Verb::Starttls => return verbs::starttls::handle(self, argument, out),
            Verb::Auth => return verbs::auth::handle(self, argument, out),
        }
        None
    }

    /// Goes on as the handler decided.
    pub fn answer(&mut self, event: Event, action: Action, out: &mut Vec<u8>) {
        match event {
            Event::Mail(sender) => verbs::mail::answered(self, sender, action, out),
            Event::Recipient(recipient) => verbs::rcpt::answered(self, recipient, action, out),
            Event::Data => match self.reading {
                Reading::Chunk(_) => verbs::bdat::answered(self, action, out),
                _ => verbs::data::answered(self, action, out),
            },
            Event::Message => self.message_answered(action, out),
            Event::Authenticate(user, _) => verbs::auth::answered(self, user, action, out),
            Event::StartTls => {}
        }
    }

    /// Writes a reply and tells whether it goes on: the usual one, or the handler's if within `positive`.
    pub(super) fn settle(
        &mut self,
        action: Action,
        usual: &[u8],
        positive: std::ops::Range<u16>,
        out: &mut Vec<u8>,
    ) -> bool {
        match action {
            Action::Accept => {
                out.extend_from_slice(usual);
                true
            }
            Action::Reply(reply) => {
                write_reply(&reply, out);
                if reply.code == 421 {
                    self.reading = Reading::Nothing;
                }
                positive.contains(&reply.code)
            }
            Action::Drop => {
                self.reading = Reading::Nothing;
                false
            }
        }
    }

    fn message_answered(&mut self, action: Action, out: &mut Vec<u8>) {
        if self.settle(action, b"250 2.0.0 message accepted\r\n", 200..300, out) {
            self.errors = 0;
        }
        self.reset();
    }

    /// Ends the transaction, whatever became of it.
    pub(super) fn reset(&mut self) {
        self.transaction = None;
        self.refused = false;
        self.body.clear();
    }

    /// Writes a refusal that counts as the client's error; too many of them close the session.
    pub(super) fn error(&mut self, reply: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(reply);
        self.errors += 1;
        if self.errors > self.config.errors_max {
            out.extend_from_slice(b"421 4.7.0 too many errors\r\n");
            self.reading = Reading::Nothing;
        }
    }

    /// Refuses a command that comes at the wrong time. Behind a refused command it was pipelined in good faith.
    pub(super) fn out_of_order(&mut self, reply: &[u8], out: &mut Vec<u8>) {
        match self.refused {
            true => out.extend_from_slice(reply),
            false => self.error(reply, out),
        }
    }

    /// TLS runs: everything said before it is forgotten (RFC 3207 §4.2).
    pub fn secured(&mut self) {
        *self = Self::new(self.config, self.peer, Protection::Tls);
    }

    /// Says that the server goes away.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        let reply = format!("421 4.3.2 {} is going away\r\n", self.config.hostname);
        out.extend_from_slice(reply.as_bytes());
        self.reading = Reading::Nothing;
    }

    /// Says that the client took too long.
    pub fn time_out(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"421 4.4.2 too slow, closing\r\n");
        self.reading = Reading::Nothing;
    }

    /// The envelope so far.
    pub fn envelope(&self) -> Option<&Envelope> {
        self.transaction.as_ref()
    }

    /// The message that [`Event::Message`] speaks of.
    pub fn message(&self) -> &[u8] {
        &self.body.bytes
    }

    /// Who logged in.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether a message's bytes are being read.
    pub fn is_reading_message(&self) -> bool {
        matches!(self.reading, Reading::Data(_) | Reading::Chunk(_))
    }

    pub(super) fn offers(&self, extension: Extension) -> bool {
        self.config.extensions.has(extension)
    }

    pub(super) fn offers_starttls(&self) -> bool {
        matches!(self.config.tls, ServerTls::StartTls(_)) && self.protection == Protection::Clear
    }

    pub(super) fn offers_auth(&self) -> bool {
        let policy = self.config.clear_text_auth;
        self.config.auth != AuthPolicy::Off && policy.permits(self.protection, self.peer)
    }
}

/// Writes a handler's reply; a text of several lines becomes a reply of several lines. Characters that would
/// break a line are replaced.
fn write_reply(reply: &Reply, out: &mut Vec<u8>) {
    let mut lines = reply.text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let separator = if lines.peek().is_some() { '-' } else { ' ' };
        out.extend_from_slice(format!("{}{separator}", reply.code).as_bytes());
        if let Some(enhanced) = reply.enhanced {
            out.extend_from_slice(format!("{enhanced} ").as_bytes());
        }
        let clean = line
            .bytes()
            .map(|b| if b.is_ascii_control() { b' ' } else { b });
        out.extend(clean);
        out.extend_from_slice(b"\r\n");
    }
}

impl Body {
    /// Adds bytes, up to `bytes_max` in all.
    pub(super) fn push(&mut self, bytes: &[u8], bytes_max: usize) {
        match self.is_oversize || self.bytes.len() + bytes.len() > bytes_max {
            true => self.is_oversize = true,
            false => self.bytes.extend_from_slice(bytes),
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(BODY_BYTES_KEPT);
        (self.is_oversize, self.is_begun) = (false, false);
    }
}

/// What a message's end leads to: the handler's question, or the refusal of an oversize one.
pub(super) fn message_ended(session: &mut Session<'_>, out: &mut Vec<u8>) -> Progress {
    session.reading = Reading::Commands;
    if session.body.is_oversize {
        out.extend_from_slice(b"552 5.3.4 the message is too large\r\n");
        session.reset();
        return Progress::Continue;
    }
    Progress::Ask(Event::Message)
}

/// What a chunk's end leads to.
pub(super) fn chunk_ended(
    session: &mut Session<'_>,
    position: ChunkPosition,
    out: &mut Vec<u8>,
) -> Progress {
    match position {
        ChunkPosition::Last => message_ended(session, out),
        ChunkPosition::Inner => {
            session.reading = Reading::Commands;
            out.extend_from_slice(b"250 2.0.0 chunk received\r\n");
            Progress::Continue
        }
    }
}
