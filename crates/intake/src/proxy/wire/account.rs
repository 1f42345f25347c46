//! Accounts.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use model::account::{
    Account, AccountId, AccountLimits, Host, Inbox, TTL_S, WhenOver, limit, port,
};
use model::{Line, TenantId, Timestamp, field};
use serde_json::{Value, json};

use super::{ANY, filled};
use crate::proxy::object::Object;
use crate::proxy::problem::Problem;
use crate::proxy::record::moment;

/// What a request about an account may hold.
const FIELDS: [&str; 20] = [
    "id",
    "tenant_id",
    "host",
    "port",
    "user",
    "password",
    "ttl",
    "limit_per_minute",
    "limit_per_hour",
    "limit_per_day",
    "limit_behavior",
    "use_tls",
    "batch_size",
    "is_pec_account",
    "imap_host",
    "imap_port",
    "imap_user",
    "imap_password",
    "imap_folder",
    "imap_ssl",
];
/// How long an idle connection may be kept, in seconds.
const TTL_RANGE: RangeInclusive<i64> = 0..=86_400;

/// An account as a request describes it, whole: what is not said is as it is for a new one.
pub(in crate::proxy) fn read(
    input: &Object,
    tenant: TenantId,
    at: Timestamp,
) -> Result<Account, Problem> {
    input.only(&FIELDS)?;
    let id = input.needed_parsed("id", AccountId::parse)?;
    let host = input.needed_parsed("host", |text| Host::parse("host", text))?;
    let number = input.integer("port", ANY)?;
    let port = port("port", input.needed("port", number)?)
        .map_err(|error| input.wrong("port", error.problem))?;
    let inbox = inbox(input)?;
    let is_pec = input.flag("is_pec_account")?.unwrap_or(false);
    if is_pec && inbox.is_none() {
        return Err(Problem::missing(input.place_of("imap_host")));
    }
    Ok(Account {
        user: filled(input, "user", |text| Line::parse("user", text))?,
        password: filled(input, "password", |text| field::secret("password", text))?,
        use_tls: input.flag("use_tls")?,
        ttl_s: ttl(input)?,
        batch_size: batch_size(input)?,
        limits: limits(input)?,
        is_pec,
        inbox,
        ..Account::new(tenant, id, host, port, at)
    })
}

/// Takes over the passwords that nobody could repeat, since they are never shown. Where they would go elsewhere, or less
/// protected, than they were given for, they have to be given again.
pub(in crate::proxy) fn keep_passwords(
    account: &mut Account,
    known: &Account,
    input: &Object,
) -> Result<(), Problem> {
    let is_same = account.host == known.host
        && account.port == known.port
        && account.user == known.user
        && account.tls() == known.tls();
    if account.user.is_some() && account.password.is_none() && known.password.is_some() {
        if !is_same {
            return Err(input.wrong("password", GIVEN_AGAIN));
        }
        account.password.clone_from(&known.password);
    }
    let (Some(inbox), Some(known)) = (&mut account.inbox, &known.inbox) else {
        return Ok(());
    };
    let is_same = inbox.host == known.host && inbox.port == known.port && inbox.user == known.user;
    if inbox.password.is_none() && known.password.is_some() {
        if !is_same {
            return Err(input.wrong("imap_password", GIVEN_AGAIN));
        }
        inbox.password.clone_from(&known.password);
    }
    Ok(())
}

/// What is said of a password that would go where it was not given for.
const GIVEN_AGAIN: &str = "must be given again, since where it goes has changed";

