//! The rules for the head of a request: who it is addressed to, and which page let a browser send it.

use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};

use crate::access::Access;
use crate::authority::Authority;
use crate::caller::API_TOKEN;
use crate::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Whether a request may go on to its route, the token aside.
pub fn check(access: &Access, head: &Parts) -> Result<(), Refusal> {
    let host = host(access, head)?;
    method(&head.method)?;
    origin(access, &host, &head.headers)?;
    fetch_site(head)?;
    content_type(head)
}

/// The one host that the request names, if it may.
fn host(access: &Access, head: &Parts) -> Result<Authority, Refusal> {
    let bad = |message| Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    // RFC 9112 §3.2: a request without exactly one Host is answered with 400.
    let text = match header(&head.headers, header::HOST) {
        Header::Absent => return bad("the request names no host: send one Host header"),
        Header::Unclear => return bad("the Host header is no single readable name"),
        Header::One(text) => text,
    };
    let host = Authority::parse(text);
    let host = host.filter(|authority| access.allows_host(&authority.host));
    let Some(host) = host else {
        let message = format!("this host name is not served here: {}", access.host_hint);
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    };
    // RFC 9112 §3.2.2: a host in the target goes before the header; a client that means two hosts is not honest.
    let target = head
        .uri
        .authority()
        .map(|target| Authority::parse(target.as_str()));
    if target.is_some_and(|target| target.as_ref() != Some(&host)) {
        return bad("the request's target and its Host header name two hosts");
    }
    Ok(host)
}

fn method(method: &Method) -> Result<(), Refusal> {
    match *method {
        Method::CONNECT | Method::TRACE => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "neither CONNECT nor TRACE is served here",
        )),
        _ => Ok(()),
    }
}

/// A browser that names the page's origin has to name this server's (RFC 6454 §7), or a host that the operator did.
fn origin(access: &Access, host: &Authority, headers: &HeaderMap) -> Result<(), Refusal> {
    let origin = match header(headers, header::ORIGIN) {
        Header::Absent => return Ok(()),
        Header::Unclear => None,
        Header::One(text) => Authority::of_origin(text),
    };
    let is_own = origin.is_some_and(|(origin, default_port)| {
        origin.is_same(host, default_port) || access.lists_host(&origin.host)
    });
    match is_own {
        true => Ok(()),
        false => Err(foreign_page()),
    }
}

/// What a browser tells about the page that lets it ask (W3C Fetch Metadata): a foreign page may do nothing but lead a
/// person here, by a link that opens in the window.
fn fetch_site(head: &Parts) -> Result<(), Refusal> {
    let reads = head.method == Method::GET || head.method == Method::HEAD;
    let may = match header(&head.headers, SEC_FETCH_SITE) {
        Header::Absent | Header::One("same-origin") => true,
        Header::One("none") => reads,
        Header::One(_) | Header::Unclear => is_opened_in_a_window(head),
    };
    match may {
        true => Ok(()),
        false => Err(foreign_page()),
    }
}

fn is_opened_in_a_window(head: &Parts) -> bool {
    let navigates = matches!(
        header(&head.headers, SEC_FETCH_MODE),
        Header::One("navigate")
    );
    let for_a_window = match header(&head.headers, SEC_FETCH_DEST) {
        Header::Absent | Header::One("document") => true,
        Header::One(_) | Header::Unclear => false,
    };
    head.method == Method::GET && navigates && for_a_window
}

/// A second wall, for browsers that do not name the page's origin: a foreign page's form can send three content types
/// without asking, and JSON is none of them.
///
/// Two kinds of POST of programs need no JSON, and are no way in for a page. One without a body tells nothing but its
/// address, as a link does; every route for people that changes something takes a body. And one with a token's header
/// a browser only sends after it asked us (Fetch §3.2, a preflight), and no answer of ours ever says yes.
fn content_type(head: &Parts) -> Result<(), Refusal> {
    let headers = &head.headers;
    let may = is_json(headers) || shows_token(headers) || !has_body(headers);
    if head.method != Method::POST || may {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "a POST needs a JSON body and the header \"Content-Type: application/json\"",
    ))
}

fn shows_token(headers: &HeaderMap) -> bool {
    headers.contains_key(API_TOKEN) || headers.contains_key(header::AUTHORIZATION)
}

/// Whether a body follows (RFC 9112 §6.3).
fn has_body(headers: &HeaderMap) -> bool {
    let is_empty = matches!(
        header(headers, header::CONTENT_LENGTH),
        Header::Absent | Header::One("0")
    );
    headers.contains_key(header::TRANSFER_ENCODING) || !is_empty
}

fn is_json(headers: &HeaderMap) -> bool {
    let Header::One(text) = header(headers, header::CONTENT_TYPE) else {
        return false;
    };
    let essence = text.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn foreign_page() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "the request comes from a page of another site: open this one in a window of its own",
    )
}

/// How often a header is there.
enum Header<'a> {
    Absent,
    One(&'a str),
    /// Several times, or not as visible ASCII.
    Unclear,
}

