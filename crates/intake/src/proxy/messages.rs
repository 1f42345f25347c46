//! Mail as it stands, and what happened to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use model::account::AccountPk;
use model::{BatchCode, Line, MessageId, SubmissionId, TenantId};
use serde_json::{Value, json};
use store::submissions::{ClientId, Followed, SubmissionFilter};
use store::{StoreError, Submission};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::{Answer, Json, without_nulls};
use super::object::Object;
use super::problem::Problem;
use super::record::{self, Around};
use super::scope::{Anyone, Scope, Scoped};
use super::{App, Route, history};

/// Records of an answer, unless the request says otherwise.
const LIMIT: usize = 1_000;
/// Records of an answer at most.
const LIMIT_MAX: i64 = 10_000;
/// Messages that are read first: how large they are is not known then.
const FIRST_STEP: usize = 16;
/// Messages that are read in one step at most.
const STEP: usize = 250;
/// After so many bytes a part of an answer ends.
const PART_BYTES: usize = 1024 * 1024;
/// Lists that are written at once: each may hold a part, which is at least a message.
const LISTS_MAX: usize = 16;
/// How long one more waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// Said when it does not come.
const TOO_MANY_LISTS: &str =
    "too many lists of messages are read at this moment; try again in a while";

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_tenant(Method::GET, "/messages", || get(list)),
    Route::of_tenant(Method::GET, "/messages/{id}/events", || get(events)),
    Route::of_tenant(Method::GET, "/messages/list", || get(list_bare)),
    Route::of_tenant(Method::GET, "/messages/get", || get(one)),
    Route::of_tenant(Method::GET, "/messages/count_active", || get(count_active)),
    Route::of_tenant(Method::GET, "/messages/count_pending_for_tenant", || {
        get(count_pending)
    }),
];

// === Lists ===

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `{"ok":true,"messages":[…],"next":…}`, without fields that are null.
    Documented,
    /// `[…]`, with all fields.
    Bare,
}

async fn list(
    State(app): State<App>,
    Extension(lists): Extension<Lists>,
    scoped: Scoped,
) -> Result<Response, Problem> {
    Listing::begin(app, lists, scoped, Shape::Documented)
        .await?
        .answer()
        .await
}

async fn list_bare(
    State(app): State<App>,
    Extension(lists): Extension<Lists>,
    scoped: Scoped,
) -> Result<Response, Problem> {
    Listing::begin(app, lists, scoped, Shape::Bare)
        .await?
        .answer()
        .await
}

/// The lists that are written at this moment.
#[derive(Clone)]
pub(super) struct Lists(Arc<Semaphore>);

impl Lists {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LISTS_MAX)))
    }

    /// A place among them, given back when it is dropped.
    async fn enter(self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = timeout(PATIENCE, self.0.acquire_owned()).await;
        let place = place.map_err(|_| Problem::Busy(TOO_MANY_LISTS))?;
        place.map_err(|_| Problem::Store(StoreError::Closed))
    }
}

/// A list under way. It is written part by part, so that the longest one needs no more memory than a part.
struct Listing {
    app: App,
    /// Given back when the last part is taken, or the client goes away.
    _place: OwnedSemaphorePermit,
    shape: Shape,
    with_history: bool,
    tenant_name: Option<Line<255>>,
    filter: SubmissionFilter,
    /// Records that may still be written.
    left: usize,
    /// Those that are read next: about as many as make a part.
    step: usize,
    has_begun: bool,
    is_pec: HashMap<AccountPk, bool>,
    is_done: bool,
}

