//! A message as it was rendered: composed again as the delivery does it, byte for byte, and taken apart.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_DNS_PREFETCH_CONTROL};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use deliver::Unmade;
use futures_util::{StreamExt, stream};
use mail_parser::parsers::MessageStream;
use mail_parser::{Message as Parsed, MessageParser, MessagePart, MimeHeaders, PartType};
use model::Message;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use crate::problem::Problem;
use crate::router::{App, NamedMessage};

/// Rendered messages that are held at the same moment: each may be as large as its attachments.
pub(crate) const RENDERINGS_MAX: usize = 4;
/// How long one more waits for its turn.
const RENDERING_PATIENCE: Duration = Duration::from_secs(5);
/// Header fields that are shown. A letter has far fewer.
const FIELDS_MAX: usize = 200;
/// Parts that are shown as attachments. A letter has fewer.
const ATTACHMENTS_MAX: usize = 200;
/// Bytes that are handed to the connection at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// The HTML body is somebody else's text: in its frame nothing runs, nothing is sent, and nothing is loaded from
/// anywhere; it is of no origin.
const HTML_POLICY: &str =
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'";
/// Beginnings of the elements for which browsers open a connection although the policy then forbids the request
/// (`link` by `rel="preconnect"`). A frame shows nothing of theirs in any case.
const CONNECTING: [&str; 3] = ["link", "iframe", "frame"];

/// A message's bytes, while they count among those that are held.
struct Rendered {
    bytes: Bytes,
    seat: OwnedSemaphorePermit,
}

#[derive(Serialize)]
struct Parts {
    subject: Option<String>,
    headers: Vec<(String, String)>,
    text: Option<String>,
    has_html: bool,
    attachments: Vec<AttachmentJson>,
    bytes: usize,
}

#[derive(Serialize)]
struct AttachmentJson {
    name: String,
    media_type: String,
    bytes: usize,
}

/// `GET /api/campaigns/{job}/messages/{id}/content`
pub(crate) async fn parts(
    NamedMessage(timeline): NamedMessage,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let rendered = render(&app, timeline.message).await?;
    let parts = apart(rendered, Parts::new).await?;
    Ok(Json(parts).into_response())
}

/// `GET /api/campaigns/{job}/messages/{id}/content/html`
pub(crate) async fn html(
    NamedMessage(timeline): NamedMessage,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let rendered = render(&app, timeline.message).await?;
    let html = apart(rendered, |message, _| {
        html_of(message).map(without_connecting)
    })
    .await?;
    let html = html.ok_or_else(|| Problem::Nothing("the message has no HTML body".to_owned()))?;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, HTML_POLICY),
        (X_DNS_PREFETCH_CONTROL, "off"),
    ];
    Ok((headers, html).into_response())
}

/// `GET /api/campaigns/{job}/messages/{id}/content/raw`
pub(crate) async fn raw(
    NamedMessage(timeline): NamedMessage,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let Rendered { bytes, seat } = render(&app, timeline.message).await?;
    let starts = (0..bytes.len()).step_by(CHUNK_BYTES);
    let chunks = stream::iter(starts).map(move |start| {
        // The bytes are held until the last of them is taken.
        let _seat = &seat;
        let end = bytes.len().min(start + CHUNK_BYTES);
        Ok::<Bytes, std::convert::Infallible>(bytes.slice(start..end))
    });
    let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, Body::from_stream(chunks)).into_response())
}

/// A message's exact bytes.
async fn render(app: &App, message: Message) -> Result<Rendered, Problem> {
    let waiting = Arc::clone(&app.renderings).acquire_owned();
    let seat = match tokio::time::timeout(RENDERING_PATIENCE, waiting).await {
        Ok(Ok(seat)) => seat,
        Ok(Err(_)) | Err(_) => {
            return Err(Problem::TooMany("messages being looked at", RENDERINGS_MAX));
        }
    };
    let content = message.content.letter().ok_or_else(|| {
        Problem::Nothing("the message was handed over whole: it has no template".to_owned())
    })?;
    let letter = app
        .letters
        .get(content)
        .await
        .map_err(|error| match error {
            Unmade::Store(error) => Problem::Store(error),
            other => Problem::Unavailable(other.to_string()),
        })?;
    let letters = Arc::clone(&app.letters);
    let composed = blocking(move || {
        let mut bytes = Vec::new();
        letters
            .compose(&letter, &message, &mut bytes)
            .map(|()| bytes)
    });
    let bytes = composed.await?.map_err(|error| {
        Problem::Nothing(format!(
            "the message could not be made, so there is nothing to see: {error}"
        ))
    })?;
    Ok(Rendered {
        bytes: bytes.into(),
        seat,
    })
}

