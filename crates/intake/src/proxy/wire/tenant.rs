//! Tenants.

use model::account::limit;
use model::{
    BaseUrl, BatchCode, Client, ClientAuth, Line, Tenant, TenantId, TenantLimits, UrlPath, Webhook,
};
use prepare::LargeFilePolicy;
use serde_json::{Value, json};

use super::{ANY, Said};
use crate::proxy::object::{Object, Place};
use crate::proxy::problem::Problem;
use crate::proxy::record::moment;

/// What a request about a tenant may hold.
const FIELDS: [&str; 12] = [
    "id",
    "tenant_id",
    "name",
    "client_auth",
    "client_base_url",
    "client_sync_path",
    "client_attachment_path",
    "webhook_url",
    "webhook_secret",
    "rate_limits",
    "large_file_config",
    "active",
];
/// What of it is the administrator's to say.
const OF_ADMIN: [&str; 2] = ["rate_limits", "active"];

/// What of a tenant is to change. What is not said stays as it is.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct TenantChange {
    name: Said<Line<255>>,
    base_url: Said<BaseUrl>,
    sync_path: Said<UrlPath>,
    attachment_path: Said<UrlPath>,
    auth: Option<ClientAuth>,
    webhook: Said<Webhook>,
    limits: Option<TenantLimits>,
    large_files: Said<Value>,
    is_active: Option<bool>,
}

impl TenantChange {
    /// What a request says. An empty text is none, `{}` are no limits and no rule for large files.
    pub(in crate::proxy) fn read(input: &Object) -> Result<Self, Problem> {
        input.only(&FIELDS)?;
        let path = |name| Said::read(input, name, |text| UrlPath::parse("path", text));
        Ok(Self {
            name: Said::read(input, "name", |text| Line::parse("name", text))?,
            base_url: Said::read(input, "client_base_url", BaseUrl::parse)?,
            sync_path: path("client_sync_path")?,
            attachment_path: path("client_attachment_path")?,
            auth: auth(input)?,
            webhook: webhook(input)?,
            limits: limits(input)?,
            large_files: large_files(input)?,
            is_active: input.flag("active")?,
        })
    }

    /// What a tenant itself may say: what an operator grants it is not among that.
    pub(in crate::proxy) fn read_own(input: &Object) -> Result<Self, Problem> {
        match OF_ADMIN.iter().any(|name| input.value(name).is_some()) {
            true => Err(Problem::AdminOnly),
            false => Self::read(input),
        }
    }

    /// That its mail may not go any more, and no other is taken.
    pub(in crate::proxy) fn closing() -> Self {
        Self {
            is_active: Some(false),
            ..Self::default()
        }
    }

    /// Whether it says that the tenant's mail may go, or may not.
    pub(in crate::proxy) fn says_active(&self) -> bool {
        self.is_active.is_some()
    }

    /// Makes the change.
    pub(in crate::proxy) fn apply(self, tenant: &mut Tenant) {
        let usual = Client::default();
        self.name.change(&mut tenant.name);
        self.base_url.change(&mut tenant.client.base_url);
        self.large_files.change(&mut tenant.large_files);
        self.webhook.change(&mut tenant.webhook);
        change_path(
            self.sync_path,
            &mut tenant.client.sync_path,
            usual.sync_path,
        );
        let path = &mut tenant.client.attachment_path;
        change_path(self.attachment_path, path, usual.attachment_path);
        if let Some(auth) = self.auth {
            tenant.client.auth = auth;
        }
        if let Some(limits) = self.limits {
            tenant.limits = limits;
        }
        if let Some(is_active) = self.is_active {
            tenant.is_active = is_active;
        }
    }
}

/// The id of a tenant that a request is about, by whichever name; two different ones are none.
pub(in crate::proxy) fn id(input: &Object) -> Result<TenantId, Problem> {
    let (id, tenant_id) = (
        input.parsed("id", TenantId::parse)?,
        input.parsed("tenant_id", TenantId::parse)?,
    );
    match (id, tenant_id) {
        (Some(one), Some(other)) if one != other => {
            Err(input.wrong("id", "two different tenants are named"))
        }
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Err(Problem::missing(input.place_of("id"))),
    }
}

/// A tenant as it is shown: with how it is reached, without its secrets.
pub(in crate::proxy) fn show(tenant: &Tenant) -> Value {
    let client = &tenant.client;
    json!({
        "id": tenant.id.as_str(),
        "name": tenant.name.as_ref().map(Line::as_str),
        "client_auth": show_auth(&client.auth),
        "client_base_url": client.base_url.as_ref().map(BaseUrl::as_str),
        "client_sync_path": client.sync_path.as_str(),
        "client_attachment_path": client.attachment_path.as_str(),
        "webhook_url": tenant.webhook.as_ref().map(Webhook::url),
        "rate_limits": show_limits(tenant.limits),
        "large_file_config": tenant.large_files,
        "active": tenant.is_active,
        "suspended_batches": suspended(tenant),
        "created_at": moment(tenant.created_at),
        "updated_at": moment(tenant.updated_at),
    })
}

