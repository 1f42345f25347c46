//! One connection: from the greeting through TLS and the login to an open folder, then questions about it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::command::{Argument, folder_name, plain_credentials};
use super::error::Error;
use super::response::{Completion, Response};
use super::settings::{Security, Settings};
use super::tls::Tls;
use super::wire::{Stream, Wire};
use crate::bounce::ANALYSED_BYTES_MAX;

/// How many answers to one command are taken.
const RESPONSES_MAX: usize = 10_000;
/// How much of them is kept, in bytes.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long saying goodbye may take; nobody needs the answer.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection that is logged in and has a folder open.
pub(super) struct Session {
    wire: Wire,
    commands: u32,
    reply: Duration,
}

/// What the server says of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// A folder that was made anew under the same name has another one (RFC 3501 §2.3.1.1).
    pub uid_validity: u32,
    /// Every message that comes from now on has this UID or a higher one.
    pub uid_next: u32,
}

impl Session {
    /// Connects, logs in and opens the folder for looking only.
    pub async fn open(settings: &Settings, tls: &Tls) -> Result<(Self, Folder), Error> {
        let stream = connect(settings).await?;
        let limit = settings.deadlines.tls;
        let stream = match settings.security {
            Security::Implicit => secure(stream, tls, limit).await?,
            Security::StartTls | Security::Plain => stream,
        };
        let mut session = Self {
            wire: Wire::new(stream),
            commands: 0,
            reply: settings.deadlines.reply,
        };
        session.greeting().await?;
        if settings.security == Security::StartTls {
            session = session.start_tls(tls, limit).await?;
        }
        session.login(settings).await?;
        let folder = session.examine(&settings.folder).await?;
        Ok((session, folder))
    }

