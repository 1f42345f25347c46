//! Mail as it is handed over.

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use axum::http::Method;
use axum::routing::post;
use model::TenantId;
use model::account::{AccountId, AccountPk};
use serde_json::{Value, json};
use store::submissions::ClientId;
use store::{NewSubmission, Submitted};

use super::answer::{Answer, Json};
use super::aside::aside;
use super::incoming::{self, Terms};
use super::object::{Object, Place};
use super::problem::{Fault, FaultKind, Problem};
use super::scope::{Anyone, Scope};
use super::under_way::{self, BEING_SENT, Way};
use super::{App, Route};

/// Messages that are handed over in one request.
pub(super) const MESSAGES_MAX: usize = 1_000;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_tenant(Method::POST, "/commands/add-messages", || {
        post(add_messages)
    }),
    Route::of_tenant(Method::POST, "/messages/add_batch", || post(add_batch)),
    Route::of_tenant(Method::POST, "/messages/add", || post(add)),
    Route::of_tenant(Method::POST, "/commands/run-now", || post(run_now)),
];

// === Handing over ===

/// What became of the messages of a request.
struct Enqueued {
    queued: usize,
    rejected: Vec<Value>,
    /// Whether nothing was taken, and not only because it had been before.
    has_failed: bool,
}

async fn add_messages(State(app): State<App>, anyone: Anyone) -> Answer {
    let missing = |field: &str| format!("missing {field}");
    let Enqueued {
        queued,
        rejected,
        has_failed,
    } = enqueue(&app, anyone, missing).await?;
    match has_failed {
        true => Err(Problem::AllRejected {
            error: "no message was queued",
            rejected: Value::Array(rejected),
        }),
        false => Ok(Json(
            json!({ "ok": true, "queued": queued, "rejected": rejected }),
        )),
    }
}

async fn add_batch(State(app): State<App>, anyone: Anyone) -> Answer {
    let missing = |field: &str| format!("Missing '{field}' field");
    let Enqueued {
        queued,
        rejected,
        has_failed,
    } = enqueue(&app, anyone, missing).await?;
    Ok(Json(
        json!({ "ok": !has_failed, "queued": queued, "rejected": rejected }),
    ))
}

async fn add(State(app): State<App>, anyone: Anyone) -> Answer {
    let Anyone { scope, input } = anyone;
    let terms = terms(&app, &input)?;
    let message = input.into_named(&Place::body());
    let new = incoming::read(Place::body(), message, &scope, terms)?;
    let (tenant, client_id) = (new.tenant.clone(), new.client_id.clone());
    let account_id = Place::body().field("account_id");
    match submit(&app, vec![new]).await?.pop() {
        Some(Taken::Queued) => {}
        Some(Taken::NoTenant) => return Err(Problem::NotFound("tenant")),
        Some(Taken::NoAccount) => {
            return Err(Problem::value(account_id, "account not found for tenant"));
        }
        Some(Taken::Sending) => return Err(Problem::Fixed(BEING_SENT)),
        Some(Taken::Final) | None => return Err(Problem::Fixed(ALREADY_SENT)),
    }
    let followed = app.submissions.submission(&tenant, &client_id).await?;
    // Whoever takes it back at the same moment may be faster.
    let pk = followed.map(|followed| followed.submission.message_id);
    Ok(Json(json!({ "id": client_id.as_str(), "pk": pk })))
}

/// Takes what can be taken of a request's messages.
async fn enqueue(
    app: &App,
    anyone: Anyone,
    missing: fn(&str) -> String,
) -> Result<Enqueued, Problem> {
    let Anyone { scope, mut input } = anyone;
    let (terms, place) = (terms(app, &input)?, input.place_of("messages"));
    let messages = messages(&mut input)?;
    let sort = move || sort(&place, messages, &scope, terms, missing);
    let Sorted { good, mut rejected } = aside(sort).await??;
    let mut is_any_wrong = !rejected.is_empty();
    let ids: Vec<ClientId> = good.iter().map(|new| new.client_id.clone()).collect();
    let mut queued = 0;
    for (id, taken) in ids.iter().zip(submit(app, good).await?) {
        match taken.reason() {
            None => queued += 1,
            Some(reason) => rejected.push(json!({ "id": id.as_str(), "reason": reason })),
        }
        is_any_wrong |= taken.is_wrong();
    }
    Ok(Enqueued {
        queued,
        rejected,
        has_failed: queued == 0 && is_any_wrong,
    })
}

/// The messages of a request as they were read.
struct Sorted {
    good: Vec<NewSubmission>,
    rejected: Vec<Value>,
}

