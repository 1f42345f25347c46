//! Who asks, and for which tenant: no handler gets a tenant's id that its asker may not mean.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::Method;
use axum::http::request::Parts;
use model::TenantId;
use serde_json::{Map, Value};
use url::form_urlencoded;
use webserver::Caller;

use super::App;
use super::aside::{BYTES_AT_ONCE, aside};
use super::commands::too_many_messages;
use super::object::{Object, Place};
use super::problem::{Fault, FaultKind, Problem};
use super::weight::{DEPTH_MAX, TooMuch};
use super::whole::Weighed;

/// The field that names a tenant.
const TENANT: &str = "tenant_id";
/// Names behind the question mark of one request.
const PARAMETERS_MAX: usize = 100;

/// A request about one tenant: a tenant's token means its own, the administrator's the one named by `tenant_id` (in
/// the path, the body or behind the question mark), which is there.
pub(super) struct Scoped {
    /// Whom it is about.
    pub(super) tenant: TenantId,
    /// What was asked.
    pub(super) input: Object,
}

/// A request that only the administrator may make.
pub(super) struct AdminOnly {
    /// What was asked.
    pub(super) input: Object,
}

/// A request that says tenant by tenant what it is about.
pub(super) struct Anyone {
    /// Whom its parts may be about.
    pub(super) scope: Scope,
    /// What was asked.
    pub(super) input: Object,
}

/// Which tenants the asker may mean.
#[derive(Clone, Debug)]
pub(super) struct Scope(Caller);

impl Scope {
    /// That of one tenant.
    pub(super) fn of_tenant(tenant: TenantId) -> Self {
        Self(Caller::Tenant(tenant))
    }

    /// The tenant that an object is about: the asker's own, or for the administrator the one that it names.
    pub(super) fn tenant(&self, object: &Object) -> Result<TenantId, Problem> {
        let mut named = object.values(TENANT).into_iter().map(Value::as_str);
        let first = object.parsed(TENANT, TenantId::parse)?;
        let is_one = named.all(|name| name == first.as_ref().map(TenantId::as_str));
        match (&self.0, first) {
            _ if !is_one => Err(object.wrong(TENANT, "two different tenants are named")),
            (Caller::Tenant(own), None) => Ok(own.clone()),
            (Caller::Tenant(own), Some(named)) if *own == named => Ok(named),
            (Caller::Tenant(_), Some(_)) => Err(Problem::OtherTenant),
            (Caller::Admin, Some(named)) => Ok(named),
            (Caller::Admin, None) => Err(Problem::missing(object.place_of(TENANT))),
        }
    }

    /// A tenant that names another one is refused wherever it does, also where nothing would come of it.
    fn check(&self, object: &Object) -> Result<(), Problem> {
        let Some(own) = self.own() else {
            return Ok(());
        };
        let mut named = object.values(TENANT).into_iter();
        match named.all(|named| named == own.as_str()) {
            true => Ok(()),
            false => Err(Problem::OtherTenant),
        }
    }

    /// Whether what is a tenant's is the asker's as well.
    pub(super) fn sees(&self, tenant: &TenantId) -> bool {
        match &self.0 {
            Caller::Admin => true,
            Caller::Tenant(own) => own == tenant,
        }
    }

    /// The tenant who asks; `None` for the administrator.
    pub(super) fn own(&self) -> Option<&TenantId> {
        match &self.0 {
            Caller::Admin => None,
            Caller::Tenant(own) => Some(own),
        }
    }

    /// Whether it is the administrator who asks.
    pub(super) fn is_admin(&self) -> bool {
        self.0 == Caller::Admin
    }
}

impl FromRequest<App> for Scoped {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let Anyone { scope, input } = Anyone::from_request(request, app).await?;
        let tenant = scope.tenant(&input)?;
        if scope.is_admin() && app.directory.tenant(&tenant).await?.is_none() {
            return Err(Problem::NotFound("tenant"));
        }
        Ok(Self { tenant, input })
    }
}

