//! What a scraper asks for.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::IntoResponse;
use observe::metrics::{self, Format, Process};

use crate::router::App;

/// `GET /metrics`: OpenMetrics for those who ask for it, Prometheus's own text for everybody else.
pub(crate) async fn metrics(State(app): State<App>, headers: HeaderMap) -> impl IntoResponse {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::of_accept(accept);
    let followers = app.stream.followers();
    let process = Process {
        started_at: app.opened_at,
        stream_clients: followers.now,
        stream_clients_dropped: followers.stalled,
    };
    let text = metrics::exposition(&app.console.monitor, &process, format);
    ([(CONTENT_TYPE, format.content_type())], text)
}
