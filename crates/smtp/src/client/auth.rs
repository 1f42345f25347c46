//! AUTH (RFC 4954): which mechanism is used, and what it answers to each challenge.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use model::Secret;

use super::error::ConfigError;
use crate::security::{ClearTextAuth, Peer, Protection};

/// Shortest secret that is looked for in replies; a shorter one would blank out ordinary words.
const REDACTED_BYTES_MIN: usize = 4;

/// Who we log in as.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user name.
    pub username: Box<str>,
    /// The password, or the bearer token of XOAUTH2.
    pub password: Secret,
    /// How; `None` takes the best that is offered.
    pub mechanism: Option<Mechanism>,
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// User name and password in one line (RFC 4616).
    Plain,
    /// User name and password in a line each.
    Login,
    /// A hash over the server's challenge (RFC 2195): the password stays here.
    CramMd5,
    /// A bearer token, as Google and Microsoft take it.
    Xoauth2,
}

/// The mechanisms a server offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mechanisms(u8);

/// Why no mechanism can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoMechanism {
    /// The password would be readable on its way.
    #[error(
        "the password would cross the network in clear text: turn on TLS (starttls or implicit), \
         or allow clear-text authentication for this server"
    )]
    ClearText,
    /// The wanted one is not offered.
    #[error("the server does not offer AUTH {0}: choose another mechanism or none")]
    NotOffered(&'static str),
    /// Nothing we know is offered.
    #[error(
        "the server offers no AUTH that we can use: remove the credentials or check host and port"
    )]
    NothingOffered,
}

/// One running authentication: a state machine over the server's challenges.
#[derive(Debug)]
pub(crate) struct Authentication<'a> {
    credentials: &'a Credentials,
    mechanism: Mechanism,
    answered: usize,
}

// === impl Mechanism ===

impl Mechanism {
    const ALL: [Self; 4] = [Self::Plain, Self::Login, Self::CramMd5, Self::Xoauth2];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::Xoauth2 => "XOAUTH2",
        }
    }

    /// Whether whoever listens in learns the password.
    fn shows_password(self) -> bool {
        self != Self::CramMd5
    }
}

// === impl Mechanisms ===

impl Mechanisms {
    /// None at all.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self(0);

    /// Adds the names in an AUTH line; others than ours are passed over.
    pub(crate) fn add_all(&mut self, names: &str) {
        for name in names.split_ascii_whitespace() {
            let known = Mechanism::ALL
                .iter()
                .find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(name));
            self.0 |= known.map_or(0, |&mechanism| 1 << mechanism as u8);
        }
    }

    /// Whether it was offered.
    pub(crate) fn has(self, mechanism: Mechanism) -> bool {
        self.0 & (1 << mechanism as u8) != 0
    }

    /// The mechanism to use on this connection.
    pub(crate) fn choose(
        self,
        wanted: Option<Mechanism>,
        policy: ClearTextAuth,
        protection: Protection,
        peer: Peer,
    ) -> Result<Mechanism, NoMechanism> {
        let may_show = policy.permits(protection, peer);
        let preference = match protection {
            Protection::Tls => [Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5],
            Protection::Clear => [Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login],
        };
        let found = match wanted {
            Some(wanted) if !self.has(wanted) => {
                return Err(NoMechanism::NotOffered(wanted.as_str()));
            }
            Some(wanted) => wanted,
            None => preference
                .into_iter()
                .find(|&mechanism| self.has(mechanism))
                .ok_or(NoMechanism::NothingOffered)?,
        };
        match found.shows_password() && !may_show {
            true => Err(NoMechanism::ClearText),
            false => Ok(found),
        }
    }
}

// === impl Credentials ===

impl Credentials {
    /// NUL divides the fields of PLAIN, 0x01 those of XOAUTH2; neither can be carried, nor any like them.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let clean = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_ascii_control());
        if !clean(&self.username) {
            return Err(ConfigError::Credentials("user name"));
        }
        match clean(self.password.expose()) {
            true => Ok(()),
            false => Err(ConfigError::Credentials("password")),
        }
    }
}

// === impl Authentication ===

