//! Accounts: the SMTP servers that a tenant's mail leaves through.

use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};

use crate::clock::Timestamp;
use crate::field::{self, FieldError, Line};
use crate::secret::Secret;
use crate::tenant::TenantId;

/// How long an idle connection is kept unless the account says otherwise, in seconds.
pub const TTL_S: u32 = 300;
/// The port of SMTP over implicit TLS (RFC 8314 §7.3).
const SUBMISSIONS_PORT: u16 = 465;
/// The port of IMAP over implicit TLS (RFC 8314 §7.2).
const IMAPS_PORT: NonZeroU16 = NonZeroU16::new(993).unwrap();
/// The folder that every mailbox has (RFC 9051 §5.1).
const INBOX: &str = "INBOX";

/// An account's id, unique in its tenant: 1 to 64 letters, digits, `.`, `_` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Box<str>);

/// An account's own number in its store. It is never given to another account, so what is kept under it (a queue,
/// counters) never falls to another one of the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountPk(pub i64);

/// An SMTP server that a tenant's mail leaves through.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: AccountId,
    /// Where to connect.
    pub host: Host,
    /// On which port.
    pub port: NonZeroU16,
    /// Who to log in as; `None` without a login.
    pub user: Option<Line<255>>,
    /// The password.
    pub password: Option<Secret>,
    /// Whether TLS was asked for; what follows from it says [`Account::tls`].
    pub use_tls: Option<bool>,
    /// How long an idle connection is kept, in seconds.
    pub ttl_s: u32,
    /// Messages taken at once; `None` for the service's own figure.
    pub batch_size: Option<NonZeroU32>,
    /// What may be sent.
    pub limits: AccountLimits,
    /// Whether it is a certified mailbox (PEC), whose provider answers with receipts.
    pub is_pec: bool,
    /// Where bounces and receipts are read.
    pub inbox: Option<Inbox>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What an account may send; `None` is without a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// Messages in a minute.
    pub per_minute: Option<NonZeroU32>,
    /// Messages in an hour.
    pub per_hour: Option<NonZeroU32>,
    /// Messages in a day.
    pub per_day: Option<NonZeroU32>,
    /// What happens to a message that is one too many.
    pub when_over: WhenOver,
}

/// What happens to a message beyond a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenOver {
    /// It waits for the next minute, hour or day.
    #[default]
    Defer,
    /// It fails.
    Reject,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsRule {
    /// TLS from the first byte.
    Implicit,
    /// By STARTTLS; without it nothing is sent.
    StartTls,
    /// Not at all.
    Plain,
}

/// A mailbox that is read by IMAP.
#[derive(Clone, Debug)]
pub struct Inbox {
    /// Where to connect.
    pub host: Host,
    /// On which port.
    pub port: NonZeroU16,
    /// Who to log in as; `None` for the account's own user.
    pub user: Option<Line<255>>,
    /// The password; `None` for the account's own.
    pub password: Option<Secret>,
    /// Which folder is read; `None` for the one that every mailbox has.
    pub folder: Option<Line<255>>,
}

/// A host's name or address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host(Box<str>);

// === impl AccountId ===

impl AccountId {
    /// Takes an id, or says what it may be.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        field::id("account_id", text).map(Self)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Account ===

impl Account {
    /// An account of which only the necessary is known: no login, no limits, TLS as the port says.
    pub fn new(
        tenant: TenantId,
        id: AccountId,
        host: Host,
        port: NonZeroU16,
        at: Timestamp,
    ) -> Self {
        Self {
            tenant,
            id,
            host,
            port,
            user: None,
            password: None,
            use_tls: None,
            ttl_s: TTL_S,
            batch_size: None,
            limits: AccountLimits::default(),
            is_pec: false,
            inbox: None,
            created_at: at,
            updated_at: at,
        }
    }

    /// How its connections are protected. Where nothing was asked for, the port of implicit TLS means TLS and
    /// every other none.
    pub fn tls(&self) -> TlsRule {
        let is_implicit = self.port.get() == SUBMISSIONS_PORT;
        match (self.use_tls, is_implicit) {
            (Some(false), _) | (None, false) => TlsRule::Plain,
            (Some(true) | None, true) => TlsRule::Implicit,
            (Some(true), false) => TlsRule::StartTls,
        }
    }
}

// === impl WhenOver ===

impl WhenOver {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Defer, Self::Reject];