/// Takes a message apart and gives what is wanted of it.
async fn apart<T: Send + 'static>(
    rendered: Rendered,
    wanted: fn(&Parsed<'_>, usize) -> T,
) -> Result<T, Problem> {
    let work = move || {
        let bytes = &rendered.bytes;
        MessageParser::default()
            .parse(&**bytes)
            .map(|message| wanted(&message, bytes.len()))
    };
    let unreadable = || Problem::Unavailable("the message's own bytes cannot be read".to_owned());
    blocking(work).await?.ok_or_else(unreadable)
}

/// Runs what takes long on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::Unavailable(format!("the message could not be shown: {error}")))
}

impl Parts {
    fn new(message: &Parsed<'_>, bytes: usize) -> Self {
        let headers = message.headers_raw().take(FIELDS_MAX);
        Self {
            subject: message.subject().map(str::to_owned),
            headers: headers
                .map(|(name, value)| (name.to_owned(), readable(value)))
                .collect(),
            text: text_of(message).map(str::to_owned),
            has_html: html_of(message).is_some(),
            attachments: message
                .attachments()
                .take(ATTACHMENTS_MAX)
                .map(AttachmentJson::new)
                .collect(),
            bytes,
        }
    }
}

impl AttachmentJson {
    fn new(part: &MessagePart<'_>) -> Self {
        let kind = part.content_type();
        let media_type = kind.map(|kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().to_owned(),
        });
        Self {
            name: part.attachment_name().unwrap_or_default().to_owned(),
            media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            bytes: part.len(),
        }
    }
}

/// The same HTML with those elements renamed to ones that mean nothing.
fn without_connecting(html: &str) -> String {
    let mut tags = html.split('<');
    let mut safe = tags.next().unwrap_or_default().to_owned();
    for tag in tags {
        safe.push_str(if connects(tag) { "<no-" } else { "<" });
        safe.push_str(tag);
    }
    safe
}

/// Whether what follows a `<` begins an element of [`CONNECTING`].
fn connects(tag: &str) -> bool {
    CONNECTING.iter().any(|name| {
        let begin = tag.as_bytes().get(..name.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// A field's value in one line, its encoded words (RFC 2047) decoded.
fn readable(value: &str) -> String {
    let mut line = value.as_bytes().to_vec();
    // What the reader of fields goes on to after the last line.
    line.extend_from_slice(b"\r\n");
    let decoded = MessageStream::new(&line).parse_unstructured();
    decoded
        .as_text()
        .map_or_else(|| value.trim().to_owned(), |text| text.trim().to_owned())
}

fn text_of<'a>(message: &'a Parsed<'_>) -> Option<&'a str> {
    message.text_bodies().find_map(|part| match &part.body {
        PartType::Text(text) => Some(text.as_ref()),
        _ => None,
    })
}

fn html_of<'a>(message: &'a Parsed<'_>) -> Option<&'a str> {
    message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(html.as_ref()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_connect_are_renamed_and_all_else_stays() {
        let html = "<LiNk rel=preconnect><link/><iframe src=//x></iframe><frameset><p>a < b, <b>ü</b> &lt;link> <";
        let safe = "<no-LiNk rel=preconnect><no-link/><no-iframe src=//x></iframe><no-frameset>\
                    <p>a < b, <b>ü</b> &lt;link> <";
        assert_eq!(without_connecting(html), safe);
        assert_eq!(without_connecting(""), "");
    }
}