fn sort(
    place: &Place,
    messages: Vec<Value>,
    scope: &Scope,
    terms: Terms,
    missing: fn(&str) -> String,
) -> Result<Sorted, Problem> {
    let mut good = Vec::with_capacity(messages.len());
    let mut rejected = Vec::new();
    for (index, message) in messages.into_iter().enumerate() {
        let (place, id) = (place.item(index), message.get("id").cloned());
        match incoming::read(place.clone(), message, scope, terms) {
            Ok(new) => good.push(new),
            Err(Problem::Invalid(faults)) => {
                rejected.push(rejection(index, id, &reason(&place, &faults, missing)));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(Sorted { good, rejected })
}

/// Said of more messages than one request may hand over.
pub(super) fn too_many_messages() -> Problem {
    let problem = format!("Cannot enqueue more than {MESSAGES_MAX} messages at once");
    Problem::Refused(problem.into())
}

/// The messages of a request, as many as may be.
fn messages(input: &mut Object) -> Result<Vec<Value>, Problem> {
    let place = input.place_of("messages");
    match input.take("messages") {
        Some(Value::Array(messages)) if messages.is_empty() => {
            Err(Problem::value(place, "is empty"))
        }
        Some(Value::Array(messages)) if messages.len() > MESSAGES_MAX => Err(too_many_messages()),
        Some(Value::Array(messages)) => Ok(messages),
        Some(_) => Err(Problem::value(place, "must be a list")),
        None => Err(Problem::missing(place)),
    }
}

/// What holds for all messages of a request.
fn terms(app: &App, input: &Object) -> Result<Terms, Problem> {
    let priority = incoming::priority(input, "default_priority")?;
    Ok(Terms {
        priority: priority.unwrap_or(app.settings.default_priority),
        bytes_max: app.settings.message_bytes_max,
        at: app.clock.now(),
    })
}

/// A message that was not taken, by its id, or else by its place in the list.
fn rejection(index: usize, id: Option<Value>, reason: &str) -> Value {
    match id {
        Some(Value::String(id)) => json!({ "id": id, "reason": reason }),
        _ => json!({ "index": index, "reason": reason }),
    }
}

/// What is wrong with a message, in a few words.
fn reason(message: &Place, faults: &[Fault], missing: fn(&str) -> String) -> String {
    let Some(fault) = faults.first() else {
        return INVALID.to_owned();
    };
    let field = fault.loc.within(message);
    match fault.kind {
        FaultKind::Missing => missing(&field),
        _ if field.is_empty() => format!("{INVALID}: {}", fault.msg),
        _ => format!("{field}: {}", fault.msg),
    }
}

// === Into the store ===

const INVALID: &str = "invalid payload";
const ALREADY_SENT: &str = "already sent";

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Queued,
    Final,
    Sending,
    NoTenant,
    NoAccount,
}

impl Taken {
    fn of(submitted: Submitted) -> Self {
        match submitted {
            Submitted::New(_) | Submitted::Known(_) | Submitted::Replaced(_) => Self::Queued,
            Submitted::Final(_) => Self::Final,
            // Somebody else handed another one over at the same moment.
            Submitted::Differs(_) => Self::Sending,
            Submitted::NoTenant => Self::NoTenant,
            Submitted::NoAccount => Self::NoAccount,
        }
    }

    /// Whether its client asked for what cannot be.
    fn is_wrong(self) -> bool {
        matches!(self, Self::NoTenant | Self::NoAccount)
    }

    /// Why it was not taken.
    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Queued => None,
            Self::Final => Some(ALREADY_SENT),
            Self::Sending => Some(BEING_SENT),
            Self::NoTenant => Some("tenant not found"),
            Self::NoAccount => Some("account not found for tenant"),
        }
    }
}

/// Hands messages to the store. What is there under the same id with other content gives way, unless it is on its way at
/// this moment: what is in a transaction cannot become another message.
async fn submit(app: &App, batch: Vec<NewSubmission>) -> Result<Vec<Taken>, Problem> {
    let mut taken = vec![Taken::Sending; batch.len()];
    let Free {
        places,
        batch,
        mut again,
    } = free(app, batch).await?;
    if batch.is_empty() {
        return Ok(taken);
    }
    // What is answered is on the disk. promise: P-01
    let submitted = app.submissions.submit_new(batch).await?;
    let mut differing = Differing::default();
    for (place, one) in places.into_iter().zip(submitted) {
        taken[place] = Taken::of(one);
        if let Submitted::Differs(account) = one
            && let Some(new) = again.remove(&place)
        {
            differing.add(place, account, new);
        }
    }
    if !differing.batch.is_empty() {
        replace(app, differing, &mut taken).await?;
    }
    Ok(taken)
}