impl<'a> Authentication<'a> {
    /// Begins: the first line goes to `out`.
    pub(crate) fn start(
        credentials: &'a Credentials,
        mechanism: Mechanism,
        out: &mut Vec<u8>,
    ) -> Self {
        let this = Self {
            credentials,
            mechanism,
            answered: 0,
        };
        out.extend_from_slice(format!("AUTH {}", mechanism.as_str()).as_bytes());
        if let Some(initial) = this.initial_response() {
            out.push(b' ');
            out.extend_from_slice(initial.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        this
    }

    /// What a dialogue shows in place of the first line.
    pub(crate) fn shown_start(&self) -> String {
        let secret = if self.initial_response().is_some() {
            " ***"
        } else {
            ""
        };
        format!("AUTH {}{secret}", self.mechanism.as_str())
    }

    fn initial_response(&self) -> Option<String> {
        let (user, password) = (
            &self.credentials.username,
            self.credentials.password.expose(),
        );
        match self.mechanism {
            Mechanism::Plain => Some(BASE64.encode(format!("\0{user}\0{password}"))),
            Mechanism::Xoauth2 => {
                Some(BASE64.encode(format!("user={user}\x01auth=Bearer {password}\x01\x01")))
            }
            Mechanism::Login | Mechanism::CramMd5 => None,
        }
    }

    /// Answers a 334 with a line in `out`; `None` when the mechanism has nothing left to say.
    pub(crate) fn answer(&mut self, challenge: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let step = self.answered;
        self.answered += 1;
        let password = self.credentials.password.expose();
        let answer = match (self.mechanism, step) {
            (Mechanism::Login, 0) => BASE64.encode(self.credentials.username.as_bytes()),
            (Mechanism::Login, 1) => BASE64.encode(password),
            (Mechanism::CramMd5, 0) => {
                let challenge = BASE64.decode(challenge.trim_ascii()).ok()?;
                let digest = hmac_md5(password.as_bytes(), &challenge)?;
                BASE64.encode(format!("{} {digest}", self.credentials.username))
            }
            // The challenge tells why the token was refused; an empty line asks for the final reply.
            (Mechanism::Xoauth2, 0) => String::new(),
            (Mechanism::Plain | Mechanism::Login | Mechanism::CramMd5 | Mechanism::Xoauth2, _) => {
                return None;
            }
        };
        out.extend_from_slice(answer.as_bytes());
        out.extend_from_slice(b"\r\n");
        Some(())
    }

    /// A server's text with our secrets blanked out, should it repeat them.
    pub(crate) fn redact(&self, text: &str) -> String {
        let password = self.credentials.password.expose();
        let mut secrets = vec![password.to_owned(), BASE64.encode(password)];
        secrets.extend(self.initial_response());
        secrets
            .iter()
            .filter(|secret| secret.len() >= REDACTED_BYTES_MIN)
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

/// HMAC-MD5 in lower-case hexadecimal digits (RFC 2195 §2).
fn hmac_md5(key: &[u8], text: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    mac.update(text);
    let digest = mac.finalize().into_bytes();
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            username: user.into(),
            password: Secret::new(password),
            mechanism: None,
        }
    }

    #[test]
    fn cram_md5_answers_the_example_of_its_rfc() {
        // RFC 2195 §2.
        let tim = credentials("tim", "tanstaaftanstaaf");
        let mut out = Vec::new();
        let mut auth = Authentication::start(&tim, Mechanism::CramMd5, &mut out);
        assert_eq!(out, b"AUTH CRAM-MD5\r\n");
        out.clear();
        let challenge = b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
        auth.answer(challenge, &mut out).unwrap();
        let expected = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert!(auth.answer(b"", &mut Vec::new()).is_none());
    }

    #[test]
    fn plain_login_and_xoauth2_say_what_servers_expect() {
        let ada = credentials("ada", "secret");
        let mut out = Vec::new();
        let auth = Authentication::start(&ada, Mechanism::Plain, &mut out);
        assert_eq!(out, b"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n");
        assert_eq!(auth.shown_start(), "AUTH PLAIN ***");
        out.clear();
        let mut auth = Authentication::start(&ada, Mechanism::Login, &mut out);
        auth.answer(b"VXNlcm5hbWU6", &mut out).unwrap();
        auth.answer(b"UGFzc3dvcmQ6", &mut out).unwrap();
        assert_eq!(out, b"AUTH LOGIN\r\nYWRh\r\nc2VjcmV0\r\n");
        out.clear();
        let mut auth = Authentication::start(&ada, Mechanism::Xoauth2, &mut out);
        auth.answer(b"e30=", &mut out).unwrap();
        let expected = format!(
            "AUTH XOAUTH2 {}\r\n\r\n",
            BASE64.encode("user=ada\x01auth=Bearer secret\x01\x01")
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn the_choice_protects_the_password() {
        let mut offered = Mechanisms::default();
        offered.add_all("LOGIN PLAIN CRAM-MD5 DIGEST-MD5");
        let choose = |wanted, protection, peer| {
            offered.choose(wanted, ClearTextAuth::LoopbackOnly, protection, peer)
        };
        let tls = choose(None, Protection::Tls, Peer::Remote);
        assert_eq!(tls, Ok(Mechanism::Plain));
        let clear = choose(None, Protection::Clear, Peer::Remote);
        assert_eq!(clear, Ok(Mechanism::CramMd5));
        let plain = Some(Mechanism::Plain);
        let refused = choose(plain, Protection::Clear, Peer::Remote);
        assert_eq!(refused, Err(NoMechanism::ClearText));
        assert!(choose(plain, Protection::Clear, Peer::Loopback).is_ok());
        let token = choose(Some(Mechanism::Xoauth2), Protection::Tls, Peer::Remote);
        assert_eq!(token, Err(NoMechanism::NotOffered("XOAUTH2")));
    }

    #[test]
    fn secrets_that_come_back_are_blanked() {
        let ada = credentials("ada", "hunter2");
        let auth = Authentication::start(&ada, Mechanism::Plain, &mut Vec::new());
        let echoed = "no AGFkYQBodW50ZXIy nor hunter2 nor aHVudGVyMg==";
        assert_eq!(auth.redact(echoed), "no *** nor *** nor ***");
    }
}
