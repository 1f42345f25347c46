//! What a scraper asks the service for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use deliver::dispatch::LaneNow;
use observe::metrics::Format;
use observe::metrics::service::{Installation, LaneFigures, ServiceFigures, exposition};

use super::router::{App, Shared};
use crate::problem::Problem;

/// `GET /metrics`: OpenMetrics for those who ask for it, Prometheus's own text for everybody else.
pub(super) async fn metrics(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::of_accept(accept);
    let text = exposition(&figures(&app).await?, format);
    Ok(([(CONTENT_TYPE, format.content_type())], text).into_response())
}

async fn figures(app: &Shared) -> store::Result<ServiceFigures> {
    let source = &app.service.figures;
    let installation = match source.exposes_installation() {
        true => Some(installation(app).await?),
        false => None,
    };
    let nodes = source.nodes();
    let own = nodes.iter().filter(|node| node.is_this);
    Ok(ServiceFigures {
        installation,
        lanes: own.flat_map(|node| &node.lanes).map(lane).collect(),
        reports: source.report_figures(),
        archive_behind: source.archive_behind(),
        is_active: source.is_active(),
        at: app.service.clock.now(),
        started_at: app.service.started_at,
        names: Arc::clone(&app.names),
    })
}

async fn installation(app: &Shared) -> store::Result<Installation> {
    let backlog = app.sources.backlog().await?;
    Ok(Installation {
        counts: app.service.submissions.account_counts().await?,
        queues: app.sources.queues(&backlog).await?,
        backlog,
    })
}

fn lane(lane: &LaneNow) -> LaneFigures {
    LaneFigures {
        connections: lane.connections,
        sending: lane.sending,
        is_limited: lane.limited_until.is_some(),
        is_troubled: lane.trouble.is_some(),
    }
}
