//! The token: shown as a bearer, or once by a page's address and from then on by a cookie.
//!
//! The cookie holds a number, not the token: it has no characters to quote, tells nobody the token, and cannot be
//! guessed, so a stale one counts as none and not as a wrong token. The number follows from the token, so that an open
//! page goes on when the server was started anew; of a token short enough to be found by trying it is drawn instead.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{hmac, rand};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Secret;
use tokio::time::Instant;
use url::form_urlencoded;

use crate::fingerprint::Fingerprint;
use crate::misses::Misses;
use crate::refusal::Refusal;

/// The parameter of a page's address that holds the token.
pub const PARAMETER: &str = "token";
const SESSION_BYTES: usize = 32;
/// Bytes of a token from which on nobody finds it by trying which one leads to a cookie's number.
const LONG_TOKEN_BYTES: usize = 32;

/// What opens the routes.
#[derive(Debug)]
pub struct Lock {
    token: Fingerprint,
    session: Fingerprint,
    set_cookie: HeaderValue,
    cookie: String,
    misses: Mutex<Misses>,
}

/// What a request with a good token gets.
#[derive(Debug)]
pub enum Entry {
    /// It goes on to its route.
    Granted,
    /// The token was in a page's address: the browser keeps a cookie and asks again without it.
    SignedIn(Box<Response>),
}

impl Lock {
    /// A lock for a server on `port`, which tells its cookie from those of other servers on the same host.
    pub fn new(token: &Secret, port: u16) -> Self {
        let cookie = format!("glasspost_{port}");
        let session = session(token, &cookie);
        let text = format!("{cookie}={session}; HttpOnly; SameSite=Strict; Path=/");
        Self {
            token: Fingerprint::of(token.expose()),
            session: Fingerprint::of(&session),
            set_cookie: readable(&text),
            cookie,
            misses: Mutex::default(),
        }
    }

    /// Looks for a token in the head of a request.
    pub fn admit(&self, client: IpAddr, head: &Parts, now: Instant) -> Result<Entry, Refusal> {
        if let Some(token) = page_token(head) {
            self.verify(client, &token, now)?;
            return Ok(Entry::SignedIn(Box::new(self.signed_in(head))));
        }
        if cookies(&head.headers, &self.cookie).any(|value| self.session.is_of(value)) {
            return Ok(Entry::Granted);
        }
        let Some(token) = bearer(&head.headers) else {
            return Err(needed());
        };
        self.verify(client, token, now)?;
        Ok(Entry::Granted)
    }

    fn verify(&self, client: IpAddr, token: &str, now: Instant) -> Result<(), Refusal> {
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = misses.wait(client, now) {
            let message =
                "too many wrong tokens came from your address: wait, then use the right one";
            return Err(Refusal::too_many(message, wait.as_secs() + 1));
        }
        // An empty token was never meant as one.
        if token.is_empty() || !self.token.is_of(token) {
            misses.note(client, now);
            return Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "this token is wrong",
            ));
        }
        Ok(())
    }

    fn signed_in(&self, head: &Parts) -> Response {
        let mut response = StatusCode::SEE_OTHER.into_response();
        let headers = response.headers_mut();
        headers.insert(header::SET_COOKIE, self.set_cookie.clone());
        headers.insert(header::LOCATION, readable(&without_token(head)));
        response
    }
}

fn needed() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "a token is needed: open the page once with ?token=… in its address, \
         or send the header \"Authorization: Bearer …\"",
    )
}

/// The number that a cookie of this name holds.
fn session(token: &Secret, cookie: &str) -> String {
    let token = token.expose().as_bytes();
    match token.len() >= LONG_TOKEN_BYTES {
        true => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, token);
            hexadecimal(hmac::sign(&key, cookie.as_bytes()).as_ref())
        }
        false => hexadecimal(&drawn()),
    }
}

#[expect(
    clippy::expect_used,
    reason = "AWS-LC ends the process rather than drawing nothing"
)]
fn drawn() -> [u8; SESSION_BYTES] {
    let mut bytes = [0; SESSION_BYTES];
    rand::fill(&mut bytes).expect("a random number");
    bytes
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A header's value out of text that is visible ASCII: hexadecimal digits, or what came in a request's target.
fn readable(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("./"))
}

/// The token in the address of a page: a GET of somebody who wants to see HTML, never a program's.
fn page_token(head: &Parts) -> Option<String> {
    let wants_html = head.headers.get_all(header::ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("text/html"))
    });
    let query = head
        .uri
        .query()
        .filter(|_| wants_html && head.method == Method::GET)?;
    let pair = query.split('&').find(|pair| is_token(pair))?;
    // A plus sign of a token is itself, not a space, as people paste tokens as they are.
    let pair = pair.replace('+', "%2B");
    let (_, token) = form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(token.into_owned())
}

fn is_token(pair: &str) -> bool {
    pair.split('=').next() == Some(PARAMETER)
}

/// The request's own address without the token. It is relative, so that it is right under a proxy's prefix, and no
/// path such as `//evil.example` leads elsewhere.
fn without_token(head: &Parts) -> String {
    let page = head.uri.path().rsplit('/').next().unwrap_or_default();
    let pairs = head.uri.query().unwrap_or_default().split('&');
    let others: Vec<_> = pairs.filter(|pair| !is_token(pair)).collect();
    match others.is_empty() {
        true => format!("./{page}"),
        false => format!("./{page}?{}", others.join("&")),
    }
}

