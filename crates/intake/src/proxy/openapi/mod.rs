//! What the API says of itself: an OpenAPI document, and a page that shows it and tries it out.
//!
//! The document is put together from three texts, so that nothing is said twice: `operations.json` (what each route is
//! for, takes and answers), `fields.json` (parameters, and bodies of a few fields) and `schemas.json` (the rest). What
//! every route shares, such as its refusals, is added by `document`. The page is made of its own three files and loads
//! nothing else. All of it is there for anybody: it tells nothing of an installation.

mod document;
mod refusals;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

pub use document::document;

const HTML: &str = "text/html; charset=utf-8";
const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

/// `/openapi.json`, and the page at `/docs`, which is also `/redoc`. None of them asks for a token.
pub fn router() -> Router {
    Router::new()
        .route(
            "/openapi.json",
            get(|| file("application/json", document())),
        )
        .route("/docs", get(|| file(HTML, PAGE)))
        .route("/redoc", get(|| file(HTML, PAGE)))
        .route(
            "/docs/page.js",
            get(|| file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/docs/page.css",
            get(|| file("text/css; charset=utf-8", STYLE)),
        )
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_no_other_host_and_puts_nothing_in_but_text() {
        for part in [PAGE, SCRIPT, STYLE] {
            for foreign in ["http:", "https:", "//cdn", "@import", "url("] {
                assert!(!part.contains(foreign), "{foreign}");
            }
            let inner = ["inner", "HTML"].concat();
            for unsafe_word in [
                &*inner,
                &*["outer", "HTML"].concat(),
                &*["insert", "Adjacent"].concat(),
                "eval(",
                "onclick",
                "style=",
            ] {
                assert!(!part.contains(unsafe_word), "{unsafe_word}");
            }
        }
    }
}
