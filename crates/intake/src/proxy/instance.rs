//! The installation as a whole.

use axum::extract::State;
use axum::http::Method;
use axum::routing::{get, post, put};
use model::{FieldError, Line, Secret, field};
use serde_json::{Value, json};
use store::directory::{Instance, KeyHash};

use super::answer::{Answer, Json, without_nulls};
use super::object::Object;
use super::problem::Problem;
use super::record::moment;
use super::scope::{AdminOnly, Anyone, Scoped};
use super::tenants::ok;
use super::wire::bounce::{BounceChange, BounceSettings, Names};
use super::{App, Proxy, Route, commands, suspension};

/// Which edition this is: every feature is part of it.
const EDITION: &str = "ee";

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_admin(Method::GET, "/instance", || get(one)),
    Route::of_admin(Method::PUT, "/instance", || put(change)),
    Route::of_admin(Method::POST, "/instance/reload-bounce", || {
        post(reload_bounce)
    }),
    Route::of_admin(Method::POST, "/instance/upgrade-to-ee", || post(upgrade)),
    Route::of_admin(Method::GET, "/instance/get", || get(one)),
    Route::of_admin(Method::POST, "/instance/update", || post(change)),
    Route::of_tenant(Method::POST, "/instance/run_now", || post(run_now)),
    Route::of_tenant(Method::POST, "/instance/suspend", || post(suspend)),
    Route::of_tenant(Method::POST, "/instance/activate", || post(activate)),
    Route::of_admin(Method::GET, "/instance/get_bounce_config", || get(bounce)),
    Route::of_admin(Method::POST, "/instance/set_bounce_config", || {
        post(set_bounce)
    }),
    Route::of_admin(Method::POST, "/instance/reload_bounce", || {
        post(reload_bounce)
    }),
    Route::of_admin(Method::POST, "/instance/upgrade_to_ee", || post(upgrade)),
];

async fn one(State(app): State<App>, AdminOnly { .. }: AdminOnly) -> Answer {
    let instance = app.directory.instance().await?;
    Ok(Json(without_nulls(show(&instance)?)))
}

async fn change(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let names = Names::Prefixed.all();
    let mut known = vec!["id", "name", "api_token", "edition"];
    known.extend(names.iter().map(String::as_str));
    input.only(&known)?;
    check_edition(&input)?;
    let name = input.parsed("name", |text| Line::parse("name", text))?;
    let token = input
        .parsed("api_token", token)?
        .map(|token| KeyHash::of(&token));
    let bounce = bounce_change(&input, Names::Prefixed)?;
    let change = move |instance: &mut Instance| {
        instance.name = name.or(instance.name.take());
        instance.api_token = token.or(instance.api_token.take());
        bounce.map_or(Ok(()), |bounce| bounce.make(instance, Names::Prefixed))
    };
    write(&app, change).await
}

async fn bounce(State(app): State<App>, AdminOnly { .. }: AdminOnly) -> Answer {
    let mut shown = settings(&app.directory.instance().await?)?.show();
    shown["ok"] = json!(true);
    Ok(Json(shown))
}

async fn set_bounce(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let names = Names::Bare.all();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    input.only(&known)?;
    let bounce = bounce_change(&input, Names::Bare)?;
    let change = move |instance: &mut Instance| {
        bounce.map_or(Ok(()), |bounce| bounce.make(instance, Names::Bare))
    };
    write(&app, change).await
}

async fn reload_bounce(State(app): State<App>, AdminOnly { .. }: AdminOnly) -> Answer {
    let settings = settings(&app.directory.instance().await?)?;
    app.bounces_changed.notify_one();
    Ok(Json(json!({ "ok": true, "enabled": settings.is_enabled })))
}

async fn upgrade(AdminOnly { .. }: AdminOnly) -> Answer {
    let message = "Already in Enterprise Edition: every feature is part of this one.";
    Ok(Json(
        json!({ "ok": true, "edition": EDITION, "message": message }),
    ))
}

