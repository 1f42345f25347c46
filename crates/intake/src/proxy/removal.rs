//! Mail as it is taken back and forgotten.

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::State;
use axum::http::Method;
use axum::routing::{MethodRouter, post};
use model::TenantId;
use serde_json::{Value, json};
use store::Submission;
use store::submissions::ClientId;

use super::answer::{Answer, Json};
use super::messages::by_pk;
use super::object::Object;
use super::problem::Problem;
use super::scope::{Anyone, Scoped};
use super::{App, Route};

/// Ids that are taken back in one request.
const IDS_MAX: usize = 10_000;
/// Submissions that are forgotten in one step.
const STEP: usize = 1_000;
/// How old what is cleaned up must be unless the RPC route says otherwise, in seconds.
const RPC_OLDER_THAN_S: i64 = 86_400;
/// The longest age that can be asked for, in seconds: ten thousand years.
const AGE_MAX_S: i64 = 315_576_000_000;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_tenant(Method::POST, "/commands/delete-messages", || {
        post(delete_messages)
    }),
    Route::of_tenant(Method::POST, "/messages/delete_batch", || {
        post(delete_batch)
    }),
    Route::of_tenant(Method::POST, "/messages/delete", || post(delete)),
    Route::of_tenant(Method::POST, "/commands/cleanup-messages", || {
        post(cleanup_messages)
    }),
    Route::of_tenant(Method::POST, "/messages/cleanup", cleanup_route),
];

async fn delete_messages(State(app): State<App>, scoped: Scoped) -> Answer {
    let (removed, not_found) = removed(&app, &scoped).await?;
    Ok(Json(json!({
        "ok": true,
        "removed": removed,
        "not_found": not_found,
        // An id is looked for among the tenant's own: whether others have one such is not told.
        "unauthorized": [],
    })))
}

async fn delete_batch(State(app): State<App>, scoped: Scoped) -> Answer {
    let (removed, not_found) = removed(&app, &scoped).await?;
    let not_found = Some(not_found).filter(|not_found| !not_found.is_empty());
    Ok(Json(json!({
        "ok": true,
        "removed": removed,
        "not_found": not_found,
        "unauthorized": null,
    })))
}

async fn delete(State(app): State<App>, anyone: Anyone) -> Answer {
    let Anyone { scope, input } = anyone;
    let pk = input.needed_text("message_pk")?;
    let Submission {
        tenant, client_id, ..
    } = by_pk(&app, &scope, pk).await?;
    let removed = remove(&app, &tenant, vec![client_id]).await?;
    match removed.contains(&true) {
        true => Ok(Json(json!(true))),
        false => Err(Problem::NotFound("message")),
    }
}

/// Takes back the messages that a request names, each once: how many it were, and the ids that are none.
async fn removed<'a>(app: &App, scoped: &'a Scoped) -> Result<(usize, Vec<&'a str>), Problem> {
    let ids = ids(&scoped.input)?;
    let mut not_found = Vec::new();
    let (mut asked, mut known) = (Vec::new(), Vec::new());
    for id in ids {
        match ClientId::parse("ids", id) {
            Ok(client_id) => {
                asked.push(id);
                known.push(client_id);
            }
            // What cannot be an id is nobody's.
            Err(_) => not_found.push(id),
        }
    }
    let outcome = remove(app, &scoped.tenant, known).await?;
    let missing = asked
        .into_iter()
        .zip(&outcome)
        .filter(|(_, removed)| !**removed);
    not_found.extend(missing.map(|(id, _)| id));
    Ok((
        outcome.iter().filter(|removed| **removed).count(),
        not_found,
    ))
}

async fn remove(app: &App, tenant: &TenantId, ids: Vec<ClientId>) -> Result<Vec<bool>, Problem> {
    let removed = app.submissions.remove(tenant, ids, app.clock.now()).await?;
    app.sending.recall().await;
    Ok(removed)
}

/// The ids that a request names, each once.
fn ids(input: &Object) -> Result<Vec<&str>, Problem> {
    let items = input.list("ids")?;
    let items = input.needed("ids", items)?;
    if items.len() > IDS_MAX {
        let problem = format!("holds more than {IDS_MAX} ids: split the request");
        return Err(input.wrong("ids", problem));
    }
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let Value::String(id) = item else {
            let place = input.place_of("ids").item(index);
            return Err(Problem::value(place, "must be text"));
        };
        if seen.insert(id.as_str()) {
            ids.push(id.as_str());
        }
    }
    Ok(ids)
}

// === Forgetting ===

async fn cleanup_messages(State(app): State<App>, scoped: Scoped) -> Answer {
    let removed = cleaned_up(&app, &scoped, app.settings.retention_s.into()).await?;
    Ok(Json(json!({ "ok": true, "removed": removed })))
}

async fn cleanup(State(app): State<App>, scoped: Scoped) -> Answer {
    let removed = cleaned_up(&app, &scoped, RPC_OLDER_THAN_S).await?;
    Ok(Json(json!({ "ok": true, "removed": removed })))
}

/// The client of old asks for it by GET, which anything that follows links may do: it is refused in words.
fn cleanup_route() -> MethodRouter<App> {
    let refused = async || Problem::Method("this deletes messages: use POST /messages/cleanup");
    post(cleanup).fallback(refused)
}

async fn cleaned_up(app: &App, scoped: &Scoped, default_s: i64) -> Result<usize, Problem> {
    let older_than_s = scoped.input.integer("older_than_seconds", 0..=AGE_MAX_S)?;
    let age = Duration::from_secs(older_than_s.unwrap_or(default_s).unsigned_abs());
    let before = app.clock.now() - age;
    let mut removed = 0;
    // It ends: what is final before a moment that is over does not become more.
    loop {
        let step = app.submissions.clean_up(Some(&scoped.tenant), before, STEP);
        let step = step.await?;
        removed += step;
        if step < STEP {
            return Ok(removed);
        }
    }
}
