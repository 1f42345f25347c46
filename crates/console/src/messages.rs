//! The messages of a run, page by page, and one with its history.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use model::{MessageId, Seq};
use serde::Serialize;
use store::{Logged, Store, StoreError};

use crate::page::{self, Edges, Page, Wanted};
use crate::problem::Problem;
use crate::query::Query;
use crate::router::{App, Named, NamedMessage};
use crate::row::{EventJson, Row};
use crate::time::Rfc3339;

/// Messages of a page where no limit is given.
const LIMIT_DEFAULT: usize = 20;

#[derive(Serialize)]
struct PageJson<'a> {
    messages: Vec<Row<'a>>,
    #[serde(flatten)]
    edges: Edges,
    /// All messages of the run, whatever is looked for.
    total: u64,
}

#[derive(Serialize)]
struct TimelineJson<'a> {
    message: Row<'a>,
    events: Vec<EventJson<'a>>,
    due_at: Option<Rfc3339>,
    retry_of: Option<MessageId>,
    retried_as: Option<MessageId>,
}

/// `GET /api/campaigns/{job}/messages`
pub(crate) async fn page(
    Named(run): Named,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &page::PARAMETERS)?;
    let wanted = Wanted::read(&query, LIMIT_DEFAULT)?;
    let store = &*app.console.store;
    let total = store.books(run.lane).await?.accepted;
    let page = page::look(&app, run.lane, wanted).await?;
    let repeated = repeated(store, &page.messages).await?;
    Ok(Json(PageJson {
        messages: rows(&page, &repeated),
        edges: page.edges,
        total,
    })
    .into_response())
}

fn rows<'a>(page: &'a Page, repeated: &[Option<MessageId>]) -> Vec<Row<'a>> {
    page.messages
        .iter()
        .zip(repeated)
        .map(|(logged, retry_of)| {
            let is_sending = page.under_way.contains(&logged.message.seq);
            Row::new(&logged.message, &logged.event, is_sending, *retry_of)
        })
        .collect()
}

/// For each message, the one that it repeats.
async fn repeated(
    store: &dyn Store,
    messages: &[Logged],
) -> Result<Vec<Option<MessageId>>, StoreError> {
    let mut ids = Vec::with_capacity(messages.len());
    for logged in messages {
        ids.push(id_of(store, logged.message.retry_of).await?);
    }
    Ok(ids)
}

/// The id of a message that is known by its place.
async fn id_of(store: &dyn Store, place: Option<Seq>) -> Result<Option<MessageId>, StoreError> {
    match place {
        None => Ok(None),
        Some(place) => Ok(store.message(place).await?.map(|message| message.id)),
    }
}

/// `GET /api/campaigns/{job}/messages/{id}`
pub(crate) async fn timeline(
    NamedMessage(timeline): NamedMessage,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let message = &timeline.message;
    let latest = timeline.events.last().ok_or(Problem::NotFound("message"))?;
    let retry_of = id_of(&*app.console.store, message.retry_of).await?;
    let is_sending = app.console.live.is_sending(message.seq);
    Ok(Json(TimelineJson {
        message: Row::new(message, latest, is_sending, retry_of),
        events: timeline.events.iter().map(EventJson::new).collect(),
        due_at: timeline.due_at.map(Rfc3339),
        retry_of,
        retried_as: timeline.retried_as,
    })
    .into_response())
}
