//! The watched run as it is followed.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use model::Live;
use observe::monitor::{Monitor, Seen};
use webserver::Peer;

use super::maker::Maker;
use super::{Stream, Subject, update};
use crate::campaigns::settings;
use crate::controls::Controls;
use crate::problem::Problem;
use crate::router::{App, Console};

/// The watched run.
pub(crate) struct Watched {
    monitor: Monitor,
    live: Arc<Live>,
    controls: Arc<dyn Controls>,
}

/// Begins to make updates of the watched run.
pub(crate) fn start(console: &Console) -> Arc<Stream<Watched>> {
    let watched = Watched {
        monitor: console.monitor.clone(),
        live: Arc::clone(&console.live),
        controls: Arc::clone(&console.controls),
    };
    let stop = console.stop.clone();
    Stream::start(watched, Maker::new(console), &console.clock, stop)
}

/// `GET /api/stream`
pub(crate) async fn follow(
    State(app): State<App>,
    Extension(Peer(ip)): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.stream.answer(ip, &headers)
}

impl Subject for Watched {
    type Seen = Seen;

    fn snapshot(&self, id: u64, seen: &Seen) -> Bytes {
        let mut moment = self.monitor.moment(Seen::default());
        // The moment is a little later than the update: these lines come with the next one.
        moment.entries.retain(|entry| entry.number <= seen.entry);
        let recent = update::recent(&moment.recent, &self.live.messages_under_way());
        let settings = settings(&moment.figures.campaign);
        let possible = update::possible(&*self.controls, &moment.figures);
        update::snapshot(id, &moment, &recent, possible, settings)
    }
}
