//! How a mailbox is reached, and about what it may teach.

use model::account::Account;
use model::{AccountPk, FieldError, Host, Line, Secret, TenantId, Timestamp};
use store::directory::Instance;

use crate::bounce::mailbox::{Deadlines, Security, Settings, Trusted};
use crate::proxy::BounceSettings;

/// The port of IMAP without TLS from the first byte (RFC 9051 §2.1).
const IMAP_PORT: u16 = 143;
/// The folder that every mailbox has (RFC 9051 §5.1).
const INBOX: &str = "INBOX";

/// Which mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reader {
    /// The installation's, where bounces arrive.
    Bounces,
    /// An account's.
    Inbox(AccountPk),
}

/// About what a mailbox may teach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The bounces of all mail.
    Everyone,
    /// What an account's own tenant sent.
    Account {
        /// The account.
        account: AccountPk,
        /// Its tenant.
        tenant: TenantId,
        /// Whether it is certified, so that its receipts count.
        is_pec: bool,
    },
}

/// A mailbox to go to.
pub(super) struct Source {
    pub settings: Settings,
    pub scope: Scope,
    /// When the settings last changed.
    pub updated_at: Option<Timestamp>,
}

/// What all visits share.
#[derive(Clone)]
pub(super) struct Means {
    pub trusted: Trusted,
    pub deadlines: Deadlines,
}

impl Reader {
    /// The name under which its place is kept.
    pub fn name(self) -> String {
        match self {
            Self::Bounces => "mailbox:bounces".to_owned(),
            Self::Inbox(account) => format!("mailbox:account:{}", account.0),
        }
    }
}

impl Scope {
    /// The certified account, where it is one's.
    pub fn certified(&self) -> Option<AccountPk> {
        match self {
            Self::Account {
                account,
                is_pec: true,
                ..
            } => Some(*account),
            Self::Account { .. } | Self::Everyone => None,
        }
    }
}

impl Source {
    /// The installation's bounce mailbox; `None` when it is not read.
    pub fn of_instance(instance: &Instance, means: &Means) -> Result<Option<Self>, FieldError> {
        let set = BounceSettings::of(instance)?;
        let (Some(host), true) = (&set.host, set.is_enabled) else {
            return Ok(None);
        };
        let security = match (set.is_tls, is_loopback(host)) {
            (true, _) => Security::Implicit,
            (false, true) => Security::Plain,
            (false, false) => Security::StartTls,
        };
        let settings = Settings {
            host: host.as_str().into(),
            port: set.port.get(),
            security,
            trust: means.trusted.clone(),
            user: needed("imap_user", set.user.as_ref())?.as_str().into(),
            password: needed("imap_password", set.password.as_ref())?.clone(),
            folder: set.folder.as_ref().map_or(INBOX, Line::as_str).into(),
            deadlines: means.deadlines,
        };
        Ok(Some(Self {
            settings,
            scope: Scope::Everyone,
            updated_at: instance.updated_at,
        }))
    }

    /// An account's inbox; `None` when it has none. It is only ever read by TLS.
    pub fn of_account(
        pk: AccountPk,
        account: &Account,
        means: &Means,
    ) -> Result<Option<Self>, FieldError> {
        let Some(inbox) = &account.inbox else {
            return Ok(None);
        };
        let user = needed("imap_user", inbox.user.as_ref().or(account.user.as_ref()))?;
        let password: Option<&Secret> = inbox.password.as_ref().or(account.password.as_ref());
        let security = match inbox.port.get() {
            IMAP_PORT => Security::StartTls,
            _ => Security::Implicit,
        };
        let settings = Settings {
            host: inbox.host.as_str().into(),
            port: inbox.port.get(),
            security,
            trust: means.trusted.clone(),
            user: user.as_str().into(),
            password: needed("imap_password", password)?.clone(),
            folder: inbox.folder().into(),
            deadlines: means.deadlines,
        };
        Ok(Some(Self {
            settings,
            scope: Scope::Account {
                account: pk,
                tenant: account.tenant.clone(),
                is_pec: account.is_pec,
            },
            updated_at: Some(account.updated_at),
        }))
    }

    /// What tells this mailbox from every other.
    pub fn identity(&self) -> String {
        let Settings {
            host,
            port,
            user,
            folder,
            ..
        } = &self.settings;
        format!("{user}@{host}:{port}/{folder}")
    }
}

fn needed<'s, T>(field: &'static str, value: Option<&'s T>) -> Result<&'s T, FieldError> {
    value.ok_or_else(|| FieldError::new(field, "is missing: the mailbox cannot be read without"))
}

fn is_loopback(host: &Host) -> bool {
    let address = host.as_str().parse::<std::net::IpAddr>();
    match address {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.as_str().eq_ignore_ascii_case("localhost"),
    }
}
