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
use super::under_way::{BEING_SENT, Way, ways};
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
    let removed = removed(&app, &scoped).await?;
    Ok(Json(removed.with_sending(json!({
        "ok": true,
        "removed": removed.count,
        "not_found": removed.not_found,
        // An id is looked for among the tenant's own: whether others have one such is not told.
        "unauthorized": [],
    }))))
}

async fn delete_batch(State(app): State<App>, scoped: Scoped) -> Answer {
    let removed = removed(&app, &scoped).await?;
    let not_found = Some(&removed.not_found).filter(|not_found| !not_found.is_empty());
    Ok(Json(removed.with_sending(json!({
        "ok": true,
        "removed": removed.count,
        "not_found": not_found,
        "unauthorized": null,
    }))))
}

async fn delete(State(app): State<App>, anyone: Anyone) -> Answer {
    let Anyone { scope, input } = anyone;
    let pk = input.needed_text("message_pk")?;
    let Submission {
        tenant, client_id, ..
    } = by_pk(&app, &scope, pk).await?;
    match remove(&app, &tenant, vec![client_id]).await?.pop() {
        Some(Fate::Removed) => Ok(Json(json!(true))),
        Some(Fate::BeingSent) => Err(Problem::Fixed(BEING_SENT)),
        Some(Fate::NotFound) | None => Err(Problem::NotFound("message")),
    }
}

/// What became of what was to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Removed,
    NotFound,
    /// It is in a transaction: it may arrive.
    BeingSent,
}

/// What became of all that a request names.
#[derive(Default)]
struct Removed<'a> {
    count: usize,
    not_found: Vec<&'a str>,
    being_sent: Vec<&'a str>,
}

impl<'a> Removed<'a> {
    fn note(&mut self, id: &'a str, fate: Fate) {
        match fate {
            Fate::Removed => self.count += 1,
            Fate::NotFound => self.not_found.push(id),
            Fate::BeingSent => self.being_sent.push(id),
        }
    }

    /// An answer with the ids that are being sent, where there are some.
    fn with_sending(&self, mut answer: Value) -> Value {
        if !self.being_sent.is_empty() {
            answer["being_sent"] = json!(self.being_sent);
        }
        answer
    }
}

/// Takes back the messages that a request names, each once.
async fn removed<'a>(app: &App, scoped: &'a Scoped) -> Result<Removed<'a>, Problem> {
    let mut removed = Removed::default();
    let (mut asked, mut known) = (Vec::new(), Vec::new());
    for id in ids(&scoped.input)? {
        match ClientId::parse("ids", id) {
            Ok(client_id) => {
                asked.push(id);
                known.push(client_id);
            }
            // What cannot be an id is nobody's.
            Err(_) => removed.note(id, Fate::NotFound),
        }
    }
    let fates = remove(app, &scoped.tenant, known).await?;
    for (id, fate) in asked.into_iter().zip(fates) {
        removed.note(id, fate);
    }
    Ok(removed)
}

/// Takes messages back, but for those that are in a transaction.
pub(super) async fn remove(
    app: &App,
    tenant: &TenantId,
    ids: Vec<ClientId>,
) -> Result<Vec<Fate>, Problem> {
    let ways = ways(app, tenant, ids.clone()).await?;
    let free = ids.into_iter().zip(&ways);
    let free = free.filter(|(_, way)| **way != Way::Begun);
    let free = free.map(|(id, _)| id).collect();
    let removed = app.submissions.remove(tenant, free, app.clock.now());
    let mut removed = removed.await?.into_iter();
    // What was read ahead is not begun any more. What was begun just before is gone here, and may arrive.
    app.sending.recall().await?;
    let fate = |way: Way| match way {
        Way::Begun => Fate::BeingSent,
        Way::Free(_) | Way::Over => match removed.next() {
            Some(true) if way.has_begun(app) => Fate::BeingSent,
            Some(true) => Fate::Removed,
            Some(false) | None => Fate::NotFound,
        },
    };
    Ok(ways.into_iter().map(fate).collect())
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
