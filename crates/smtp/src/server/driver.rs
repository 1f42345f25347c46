//! Carries one connection's bytes to its session and back.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use model::Envelope;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::config::{ServerConfig, ServerTls};
use super::handler::{Action, Handler};
use super::session::{Event, Progress, Session};
use super::verbs::starttls;
use crate::channel::Channel;
use crate::security::{Peer, Protection};
use crate::wire::InputBuffer;
use crate::wire::line::COMMAND_LINE_BYTES_MAX;

/// Bytes read at once.
const READ_BYTES: usize = 32 * 1024;
/// Replies that are held back until the input is used up, in bytes.
const REPLIES_BYTES_MAX: usize = 16 * 1024;
/// How long, and how often, input is read and forgotten after the last reply.
const LINGER_WAIT: Duration = Duration::from_millis(500);
const LINGER_READS_MAX: usize = 64;

/// A session ended otherwise than by QUIT, a refusal or the handler's wish.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Lost(#[from] io::Error),
    /// The client took too long.
    #[error("the client took too long")]
    TimedOut,
    /// The client sent commands behind STARTTLS without waiting for TLS, or somebody put them there.
    #[error("commands were sent in clear behind STARTTLS")]
    StartTlsInjection,
}

/// One connection under way.
struct Driver<'a, S> {
    channel: Channel<S>,
    config: &'a ServerConfig,
    input: InputBuffer,
    out: Vec<u8>,
    /// When the command or message that is awaited has to be there whole.
    deadline: Option<Instant>,
}

/// What ended the wait for input.
enum Arrival {
    Bytes,
    EndOfInput,
    Late,
    Shutdown,
}

/// Whether the connection goes on.
enum Flow {
    On,
    Over,
    StartTls,
}

/// Serves one connection until it ends. When `shutdown` completes, the client is told 421 at the next point
/// where input is awaited; a message not yet acknowledged is then not taken.
pub async fn serve<S, H, F>(
    stream: S,
    peer: Peer,
    config: &ServerConfig,
    handler: &mut H,
    shutdown: F,
) -> Result<(), ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    H: Handler,
    F: Future<Output = ()> + Send,
{
    let (channel, protection) = match &config.tls {
        ServerTls::Implicit(tls) => {
            let accepted = Channel::accept_tls(stream, tls.clone());
            (
                in_time(config.deadlines.tls, accepted).await?,
                Protection::Tls,
            )
        }
        ServerTls::Off | ServerTls::StartTls(_) => (Channel::Plain(stream), Protection::Clear),
    };
    let mut shutdown = pin!(shutdown);
    let mut session = Session::new(config, peer, protection);
    let mut driver = Driver::new(channel, config);
    let greeting = driver.ask(handler.greeting()).await?;
    session.greet(greeting, &mut driver.out);
    loop {
        match driver.run(&mut session, handler, shutdown.as_mut()).await? {
            Flow::On => {}
            Flow::Over => return driver.finish().await,
            Flow::StartTls => {
                driver = driver.start_tls().await?;
                session.secured();
            }
        }
    }
}