impl Listing {
    async fn begin(app: App, lists: Lists, scoped: Scoped, shape: Shape) -> Result<Self, Problem> {
        let Scoped { tenant, input } = scoped;
        let limit = input.integer("limit", 1..=LIMIT_MAX)?;
        let after = input
            .text("after")?
            .map(str::parse::<MessageId>)
            .transpose();
        let after = after.map_err(|error| input.wrong("after", error.to_string()))?;
        let known = app.directory.tenant(&tenant).await?;
        Ok(Self {
            _place: lists.enter().await?,
            shape,
            with_history: input.flag("include_history")?.unwrap_or(false),
            tenant_name: known.and_then(|tenant| tenant.name),
            filter: SubmissionFilter {
                tenant: Some(tenant),
                is_open: input.flag("active_only")?.unwrap_or(false),
                after: after.map(|after| SubmissionId(after.seq())),
                ..SubmissionFilter::default()
            },
            left: limit
                .and_then(|limit| usize::try_from(limit).ok())
                .unwrap_or(LIMIT),
            step: FIRST_STEP,
            has_begun: false,
            is_pec: HashMap::new(),
            is_done: false,
            app,
        })
    }

    /// The answer. Its first step is made before it begins, so that a store that cannot be read is an error in words.
    async fn answer(mut self) -> Result<Response, Problem> {
        let first = self.step().await?;
        let rest = stream::unfold(self, async |mut listing| {
            if listing.is_done {
                return None;
            }
            let step = listing.step().await;
            // What is cut off is no JSON, so that nobody takes it for the whole.
            listing.is_done |= step.is_err();
            Some((step, listing))
        });
        let body = stream::StreamExt::chain(stream::iter([Ok(first)]), rest);
        let json = HeaderValue::from_static("application/json");
        Ok(([(header::CONTENT_TYPE, json)], Body::from_stream(body)).into_response())
    }

    /// The next part of the text.
    async fn step(&mut self) -> Result<Bytes, StoreError> {
        let page = self.page(self.left.min(self.step)).await?;
        let mut text = String::new();
        if !self.has_begun {
            text.push_str(self.shape.opening());
        }
        let mut count = 0;
        // What of a page is more than a part is read again.
        while count < page.len() && text.len() < PART_BYTES {
            if self.has_begun || count > 0 {
                text.push(',');
            }
            text.push_str(&self.record(&page[count]).await?.to_string());
            count += 1;
        }
        self.has_begun = true;
        self.left -= count;
        self.step = next_step(self.step, count, page.len());
        self.is_done = count == 0 || self.left == 0;
        let last = page[..count].last();
        if let Some(last) = last {
            self.filter.after = Some(last.submission.id);
        }
        if self.is_done {
            let next = self.next(last).await?;
            text.push_str(&self.shape.closing(next));
        }
        Ok(Bytes::from(text))
    }

    async fn page(&mut self, limit: usize) -> Result<Vec<Followed>, StoreError> {
        self.filter.limit = limit;
        self.app.submissions.submissions(self.filter.clone()).await
    }

    /// Where the list goes on; `None` when it does not.
    async fn next(&mut self, last: Option<&Followed>) -> Result<Option<MessageId>, StoreError> {
        let Some(last) = last else {
            return Ok(None);
        };
        let has_more = !self.page(1).await?.is_empty();
        Ok(has_more.then_some(last.submission.message_id))
    }

    async fn record(&mut self, followed: &Followed) -> Result<Value, StoreError> {
        let account = followed.submission.account;
        let is_pec = match self.is_pec.get(&account) {
            Some(is_pec) => *is_pec,
            None => *self
                .is_pec
                .entry(account)
                .or_insert(is_pec(&self.app, account).await?),
        };
        let around = Around {
            tenant_name: self.tenant_name.as_ref().map(Line::as_str),
            is_pec,
        };
        let record = shown(&self.app, followed, around, self.with_history).await?;
        Ok(match self.shape {
            Shape::Documented => without_nulls(record),
            Shape::Bare => record,
        })
    }
}

/// How many to read next, after so many of a page made a part.
fn next_step(step: usize, written: usize, read: usize) -> usize {
    match written < read {
        true => written.max(1),
        false => (2 * step).min(STEP),
    }
}

impl Shape {
    fn opening(self) -> &'static str {
        match self {
            Self::Documented => r#"{"ok":true,"messages":["#,
            Self::Bare => "[",
        }
    }

    /// The end, with where to go on from where there is more.
    fn closing(self, next: Option<MessageId>) -> String {
        match (self, next) {
            (Self::Documented, Some(next)) => format!(r#"],"next":"{next}"}}"#),
            (Self::Documented, None) => "]}".to_owned(),
            (Self::Bare, _) => "]".to_owned(),
        }
    }
}