    /// The UIDs from `first` to `last`, in order.
    pub async fn search(&mut self, first: u32, last: u32) -> Result<Vec<u32>, Error> {
        let responses = self
            .command("UID SEARCH", &format!(" UID {first}:{last}"))
            .await?;
        let found = responses.iter().filter_map(Response::found).flatten();
        let mut uids: Vec<u32> = found.filter(|uid| (first..=last).contains(uid)).collect();
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// The beginning of a message; `None` when it is gone.
    pub async fn fetch(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Error> {
        let arguments = format!(" {uid} (UID BODY.PEEK[]<0.{ANALYSED_BYTES_MAX}>)");
        let responses = self.command("UID FETCH", &arguments).await?;
        let mut bodies = responses.into_iter().filter_map(Response::fetched);
        Ok(bodies
            .find(|(other, _)| *other == uid)
            .map(|(_, body)| body))
    }

    /// Says goodbye, for at most a moment.
    pub async fn leave(mut self) {
        // Whatever comes of it, the connection is closed next.
        let _ = timeout(GOODBYE, self.command("LOGOUT", "")).await;
    }

    async fn greeting(&mut self) -> Result<(), Error> {
        let greeting = within(self.reply, "the connection", self.wire.response()).await?;
        if let Some(text) = greeting.goodbye() {
            return Err(Error::Closed(text));
        }
        // Who is let in unasked is let in as somebody else, and before any STARTTLS (RFC 9051 §7.1.4).
        if greeting.untagged("PREAUTH").is_some() {
            return Err(Error::Insecure(
                "the server lets in whoever connects, without a login",
            ));
        }
        match greeting.untagged("OK") {
            Some(_) => Ok(()),
            None => Err(Error::Protocol("it does not greet as an IMAP server")),
        }
    }

    async fn start_tls(mut self, tls: &Tls, limit: Duration) -> Result<Self, Error> {
        if !self.capabilities().await?.has("STARTTLS") {
            return Err(Error::Insecure("the server does not offer STARTTLS"));
        }
        self.command("STARTTLS", "").await?;
        let stream = secure(self.wire.into_stream()?, tls, limit).await?;
        Ok(Self {
            wire: Wire::new(stream),
            ..self
        })
    }

    async fn capabilities(&mut self) -> Result<Capabilities, Error> {
        let responses = self.command("CAPABILITY", "").await?;
        let words = responses
            .iter()
            .filter_map(|response| response.untagged("CAPABILITY"));
        let words = words.flat_map(str::split_ascii_whitespace);
        Ok(Capabilities(words.map(str::to_ascii_uppercase).collect()))
    }

    async fn login(&mut self, settings: &Settings) -> Result<(), Error> {
        let offered = self.capabilities().await?;
        let done = if offered.has("AUTH=PLAIN") {
            let credentials = plain_credentials(&settings.user, &settings.password);
            self.authenticate(&credentials, &offered).await
        } else if offered.has("LOGINDISABLED") {
            return Err(Error::Insecure(
                "the server takes no password over this connection",
            ));
        } else {
            let (user, password) = (
                Argument::new(&settings.user),
                Argument::new(settings.password.expose()),
            );
            self.command_with("LOGIN", &[user, password]).await
        };
        done.map_err(|error| login_error(error, settings))
    }

    /// AUTHENTICATE PLAIN, in one go where the server takes that (RFC 4959).
    async fn authenticate(
        &mut self,
        credentials: &str,
        offered: &Capabilities,
    ) -> Result<(), Error> {
        if offered.has("SASL-IR") {
            return self
                .command("AUTHENTICATE", &format!(" PLAIN {credentials}"))
                .await
                .map(drop);
        }
        let limit = self.reply;
        let dialogue = async {
            let tag = self.send("AUTHENTICATE PLAIN").await?;
            self.go_ahead(&tag, "AUTHENTICATE").await?;
            self.wire
                .send(format!("{credentials}\r\n").as_bytes())
                .await?;
            self.responses(&tag, "AUTHENTICATE").await.map(drop)
        };
        within(limit, "AUTHENTICATE", dialogue).await
    }

    async fn examine(&mut self, name: &str) -> Result<Folder, Error> {
        let limit = self.reply;
        let opened = async {
            let tag = self
                .send_with("EXAMINE", &[Argument::new(&folder_name(name))])
                .await?;
            self.responses(&tag, "EXAMINE").await
        };
        let responses = match within(limit, "EXAMINE", opened).await {
            Err(Error::Refused { text, .. }) => {
                return Err(Error::Folder {
                    folder: name.into(),
                    text,
                });
            }
            other => other?,
        };
        let number = |name| {
            responses
                .iter()
                .find_map(|response| response.code_number(name))
        };
        Ok(Folder {
            uid_validity: number("UIDVALIDITY").ok_or(Error::Protocol("no UIDVALIDITY"))?,
            uid_next: number("UIDNEXT").ok_or(Error::Protocol("no UIDNEXT"))?,
        })
    }

    /// A command without anything a person supplied.
    async fn command(
        &mut self,
        name: &'static str,
        arguments: &str,
    ) -> Result<Vec<Response>, Error> {
        let limit = self.reply;
        let exchange = async {
            let tag = self.send(&format!("{name}{arguments}")).await?;
            self.responses(&tag, name).await
        };
        within(limit, name, exchange).await
    }

    async fn command_with(
        &mut self,
        name: &'static str,
        arguments: &[Argument],
    ) -> Result<(), Error> {
        let limit = self.reply;
        let exchange = async {
            let tag = self.send_with(name, arguments).await?;
            self.responses(&tag, name).await.map(drop)
        };
        within(limit, name, exchange).await
    }

    fn next_tag(&mut self) -> String {
        self.commands = self.commands.wrapping_add(1);
        format!("A{}", self.commands)
    }

    async fn send(&mut self, command: &str) -> Result<String, Error> {
        let tag = self.next_tag();
        self.wire
            .send(format!("{tag} {command}\r\n").as_bytes())
            .await?;
        Ok(tag)
    }

    /// Sends a command, and its literals as the server asks for them (RFC 3501 §4.3).
    async fn send_with(
        &mut self,
        name: &'static str,
        arguments: &[Argument],
    ) -> Result<String, Error> {
        let tag = self.next_tag();
        let mut unsent = format!("{tag} {name}");
        for argument in arguments {
            match argument {
                Argument::Quoted(text) => unsent.push_str(&format!(" {text}")),
                Argument::Literal(text) => {
                    self.wire
                        .send(format!("{unsent} {{{}}}\r\n", text.len()).as_bytes())
                        .await?;
                    self.go_ahead(&tag, name).await?;
                    unsent = text.clone();
                }
            }
        }
        self.wire.send(format!("{unsent}\r\n").as_bytes()).await?;
        Ok(tag)
    }

    /// Waits until the server wants the rest.
    async fn go_ahead(&mut self, tag: &str, command: &'static str) -> Result<(), Error> {
        for _ in 0..RESPONSES_MAX {
            let response = self.wire.response().await?;
            if response.is_continuation() {
                return Ok(());
            }
            match response.completion(tag) {
                Some(Completion::Refused(text)) => return Err(Error::Refused { command, text }),
                Some(Completion::Ok) => {
                    return Err(Error::Protocol("a command ended before its end"));
                }
                None => {}
            }
        }
        Err(Error::Protocol("too many answers to one command"))
    }

    /// All answers up to the command's completion.
    async fn responses(
        &mut self,
        tag: &str,
        command: &'static str,
    ) -> Result<Vec<Response>, Error> {
        let mut kept = Vec::new();
        let mut bytes = 0;
        for _ in 0..RESPONSES_MAX {
            let response = self.wire.response().await?;
            match response.completion(tag) {
                Some(Completion::Ok) => return Ok(kept),
                Some(Completion::Refused(text)) => return Err(Error::Refused { command, text }),
                None => {}
            }
            if let Some(text) = response.goodbye() {
                return Err(Error::Closed(text));
            }
            bytes += response.line.len() + response.literals.iter().map(Vec::len).sum::<usize>();
            if bytes > KEPT_BYTES_MAX {
                break;
            }
            kept.push(response);
        }
        Err(Error::Protocol("too many answers to one command"))
    }
}

/// Why the login failed. Servers may be down for a while, and some repeat in a refusal what they were sent.
fn login_error(error: Error, settings: &Settings) -> Error {
    let password = settings.password.expose();
    let credentials = plain_credentials(&settings.user, &settings.password);
    let is_repeated = |text: &str| {
        (!password.is_empty() && text.contains(password)) || text.contains(&credentials)
    };
    let without_password = |text: Box<str>| -> Box<str> {
        match is_repeated(&text) {
            true => "in words that repeat the password".into(),
            false => text,
        }
    };
    match error {
        // RFC 5530 §3.
        Error::Refused { command, text } if text.starts_with("[UNAVAILABLE]") => Error::Refused {
            command,
            text: without_password(text),
        },
        Error::Refused { text, .. } => Error::Login(without_password(text)),
        Error::Closed(text) => Error::Closed(without_password(text)),
        other => other,
    }
}

/// What the server offers.
struct Capabilities(Vec<String>);

impl Capabilities {
    fn has(&self, word: &str) -> bool {
        self.0.iter().any(|other| other == word)
    }
}

/// Connects to the first address that answers; without TLS, to this machine only.
async fn connect(settings: &Settings) -> Result<Box<dyn Stream>, Error> {
    let Settings {
        host,
        port,
        security,
        ..
    } = settings;
    let attempt = async {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in lookup_host((&**host, *port))
            .await
            .map_err(|error| unreached(settings, error))?
        {
            if *security == Security::Plain && !is_this_machine(address) {
                return Err(Error::Insecure(
                    "without TLS, only this machine may be the server",
                ));
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(Box::new(stream) as Box<dyn Stream>),
                Err(error) => last = error,
            }
        }
        Err(unreached(settings, last))
    };
    within(settings.deadlines.connect, "the connection", attempt).await
}

fn is_this_machine(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn unreached(settings: &Settings, source: io::Error) -> Error {
    Error::Connect {
        host: settings.host.clone(),
        port: settings.port,
        source,
    }
}

async fn secure(
    stream: Box<dyn Stream>,
    tls: &Tls,
    limit: Duration,
) -> Result<Box<dyn Stream>, Error> {
    let handshake = tls.connector.connect(tls.name.clone(), stream);
    match timeout(limit, handshake).await {
        Ok(Ok(secured)) => Ok(Box::new(secured)),
        Ok(Err(error)) => Err(Error::Tls(error)),
        Err(_) => Err(Error::Timeout("TLS")),
    }
}

async fn within<T>(
    limit: Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(limit, work)
        .await
        .unwrap_or(Err(Error::Timeout(what)))
}