/// An account as it is shown, without its passwords.
pub(in crate::proxy) fn show(account: &Account) -> Value {
    let (limits, inbox) = (&account.limits, account.inbox.as_ref());
    let count = |limit: Option<NonZeroU32>| limit.map(NonZeroU32::get);
    let imap_user = inbox.and_then(|inbox| inbox.user.as_ref());
    json!({
        "id": account.id.as_str(),
        "tenant_id": account.tenant.as_str(),
        "host": account.host.as_str(),
        "port": account.port.get(),
        "user": account.user.as_ref().map(Line::as_str),
        "ttl": account.ttl_s,
        "limit_per_minute": count(limits.per_minute),
        "limit_per_hour": count(limits.per_hour),
        "limit_per_day": count(limits.per_day),
        "limit_behavior": limits.when_over.as_str(),
        "use_tls": account.use_tls,
        "batch_size": count(account.batch_size),
        "is_pec_account": account.is_pec,
        "imap_host": inbox.map(|inbox| inbox.host.as_str()),
        "imap_port": inbox.map(|inbox| inbox.port.get()),
        "imap_user": imap_user.map(Line::as_str),
        "imap_folder": inbox.map(Inbox::folder),
        "created_at": moment(account.created_at),
        "updated_at": moment(account.updated_at),
    })
}

fn ttl(input: &Object) -> Result<u32, Problem> {
    let seconds = input.integer("ttl", TTL_RANGE)?;
    Ok(seconds
        .and_then(|seconds| seconds.try_into().ok())
        .unwrap_or(TTL_S))
}

fn batch_size(input: &Object) -> Result<Option<NonZeroU32>, Problem> {
    let range = 1..=i64::from(u32::MAX);
    Ok(limit(input.integer("batch_size", range)?))
}

fn limits(input: &Object) -> Result<AccountLimits, Problem> {
    let when_over = input.parsed("limit_behavior", WhenOver::parse)?;
    Ok(AccountLimits {
        per_minute: limit(input.integer("limit_per_minute", ANY)?),
        per_hour: limit(input.integer("limit_per_hour", ANY)?),
        per_day: limit(input.integer("limit_per_day", ANY)?),
        when_over: when_over.unwrap_or_default(),
    })
}