    /// The word as it stands in requests and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Defer => "defer",
            Self::Reject => "reject",
        }
    }

    /// Takes the word.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        Self::ALL
            .into_iter()
            .find(|when_over| when_over.as_str() == text)
            .ok_or_else(|| FieldError::new("limit_behavior", "must be defer or reject"))
    }
}

// === impl Inbox ===

impl Inbox {
    /// The mailbox of a host on the port of IMAP over TLS, with the account's own login.
    pub fn new(host: Host) -> Self {
        Self {
            host,
            port: IMAPS_PORT,
            user: None,
            password: None,
            folder: None,
        }
    }

    /// The name of the folder that is read.
    pub fn folder(&self) -> &str {
        self.folder.as_ref().map_or(INBOX, Line::as_str)
    }
}

// === impl Host ===

impl Host {
    /// Takes a host's name or address, without anything around it.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        field::host(field, text).map(Self)
    }

    /// The name or address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The port of a number.
pub fn port(field: &'static str, number: i64) -> Result<NonZeroU16, FieldError> {
    u16::try_from(number)
        .ok()
        .and_then(NonZeroU16::new)
        .ok_or_else(|| FieldError::new(field, "must be from 1 to 65535"))
}

/// The limit of a number; none, zero and less are without a limit.
pub fn limit(number: Option<i64>) -> Option<NonZeroU32> {
    let positive = number?.max(0);
    NonZeroU32::new(u32::try_from(positive).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_follows_from_what_was_asked_for_and_the_port() {
        let mut account = Account::new(
            TenantId::parse("acme").unwrap(),
            AccountId::parse("primary-smtp").unwrap(),
            Host::parse("host", "smtp.example.com").unwrap(),
            port("port", 587).unwrap(),
            Timestamp::default(),
        );
        let rules = [
            (Some(true), 465, TlsRule::Implicit),
            (Some(true), 587, TlsRule::StartTls),
            (Some(true), 25, TlsRule::StartTls),
            (Some(false), 465, TlsRule::Plain),
            (Some(false), 587, TlsRule::Plain),
            (None, 465, TlsRule::Implicit),
            (None, 587, TlsRule::Plain),
        ];
        for (use_tls, number, rule) in rules {
            account.use_tls = use_tls;
            account.port = port("port", number).unwrap();
            assert_eq!(account.tls(), rule, "{use_tls:?} on {number}");
        }
    }

    #[test]
    fn numbers_outside_of_their_range_are_no_ports_and_no_limits() {
        for bad in [i64::MIN, -1, 0, 65_536, i64::MAX] {
            let error = port("imap_port", bad).unwrap_err();
            assert_eq!(error.to_string(), "imap_port: must be from 1 to 65535");
        }
        for none in [None, Some(0), Some(-5), Some(i64::MIN)] {
            assert_eq!(limit(none), None);
        }
        assert_eq!(limit(Some(30)), NonZeroU32::new(30));
        assert_eq!(limit(Some(i64::MAX)), NonZeroU32::new(u32::MAX));
        assert_eq!(WhenOver::parse("reject"), Ok(WhenOver::Reject));
        assert_eq!(WhenOver::parse("drop").unwrap_err().field, "limit_behavior");
    }

    #[test]
    fn an_inbox_has_the_usual_port_and_folder() {
        let mut inbox = Inbox::new(Host::parse("imap_host", "imap.example.com").unwrap());
        assert_eq!((inbox.port.get(), inbox.folder()), (993, "INBOX"));
        inbox.folder = Some(Line::parse("imap_folder", "Bounces").unwrap());
        assert_eq!(inbox.folder(), "Bounces");
    }

    #[test]
    fn debug_shows_no_password() {
        let mut account = Account::new(
            TenantId::parse("acme").unwrap(),
            AccountId::parse("a").unwrap(),
            Host::parse("host", "localhost").unwrap(),
            port("port", 25).unwrap(),
            Timestamp::default(),
        );
        account.password = Some(Secret::new("hunter2"));
        assert!(!format!("{account:?}").contains("hunter2"));
    }
}
