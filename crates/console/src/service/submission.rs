//! One submission: what it is, where each recipient's message stands, and what happened to one of them.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use model::{MessageId, Seq, SubmissionId, TenantId};
use serde::Serialize;
use serde_json::Value;
use store::submissions::{Followed, FollowedMessage};
use tokio::time::timeout;
use webserver::Caller;

use super::router::{App, Shared, scope};
use super::submissions;
use crate::problem::Problem;
use crate::query::Query;
use crate::row::{EventJson, Row};
use crate::time::Rfc3339;

/// Submissions that are held as a whole at the same moment: each may be as large as a request.
pub(super) const STORIES_MAX: usize = 4;
/// How long one more waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest sender or subject that is shown, in characters; as in a header of a message.
const TEXT_CHARACTERS_MAX: usize = 998;
/// Attachments that are named.
const ATTACHMENTS_MAX: usize = 100;

#[derive(Serialize)]
struct StoryJson<'a> {
    submission: submissions::Row<'a>,
    from: Option<String>,
    subject: Option<String>,
    /// The names of the files that it has with it.
    attachments: Vec<String>,
    recipients: Vec<Row<'a>>,
    /// The recipient's message whose events these are.
    message: MessageId,
    events: Vec<EventJson<'a>>,
    due_at: Option<Rfc3339>,
}

/// `GET /api/submissions/{pk}`; `recipient` names the message whose events are shown, the first one otherwise.
pub(super) async fn one(
    caller: Caller,
    Path(pk): Path<String>,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["recipient"])?;
    let Ok(Ok(_place)) = timeout(PATIENCE, app.stories.acquire()).await else {
        return Err(Problem::TooMany("submissions", STORIES_MAX));
    };
    let followed = named(&app, &pk, scope(&caller)).await?;
    let first = followed.messages.first();
    let first = first.ok_or(Problem::NotFound("submission"))?;
    let chosen = match query.text("recipient") {
        None => first,
        Some(id) => of_recipient(&followed, id)?,
    };
    let timeline = app.service.store.timeline(chosen.message.seq).await?;
    let timeline = timeline.ok_or(Problem::NotFound("submission"))?;
    let figures = &*app.service.figures;
    let row = |one| recipient(one, figures.is_sending(seq_of(one)));
    let said = Said::read(&followed.payload);
    Ok(Json(StoryJson {
        submission: submissions::Row::new(&followed.submission, first, figures),
        from: said.from,
        subject: said.subject,
        attachments: said.attachments,
        recipients: followed.messages.iter().map(row).collect(),
        message: chosen.message.id,
        events: timeline.events.iter().map(EventJson::new).collect(),
        due_at: timeline.due_at.map(Rfc3339),
    })
    .into_response())
}

/// The submission that an address names, if it is one that may be seen.
async fn named(app: &Shared, pk: &str, scope: Option<&TenantId>) -> Result<Followed, Problem> {
    let missing = || Problem::NotFound("submission");
    let pk: MessageId = pk.parse().map_err(|_| missing())?;
    let submissions = &app.service.submissions;
    let (submission, _) = (submissions.payload(SubmissionId(pk.seq())).await?)
        // The place alone is not the id: it is the same in every store.
        .filter(|(submission, _)| submission.message_id == pk)
        .filter(|(submission, _)| scope.is_none_or(|tenant| submission.tenant == *tenant))
        .ok_or_else(missing)?;
    let followed = submissions.submission(&submission.tenant, &submission.client_id);
    followed.await?.ok_or_else(missing)
}

fn of_recipient<'a>(followed: &'a Followed, id: &str) -> Result<&'a FollowedMessage, Problem> {
    let id: Option<MessageId> = id.parse().ok();
    let mut messages = followed.messages.iter();
    messages
        .find(|one| Some(one.message.id) == id)
        .ok_or(Problem::NotFound("recipient"))
}

fn seq_of(one: &FollowedMessage) -> Seq {
    one.message.seq
}

fn recipient(one: &FollowedMessage, is_sending: bool) -> Row<'_> {
    Row::new(&one.message, &one.last, is_sending, None)
}

/// What a submission says of itself.
#[derive(Default)]
struct Said {
    from: Option<String>,
    subject: Option<String>,
    attachments: Vec<String>,
}

impl Said {
    /// Reads what there is: a payload was checked when it was accepted, and nothing here depends on it.
    fn read(payload: &str) -> Self {
        let payload: Value = serde_json::from_str(payload).unwrap_or_default();
        let attachments = payload["attachments"].as_array();
        let names = attachments.into_iter().flatten();
        Self {
            from: text(&payload["from"]).or_else(|| text(&payload["from_addr"])),
            subject: text(&payload["subject"]),
            attachments: names
                .filter_map(|attachment| text(&attachment["filename"]))
                .take(ATTACHMENTS_MAX)
                .collect(),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    Some(text.chars().take(TEXT_CHARACTERS_MAX).collect())
}
