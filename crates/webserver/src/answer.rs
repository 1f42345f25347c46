//! What every answer has, whoever made it: the headers for browsers, and JSON when it is an error.

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, response};
use axum::response::Response;

use crate::refusal::Refusal;

/// What a page may load and where it may stand, unless its handler says otherwise: its own files, and nowhere.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
     connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Longest text of an error that becomes JSON; what the routing makes is far shorter.
const ERROR_BYTES_MAX: u64 = 4_096;

/// Completes an answer.
pub async fn completed(answer: Response) -> Response {
    let mut answer = match is_plain_error(&answer) {
        true => as_json(answer).await,
        false => answer,
    };
    let headers = answer.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(PAGE_POLICY);
    share_with_nobody(headers);
    answer
}

/// No page of another origin reads an answer, whatever a handler thought.
fn share_with_nobody(headers: &mut HeaderMap) {
    let shares = |name: &&HeaderName| name.as_str().starts_with("access-control-");
    let sharing: Vec<_> = headers.keys().filter(shares).cloned().collect();
    for name in sharing {
        headers.remove(name);
    }
}

/// Whether the routing made it: an error in plain text, or with no words at all.
fn is_plain_error(answer: &Response) -> bool {
    let status = answer.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_short = answer
        .body()
        .size_hint()
        .exact()
        .is_some_and(|bytes| bytes <= ERROR_BYTES_MAX);
    let is_plain = match answer.headers().get(header::CONTENT_TYPE) {
        None => true,
        Some(kind) => kind.as_bytes().starts_with(b"text/plain"),
    };
    is_error && is_short && is_plain
}

async fn as_json(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let message = message(&head, body).await;
    head.headers.remove(header::CONTENT_TYPE);
    head.headers.remove(header::CONTENT_LENGTH);
    let dialect = head.extensions.get().copied().unwrap_or_default();
    let mut response = Refusal::new(head.status, message).response(dialect);
    response.headers_mut().extend(head.headers);
    response
}

async fn message(head: &response::Parts, body: Body) -> String {
    let bytes = to_bytes(body, ERROR_BYTES_MAX as usize)
        .await
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    match (text.trim(), head.status) {
        ("", StatusCode::NOT_FOUND) => "there is nothing at this address".to_owned(),
        ("", StatusCode::METHOD_NOT_ALLOWED) => {
            "this address does not take that method: the header Allow names those it takes"
                .to_owned()
        }
        ("", status) => status.canonical_reason().unwrap_or("error").to_lowercase(),
        (text, _) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    async fn text(answer: Response) -> String {
        let bytes = to_bytes(answer.into_body(), 10_000).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn errors_without_json_become_json_and_keep_their_headers() {
        let allow = [(header::ALLOW, "GET")];
        let answer = completed((StatusCode::METHOD_NOT_ALLOWED, allow).into_response()).await;
        assert_eq!(answer.headers()[header::ALLOW], "GET");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
        assert!(text(answer).await.contains("does not take that method"));
        let answer = completed((StatusCode::BAD_REQUEST, "no \"such\" page").into_response()).await;
        assert_eq!(
            text(answer).await,
            r#"{"error":{"message":"no \"such\" page"}}"#
        );
    }

    #[tokio::test]
    async fn other_answers_keep_their_body_and_their_own_policies() {
        let own = [
            (header::CONTENT_SECURITY_POLICY, "sandbox"),
            (header::CACHE_CONTROL, "max-age=9"),
        ];
        let answer = completed((own, "plain").into_response()).await;
        assert_eq!(answer.headers()[header::CONTENT_SECURITY_POLICY], "sandbox");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "max-age=9");
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(text(answer).await, "plain");
    }

    #[tokio::test]
    async fn no_handler_shares_with_other_origins() {
        let shares = [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        ];
        let answer = completed((shares, "secret").into_response()).await;
        assert!(
            answer
                .headers()
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-"))
        );
    }
}
