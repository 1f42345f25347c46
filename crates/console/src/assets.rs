//! The page and what it is made of: built from `web/` beforehand, and part of the program.

use std::fmt::Write;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use crate::problem::Problem;

/// The files of `web/dist`. A name leads to one of them or to nothing: no path of the machine is made from it.
#[derive(Embed)]
#[folder = "../../web/dist"]
struct Assets;

const PAGE: &str = "index.html";
/// Where files are whose names change with what is in them.
const HASHED: &str = "assets/";

/// Every address that no other route answers.
pub(crate) async fn serve(
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = match uri.path().trim_start_matches('/') {
        "" => PAGE,
        name => name,
    };
    let file = Assets::get(name).ok_or(Problem::NotFound("page"))?;
    if method != Method::GET && method != Method::HEAD {
        return Ok(([(ALLOW, "GET, HEAD")], Problem::Method).into_response());
    }
    Ok(answer(name, file, &headers))
}

fn answer(name: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let tag = tag(&file);
    let known = asked
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let caching = match name.starts_with(HASHED) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static(caching)),
        (ETAG, header(&tag)),
    ];
    if known.is_some_and(|known| known.contains(&tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = [(CONTENT_TYPE, header(&media_type(name)))];
    (headers, kind, Body::from(file.data)).into_response()
}

/// What tells one content from another (RFC 9110 §8.8.3).
fn tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let mut tag = String::from("\"");
    for byte in &hash[..16] {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

fn media_type(name: &str) -> String {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let is_text = kind.type_() == "text" || kind.subtype() == "javascript";
    match is_text {
        true => format!("{}; charset=utf-8", kind.essence_str()),
        false => kind.essence_str().to_owned(),
    }
}

/// A header's value; a text that cannot be one, which ours always can, becomes an empty one.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