/// What of a tenant's mail is held back: the codes of batches, or `*` for all of it.
fn suspended(tenant: &Tenant) -> Vec<&str> {
    match tenant.suspension.is_all() {
        true => vec!["*"],
        false => tenant.suspension.batches().map(BatchCode::as_str).collect(),
    }
}

fn show_auth(auth: &ClientAuth) -> Value {
    match auth {
        ClientAuth::None => Value::Null,
        ClientAuth::Bearer(_) => json!({ "method": "bearer" }),
        ClientAuth::Basic { user, .. } => json!({ "method": "basic", "user": user.as_str() }),
    }
}

fn show_limits(limits: TenantLimits) -> Value {
    match limits == TenantLimits::default() {
        true => Value::Null,
        false => json!({
            "hourly": limits.per_hour.map_or(0, |limit| limit.get()),
            "daily": limits.per_day.map_or(0, |limit| limit.get()),
        }),
    }
}

fn change_path(said: Said<UrlPath>, path: &mut UrlPath, usual: UrlPath) {
    match said {
        Said::Nothing => {}
        Said::Without => *path = usual,
        Said::Value(value) => *path = value,
    }
}

fn auth(input: &Object) -> Result<Option<ClientAuth>, Problem> {
    let Some(auth) = input.object("client_auth")? else {
        return Ok(None);
    };
    auth.only(&["method", "token", "user", "password"])?;
    let wrong = |error| Problem::field(&Place::body(), error);
    let auth = match auth.text("method")?.unwrap_or("none") {
        "none" => ClientAuth::None,
        "bearer" => ClientAuth::bearer(auth.needed_text("token")?).map_err(wrong)?,
        "basic" => {
            let (user, password) = (auth.needed_text("user")?, auth.needed_text("password")?);
            ClientAuth::basic(user, password).map_err(wrong)?
        }
        _ => return Err(auth.wrong("method", "must be none, bearer or basic")),
    };
    Ok(Some(auth))
}

/// The URL and the secret come together, so that no URL is ever called with a secret that was meant for another.
fn webhook(input: &Object) -> Result<Said<Webhook>, Problem> {
    let secret = filled_text(input, "webhook_secret")?;
    match (input.text("webhook_url")?, secret) {
        (None, None) => Ok(Said::Nothing),
        (Some(""), None) => Ok(Said::Without),
        (Some(url), Some(secret)) if !url.is_empty() => Webhook::new(url, secret)
            .map(Said::Value)
            .map_err(|error| Problem::field(&Place::body(), error)),
        (Some(_), None) => Err(input.wrong("webhook_secret", "is needed with webhook_url")),
        (_, Some(_)) => Err(input.wrong("webhook_url", "is needed with webhook_secret")),
    }
}

fn filled_text<'a>(input: &'a Object, name: &str) -> Result<Option<&'a str>, Problem> {
    Ok(input.text(name)?.filter(|text| !text.is_empty()))
}

fn limits(input: &Object) -> Result<Option<TenantLimits>, Problem> {
    let Some(limits) = input.object("rate_limits")? else {
        return Ok(None);
    };
    limits.only(&["hourly", "daily"])?;
    Ok(Some(TenantLimits {
        per_hour: limit(limits.integer("hourly", ANY)?),
        per_day: limit(limits.integer("daily", ANY)?),
    }))
}

fn large_files(input: &Object) -> Result<Said<Value>, Problem> {
    let config = match input.value("large_file_config") {
        None => return Ok(Said::Nothing),
        Some(Value::Object(fields)) if fields.is_empty() => return Ok(Said::Without),
        Some(config) => config,
    };
    let policy = LargeFilePolicy::read(config.clone())
        .map_err(|error| Problem::field(&Place::body(), error))?;
    // What is shown again holds no credentials: those of a bucket are in its storage.
    let urls = [
        ("storage_url", &policy.storage_url),
        ("public_base_url", &policy.public_base_url),
    ];
    for (name, url) in urls {
        if url.as_deref().is_some_and(holds_more_than_a_place) {
            let place = Place::body().field("large_file_config").field(name);
            let problem = "must have no credentials and no query: a bucket's are in its storage";
            return Err(Problem::value(place, problem));
        }
    }
    Ok(Said::Value(config.clone()))
}