/// The values that a browser sends of one cookie (RFC 6265 §4.2.1).
fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs.filter_map(move |pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// `Bearer X` (RFC 6750 §2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let credentials = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn head(target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn lock() -> Lock {
        Lock::new(&Secret::new("s3cr+t/ü"), 9091)
    }

    fn status(lock: &Lock, target: &str, headers: &[(&str, &str)]) -> u16 {
        match lock.admit(CLIENT, &head(target, headers), Instant::now()) {
            Ok(Entry::Granted) => 200,
            Ok(Entry::SignedIn(response)) => response.status().as_u16(),
            Err(refusal) => refusal.status().as_u16(),
        }
    }

    const PAGE: (&str, &str) = ("accept", "text/html,*/*;q=0.8");

    #[test]
    fn a_bearer_opens_and_nothing_like_it() {
        let lock = Lock::new(&Secret::new("right"), 1);
        assert_eq!(
            status(&lock, "/", &[("authorization", "Bearer right")]),
            200
        );
        assert_eq!(
            status(&lock, "/", &[("authorization", "bearer  right ")]),
            200
        );
        for wrong in [
            "Bearer wrong",
            "Bearer",
            "Bearer ",
            "Bearer righ",
            "right",
            "Basic right",
        ] {
            assert_eq!(
                status(&lock, "/", &[("authorization", wrong)]),
                401,
                "{wrong}"
            );
        }
        assert_eq!(status(&lock, "/", &[]), 401);
    }

    #[test]
    fn an_empty_token_opens_nothing() {
        let lock = Lock::new(&Secret::new(""), 1);
        assert_eq!(status(&lock, "/", &[("authorization", "Bearer ")]), 401);
        assert_eq!(status(&lock, "/?token=", &[PAGE]), 401);
    }

    #[test]
    fn a_pages_address_signs_in_by_a_cookie_that_is_not_the_token() {
        let lock = lock();
        let page = head("/x/page?a=1&token=s3cr+t/%C3%BC&b=2", &[PAGE]);
        let Ok(Entry::SignedIn(response)) = lock.admit(CLIENT, &page, Instant::now()) else {
            panic!("the token is right");
        };
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()[header::LOCATION], "./page?a=1&b=2");
        let set = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let (cookie, attributes) = set.split_once("; ").unwrap();
        assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/");
        assert!(!set.contains("s3cr"));
        let sent = format!("other=1; {cookie}; more=2");
        assert_eq!(status(&lock, "/api", &[("cookie", &sent)]), 200);
        assert_eq!(
            status(
                &lock,
                "/api",
                &[("cookie", &sent.replace("glasspost_", "glasspost_1"))]
            ),
            401
        );
    }

    #[test]
    fn a_page_stays_open_over_a_restart_with_the_same_long_token() {
        let number = |token: &str, cookie: &str| session(&Secret::new(token), cookie);
        let long = "x".repeat(LONG_TOKEN_BYTES);
        assert_eq!(number(&long, "glasspost_1"), number(&long, "glasspost_1"));
        assert_ne!(number(&long, "glasspost_1"), number(&long, "glasspost_2"));
        assert_ne!(
            number(&long, "glasspost_1"),
            number(&long.replace('x', "y"), "glasspost_1")
        );
        let short = &long[1..];
        assert_ne!(number(short, "glasspost_1"), number(short, "glasspost_1"));
    }

    #[test]
    fn a_token_in_an_address_opens_only_pages() {
        let lock = Lock::new(&Secret::new("right"), 1);
        assert_eq!(status(&lock, "/?token=right", &[PAGE]), 303);
        assert_eq!(
            status(&lock, "/?token=right", &[("accept", "application/json")]),
            401
        );
        assert_eq!(status(&lock, "/?token=right", &[]), 401);
        assert_eq!(status(&lock, "/?tokens=right", &[PAGE]), 401);
        let mut post = head("/?token=right", &[PAGE]);
        post.method = Method::POST;
        assert!(lock.admit(CLIENT, &post, Instant::now()).is_err());
    }

    #[test]
    fn no_path_redirects_elsewhere() {
        let location = |target: &str| without_token(&head(target, &[]));
        assert_eq!(location("/?token=x"), "./");
        assert_eq!(location("//evil.example/?token=x"), "./");
        assert_eq!(location("//evil.example?token=x"), "./evil.example");
        assert_eq!(
            location("/https:evil.example?token=x"),
            "./https:evil.example"
        );
    }

    #[test]
    fn wrong_tokens_bar_the_right_one_too_but_a_stale_cookie_does_not() {
        let lock = Lock::new(&Secret::new("right"), 1);
        for _ in 0..20 {
            assert_eq!(status(&lock, "/", &[("cookie", "glasspost_1=stale")]), 401);
        }
        for guess in 0..10 {
            let guess = format!("Bearer {guess}");
            assert_eq!(status(&lock, "/", &[("authorization", &guess)]), 401);
        }
        assert_eq!(
            status(&lock, "/", &[("authorization", "Bearer right")]),
            429
        );
        assert_eq!(status(&lock, "/?token=right", &[PAGE]), 429);
        assert_eq!(status(&lock, "/", &[]), 401);
    }
}