/// The mailbox of an account. Without a host there is none, whatever else is said of it.
fn inbox(input: &Object) -> Result<Option<Inbox>, Problem> {
    if input.flag("imap_ssl")? == Some(false) {
        let problem = "must be true: an account's mailbox is read over TLS only";
        return Err(input.wrong("imap_ssl", problem));
    }
    let line = |name| filled(input, name, |text| Line::parse("line", text));
    let (user, folder) = (line("imap_user")?, line("imap_folder")?);
    let password = filled(input, "imap_password", |text| {
        field::secret("imap_password", text)
    })?;
    let number = input.integer("imap_port", ANY)?;
    let number = number.map(|number| port("imap_port", number)).transpose();
    let number = number.map_err(|error| input.wrong("imap_port", error.problem))?;
    let host = filled(input, "imap_host", |text| Host::parse("imap_host", text))?;
    Ok(host.map(|host| {
        let usual = Inbox::new(host);
        Inbox {
            port: number.unwrap_or(usual.port),
            user,
            password,
            folder,
            ..usual
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::object::Place;

    fn input(value: Value) -> Object {
        Object::of(Place::body(), value).unwrap()
    }

    fn account(value: Value) -> Result<Account, Problem> {
        let tenant = TenantId::parse("acme").unwrap();
        read(&input(value), tenant, Timestamp::default())
    }

    fn whole() -> Value {
        json!({
            "id": "primary", "tenant_id": "acme", "host": "smtp.example.com", "port": 587,
            "user": "acme", "password": "canary-smtp", "ttl": 60, "limit_per_minute": 10,
            "limit_per_hour": 0, "limit_per_day": -5, "limit_behavior": "reject", "use_tls": true,
            "batch_size": 20, "is_pec_account": true, "imap_host": "imap.example.com",
            "imap_port": 1993, "imap_user": "box", "imap_password": "canary-imap",
            "imap_folder": "Receipts", "imap_ssl": true,
        })
    }

    fn with(changes: Value) -> Value {
        let mut value = whole();
        for (name, change) in changes.as_object().unwrap() {
            value[name] = change.clone();
        }
        value
    }

    #[test]
    fn an_account_is_read_and_shown_without_its_passwords() {
        let account = account(whole()).unwrap();
        let shown = show(&account);
        assert!(!shown.to_string().contains("canary"), "{shown}");
        assert!(!format!("{account:?}").contains("canary"));
        for (field, value) in [
            ("port", json!(587)),
            ("limit_per_minute", json!(10)),
            ("limit_per_hour", Value::Null),
            ("limit_per_day", Value::Null),
            ("limit_behavior", json!("reject")),
            ("imap_folder", json!("Receipts")),
            ("imap_port", json!(1993)),
            ("ttl", json!(60)),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
        assert_eq!(account.password.unwrap().expose(), "canary-smtp");
        assert_eq!(
            account.inbox.unwrap().password.unwrap().expose(),
            "canary-imap"
        );
    }

    #[test]
    fn the_least_account_is_a_host_and_a_port() {
        let least = json!({"id": "a", "host": "localhost", "port": "25", "user": "", "ttl": null});
        let shown = show(&account(least).unwrap());
        assert_eq!(shown["ttl"], 300);
        assert_eq!(shown["limit_behavior"], "defer");
        for nothing in [
            "user",
            "use_tls",
            "batch_size",
            "imap_host",
            "imap_port",
            "imap_folder",
        ] {
            assert_eq!(shown[nothing], Value::Null, "{nothing}");
        }
    }

    #[test]
    fn passwords_are_kept_only_for_where_they_were_given() {
        let known = account(whole()).unwrap();
        let again = |changes| {
            let value = with(changes);
            let mut changed = account(value.clone()).unwrap();
            keep_passwords(&mut changed, &known, &input(value)).map(|()| changed)
        };
        let silent = json!({"password": null, "imap_password": null, "ttl": 5});
        let kept = again(silent).unwrap();
        assert_eq!(kept.password.unwrap().expose(), "canary-smtp");
        assert_eq!(
            kept.inbox.unwrap().password.unwrap().expose(),
            "canary-imap"
        );
        for (field, value) in [
            ("host", json!("other.example")),
            ("port", json!(25)),
            ("user", json!("other")),
            ("use_tls", json!(false)),
            ("imap_host", json!("other.example")),
            ("imap_user", json!("other")),
        ] {
            let outcome = again(json!({"password": null, "imap_password": null, field: value}));
            assert!(matches!(outcome, Err(Problem::Invalid(_))), "{field}");
        }
        let without_login = again(json!({"password": null, "user": null})).unwrap();
        assert!(without_login.password.is_none());
        let new = again(json!({"password": "new", "host": "other.example"})).unwrap();
        assert_eq!(new.password.unwrap().expose(), "new");
    }

    #[test]
    fn errors_name_the_field_and_repeat_no_secret() {
        for (changes, field) in [
            (json!({"id": "a b"}), "id"),
            (json!({"id": null}), "id"),
            (json!({"host": "smtp://x"}), "host"),
            (json!({"host": null}), "host"),
            (json!({"port": 0}), "port"),
            (json!({"port": 65536}), "port"),
            (json!({"port": null}), "port"),
            (json!({"user": "a\r\nb"}), "user"),
            (json!({"password": "canary\n"}), "password"),
            (json!({"password": ["canary"]}), "password"),
            (json!({"ttl": -1}), "ttl"),
            (json!({"limit_per_minute": "many"}), "limit_per_minute"),
            (json!({"limit_behavior": "drop"}), "limit_behavior"),
            (json!({"use_tls": "perhaps"}), "use_tls"),
            (json!({"batch_size": 0}), "batch_size"),
            (json!({"imap_host": null}), "imap_host"),
            (json!({"imap_port": 70000}), "imap_port"),
            (json!({"imap_ssl": false}), "imap_ssl"),
            (json!({"passwrd": "canary"}), "passwrd"),
        ] {
            let problem = account(with(changes.clone())).unwrap_err();
            let Problem::Invalid(faults) = problem else {
                panic!("{changes}: {problem}");
            };
            let shown = serde_json::to_string(&faults).unwrap();
            assert!(
                shown.contains(field) && !shown.contains("canary"),
                "{changes}: {shown}"
            );
        }
    }
}
