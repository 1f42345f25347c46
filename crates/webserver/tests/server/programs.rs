//! Programs with tokens of their own, beside pages for people, on one port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use model::{Secret, TenantId};
use webserver::{Access, Caller, Gate, Keys, Limits, Unavailable, authenticated, locked};

use crate::harness::{Answer, Running, start};

const PAGES_TOKEN: &str = "for-people";

/// `admin` and `acme` are good tokens; as long as `is_away` nobody knows.
#[derive(Default)]
struct Book {
    is_away: AtomicBool,
    has_revoked_acme: AtomicBool,
}

#[async_trait]
impl Keys for Book {
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Unavailable> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(Unavailable("the tokens cannot be read now".to_owned()));
        }
        let has_acme = !self.has_revoked_acme.load(Ordering::Relaxed);
        Ok(match token.expose() {
            "admin" => Some(Caller::Admin),
            "acme" if has_acme => Some(Caller::Tenant(TenantId::parse("acme").unwrap())),
            _ => None,
        })
    }
}

fn api() -> Router {
    Router::new()
        .route(
            "/who",
            get(|caller: Caller| async move { format!("{caller:?}") }),
        )
        .route(
            "/add",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
}

/// More of the API, in a router of its own.
fn watching() -> Router {
    Router::new().route("/watched", get(|_: Caller| async { "watched" }))
}

async fn both(book: &Arc<Book>) -> Running {
    let pages = Router::new()
        .route("/", get(|| async { "page" }))
        .fallback(|| async { "asset" });
    let pages = locked(pages, &Secret::new(PAGES_TOKEN), 1);
    let open = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route(
            "/forgotten",
            get(|caller: Caller| async move { format!("{caller:?}") }),
        );
    let gate = Gate::new(Arc::clone(book) as Arc<dyn Keys>);
    let api = authenticated(api(), &gate).merge(authenticated(watching(), &gate));
    start(
        api.merge(open).merge(pages),
        Access::elsewhere(None, Vec::new()),
        Limits::for_programs(),
    )
    .await
}

async fn get_with(server: &Running, target: &str, lines: &str) -> Answer {
    server
        .get(target, &format!("Host: localhost\r\n{lines}"))
        .await
}

async fn who(server: &Running, token: &str) -> Answer {
    get_with(server, "/who", &format!("X-API-Token: {token}\r\n")).await
}

#[tokio::test]
async fn a_program_is_known_by_either_header() {
    let server = both(&Arc::default()).await;
    for (lines, body) in [
        ("X-API-Token: admin\r\n", "Admin"),
        ("x-api-token:  acme \r\n", "Tenant(TenantId(\"acme\"))"),
        ("Authorization: Bearer admin\r\n", "Admin"),
        (
            "X-API-Token: admin\r\nAuthorization: Bearer acme\r\n",
            "Admin",
        ),
    ] {
        let answer = get_with(&server, "/who", lines).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, body),
            "{lines}"
        );
    }
}

