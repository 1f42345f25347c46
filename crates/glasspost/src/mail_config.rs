//! `config.json`: the relay mail goes to and the address it comes from.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{AddressError, Mailbox, Secret};
use serde::Deserialize;
use serde_json::Value;
use smtp::client::{
    ClientCertificate, ClientConfig, Connector, Credentials, Deadlines, Mechanism, TlsMode, Trust,
};
use smtp::security::ClearTextAuth;

/// How long connecting may take when nobody says: MailGrid's default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a relay may take for each reply before the last. RFC 5321 allows minutes, for servers that are
/// strangers; a relay of one's own that takes this long is ill, and a campaign should go on elsewhere.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take for the reply to the whole message, during which it may scan it.
const FINAL_REPLY_TIMEOUT: Duration = Duration::from_secs(120);
/// The port of TLS from the first byte (RFC 8314 §7.3).
const IMPLICIT_TLS_PORT: u16 = 465;

/// The relay, the sender and the pace.
#[derive(Debug)]
pub struct MailConfig {
    /// How the relay is reached.
    pub client: ClientConfig,
    /// Who sends.
    pub from: Mailbox,
    /// Messages a second at most; `None` is as fast as the relay takes them.
    pub per_second_max: Option<u32>,
    /// What the person should know, a sentence each.
    pub warnings: Vec<String>,
    /// The file it was read from.
    path: PathBuf,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MailConfigError {
    /// The file, or a file it names, cannot be read.
    #[error("cannot read {what} {path}: {reason}", path = path.display())]
    File {
        /// What the file is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It is not JSON, or a value has the wrong type.
    #[error("{path}: {reason}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: serde_json::Error,
    },
    /// A value is missing or cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Which value and what to do.
        reason: String,
    },
    /// The values do not work together.
    #[error("{path}: smtp: {reason}", path = path.display())]
    Client {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: smtp::client::ConfigError,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    smtp: SmtpSection,
    timeout_ms: Option<u64>,
    rate_limit: Option<u32>,
    #[serde(flatten)]
    unknown: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SmtpSection {
    host: String,
    port: u16,
    username: String,
    /// Any value, so that one of the wrong type is not repeated in the error.
    password: Value,
    from: String,
    tls_cert_file: Option<PathBuf>,
    tls_key_file: Option<PathBuf>,
    client_cert_file: Option<PathBuf>,
    insecure_tls: bool,
    tls: TlsWord,
    auth: AuthWord,
    allow_clear_text_auth: bool,
    hello_name: Option<Box<str>>,
    reply_timeout_ms: Option<u64>,
    #[serde(flatten)]
    unknown: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TlsWord {
    #[default]
    Auto,
    Off,
    Opportunistic,
    Required,
    Implicit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AuthWord {
    #[default]
    Auto,
    Plain,
    Login,
    #[serde(rename = "cram-md5")]
    CramMd5,
    Xoauth2,
    None,
}

impl MailConfig {
    /// Reads and checks a file. `connect_timeout` is `--smtp-timeout`.
    pub fn load(path: &Path, connect_timeout: Option<Duration>) -> Result<Self, MailConfigError> {
        let text = read("the configuration", path)?;
        let file: ConfigFile =
            serde_json::from_slice(&text).map_err(|reason| MailConfigError::Json {
                path: path.to_owned(),
                reason,
            })?;
        let warnings = warnings(&file);
        let timeout = connect_timeout
            .or(file.timeout_ms.map(Duration::from_millis))
            .filter(|timeout| !timeout.is_zero())
            .unwrap_or(CONNECT_TIMEOUT);
        let reader = Reader { path };
        Ok(Self {
            from: reader.from(&file.smtp)?,
            client: reader.client(&file.smtp, timeout)?,
            per_second_max: file.rate_limit.filter(|rate| *rate > 0),
            warnings,
            path: path.to_owned(),
        })
    }

    /// The way to the relay.
    pub fn connector(&self) -> Result<Connector, MailConfigError> {
        Connector::new(self.client.clone()).map_err(|reason| MailConfigError::Client {
            path: self.path.clone(),
            reason,
        })
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, MailConfigError> {
    std::fs::read(path).map_err(|reason| MailConfigError::File {
        what,
        path: path.to_owned(),
        reason,
    })
}

fn warnings(file: &ConfigFile) -> Vec<String> {
    let top = file.unknown.keys().map(String::clone);
    let inner = file.smtp.unknown.keys().map(|key| format!("smtp.{key}"));
    let mut warnings: Vec<String> = top
        .chain(inner)
        .map(|key| format!("{key} is not known and has no effect"))
        .collect();
    if file.smtp.insecure_tls {
        warnings.push(
            "smtp.insecure_tls is on: the relay's certificate is not checked, so whoever sits in \
             between can read mail and password"
                .to_owned(),
        );
    }
    warnings
}

/// Makes values of what one file says; errors name the file.
struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn error(&self, reason: impl Into<String>) -> MailConfigError {
        MailConfigError::Value {
            path: self.path.to_owned(),
            reason: reason.into(),
        }
    }

    fn required<'v>(&self, name: &str, value: &'v str) -> Result<&'v str, MailConfigError> {
        match value.trim() {
            "" => Err(self.error(format!("smtp.{name} is required"))),
            value => Ok(value),
        }
    }

    fn from(&self, smtp: &SmtpSection) -> Result<Mailbox, MailConfigError> {
        // In the order in which MailGrid asks for them.
        self.required("host", &smtp.host)?;
        if smtp.port == 0 {
            return Err(self.error("smtp.port is required"));
        }
        self.login(smtp)?;
        let from = self.required("from", &smtp.from)?;
        Mailbox::parse(from)
            .map_err(|error: AddressError| self.error(format!("smtp.from {from:?}: {error}")))
    }

    fn client(
        &self,
        smtp: &SmtpSection,
        connect_timeout: Duration,
    ) -> Result<ClientConfig, MailConfigError> {
        let credentials = self.login(smtp)?;
        let mut client = ClientConfig::new(smtp.host.trim(), smtp.port);
        client.tls = tls_mode(smtp, credentials.is_some());
        client.trust = self.trust(smtp)?;
        client.client_certificate = self.client_certificate(smtp)?;
        client.credentials = credentials;
        if smtp.allow_clear_text_auth {
            client.clear_text_auth = ClearTextAuth::Allow;
        }
        if let Some(name) = &smtp.hello_name {
            client.hello_name = name.clone();
        }
        let reply = smtp.reply_timeout_ms.map(Duration::from_millis);
        client.deadlines = deadlines(connect_timeout, reply);
        Ok(client)
    }

    fn login(&self, smtp: &SmtpSection) -> Result<Option<Credentials>, MailConfigError> {
        let password = match &smtp.password {
            Value::Null => None,
            Value::String(password) => Some(password).filter(|password| !password.is_empty()),
            _ => return Err(self.error("smtp.password must be a text in quotes")),
        };
        let username = smtp.username.trim();
        let mechanism = match smtp.auth {
            AuthWord::None => return Ok(None),
            AuthWord::Auto => None,
            AuthWord::Plain => Some(Mechanism::Plain),
            AuthWord::Login => Some(Mechanism::Login),
            AuthWord::CramMd5 => Some(Mechanism::CramMd5),
            AuthWord::Xoauth2 => Some(Mechanism::Xoauth2),
        };
        match (username, password) {
            ("", None) if mechanism.is_none() => Ok(None),
            ("", _) => Err(self.error(format!("smtp.username is required{LOGIN_HINT}"))),
            (_, None) => Err(self.error(format!("smtp.password is required{LOGIN_HINT}"))),
            (username, Some(password)) => Ok(Some(Credentials {
                username: username.into(),
                password: Secret::new(password.as_str()),
                mechanism,
            })),
        }
    }

    fn trust(&self, smtp: &SmtpSection) -> Result<Trust, MailConfigError> {
        if smtp.insecure_tls {
            return Ok(Trust::DangerousAcceptAnyCertificate);
        }
        match &smtp.tls_cert_file {
            None => Ok(Trust::Platform),
            Some(file) => Ok(Trust::PlatformAnd(
                self.read_named("smtp.tls_cert_file", file)?.into(),
            )),
        }
    }

    /// MailGrid has one field for the authority and the own certificate; `client_cert_file` tells them apart.
    fn client_certificate(
        &self,
        smtp: &SmtpSection,
    ) -> Result<Option<ClientCertificate>, MailConfigError> {
        let chain = smtp.client_cert_file.as_ref();
        let (chain, key) = match (chain.or(smtp.tls_cert_file.as_ref()), &smtp.tls_key_file) {
            (Some(chain), Some(key)) => (chain, key),
            (_, None) if chain.is_none() => return Ok(None),
            (_, None) => {
                let reason = "smtp.tls_key_file is required beside smtp.client_cert_file";
                return Err(self.error(reason));
            }
            (None, Some(_)) => {
                let reason = "smtp.client_cert_file is required beside smtp.tls_key_file";
                return Err(self.error(reason));
            }
        };
        let key_pem = self.read_named("smtp.tls_key_file", key)?;
        let key_pem = String::from_utf8(key_pem)
            .map_err(|_| self.error("smtp.tls_key_file is not PEM text"))?;
        Ok(Some(ClientCertificate {
            chain_pem: self.read_named("smtp.client_cert_file", chain)?.into(),
            key_pem: Secret::new(key_pem),
        }))
    }

    /// A file the configuration names. Relative paths are meant from where the command runs, as in MailGrid; when
    /// there is none, from where the configuration is.
    fn read_named(&self, what: &'static str, file: &Path) -> Result<Vec<u8>, MailConfigError> {
        let beside = self.path.parent().unwrap_or(Path::new("")).join(file);
        match file.exists() || !beside.exists() {
            true => read(what, file),
            false => read(what, &beside),
        }
    }
}

const LOGIN_HINT: &str =
    " (or leave out smtp.username and smtp.password for a relay that asks for no login)";

/// `auto` is as safe as can be without being told: TLS is a must wherever a password leaves this machine.
fn tls_mode(smtp: &SmtpSection, logs_in: bool) -> TlsMode {
    match smtp.tls {
        TlsWord::Off => TlsMode::Off,
        TlsWord::Opportunistic => TlsMode::Opportunistic,
        TlsWord::Required => TlsMode::Required,
        TlsWord::Implicit => TlsMode::Implicit,
        TlsWord::Auto if smtp.port == IMPLICIT_TLS_PORT => TlsMode::Implicit,
        // An authority is named to be checked against, and opportunistic TLS checks nobody.
        TlsWord::Auto if smtp.tls_cert_file.is_some() => TlsMode::Required,
        TlsWord::Auto if is_loopback(smtp.host.trim()) => TlsMode::Opportunistic,
        TlsWord::Auto if logs_in && !smtp.allow_clear_text_auth => TlsMode::Required,
        TlsWord::Auto => TlsMode::Opportunistic,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// `reply` is the person's own limit, for the reply to the whole message as well.
fn deadlines(connect: Duration, reply: Option<Duration>) -> Deadlines {
    let reply = reply.filter(|limit| !limit.is_zero());
    Deadlines {
        connect,
        final_reply: reply.unwrap_or(FINAL_REPLY_TIMEOUT),
        ..Deadlines::all(reply.unwrap_or(REPLY_TIMEOUT))
    }
}

#[cfg(test)]
#[path = "mail_config_tests.rs"]
mod tests;
