//! `glasspost accounts` as requests.

use super::call::{Ask, Call, Desk};
use super::table::Shape;
use super::tenants::DELETED;
use crate::cli::{AccountFields, AccountsVerb};
use crate::exit::Failure;

const COLUMNS: &[&str] = &[
    "id",
    "host",
    "port",
    "user",
    "use_tls",
    "limit_per_minute",
    "limit_per_hour",
    "limit_per_day",
    "is_pec_account",
];

impl Ask for AccountsVerb {
    fn call(self, desk: &Desk<'_>) -> Result<Call, Failure> {
        Ok(match self {
            Self::List(after) => {
                Call::get("/accounts", &after).shown_as(Shape::List("accounts", COLUMNS))
            }
            Self::Get(account) => Call::get("/accounts/get", &account),
            Self::Add(account) => add("/accounts/add", &account, desk)?,
            Self::AddPec(account) => add("/accounts/add_pec", &account, desk)?,
            Self::Delete(account) => Call::post("/accounts/delete", &account).shown_as(DELETED),
        })
    }
}

fn add(path: &'static str, account: &AccountFields, desk: &Desk<'_>) -> Result<Call, Failure> {
    let password = match &account.user {
        Some(user) => {
            let what = format!("password of {user}");
            let file = account.password_file.as_deref();
            desk.stdin.secret_or_typed(file, &what)?
        }
        None => None,
    };
    let imap_password = account.inbox.imap_password_file.as_deref();
    let imap_password = imap_password
        .map(|file| desk.stdin.secret(file))
        .transpose()?;
    Ok(Call::post(path, account)
        .with("password", password.as_ref().map(|secret| secret.expose()))
        .with(
            "imap_password",
            imap_password.as_ref().map(|secret| secret.expose()),
        ))
}