async fn in_time<T>(
    within: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, ServeError> {
    match timeout(within, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(ServeError::TimedOut),
    }
}

impl<'a, S> Driver<'a, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    fn new(channel: Channel<S>, config: &'a ServerConfig) -> Self {
        Self {
            channel,
            config,
            input: InputBuffer::new(READ_BYTES, READ_BYTES + COMMAND_LINE_BYTES_MAX),
            out: Vec::new(),
            deadline: None,
        }
    }

    /// Handles all input there is, then writes the replies in one go and waits for more.
    async fn run<H: Handler, F: Future<Output = ()>>(
        &mut self,
        session: &mut Session<'_>,
        handler: &mut H,
        shutdown: Pin<&mut F>,
    ) -> Result<Flow, ServeError> {
        loop {
            match session.advance(&mut self.input, &mut self.out) {
                Progress::NeedsInput => break,
                Progress::Continue => {}
                Progress::Closed => return Ok(Flow::Over),
                Progress::Ask(Event::StartTls) => return Ok(Flow::StartTls),
                Progress::Ask(event) => {
                    let action = self.decide(session, &event, handler).await?;
                    session.answer(event, action, &mut self.out);
                }
            }
            self.deadline = None;
            if self.out.len() > REPLIES_BYTES_MAX {
                self.flush().await?;
            }
        }
        self.flush().await?;
        match self.read(session.is_reading_message(), shutdown).await? {
            Arrival::Bytes => return Ok(Flow::On),
            Arrival::EndOfInput => {}
            Arrival::Late => session.time_out(&mut self.out),
            Arrival::Shutdown => session.close(&mut self.out),
        }
        Ok(Flow::Over)
    }

    async fn decide<H: Handler>(
        &mut self,
        session: &Session<'_>,
        event: &Event,
        handler: &mut H,
    ) -> Result<Action, ServeError> {
        let nobody = Envelope {
            sender: None,
            recipients: Vec::new(),
        };
        let envelope = session.envelope().unwrap_or(&nobody);
        match event {
            Event::Mail(sender) => self.ask(handler.mail(sender.as_ref())).await,
            Event::Recipient(recipient) => self.ask(handler.recipient(recipient)).await,
            Event::Data => self.ask(handler.data(envelope)).await,
            Event::Message => self.ask(handler.message(envelope, session.message())).await,
            Event::Authenticate(user, password) => {
                self.ask(handler.authenticate(user, password)).await
            }
            Event::StartTls => Ok(Action::Accept),
        }
    }

    /// Asks the handler. If it takes its time, what was answered before goes out meanwhile.
    async fn ask(&mut self, decision: impl Future<Output = Action>) -> Result<Action, ServeError> {
        let mut decision = pin!(decision);
        let at_once = poll_fn(|cx| Poll::Ready(decision.as_mut().poll(cx)));
        if let Poll::Ready(action) = at_once.await {
            return Ok(action);
        }
        self.flush().await?;
        Ok(decision.await)
    }

    async fn flush(&mut self) -> Result<(), ServeError> {
        if self.out.is_empty() {
            return Ok(());
        }
        let channel = &mut self.channel;
        let write = async {
            channel.write_all(&self.out).await?;
            channel.flush().await
        };
        in_time(self.config.deadlines.write, write).await?;
        self.out.clear();
        Ok(())
    }

    /// Waits for input. The deadline is for a whole command or message, so that dripping bytes cannot stretch
    /// it.
    async fn read<F: Future<Output = ()>>(
        &mut self,
        is_message: bool,
        shutdown: Pin<&mut F>,
    ) -> Result<Arrival, ServeError> {
        let limits = &self.config.deadlines;
        let limit = if is_message {
            limits.message
        } else {
            limits.command
        };
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + limit);
        let read = timeout_at(deadline, self.channel.read(self.input.space()));
        let count = tokio::select! {
            biased;
            () = shutdown => return Ok(Arrival::Shutdown),
            read = read => match read {
                Ok(count) => count?,
                Err(_) => return Ok(Arrival::Late),
            },
        };
        self.input.filled(count);
        match count {
            0 => Ok(Arrival::EndOfInput),
            _ => Ok(Arrival::Bytes),
        }
    }

    /// The client wants TLS. Commands that stand behind STARTTLS already were sent in clear, by whomever: none
    /// of them may be answered (RFC 3207 §5).
    async fn start_tls(mut self) -> Result<Self, ServeError> {
        if !self.input.is_empty() {
            return Err(ServeError::StartTlsInjection);
        }
        self.out.extend_from_slice(starttls::READY);
        self.flush().await?;
        let (Channel::Plain(stream), ServerTls::StartTls(tls)) = (self.channel, &self.config.tls)
        else {
            return Err(ServeError::StartTlsInjection);
        };
        let accepted = Channel::accept_tls(stream, tls.clone());
        let channel = in_time(self.config.deadlines.tls, accepted).await?;
        Ok(Self::new(channel, self.config))
    }

    /// Writes the last replies and closes. Input that still comes is read for a moment: closing over unread
    /// input would make the other side's system throw our last reply away.
    async fn finish(mut self) -> Result<(), ServeError> {
        self.flush().await?;
        self.channel.shutdown().await?;
        let mut rest = [0; 4096];
        let linger = async {
            for _ in 0..LINGER_READS_MAX {
                match self.channel.read(&mut rest).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        // Late or not, the connection ends here.
        let _ = timeout(LINGER_WAIT, linger).await;
        Ok(())
    }
}