/// A submission's record, for which its history is read where it is asked for or needed.
async fn shown(
    app: &App,
    followed: &Followed,
    around: Around<'_>,
    with_history: bool,
) -> Result<Value, StoreError> {
    let log = match with_history || record::needs_history(followed) {
        true => Some(app.submissions.history(followed.submission.id).await?),
        false => None,
    };
    let mut record = record::record(followed, around, log.as_deref());
    if with_history {
        record["history"] = Value::Array(history::entries(log.as_deref().unwrap_or_default()));
    }
    Ok(record)
}

async fn is_pec(app: &App, account: AccountPk) -> Result<bool, StoreError> {
    let known = app.directory.account_by_pk(account).await?;
    Ok(known.is_some_and(|known| known.account.is_pec))
}

// === One ===

async fn one(State(app): State<App>, scoped: Scoped) -> Answer {
    let followed = find(
        &app,
        &scoped.tenant,
        scoped.input.needed_text("message_id")?,
    )
    .await?;
    let tenant = app.directory.tenant(&scoped.tenant).await?;
    let name = tenant.and_then(|tenant| tenant.name);
    let around = Around {
        tenant_name: name.as_ref().map(Line::as_str),
        is_pec: is_pec(&app, followed.submission.account).await?,
    };
    Ok(Json(shown(&app, &followed, around, true).await?))
}

async fn events(State(app): State<App>, scoped: Scoped) -> Answer {
    let followed = find(&app, &scoped.tenant, scoped.input.needed_text("id")?).await?;
    let log = app.submissions.history(followed.submission.id).await?;
    Ok(Json(json!({ "ok": true, "events": history::events(&log) })))
}

/// A tenant's message by its client's id, or else by its `pk`.
async fn find(app: &App, tenant: &TenantId, id: &str) -> Result<Followed, Problem> {
    if let Ok(client_id) = ClientId::parse("id", id)
        && let Some(followed) = app.submissions.submission(tenant, &client_id).await?
    {
        return Ok(followed);
    }
    let own = Scope::of_tenant(tenant.clone());
    let submission = by_pk(app, &own, id).await?;
    let followed = app
        .submissions
        .submission(tenant, &submission.client_id)
        .await?;
    followed.ok_or(Problem::NotFound("message"))
}

/// A message by its `pk`, where the asker may see it.
pub(super) async fn by_pk(app: &App, scope: &Scope, pk: &str) -> Result<Submission, Problem> {
    let pk: MessageId = pk.parse().map_err(|_| Problem::NotFound("message"))?;
    let found = app.submissions.payload(SubmissionId(pk.seq())).await?;
    let found = found.map(|(submission, _)| submission);
    // The place alone is not the id: it is the same in every store.
    found
        .filter(|submission| submission.message_id == pk && scope.sees(&submission.tenant))
        .ok_or(Problem::NotFound("message"))
}

// === Counts ===

async fn count_active(State(app): State<App>, anyone: Anyone) -> Answer {
    let Anyone { scope, input } = anyone;
    let names_one = !scope.is_admin() || input.value("tenant_id").is_some();
    let count = match names_one {
        true => pending(&app, &scope.tenant(&input)?, &input).await?,
        false => {
            let counts = app.submissions.account_counts().await?;
            counts
                .iter()
                .map(store::submissions::AccountCounts::pending)
                .sum()
        }
    };
    Ok(Json(json!(count)))
}

async fn count_pending(State(app): State<App>, scoped: Scoped) -> Answer {
    Ok(Json(json!(
        pending(&app, &scoped.tenant, &scoped.input).await?
    )))
}

async fn pending(app: &App, tenant: &TenantId, input: &Object) -> Result<u64, Problem> {
    let batch = input.parsed("batch_code", BatchCode::parse)?;
    Ok(app.submissions.pending(tenant, batch.as_ref()).await?)
}
