//! Opens connections: name lookup, TCP, greeting, EHLO, TLS, AUTH.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{Attempt, Category, Phase, PhaseTimes};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::config::{ClientConfig, TlsMode};
use super::connection::Connection;
use super::error::{ConfigError, ConnectError};
use super::opening::{Move, Opening, OpeningError, failed};
use super::tls::{self, CertificateCheck, TlsSetup};
use super::wire::{SPOKE_UNASKED, Trouble, Wire};
use crate::channel::{Channel, Transport};
use crate::security::{Peer, Protection};

/// Most addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;
/// Longest EHLO name, in bytes.
const HELLO_NAME_BYTES_MAX: usize = 255;

/// Opens connections to one server. Made once; clones share everything.
#[derive(Clone, Debug)]
pub struct Connector {
    shared: Arc<Shared>,
}

/// What all connections of a connector share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub config: ClientConfig,
    pub tls: Option<TlsSetup>,
    pub remote: Box<str>,
}

/// One opening under way, and what is known of it so far.
struct Dial<'a> {
    shared: &'a Shared,
    times: PhaseTimes,
    tls: Option<Box<str>>,
}

impl Connector {
    /// Checks a configuration and prepares what all connections share.
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        check_hello_name(&config.hello_name)?;
        if let Some(credentials) = &config.credentials {
            credentials.check()?;
        }
        let tls = tls::prepare(&config)?;
        let remote = match config.host.contains(':') {
            true => format!("[{}]:{}", config.host, config.port),
            false => format!("{}:{}", config.host, config.port),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                tls,
                remote: remote.into(),
            }),
        })
    }

    /// Opens a connection, as far as messages can be sent.
    pub async fn connect(&self) -> Result<Connection, ConnectError> {
        let mut dial = Dial::new(&self.shared);
        let started = Instant::now();
        let found = dial_tcp(&self.shared.config).await;
        dial.times.connect_us = micros(started.elapsed());
        match found {
            Ok((stream, address)) => self.open_from(dial, stream, Peer::of(address.ip())).await,
            Err(error) => Err(dial.error(error, None)),
        }
    }

    /// Opens a connection over a stream that is connected already; `peer` tells where it leads.
    pub async fn open<S>(&self, stream: S, peer: Peer) -> Result<Connection<S>, ConnectError>
    where
        S: Transport,
    {
        self.open_from(Dial::new(&self.shared), stream, peer).await
    }

    async fn open_from<S>(
        &self,
        mut dial: Dial<'_>,
        stream: S,
        peer: Peer,
    ) -> Result<Connection<S>, ConnectError>
    where
        S: Transport,
    {
        let (wire, opening) = dial.run(stream, peer).await?;
        let shared = Arc::clone(&self.shared);
        Ok(Connection::new(
            shared,
            wire,
            opening.offer(),
            dial.times,
            dial.tls,
        ))
    }
}

/// An EHLO name must be one word of visible ASCII (RFC 5321 §4.1.1.1).
fn check_hello_name(name: &str) -> Result<(), ConfigError> {
    let fits = (1..=HELLO_NAME_BYTES_MAX).contains(&name.len());
    match fits && name.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(ConfigError::HelloName(name.into())),
    }
}