/// Whether a URL holds what may be a secret: before the host, or after the path.
fn holds_more_than_a_place(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    host.contains('@') || url.contains(['?', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    fn input(value: Value) -> Object {
        Object::of(Place::body(), value).unwrap()
    }

    fn changed(value: Value) -> Tenant {
        let mut tenant = Tenant::new(TenantId::parse("acme").unwrap(), Timestamp::default());
        TenantChange::read(&input(value))
            .unwrap()
            .apply(&mut tenant);
        tenant
    }

    fn whole() -> Value {
        json!({
            "id": "acme", "name": "Acme", "client_base_url": "https://acme.example/",
            "client_sync_path": "/reports", "client_attachment_path": "/files",
            "client_auth": {"method": "basic", "user": "acme", "password": "canary-client"},
            "webhook_url": "https://acme.example/hook", "webhook_secret": "canary-0123456789",
            "rate_limits": {"hourly": 100, "daily": 0},
            "large_file_config": {"enabled": true, "action": "reject", "max_size_mb": 5},
            "active": false,
        })
    }

    #[test]
    fn a_tenant_is_read_and_shown_without_its_secrets() {
        let shown = show(&changed(whole()));
        assert!(!shown.to_string().contains("canary"), "{shown}");
        for (field, value) in [
            ("name", json!("Acme")),
            ("client_base_url", json!("https://acme.example")),
            ("client_auth", json!({"method": "basic", "user": "acme"})),
            ("webhook_url", json!("https://acme.example/hook")),
            ("webhook_secret", Value::Null),
            ("rate_limits", json!({"hourly": 100, "daily": 0})),
            ("active", json!(false)),
            ("suspended_batches", json!([])),
            ("created_at", json!("1970-01-01T00:00:00.000Z")),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
        assert_eq!(shown["large_file_config"], whole()["large_file_config"]);
    }

    #[test]
    fn what_is_not_said_stays_and_what_is_emptied_goes() {
        let mut tenant = changed(whole());
        let nothing = json!({"name": null, "active": null, "client_auth": null});
        TenantChange::read(&input(nothing))
            .unwrap()
            .apply(&mut tenant);
        assert_eq!(show(&tenant), show(&changed(whole())));
        let emptied = json!({"name": "", "client_base_url": "", "client_sync_path": "",
            "client_auth": {"method": "none"}, "webhook_url": "", "rate_limits": {}, "large_file_config": {}});
        TenantChange::read(&input(emptied))
            .unwrap()
            .apply(&mut tenant);
        let shown = show(&tenant);
        for gone in [
            "name",
            "client_base_url",
            "client_auth",
            "webhook_url",
            "rate_limits",
            "large_file_config",
        ] {
            assert_eq!(shown[gone], Value::Null, "{gone}");
        }
        assert_eq!(shown["client_sync_path"], "/mail-proxy/sync");
        assert_eq!(shown["client_attachment_path"], "/files");
    }

    #[test]
    fn what_a_tenant_is_granted_it_does_not_change_itself() {
        for granted in [
            json!({"active": true}),
            json!({"rate_limits": {"hourly": 0}}),
        ] {
            let own = TenantChange::read_own(&input(granted));
            assert!(matches!(own, Err(Problem::AdminOnly)));
        }
        assert!(TenantChange::read_own(&input(json!({"name": "A"}))).is_ok());
    }

    #[test]
    fn errors_name_the_field_and_repeat_no_secret() {
        for (value, field) in [
            (json!({"nmae": "x"}), "nmae"),
            (json!({"name": 5}), "name"),
            (
                json!({"client_base_url": "https://a:canary@b"}),
                "client_base_url",
            ),
            (json!({"client_sync_path": "sync"}), "client_sync_path"),
            (json!({"client_auth": "canary"}), "client_auth"),
            (json!({"client_auth": {"method": "digest"}}), "method"),
            (
                json!({"client_auth": {"method": "bearer", "token": "canary\n"}}),
                "token",
            ),
            (
                json!({"client_auth": {"method": "basic", "user": "a"}}),
                "password",
            ),
            (
                json!({"client_auth": {"method": "none", "tokn": "canary"}}),
                "tokn",
            ),
            (
                json!({"webhook_url": "https://a.example"}),
                "webhook_secret",
            ),
            (
                json!({"webhook_secret": "canary-0123456789"}),
                "webhook_url",
            ),
            (
                json!({"webhook_url": "", "webhook_secret": "canary-0123456789"}),
                "webhook_url",
            ),
            (
                json!({"webhook_url": "https://a.example", "webhook_secret": "canary"}),
                "webhook_secret",
            ),
            (
                json!({"webhook_url": "https://a:canary@b", "webhook_secret": "canary-0123456789"}),
                "webhook_url",
            ),
            (json!({"rate_limits": {"hourly": "x"}}), "hourly"),
            (json!({"large_file_config": {"action": "canary"}}), "action"),
            (
                json!({"large_file_config": {"storage_url": "s3://k:canary@b/x"}}),
                "storage_url",
            ),
            (
                json!({"large_file_config": {"public_base_url": "https://a/?t=canary"}}),
                "public_base_url",
            ),
            (json!({"active": "perhaps"}), "active"),
        ] {
            let problem = TenantChange::read(&input(value.clone())).unwrap_err();
            let Problem::Invalid(faults) = problem else {
                panic!("{value}: {problem}");
            };
            let shown = serde_json::to_string(&faults).unwrap();
            assert!(
                shown.contains(field) && !shown.contains("canary"),
                "{value}: {shown}"
            );
        }
    }
}
