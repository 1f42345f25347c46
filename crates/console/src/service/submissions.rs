//! Submissions page by page, as they stand in JSON.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use model::account::AccountId;
use model::{MessageId, MessageState, Seq, TenantId};
use serde::Serialize;
use store::Submission;
use store::submissions::{
    FindSubmissions, FollowedMessage, FoundSubmissions, ListedSubmission, SubmissionState,
};
use webserver::Caller;

use super::router::{App, Shared, scope};
use super::source::FiguresSource;
use crate::page::{self, Edges};
use crate::problem::Problem;
use crate::query::Query;
use crate::row;
use crate::status::Status;
use crate::time::Rfc3339;

/// What can be asked for.
const PARAMETERS: [&str; 7] = [
    "limit", "after", "before", "search", "status", "tenant", "account",
];
const STATES: [(&str, SubmissionState); 3] = [
    ("pending", SubmissionState::Pending),
    ("sent", SubmissionState::Sent),
    ("failed", SubmissionState::Failed),
];
/// Submissions of a page where no limit is given, and at most.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: i64 = 200;
/// Looks for some of the submissions at the same moment.
pub(super) use crate::page::SEARCHES_MAX;

#[derive(Serialize)]
struct PageJson<'a> {
    submissions: Vec<Row<'a>>,
    #[serde(flatten)]
    edges: Edges,
}

/// One submission.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    pk: MessageId,
    seq: Seq,
    /// The client's own id of it.
    id: &'a str,
    tenant_id: &'a str,
    account_id: &'a str,
    status: Status,
    /// Its first recipient.
    email: &'a str,
    recipients: u32,
    sent: u32,
    failed: u32,
    priority: &'static str,
    batch_code: Option<&'a str>,
    /// Whether its tenant holds it back.
    held: bool,
    deferred_until: Option<Rfc3339>,
    created_at: Rfc3339,
    at: Rfc3339,
    /// Of its first recipient: attempts so far, when the next one is due, and why the last one did not deliver.
    attempts: u32,
    due_at: Option<Rfc3339>,
    error: Option<Cow<'a, str>>,
}

/// `GET /api/submissions`
pub(super) async fn page(
    caller: Caller,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &PARAMETERS)?;
    let mut wanted = read(&app, scope(&caller), &query).await?;
    let (from, limit) = (wanted.from, wanted.limit);
    // One more than fits shows whether there is another page.
    wanted.limit += 1;
    let found = find(&app, wanted).await?;
    let place = |listed: &ListedSubmission| listed.submission.id.0;
    let looked_to = found.looked_to.map(|id| id.0);
    let (rows, edges) = page::to_a_page(found.submissions, looked_to, from, limit, place);
    let figures = &*app.service.figures;
    let row = |listed| Row::of_listed(listed, figures);
    Ok(Json(PageJson {
        submissions: rows.iter().map(row).collect(),
        edges,
    })
    .into_response())
}

async fn find(app: &Shared, wanted: FindSubmissions) -> Result<FoundSubmissions, Problem> {
    let submissions = Arc::clone(&app.service.submissions);
    let is_search = wanted.part.is_some() || wanted.state.is_some() || wanted.tenant.is_some();
    let find = async move { Ok(submissions.find_submissions(wanted).await?) };
    match is_search {
        true => page::in_turn(&app.searches, find).await,
        false => find.await,
    }
}

/// Which submissions are asked for, by who may see that tenant's only.
async fn read(
    app: &Shared,
    scope: Option<&TenantId>,
    query: &Query,
) -> Result<FindSubmissions, Problem> {
    let named = query.text("tenant").map(tenant).transpose()?;
    let tenant = match (scope, named) {
        (None, named) => named,
        (Some(own), Some(named)) if named != *own => return Err(Problem::NotFound("tenant")),
        (Some(own), _) => Some(own.clone()),
    };
    let account = match (query.text("account"), &tenant) {
        (None, _) => None,
        (Some(_), None) => return Err(Problem::parameter("account", "needs its tenant beside it")),
        (Some(id), Some(tenant)) => {
            let id = AccountId::parse(id).map_err(|_| Problem::NotFound("account"))?;
            let known = app.service.directory.account(tenant, &id).await?;
            Some(known.ok_or(Problem::NotFound("account"))?.pk)
        }
    };
    let limit = query.number("limit", 1..=LIMIT_MAX)?;
    Ok(FindSubmissions {
        tenant,
        account,
        state: query.text("status").map(state).transpose()?,
        part: query.text("search").map(page::address_part).transpose()?,
        from: page::from(query)?,
        limit: limit.map_or(LIMIT_DEFAULT, |limit| limit as usize),
        look_at_max: page::LOOK_AT_MAX,
    })
}

fn tenant(id: &str) -> Result<TenantId, Problem> {
    TenantId::parse(id).map_err(|_| Problem::NotFound("tenant"))
}

fn state(word: &str) -> Result<SubmissionState, Problem> {
    let known = STATES.iter().find(|(known, _)| *known == word);
    known.map(|(_, state)| *state).ok_or_else(|| {
        let words = STATES.map(|(word, _)| word).join(", ");
        Problem::parameter("status", format!("expected one of {words}"))
    })
}

impl<'a> Row<'a> {
    fn of_listed(listed: &'a ListedSubmission, figures: &dyn FiguresSource) -> Self {
        Self::new(&listed.submission, &listed.first, figures)
    }

    /// A submission with its first recipient's message.
    pub(super) fn new(
        submission: &'a Submission,
        first: &'a FollowedMessage,
        figures: &dyn FiguresSource,
    ) -> Self {
        Self {
            pk: submission.message_id,
            seq: submission.id.0,
            id: submission.client_id.as_str(),
            tenant_id: submission.tenant.as_str(),
            account_id: submission.account_id.as_str(),
            status: status(submission, first.message.attempts, figures),
            email: first.message.address.as_str(),
            recipients: submission.recipients,
            sent: submission.recipients - submission.open - submission.failed,
            failed: submission.failed,
            priority: submission.priority.as_str(),
            batch_code: submission.batch.as_ref().map(model::BatchCode::as_str),
            held: submission.is_held,
            deferred_until: submission.deferred_until.map(Rfc3339),
            created_at: Rfc3339(submission.created_at),
            at: Rfc3339(submission.updated_at),
            attempts: first.message.attempts,
            due_at: first.due_at.map(Rfc3339),
            error: row::error(&first.last),
        }
    }
}

/// The word for where a submission stands.
fn status(submission: &Submission, attempts: u32, figures: &dyn FiguresSource) -> Status {
    match submission.state() {
        SubmissionState::Pending => {
            let first = submission.id.0.get();
            let mut places = (first..first + i64::from(submission.recipients)).map(Seq::new);
            let is_sending = places.any(|place| figures.is_sending(place));
            Status::of(MessageState::Queued, attempts, is_sending)
        }
        SubmissionState::Sent => Status::Sent,
        SubmissionState::Failed => Status::Failed,
    }
}
