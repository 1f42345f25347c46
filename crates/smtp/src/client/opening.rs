//! From the greeting to the point where messages can be sent: a pure state machine over the server's replies.

use model::{Category, Phase, Reply};

use super::auth::{Authentication, NoMechanism};
use super::config::{ClientConfig, TlsMode};
use super::error::Persistence;
use super::offer::Offer;
use crate::security::{Peer, Protection};
use crate::wire::RawReply;
use crate::wire::command::write_line;

/// The state of an opening.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    config: &'a ClientConfig,
    peer: Peer,
    protection: Protection,
    stage: Stage<'a>,
    offer: Offer,
}

/// Whose reply comes next.
#[derive(Debug)]
enum Stage<'a> {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Authenticate {
        run: Authentication<'a>,
        shown: String,
    },
}

/// What has to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Send what was written, then hand over the reply.
    Exchange,
    /// Start TLS, then call [`Opening::secured`].
    StartTls,
    /// Nothing: messages can be sent.
    Ready,
}

/// Why it goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpeningError {
    pub phase: Phase,
    pub reply: Option<Reply>,
    pub category: Option<Category>,
    pub error: Option<Box<str>>,
    pub persistence: Persistence,
}

impl<'a> Opening<'a> {
    /// Begins with a connection on which the server speaks first.
    pub(crate) fn new(config: &'a ClientConfig, peer: Peer, protection: Protection) -> Self {
        Self {
            config,
            peer,
            protection,
            stage: Stage::Greeting,
            offer: Offer::default(),
        }
    }