/// Connects to the first address that answers; all of them share the deadline.
async fn dial_tcp(config: &ClientConfig) -> Result<(TcpStream, SocketAddr), OpeningError> {
    let ends = Instant::now() + config.deadlines.connect;
    let lookup = timeout(
        config.deadlines.connect,
        lookup_host((&*config.host, config.port)),
    );
    let addresses: Vec<SocketAddr> = match lookup.await {
        Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect(),
        Ok(Err(error)) => return Err(connect_error("looking up the host", &error)),
        Err(_) => return Err(connect_error("looking up the host", &timed_out())),
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (number, address) in addresses.iter().enumerate() {
        let left = ends.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - number) as u32;
        let attempt = timeout(share, TcpStream::connect(address));
        match attempt.await.unwrap_or_else(|_| Err(timed_out())) {
            Ok(stream) => {
                // Without this each small write waits for the ACK of the one before.
                stream
                    .set_nodelay(true)
                    .map_err(|error| connect_error("connecting", &error))?;
                return Ok((stream, *address));
            }
            Err(error) => last = error,
        }
    }
    Err(connect_error("connecting", &last))
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

fn connect_error(what: &str, error: &io::Error) -> OpeningError {
    let category = match error.kind() {
        io::ErrorKind::TimedOut => Category::Timeout,
        _ => Category::Connection,
    };
    failed(Phase::Connect, category, &format!("{what}: {error}"))
}

// === impl Dial ===

impl<'a> Dial<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            times: PhaseTimes::default(),
            tls: None,
        }
    }

    async fn run<S>(
        &mut self,
        stream: S,
        peer: Peer,
    ) -> Result<(Wire<S>, Opening<'a>), ConnectError>
    where
        S: Transport,
    {
        let implicit = self.shared.config.tls == TlsMode::Implicit;
        let (channel, protection) = match implicit {
            true => (self.secure(stream).await?, Protection::Tls),
            false => (Channel::Plain(stream), Protection::Clear),
        };
        let mut wire = Wire::new(channel);
        let mut opening = Opening::new(&self.shared.config, peer, protection);
        loop {
            match self.exchange(&mut wire, &mut opening).await {
                Ok(Move::Exchange) => {}
                Ok(Move::Ready) => return Ok((wire, opening)),
                Ok(Move::StartTls) => wire = self.start_tls(wire, &mut opening).await?,
                Err(error) => return Err(self.error(error, wire.transcript.render())),
            }
        }
    }

    /// Sends what is written and takes the reply to it.
    async fn exchange<S>(
        &mut self,
        wire: &mut Wire<S>,
        opening: &mut Opening<'a>,
    ) -> Result<Move, OpeningError>
    where
        S: Transport,
    {
        let phase = opening.phase();
        let within = self.shared.config.deadlines.of(phase);
        let started = Instant::now();
        let exchanged = ask(wire, within).await;
        self.add_time(phase, started);
        match exchanged {
            Ok(true) => {}
            Ok(false) => return Err(failed(phase, Category::Protocol, SPOKE_UNASKED)),
            Err(trouble) => return Err(opening_error(phase, &trouble)),
        }
        let taken = wire.replies.take();
        let Ok(Some(reply)) = taken else {
            return Err(failed(phase, Category::Protocol, "no reply"));
        };
        let said = String::from_utf8_lossy(reply.as_bytes());
        wire.transcript.server(opening.redact(&said).as_bytes());
        let next = opening.receive(&reply, &mut wire.out)?;
        let shown = opening.shown_line().map(str::as_bytes);
        match shown {
            _ if wire.out.is_empty() => {}
            Some(line) => wire.transcript.client(&[line, b"\r\n"].concat()),
            None => wire.transcript.client(&wire.out),
        }
        Ok(next)
    }

    /// The server agreed to STARTTLS. Whatever it sent after its 220 was said by whoever sits in between.
    async fn start_tls<S>(
        &mut self,
        wire: Wire<S>,
        opening: &mut Opening<'a>,
    ) -> Result<Wire<S>, ConnectError>
    where
        S: Transport,
    {
        let problem = "the server sent more than its reply to STARTTLS before TLS began";
        let (true, Channel::Plain(stream)) = (wire.replies.is_empty(), wire.channel) else {
            let error = failed(Phase::Tls, Category::Tls, problem);
            return Err(self.error(error, wire.transcript.render()));
        };
        let mut secured = Wire::new(self.secure(stream).await?);
        secured.transcript = wire.transcript;
        opening.secured(&mut secured.out);
        secured.transcript.client(&secured.out);
        Ok(secured)
    }

    async fn secure<S>(&mut self, stream: S) -> Result<Channel<S>, ConnectError>
    where
        S: Transport,
    {
        let Some(setup) = &self.shared.tls else {
            let error = failed(Phase::Tls, Category::Tls, "TLS is off");
            return Err(self.error(error, None));
        };
        let started = Instant::now();
        let handshake = Channel::connect_tls(stream, Arc::clone(&setup.config), setup.name.clone());
        let done = timeout(self.shared.config.deadlines.tls, handshake).await;
        self.add_time(Phase::Tls, started);
        match done {
            Ok(Ok(channel)) => {
                self.tls = channel
                    .tls_summary()
                    .map(|text| describe(text, setup.certificate));
                Ok(channel)
            }
            Ok(Err(error)) => {
                let text = format!("the TLS handshake failed: {error}");
                Err(self.error(failed(Phase::Tls, Category::Tls, &text), None))
            }
            Err(_) => {
                let text = "the TLS handshake did not end in time";
                Err(self.error(failed(Phase::Tls, Category::Timeout, text), None))
            }
        }
    }

    fn add_time(&mut self, phase: Phase, started: Instant) {
        let spent = match phase {
            Phase::Tls => &mut self.times.tls_us,
            Phase::Authenticate => &mut self.times.authenticate_us,
            Phase::Compose
            | Phase::Connect
            | Phase::Greeting
            | Phase::Hello
            | Phase::Mail
            | Phase::Recipient
            | Phase::Data
            | Phase::Final => &mut self.times.hello_us,
        };
        *spent = spent.saturating_add(micros(started.elapsed()));
    }

    fn error(&self, error: OpeningError, dialogue: Option<Box<str>>) -> ConnectError {
        ConnectError {
            attempt: Box::new(Attempt {
                remote: self.shared.remote.clone(),
                tls: self.tls.clone(),
                phase: error.phase,
                reply: error.reply,
                category: error.category,
                error: error.error,
                times: self.times,
                refused_copies: Vec::new(),
                dialogue,
            }),
            persistence: error.persistence,
        }
    }
}

/// Sends what is written, if anything, and waits for the reply; `false` when one was there already.
async fn ask<S>(wire: &mut Wire<S>, within: Duration) -> Result<bool, Trouble>
where
    S: Transport,
{
    if !wire.out.is_empty() && !wire.is_quiet().await? {
        return Ok(false);
    }
    wire.flush(within).await?;
    wire.reply_is_there(within).await?;
    Ok(true)
}

fn describe(summary: String, certificate: CertificateCheck) -> Box<str> {
    match certificate {
        CertificateCheck::Checked => summary.into(),
        CertificateCheck::Unchecked => format!("{summary}, certificate not checked").into(),
    }
}

fn opening_error(phase: Phase, trouble: &Trouble) -> OpeningError {
    failed(phase, trouble.category(), &trouble.to_string())
}

/// A duration in whole microseconds.
pub(crate) fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
