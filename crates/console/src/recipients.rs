//! The recipients of the watched run as MailGrid lists them: all of them, page by page from the store, or one page.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use model::Seq;
use store::Logged;
use tokio::sync::OwnedSemaphorePermit;
use url::form_urlencoded;

use crate::page::{self, LIMIT_MAX, Page, Wanted};
use crate::problem::Problem;
use crate::query::Query;
use crate::router::App;
use crate::row::RecipientStatus;

/// Lists of all recipients that are written at the same moment. Each holds two pages of messages at most.
pub(crate) const LISTINGS_MAX: usize = 16;
/// Messages read from the store at once; between two pages nothing of it is held.
const PAGE: usize = 1_000;

/// A list of all recipients while it is written.
struct Listing {
    app: App,
    /// The page to write next, when it was read already.
    page: Option<Vec<Logged>>,
    cursor: Seq,
    is_begun: bool,
    is_ended: bool,
    /// Given back when the client has the list, or is gone.
    _seat: OwnedSemaphorePermit,
}

/// `GET /api/recipients`
pub(crate) async fn recipients(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &page::PARAMETERS)?;
    match query.is_empty() {
        true => all(app).await,
        false => one_page(&app, &query).await,
    }
}

async fn one_page(app: &App, query: &Query) -> Result<Response, Problem> {
    let wanted = Wanted::read(query, LIMIT_MAX)?;
    let limit = wanted.limit;
    let page = page::look(app, app.run.lane, wanted).await?;
    let body = Json(statuses(&page.messages, &page.under_way)).into_response();
    Ok(match link(query, &page, limit) {
        Some(link) => ([(LINK, link)], body).into_response(),
        None => body,
    })
}

/// Where the next page is (RFC 8288 §3), relative, so that it is right under the prefix of a proxy as well.
fn link(query: &Query, page: &Page, limit: usize) -> Option<String> {
    let next = page.edges.next?;
    let mut address = form_urlencoded::Serializer::new(String::new());
    for name in ["search", "status", "domain", "code"] {
        if let Some(value) = query.text(name) {
            address.append_pair(name, value);
        }
    }
    address.append_pair("limit", &limit.to_string());
    address.append_pair("after", &next.get().to_string());
    Some(format!("<?{}>; rel=\"next\"", address.finish()))
}

async fn all(app: App) -> Result<Response, Problem> {
    let seat = Arc::clone(&app.listings).try_acquire_owned();
    let seat = seat.map_err(|_| Problem::TooMany("lists of all recipients", LISTINGS_MAX))?;
    // Read before the answer begins, so that a store that does not answer is told by the status.
    let first = read(&app, Seq::START).await?;
    let listing = Listing {
        app,
        page: Some(first),
        cursor: Seq::START,
        is_begun: false,
        is_ended: false,
        _seat: seat,
    };
    let chunks = stream::try_unfold(listing, Listing::next);
    Ok((
        [(CONTENT_TYPE, "application/json")],
        Body::from_stream(chunks),
    )
        .into_response())
}

async fn read(app: &App, cursor: Seq) -> store::Result<Vec<Logged>> {
    app.console.store.messages(app.run.lane, cursor, PAGE).await
}

impl Listing {
    /// The next part of the array. It is asked for when the client has taken what came before. An error cuts the
    /// connection, so that the client sees a broken list as such.
    async fn next(mut self) -> store::Result<Option<(Bytes, Self)>> {
        if self.is_ended {
            return Ok(None);
        }
        let page = match self.page.take() {
            Some(page) => page,
            None => read(&self.app, self.cursor).await.inspect_err(|error| {
                tracing::error!(%error, "the list of all recipients breaks off");
            })?,
        };
        let chunk = self.write(&page);
        Ok(Some((chunk.into(), self)))
    }

    fn write(&mut self, page: &[Logged]) -> Vec<u8> {
        let under_way: HashSet<Seq> = self
            .app
            .console
            .live
            .messages_under_way()
            .into_iter()
            .collect();
        let mut chunk = Vec::with_capacity(page.len() * 160 + 2);
        for status in statuses(page, &under_way) {
            chunk.push(if self.is_begun { b',' } else { b'[' });
            self.is_begun = true;
            // Writing into memory cannot fail.
            let _ = serde_json::to_writer(&mut chunk, &status);
        }
        self.cursor = page.last().map_or(self.cursor, |last| last.message.seq);
        self.is_ended = page.len() < PAGE;
        if self.is_ended {
            chunk.extend_from_slice(if self.is_begun { b"]" } else { b"[]" });
        }
        chunk
    }
}

fn statuses<'a>(messages: &'a [Logged], under_way: &HashSet<Seq>) -> Vec<RecipientStatus<'a>> {
    let status = |logged: &'a Logged| {
        let is_sending = under_way.contains(&logged.message.seq);
        RecipientStatus::new(&logged.message, &logged.event, is_sending)
    };
    messages.iter().map(status).collect()
}