#[tokio::test]
async fn no_token_and_a_wrong_one_get_401_in_the_words_of_the_api() {
    let server = both(&Arc::default()).await;
    for lines in [
        "",
        "X-API-Token: wrong\r\n",
        "X-API-Token:\r\n",
        "X-API-Token: admin\r\nX-API-Token: admin\r\n",
        "X-API-Token: \u{fc}\r\n",
        "X-API-Token: wrong\r\nAuthorization: Bearer admin\r\n",
        "Authorization: Basic admin\r\n",
        &format!("X-API-Token: {PAGES_TOKEN}\r\n"),
        "Cookie: glasspost_1=admin\r\n",
    ] {
        let answer = get_with(&server, "/who", lines).await;
        assert_eq!(answer.status, 401, "{lines}");
        assert_eq!(answer.body, r#"{"detail":"Invalid or missing API token"}"#);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(get_with(&server, "/who?token=admin", "").await.status, 401);
}

#[tokio::test]
async fn a_route_that_nobody_put_behind_tokens_lets_nobody_in_as_a_caller() {
    let server = both(&Arc::default()).await;
    let answer = get_with(&server, "/forgotten", "X-API-Token: admin\r\n").await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn pages_programs_and_open_routes_share_a_port_and_no_tokens() {
    let server = both(&Arc::default()).await;
    assert_eq!(get_with(&server, "/health", "").await.body, "ok");
    for target in ["/", "/app.js", "/nothing/here"] {
        assert_eq!(get_with(&server, target, "").await.status, 401, "{target}");
        let program = get_with(&server, target, "X-API-Token: admin\r\n").await;
        assert_eq!(program.status, 401, "{target}");
        let bearer = format!("Authorization: Bearer {PAGES_TOKEN}\r\n");
        assert_eq!(
            get_with(&server, target, &bearer).await.status,
            200,
            "{target}"
        );
    }
    let page = "Accept: text/html\r\n";
    let signed_in = get_with(&server, &format!("/?token={PAGES_TOKEN}"), page).await;
    assert_eq!(signed_in.status, 303);
    let cookie = signed_in.header("set-cookie").unwrap();
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    assert_eq!(get_with(&server, "/", &cookie).await.body, "page");
    assert_eq!(get_with(&server, "/who", &cookie).await.status, 401);
}

#[tokio::test]
async fn tokens_that_cannot_be_looked_up_are_no_wrong_ones() {
    let book = Arc::new(Book::default());
    let server = both(&book).await;
    book.is_away.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        let answer = who(&server, "admin").await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("5"))
        );
        assert_eq!(answer.body, r#"{"detail":"the tokens cannot be read now"}"#);
    }
    book.is_away.store(false, Ordering::Relaxed);
    assert_eq!(who(&server, "admin").await.status, 200);
}

#[tokio::test]
async fn ten_wrong_tokens_bar_an_address_but_for_the_tokens_that_were_right_there() {
    let book = Arc::new(Book::default());
    let server = both(&book).await;
    for _ in 0..30 {
        assert_eq!(who(&server, "acme").await.status, 200);
        assert_eq!(get_with(&server, "/who", "").await.status, 401);
    }
    for guess in 0..10 {
        assert_eq!(who(&server, &format!("guess-{guess}")).await.status, 401);
    }
    // A right guess looks like a wrong one.
    for guess in ["guess-11", "admin"] {
        let answer = who(&server, guess).await;
        assert_eq!(answer.status, 429, "{guess}");
        assert!(
            answer.body.starts_with(r#"{"detail":"Too many wrong"#),
            "{answer:?}"
        );
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((50..=61).contains(&wait), "{wait}");
    }
    assert_eq!(who(&server, "acme").await.status, 200);
    // Once it is right no more, it is a guess like any other.
    book.has_revoked_acme.store(true, Ordering::Relaxed);
    assert_eq!(who(&server, "acme").await.status, 401);
    assert_eq!(who(&server, "acme").await.status, 429);
}

#[tokio::test]
async fn guesses_at_all_routers_of_a_gate_are_counted_together() {
    let server = both(&Arc::default()).await;
    let watched = async |token: &str| {
        let token = format!("X-API-Token: {token}\r\n");
        get_with(&server, "/watched", &token).await.status
    };
    assert_eq!(who(&server, "acme").await.status, 200);
    for guess in 0..5 {
        assert_eq!(who(&server, &format!("guess-{guess}")).await.status, 401);
        assert_eq!(watched(&format!("other-{guess}")).await, 401);
    }
    assert_eq!(who(&server, "guess-5").await.status, 429);
    assert_eq!(watched("other-5").await, 429);
    // What was right at one of them is known at the other.
    assert_eq!(watched("acme").await, 200);
}

#[tokio::test]
async fn a_program_posts_what_it_likes_and_a_foreign_page_nothing() {
    let server = both(&Arc::default()).await;
    let post = async |lines: &str, body: &str| {
        let bytes = body.len();
        let head = format!("POST /add HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}");
        let request = format!("{head}Content-Length: {bytes}\r\n\r\n{body}");
        server.ask(&request).await.status
    };
    let token = "X-API-Token: acme\r\n";
    assert_eq!(post(token, "{}").await, 200);
    assert_eq!(post(token, "").await, 200);
    assert_eq!(
        post(&format!("{token}Content-Type: text/plain\r\n"), "{}").await,
        200
    );
    assert_eq!(post("Content-Type: text/plain\r\n", "{}").await, 415);
    assert_eq!(post("", "").await, 401);
    for foreign in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        for body in ["", "{}"] {
            assert_eq!(post(foreign, body).await, 403, "{foreign}");
            assert_eq!(
                post(&format!("{token}{foreign}"), body).await,
                403,
                "{foreign}"
            );
        }
    }
    let preflight = "OPTIONS /add HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\
                     Access-Control-Request-Method: POST\r\n\
                     Access-Control-Request-Headers: x-api-token\r\nConnection: close\r\n\r\n";
    let answer = server.ask(preflight).await;
    assert_eq!(answer.status, 403);
    assert!(!answer.head.contains("access-control"), "{answer:?}");
}