/// What of a batch is in no transaction, as far as is known here, with its places in the batch.
#[derive(Default)]
struct Free {
    places: Vec<usize>,
    batch: Vec<NewSubmission>,
    /// Copies of those whose ids are there already, or come twice: they may have to be handed over again.
    again: HashMap<usize, NewSubmission>,
}

async fn free(app: &App, batch: Vec<NewSubmission>) -> Result<Free, Problem> {
    let ways = ways_of(app, &batch).await?;
    let (mut free, mut seen) = (Free::default(), HashSet::new());
    for (place, (new, way)) in batch.into_iter().zip(ways).enumerate() {
        if way == Way::Begun {
            continue;
        }
        let is_first = seen.insert((new.tenant.clone(), new.client_id.clone()));
        if way != Way::Free(None) || !is_first {
            free.again.insert(place, new.clone());
        }
        free.places.push(place);
        free.batch.push(new);
    }
    Ok(free)
}

/// How what is there under the ids of a batch stands with who sends.
async fn ways_of(app: &App, batch: &[NewSubmission]) -> Result<Vec<Way>, Problem> {
    let mut ways = Vec::with_capacity(batch.len());
    // An administrator may mean several tenants; each is asked for once, as far as its messages stand together.
    for of_one in batch.chunk_by(|one, next| one.tenant == next.tenant) {
        let ids = of_one.iter().map(|new| new.client_id.clone()).collect();
        ways.extend(under_way::ways(app, &of_one[0].tenant, ids).await?);
    }
    Ok(ways)
}

/// What differs from what is there under the same ids, with its places in a batch.
#[derive(Default)]
struct Differing {
    places: Vec<usize>,
    batch: Vec<NewSubmission>,
    /// Through which what is there leaves.
    accounts: Vec<AccountPk>,
}

impl Differing {
    fn add(&mut self, place: usize, account: AccountPk, new: NewSubmission) {
        self.places.push(place);
        self.batch.push(new);
        if !self.accounts.contains(&account) {
            self.accounts.push(account);
        }
    }
}

/// Puts messages in the places of others with the same ids. Nothing of their accounts begins meanwhile, in whatever process,
/// so that none is sent as it was before and as it is now.
async fn replace(app: &App, differing: Differing, taken: &mut [Taken]) -> Result<(), Problem> {
    let Differing {
        places,
        batch,
        accounts,
    } = differing;
    let replaced = match app.sending.hold(&accounts).await {
        Ok(()) => replace_waiting(app, batch).await,
        Err(unanswered) => Err(unanswered.into()),
    };
    app.sending.let_go(&accounts);
    for (place, replaced) in places.into_iter().zip(replaced?) {
        taken[place] = replaced;
    }
    Ok(())
}

/// Replaces what is in no transaction, while nothing begins.
async fn replace_waiting(app: &App, batch: Vec<NewSubmission>) -> Result<Vec<Taken>, Problem> {
    let mut taken = vec![Taken::Sending; batch.len()];
    let Free { places, batch, .. } = free(app, batch).await?;
    if batch.is_empty() {
        return Ok(taken);
    }
    let accounts = batch.iter().map(account_of).collect();
    let submitted = app.submissions.submit(batch).await?;
    read_again(app, accounts).await?;
    for (place, submitted) in places.into_iter().zip(submitted) {
        taken[place] = Taken::of(submitted);
    }
    Ok(taken)
}

fn account_of(new: &NewSubmission) -> (TenantId, AccountId) {
    (new.tenant.clone(), new.account.clone())
}

/// Puts back what was read ahead: it is as it was before, and may be due earlier. Of what is new the log tells.
async fn read_again(app: &App, replaced: HashSet<(TenantId, AccountId)>) -> Result<(), Problem> {
    app.sending.recall().await?;
    for (tenant, account) in replaced {
        if let Some(known) = app.directory.account(&tenant, &account).await? {
            app.sending.look_at(known.pk);
        }
    }
    Ok(())
}

// === At once ===

/// Sends and reports at once. A tenant that asks for it wants to be disturbed again; the administrator respects who
/// does not.
pub(super) async fn run_now(State(app): State<App>, anyone: Anyone) -> Answer {
    app.sending.wake();
    app.reports.run_now(anyone.scope.own().cloned());
    Ok(Json(json!({ "ok": true })))
}
