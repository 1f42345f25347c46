//! `glasspost send --preview`: the first recipient's message in the browser, from this machine only.
//!
//! What the message holds is not trusted: it is shown in a frame without scripts, forms or an origin, and a page
//! of another name (DNS rebinding) gets no answer: `webserver` sees to that.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use campaign::SendRequest;
use compose::letter::Preview;
use model::{Address, Mailbox};
use webserver::{Access, Limits, Server};

use crate::exit::Failure;
use crate::signals;
use crate::terminal;

/// Connections at once; further ones wait.
const CONNECTIONS_MAX: usize = 32;
/// The page may hold a frame of its own and nothing else.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'";
/// The message may show pictures and its own styles, as in a mail program.
const MESSAGE_POLICY: &str = "sandbox; default-src 'none'; img-src http: https: data:; \
                              style-src 'unsafe-inline' https:; font-src https: data:";

/// Both pages, made once.
struct Pages {
    overview: String,
    message: String,
}

/// Serves the first recipient's message until Ctrl-C.
pub async fn run(request: &SendRequest, from: &Mailbox, port: u16) -> Result<(), Failure> {
    let (to, preview) = campaign::check::preview(request, from).await?;
    let pages = Pages::new(&to, from, &preview);
    let stop = signals::stop_token("stopping")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let server = Server::bind(address, "--port").await?;
    let access = Access::loopback();
    let url = access.url(server.address());
    terminal::print(&format!(
        "Preview of the message to {to}: {url} (Ctrl-C ends it)\n"
    ))?;
    server.serve(router(pages), access, limits(), stop).await;
    Ok(())
}

fn limits() -> Limits {
    Limits {
        connections_max: CONNECTIONS_MAX,
        ..Limits::default()
    }
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/message", get(message))
        .with_state(Arc::new(pages))
}

async fn overview(State(pages): State<Arc<Pages>>) -> Response {
    page(PAGE_POLICY, pages.overview.clone())
}

async fn message(State(pages): State<Arc<Pages>>) -> Response {
    page(MESSAGE_POLICY, pages.message.clone())
}

fn page(policy: &'static str, html: String) -> Response {
    let policy = HeaderValue::from_static(policy);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

impl Pages {
    fn new(to: &Address, from: &Mailbox, preview: &Preview) -> Self {
        let rows = [
            ("From", from.to_string()),
            ("To", to.to_string()),
            ("Subject", preview.subject.to_string()),
        ];
        let head: String = rows
            .iter()
            .map(|(name, value)| format!("<tr><th>{name}</th><td>{}</td></tr>", escaped(value)))
            .collect();
        let missing = missing_note(&preview.missing_fields);
        let html = preview.html.as_ref().map_or(
            "",
            |_| r#"<h2>HTML</h2><iframe sandbox="" src="/message" title="The message"></iframe>"#,
        );
        let text = preview.text.as_ref().map_or(String::new(), |text| {
            format!("<h2>Text</h2><pre>{}</pre>", escaped(text))
        });
        Self {
            overview: format!(
                "{PAGE_START}<table>{head}</table>{missing}<main><div>{html}</div><div>{text}</div></main>"
            ),
            message: preview.html.clone().unwrap_or_default(),
        }
    }
}

/// Which fields are empty in the message because the list lacks them.
fn missing_note(fields: &BTreeSet<String>) -> String {
    let fields_are = match fields.len() {
        0 => return String::new(),
        1 => "field of the body is",
        _ => "fields of the body are",
    };
    let names: Vec<_> = fields.iter().map(|name| escaped(name)).collect();
    format!(
        "<p>{} {fields_are} missing in the list and empty here: {}.</p>",
        fields.len(),
        names.join(", ")
    )
}

const PAGE_START: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Glasspost preview</title><style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1d2530; background: #f5f6f8 }
th { text-align: left; padding-right: 1.5rem; color: #66707d; font-weight: 500 }
h2 { font-size: 1rem; color: #66707d } main { display: flex; flex-wrap: wrap; gap: 2rem }
main div { flex: 1 1 24rem } main div:empty { display: none }
iframe, pre { width: 100%; min-height: 70vh; border: 1px solid #d5dae1; border-radius: 8px; background: #fff;
  box-sizing: border-box } pre { padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere }
</style>
"#;

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use model::HeaderText;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn pages() -> Pages {
        let preview = Preview {
            subject: HeaderText::parse("Hi <script>alert(1)</script>").unwrap(),
            text: Some("a < b".to_owned()),
            html: Some("<p>Hello</p>".to_owned()),
            missing_fields: BTreeSet::new(),
        };
        let from = Mailbox::parse("Ada <ada@x.org>").unwrap();
        Pages::new(&Address::parse("bob@y.org").unwrap(), &from, &preview)
    }

    async fn answer(path: &str, host: &str) -> String {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::bind(any, "--port").await.unwrap();
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        let stop = CancellationToken::new();
        let _end = stop.clone().drop_guard();
        tokio::spawn(server.serve(router(pages()), Access::loopback(), limits(), stop));
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_message_is_shown_without_scripts_or_an_origin() {
        let page = answer("/", "127.0.0.1:8080").await;
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        assert!(page.contains("sandbox=\"\" src=\"/message\""));
        assert!(page.contains("content-security-policy: default-src 'none'"));
        assert!(page.contains("Hi &lt;script&gt;") && !page.contains("<script>"));
        assert!(page.contains("<pre>a &lt; b</pre>") && page.contains("Ada"));
        let message = answer("/message", "localhost").await;
        assert!(
            message.contains("content-security-policy: sandbox;"),
            "{message}"
        );
        assert!(message.ends_with("<p>Hello</p>"));
    }

    #[test]
    fn fields_that_the_list_lacks_are_named() {
        let note = |names: &[&str]| missing_note(&names.iter().map(ToString::to_string).collect());
        assert_eq!(note(&[]), "");
        let one = note(&["<tier>"]);
        assert!(
            one.contains(">1 field of the body is missing") && one.ends_with(": &lt;tier&gt;.</p>")
        );
        let two = note(&["city", "tier"]);
        assert!(
            two.contains(">2 fields of the body are missing") && two.ends_with(": city, tier.</p>")
        );
    }

    #[tokio::test]
    async fn a_rebound_name_gets_no_answer() {
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "evil.example:8080",
            "[::2]:1",
        ] {
            for path in ["/", "/message", "/nothing"] {
                let answer = answer(path, host).await;
                assert!(
                    answer.starts_with("HTTP/1.1 403"),
                    "{host} {path}: {answer}"
                );
            }
        }
    }
}