/// Sends and reports at once. A tenant that the administrator names is reported to even if it asked not to be disturbed,
/// as a tenant that asks for itself.
async fn run_now(State(app): State<App>, asked: Anyone) -> Answer {
    if !asked.scope.is_admin() || asked.input.value("tenant_id").is_none() {
        return commands::run_now(State(app), asked).await;
    }
    let tenant = asked.scope.tenant(&asked.input)?;
    if app.directory.tenant(&tenant).await?.is_none() {
        return Err(Problem::NotFound("tenant"));
    }
    app.sending.wake();
    app.reports.run_now(Some(tenant));
    Ok(ok())
}

/// Holds a tenant's mail back; for the administrator who names none, all of it.
async fn suspend(State(app): State<App>, asked: Anyone) -> Answer {
    match of_tenant(asked)? {
        Some(scoped) => suspension::suspend(State(app), scoped).await,
        None => {
            app.sending.suspend().await?;
            // What other processes read ahead is not begun once the answer is out.
            app.sending.recall().await?;
            Ok(active(&app))
        }
    }
}

async fn activate(State(app): State<App>, asked: Anyone) -> Answer {
    match of_tenant(asked)? {
        Some(scoped) => suspension::activate(State(app), scoped).await,
        None => {
            app.sending.activate().await?;
            Ok(active(&app))
        }
    }
}

fn active(app: &Proxy) -> Json {
    Json(json!({ "ok": true, "active": app.sending.is_active() }))
}

/// The tenant that a request is about; `None` when the administrator means the whole installation.
fn of_tenant(asked: Anyone) -> Result<Option<Scoped>, Problem> {
    let Anyone { scope, input } = asked;
    if scope.is_admin() && input.value("tenant_id").is_none() {
        return Ok(None);
    }
    let tenant = scope.tenant(&input)?;
    Ok(Some(Scoped { tenant, input }))
}

/// Makes a change, and says so to who reads bounces.
async fn write(
    app: &Proxy,
    change: impl FnOnce(&mut Instance) -> Result<(), FieldError> + Send + 'static,
) -> Answer {
    let at = app.clock.now();
    app.directory.change_instance(Box::new(change), at).await?;
    app.bounces_changed.notify_one();
    Ok(ok())
}

/// The change to how bounces are read, where anything is said of it.
fn bounce_change(input: &Object, names: Names) -> Result<Option<BounceChange>, Problem> {
    match BounceChange::is_said(input, names) {
        true => BounceChange::read(input, names).map(Some),
        false => Ok(None),
    }
}

fn settings(instance: &Instance) -> Result<BounceSettings, Problem> {
    Ok(BounceSettings::of(instance).map_err(store::StoreError::Refused)?)
}

/// What an administrator's programs show from now on, beside the token of the start. It travels in a header.
fn token(text: &str) -> Result<Secret, FieldError> {
    let secret = field::secret("api_token", text)?;
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(secret),
        false => Err(FieldError::new(
            "api_token",
            "must be letters, digits and signs of ASCII, without spaces",
        )),
    }
}

fn check_edition(input: &Object) -> Result<(), Problem> {
    match input.text("edition")? {
        None | Some(EDITION) => Ok(()),
        Some(_) => Err(input.wrong("edition", "must be ee: every feature is part of this one")),
    }
}

/// The settings as they are shown, without their secrets.
fn show(instance: &Instance) -> Result<Value, Problem> {
    let mut shown = json!({
        "ok": true,
        "id": 1,
        "name": instance.name.as_ref().map(Line::as_str),
        "edition": EDITION,
        "updated_at": instance.updated_at.map(moment),
    });
    if let Value::Object(bounce) = settings(instance)?.show() {
        for (field, value) in bounce {
            shown[Names::Prefixed.of(&field)] = value;
        }
    }
    Ok(shown)
}