fn header(headers: &HeaderMap, name: HeaderName) -> Header<'_> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Header::Absent,
        (Some(value), None) => value.to_str().map_or(Header::Unclear, Header::One),
        (Some(_), Some(_)) => Header::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn status(access: &Access, method: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri("/api/stats");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        check(access, &head).map_or_else(|refusal| refusal.status().as_u16(), |()| 200)
    }

    fn local(method: &str, headers: &[(&str, &str)]) -> u16 {
        let host = ("host", "localhost:9091");
        status(&Access::loopback(), method, &[&[host], headers].concat())
    }

    const BODY: (&str, &str) = ("content-length", "2");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    #[test]
    fn a_request_names_one_host_that_is_allowed() {
        let access = Access::loopback();
        assert_eq!(status(&access, "GET", &[]), 400);
        assert_eq!(
            status(
                &access,
                "GET",
                &[("host", "localhost"), ("host", "localhost")]
            ),
            400
        );
        assert_eq!(
            status(
                &access,
                "GET",
                &[("host", "localhost"), ("host", "evil.example")]
            ),
            400
        );
        assert_eq!(status(&access, "GET", &[("host", "")]), 403);
        assert_eq!(status(&access, "GET", &[("host", "evil.example")]), 403);
        assert_eq!(status(&access, "GET", &[("host", "localhost")]), 200);
    }

    #[test]
    fn a_target_with_a_host_of_its_own_says_the_same() {
        let at = |target: &str| {
            let request = Request::get(target).header("host", "localhost:9091");
            let head = request.body(()).unwrap().into_parts().0;
            check(&Access::loopback(), &head).is_ok()
        };
        assert!(at("http://LOCALHOST:9091/"));
        assert!(!at("http://evil.example/"));
        assert!(!at("http://user@localhost:9091/"));
        assert!(!at("http://localhost/"));
    }

    #[test]
    fn an_origin_is_this_servers_own() {
        assert_eq!(local("GET", &[("origin", "http://localhost:9091")]), 200);
        assert_eq!(local("GET", &[("origin", "https://LOCALHOST:9091")]), 200);
        for foreign in [
            "http://evil.example",
            "null",
            "",
            "http://localhost:3000",
            "http://127.0.0.1:9091",
            "http://localhost",
        ] {
            for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS"] {
                let headers = [("origin", foreign), JSON];
                assert_eq!(local(method, &headers), 403, "{method} {foreign}");
            }
        }
        let own = ("origin", "http://localhost:9091");
        assert_eq!(local("GET", &[own, own]), 403);
    }

    #[test]
    fn an_origin_may_be_a_host_that_the_operator_named() {
        let access = Access::elsewhere(None, vec!["mail.example".to_owned()]);
        // A proxy that passes the name without its port.
        let from = |origin| {
            status(
                &access,
                "GET",
                &[("host", "mail.example"), ("origin", origin)],
            )
        };
        assert_eq!(from("https://mail.example:8443"), 200);
        assert_eq!(from("https://evil.example:8443"), 403);
        assert_eq!(from("http://localhost:3000"), 403);
    }

    #[test]
    fn a_foreign_page_may_only_lead_a_person_here() {
        let site = |method, site, more: &[(&str, &str)]| {
            local(method, &[&[("sec-fetch-site", site), JSON], more].concat())
        };
        let navigate = ("sec-fetch-mode", "navigate");
        let window = [navigate, ("sec-fetch-dest", "document")];
        let frame = [navigate, ("sec-fetch-dest", "iframe")];
        for foreign in ["cross-site", "same-site", "something-new"] {
            assert_eq!(site("GET", foreign, &[]), 403);
            assert_eq!(site("GET", foreign, &[("sec-fetch-mode", "no-cors")]), 403);
            assert_eq!(site("GET", foreign, &frame), 403);
            assert_eq!(site("GET", foreign, &[navigate]), 200);
            assert_eq!(site("GET", foreign, &window), 200);
            assert_eq!(site("HEAD", foreign, &window), 403);
            assert_eq!(site("POST", foreign, &window), 403);
        }
        assert_eq!(site("GET", "none", &[]), 200);
        assert_eq!(site("POST", "none", &[]), 403);
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            assert_eq!(site(method, "same-origin", &[]), 200);
            assert_eq!(
                site(method, "same-origin", &[("sec-fetch-site", "cross-site")]),
                403
            );
        }
    }

    #[test]
    fn a_post_is_json() {
        assert_eq!(local("POST", &[JSON]), 200);
        assert_eq!(local("POST", &[("content-type", "Application/JSON")]), 200);
        for forms in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=application/json",
        ] {
            let form = [BODY, ("content-type", forms)];
            assert_eq!(local("POST", &form), 415, "{forms}");
        }
        assert_eq!(local("POST", &[BODY]), 415);
        assert_eq!(local("POST", &[("transfer-encoding", "chunked")]), 415);
        let twice = [BODY, JSON, ("content-type", "text/plain")];
        assert_eq!(local("POST", &twice), 415);
    }

    #[test]
    fn a_post_without_a_body_or_with_a_tokens_header_needs_no_json() {
        let form = ("content-type", "text/plain");
        for own in [("x-api-token", "any"), ("authorization", "Bearer any")] {
            assert_eq!(local("POST", &[BODY, own]), 200);
            assert_eq!(local("POST", &[BODY, form, own]), 200);
        }
        assert_eq!(local("POST", &[]), 200);
        assert_eq!(local("POST", &[("content-length", "0")]), 200);
    }

    #[test]
    fn no_header_of_a_program_helps_a_foreign_page() {
        let token = ("x-api-token", "any");
        let bearer = ("authorization", "Bearer any");
        for program in [&[token][..], &[bearer], &[BODY, token], &[]] {
            for foreign in [
                ("origin", "http://evil.example"),
                ("origin", "null"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-site", "none"),
            ] {
                let headers = [program, &[foreign]].concat();
                assert_eq!(local("POST", &headers), 403, "{headers:?}");
            }
        }
    }

    #[test]
    fn tunnels_and_echoes_are_not_served() {
        assert_eq!(local("TRACE", &[]), 405);
        assert_eq!(local("CONNECT", &[]), 405);
    }
}
