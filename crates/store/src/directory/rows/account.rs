//! An account's row.

use std::num::NonZeroU16;

use model::account::{Account, AccountId, AccountLimits, AccountPk, Host, Inbox, WhenOver, port};
use model::{FieldError, Line, Secret, TenantId};

use super::{damaged, from_limit, to_limit, to_time};
use crate::columns::Columns;
use crate::directory::{KnownAccount, REMOVED_WITH_ACCOUNT_MAX};
use crate::vault::{Place, Vault};
use crate::{Result, StoreError};

/// An account as it is written, all but the passwords: they are bound to the number that it gets by that.
pub(crate) struct AccountRow<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) id: &'a str,
    pub(crate) host: &'a str,
    pub(crate) port: i64,
    pub(crate) user: Option<&'a str>,
    pub(crate) use_tls: Option<bool>,
    pub(crate) ttl_s: i64,
    pub(crate) batch_size: Option<i64>,
    pub(crate) limit_per_minute: Option<i64>,
    pub(crate) limit_per_hour: Option<i64>,
    pub(crate) limit_per_day: Option<i64>,
    pub(crate) limit_behavior: &'a str,
    pub(crate) is_pec: bool,
    pub(crate) imap_host: Option<&'a str>,
    pub(crate) imap_port: Option<i64>,
    pub(crate) imap_user: Option<&'a str>,
    pub(crate) imap_folder: Option<&'a str>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// An account's passwords as they are written.
pub(crate) struct Passwords {
    pub(crate) password: Option<String>,
    pub(crate) imap_password: Option<String>,
}

// === impl AccountRow ===

impl<'a> From<&'a Account> for AccountRow<'a> {
    fn from(account: &'a Account) -> Self {
        let (limits, inbox) = (&account.limits, account.inbox.as_ref());
        let line = |line: Option<&'a Line<255>>| line.map(Line::as_str);
        Self {
            tenant: account.tenant.as_str(),
            id: account.id.as_str(),
            host: account.host.as_str(),
            port: account.port.get().into(),
            user: line(account.user.as_ref()),
            use_tls: account.use_tls,
            ttl_s: account.ttl_s.into(),
            batch_size: from_limit(account.batch_size),
            limit_per_minute: from_limit(limits.per_minute),
            limit_per_hour: from_limit(limits.per_hour),
            limit_per_day: from_limit(limits.per_day),
            limit_behavior: limits.when_over.as_str(),
            is_pec: account.is_pec,
            imap_host: inbox.map(|inbox| inbox.host.as_str()),
            imap_port: inbox.map(|inbox| inbox.port.get().into()),
            imap_user: line(inbox.and_then(|inbox| inbox.user.as_ref())),
            imap_folder: line(inbox.and_then(|inbox| inbox.folder.as_ref())),
            created_at: account.created_at.as_millis(),
            updated_at: account.updated_at.as_millis(),
        }
    }
}

// === impl Passwords ===

impl Passwords {
    /// Those of an account that has that number.
    pub(crate) fn of(account: &Account, pk: AccountPk, vault: &Vault) -> Result<Self> {
        let row = place_row(&account.tenant, pk);
        let seal = |column, password: Option<&Secret>| {
            password
                .map(|password| vault.seal(place(&row, column), password))
                .transpose()
        };
        let inbox = account.inbox.as_ref();
        let imap_password = inbox.and_then(|inbox| inbox.password.as_ref());
        Ok(Self {
            password: seal("password", account.password.as_ref())?,
            imap_password: seal("imap_password", imap_password)?,
        })
    }
}

/// An account's row as its passwords are bound to it: to the number, which is never given again, and the tenant.
fn place_row(tenant: &TenantId, pk: AccountPk) -> String {
    format!("{tenant}/{}", pk.0)
}

fn place<'a>(row: &'a str, column: &'static str) -> Place<'a> {
    Place {
        table: "accounts",
        row,
        column,
    }
}

/// Refuses to delete an account of which so many submissions, beyond the most that may be, were left.
pub(crate) fn check_left(submissions: usize) -> Result<()> {
    if submissions <= REMOVED_WITH_ACCOUNT_MAX {
        return Ok(());
    }
    let problem =
        format!("has more than {REMOVED_WITH_ACCOUNT_MAX} messages left: remove them first");
    Err(StoreError::Refused(FieldError::new("account_id", problem)))
}

/// An account read back.
pub(crate) fn to_account(row: &impl Columns, vault: &Vault) -> Result<KnownAccount> {
    let pk = AccountPk(row.column("pk")?);
    let wrong = |error: FieldError| damaged(&format_args!("account {}", pk.0), &error);
    let tenant = TenantId::parse(&row.column::<String>("tenant")?).map_err(wrong)?;
    let id = AccountId::parse(&row.column::<String>("id")?).map_err(wrong)?;
    let host: String = row.column("host")?;
    let behavior: String = row.column("limit_behavior")?;
    let ttl_s = u32::try_from(row.column::<i64>("ttl_s")?)
        .map_err(|error| damaged(&format_args!("account {}", pk.0), &error))?;
    let account = Account {
        host: Host::parse("host", &host).map_err(wrong)?,
        port: to_port(row, "port")?.map_err(wrong)?,
        user: to_line(row, "user")?.map_err(wrong)?,
        password: open(row, vault, &place_row(&tenant, pk), "password")?,
        use_tls: row.column("use_tls")?,
        ttl_s,
        batch_size: to_limit(row, "batch_size")?,
        limits: AccountLimits {
            per_minute: to_limit(row, "limit_per_minute")?,
            per_hour: to_limit(row, "limit_per_hour")?,
            per_day: to_limit(row, "limit_per_day")?,
            when_over: WhenOver::parse(&behavior).map_err(wrong)?,
        },
        is_pec: row.column("is_pec")?,
        inbox: to_inbox(row, vault, &tenant, pk)?,
        created_at: to_time(row, "created_at")?,
        updated_at: to_time(row, "updated_at")?,
        tenant,
        id,
    };
    Ok(KnownAccount { pk, account })
}

fn to_inbox(
    row: &impl Columns,
    vault: &Vault,
    tenant: &TenantId,
    pk: AccountPk,
) -> Result<Option<Inbox>> {
    let Some(host) = row.column::<Option<String>>("imap_host")? else {
        return Ok(None);
    };
    let wrong = |error: FieldError| damaged(&format_args!("account {}", pk.0), &error);
    Ok(Some(Inbox {
        host: Host::parse("imap_host", &host).map_err(wrong)?,
        port: to_port(row, "imap_port")?.map_err(wrong)?,
        user: to_line(row, "imap_user")?.map_err(wrong)?,
        password: open(row, vault, &place_row(tenant, pk), "imap_password")?,
        folder: to_line(row, "imap_folder")?.map_err(wrong)?,
    }))
}

fn open(
    row: &impl Columns,
    vault: &Vault,
    place_row: &str,
    column: &'static str,
) -> Result<Option<Secret>> {
    let sealed: Option<String> = row.column(column)?;
    sealed
        .map(|sealed| vault.open(place(place_row, column), &sealed))
        .transpose()
}

fn to_port(
    row: &impl Columns,
    column: &'static str,
) -> Result<std::result::Result<NonZeroU16, FieldError>> {
    Ok(port(column, row.column(column)?))
}

fn to_line(
    row: &impl Columns,
    column: &'static str,
) -> Result<std::result::Result<Option<Line<255>>, FieldError>> {
    let text: Option<String> = row.column(column)?;
    Ok(text.map(|text| Line::parse(column, &text)).transpose())
}