impl FromRequest<App> for AdminOnly {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let Anyone { scope, input } = Anyone::from_request(request, app).await?;
        match scope.is_admin() {
            true => Ok(Self { input }),
            false => Err(Problem::AdminOnly),
        }
    }
}

impl FromRequest<App> for Anyone {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut head, body) = request.into_parts();
        // Who asks is settled before anything that was sent is read.
        let caller = Caller::from_request_parts(&mut head, app).await;
        let scope = Scope(caller.map_err(|_| Problem::NoToken)?);
        let path = path(&mut head, app).await?;
        let query = query(head.uri.query())?;
        let takes_body = matches!(head.method, Method::POST | Method::PUT);
        let weighed = head.extensions.get::<Weighed>().copied();
        let request = Request::from_parts(head, body);
        let body = Bytes::from_request(request, app).await;
        let body = body.map_err(|_| Problem::TooLarge("the body is too long".into()))?;
        let rest = match body.is_empty() {
            true if !takes_body => query,
            true => Object::new(Place::body(), Map::new()).or_in(query),
            false => {
                may_be_read(weighed)?;
                read_whole(body).await?.or_in(query)
            }
        };
        let input = path.or_in(rest);
        scope.check(&input)?;
        Ok(Self { scope, input })
    }
}

/// The names in the path.
async fn path(head: &mut Parts, app: &App) -> Result<Object, Problem> {
    let names = RawPathParams::from_request_parts(head, app).await;
    let names = names.map_err(|_| Problem::NotFound("page"))?;
    let fields = names
        .iter()
        .map(|(name, value)| (name.to_owned(), value.into()));
    Ok(Object::new(Place::path(), fields.collect()))
}

/// What is behind the question mark. A field without a value counts as not given.
fn query(text: Option<&str>) -> Result<Object, Problem> {
    let mut fields = Map::new();
    let pairs = form_urlencoded::parse(text.unwrap_or_default().as_bytes());
    for (count, (name, value)) in pairs.filter(|(_, value)| !value.is_empty()).enumerate() {
        if count >= PARAMETERS_MAX {
            let problem = format!("holds more than {PARAMETERS_MAX} parameters");
            return Err(Problem::value(Place::query(), problem));
        }
        let place = Place::query().field(name.clone().into_owned());
        let earlier = fields.insert(name.into_owned(), Value::String(value.into_owned()));
        if earlier.is_some() {
            return Err(Problem::value(place, "given more than once"));
        }
    }
    Ok(Object::new(Place::query(), fields))
}

/// Nothing is read that was not weighed.
fn may_be_read(weighed: Option<Weighed>) -> Result<(), Problem> {
    match weighed.map_or(Err(TooMuch::Values), |Weighed(weighed)| weighed) {
        Ok(()) => Ok(()),
        Err(TooMuch::Messages) => Err(too_many_messages()),
        Err(TooMuch::Depth) => {
            let problem = format!(
                "the body nests lists and objects deeper than {DEPTH_MAX} levels: nest it less"
            );
            Err(Problem::Refused(problem.into()))
        }
        Err(TooMuch::Values) => {
            let problem = "the body holds more values than are taken at once: split the request";
            Err(Problem::TooLarge(problem.into()))
        }
    }
}

/// The body as a JSON object.
async fn read_whole(body: Bytes) -> Result<Object, Problem> {
    match body.len() {
        ..=BYTES_AT_ONCE => read(&body),
        _ => aside(move || read(&body)).await?,
    }
}

/// The same. How deep it is was told when it was weighed.
fn read(body: &[u8]) -> Result<Object, Problem> {
    let invalid = |error: serde_json::Error| {
        Problem::Invalid(vec![Fault {
            loc: Place::body(),
            msg: format!("no JSON: {error}").into(),
            kind: FaultKind::JsonInvalid,
        }])
    };
    let value = serde_json::from_slice(body).map_err(invalid)?;
    Object::of(Place::body(), value)
}