    /// The phase whose reply is awaited.
    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Greeting => Phase::Greeting,
            Stage::Ehlo | Stage::Helo => Phase::Hello,
            Stage::StartTls => Phase::Tls,
            Stage::Authenticate { .. } => Phase::Authenticate,
        }
    }

    /// What the server offered last.
    pub(crate) fn offer(&self) -> Offer {
        self.offer
    }

    /// What a dialogue shows in place of the line just written, where that holds credentials.
    pub(crate) fn shown_line(&self) -> Option<&str> {
        match &self.stage {
            Stage::Authenticate { shown, .. } => Some(shown),
            Stage::Greeting | Stage::Ehlo | Stage::Helo | Stage::StartTls => None,
        }
    }

    /// A text of the server's with our credentials blanked out, where it may repeat them.
    pub(crate) fn redact(&self, text: &str) -> String {
        match &self.stage {
            Stage::Authenticate { run, .. } => run.redact(text),
            Stage::Greeting | Stage::Ehlo | Stage::Helo | Stage::StartTls => text.to_owned(),
        }
    }

    /// Takes the awaited reply; the next line, if any, is appended to `out`.
    pub(crate) fn receive(
        &mut self,
        reply: &RawReply<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Move, OpeningError> {
        if reply.code == 421 {
            return Err(self.refused(reply));
        }
        match self.stage {
            Stage::Greeting => self.receive_greeting(reply, out),
            Stage::Ehlo => self.receive_ehlo(reply, out),
            Stage::Helo => self.receive_helo(reply, out),
            Stage::StartTls => self.receive_starttls(reply, out),
            Stage::Authenticate { .. } => self.receive_authentication(reply, out),
        }
    }

    /// TLS runs: what was heard before is forgotten and EHLO said again (RFC 3207 §4.2).
    pub(crate) fn secured(&mut self, out: &mut Vec<u8>) {
        self.protection = Protection::Tls;
        self.offer = Offer::default();
        self.say_ehlo(out);
    }

    fn receive_greeting(
        &mut self,
        reply: &RawReply<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Move, OpeningError> {
        if reply.code != 220 {
            return Err(self.refused(reply));
        }
        self.say_ehlo(out);
        Ok(Move::Exchange)
    }

    fn say_ehlo(&mut self, out: &mut Vec<u8>) {
        write_line(out, &format!("EHLO {}", self.config.hello_name));
        self.stage = Stage::Ehlo;
    }

    fn receive_ehlo(
        &mut self,
        reply: &RawReply<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Move, OpeningError> {
        if reply.is_positive() {
            self.offer = Offer::parse(reply);
            return self.after_hello(out);
        }
        // 500 to 504: the command is unknown. Anything else is about us (RFC 5321 §4.2.2).
        if !(500..=504).contains(&reply.code) {
            return Err(self.refused(reply));
        }
        write_line(out, &format!("HELO {}", self.config.hello_name));
        self.stage = Stage::Helo;
        Ok(Move::Exchange)
    }

    fn receive_helo(
        &mut self,
        reply: &RawReply<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Move, OpeningError> {
        match reply.is_positive() {
            true => self.after_hello(out),
            false => Err(self.refused(reply)),
        }
    }

    fn after_hello(&mut self, out: &mut Vec<u8>) -> Result<Move, OpeningError> {
        if self.protection == Protection::Tls {
            return self.authenticate(out);
        }
        match (self.config.tls, self.offer.starttls) {
            (TlsMode::Required | TlsMode::Opportunistic, true) => {
                write_line(out, "STARTTLS");
                self.stage = Stage::StartTls;
                Ok(Move::Exchange)
            }
            (TlsMode::Required, false) => Err(failed(
                Phase::Tls,
                Category::Tls,
                "the server does not offer STARTTLS, which is required: use implicit TLS (port \
                 465), or make TLS opportunistic for this server",
            )),
            (TlsMode::Off | TlsMode::Opportunistic | TlsMode::Implicit, _) => {
                self.authenticate(out)
            }
        }
    }

    fn receive_starttls(
        &mut self,
        reply: &RawReply<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Move, OpeningError> {
        match (reply.code, self.config.tls) {
            (220, _) => Ok(Move::StartTls),
            (400..600, TlsMode::Opportunistic) => self.authenticate(out),
            _ => Err(OpeningError {
                category: Some(Category::Tls),
                persistence: Persistence::Transient,
                ..self.refused(reply)
            }),
        }
    }

    fn authenticate(&mut self, out: &mut Vec<u8>) -> Result<Move, OpeningError> {
        let Some(credentials) = &self.config.credentials else {
            return Ok(Move::Ready);
        };
        let policy = self.config.clear_text_auth;
        let mechanism = self
            .offer
            .auth
            .choose(credentials.mechanism, policy, self.protection, self.peer)
            .map_err(no_mechanism)?;
        let run = Authentication::start(credentials, mechanism, out);
        let shown = run.shown_start();
        self.stage = Stage::Authenticate { run, shown };
        Ok(Move::Exchange)
    }

    fn receive_authentication(
        &mut self,
        reply: &RawReply<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Move, OpeningError> {
        if reply.is_positive() {
            return Ok(Move::Ready);
        }
        if reply.is_refusal() {
            return Err(self.refused(reply));
        }
        let Stage::Authenticate { run, shown } = &mut self.stage else {
            return Ok(Move::Ready);
        };
        let challenge = reply.lines().next().unwrap_or_default();
        "***".clone_into(shown);
        run.answer(challenge, out).ok_or_else(|| {
            failed(
                Phase::Authenticate,
                Category::Protocol,
                "the server's challenge does not belong to this mechanism",
            )
        })?;
        Ok(Move::Exchange)
    }

    /// The server said no, or something that is no answer to what was asked.
    fn refused(&self, reply: &RawReply<'_>) -> OpeningError {
        let phase = self.phase();
        let kept = reply.to_reply();
        let permanent = kept.is_permanent();
        let text = self.redact(&kept.text).into_boxed_str();
        let category = match phase {
            _ if !reply.is_refusal() => Some(Category::Protocol),
            Phase::Authenticate if reply.code != 421 => Some(Category::Authentication),
            _ => None,
        };
        OpeningError {
            phase,
            reply: Some(Reply { text, ..kept }),
            category,
            error: (category == Some(Category::Protocol))
                .then(|| "that is no answer to what was asked".into()),
            persistence: match permanent {
                true => Persistence::Permanent,
                false => Persistence::Transient,
            },
        }
    }
}

/// A failure in our own words that may pass.
pub(crate) fn failed(phase: Phase, category: Category, error: &str) -> OpeningError {
    OpeningError {
        phase,
        reply: None,
        category: Some(category),
        error: Some(error.into()),
        persistence: Persistence::Transient,
    }
}

fn no_mechanism(problem: NoMechanism) -> OpeningError {
    OpeningError {
        persistence: Persistence::Permanent,
        ..failed(
            Phase::Authenticate,
            Category::Authentication,
            &problem.to_string(),
        )
    }
}
