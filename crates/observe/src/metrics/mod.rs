//! A watched run, or the service, as metrics, for Prometheus and whatever reads its format.
//!
//! What there is stands in [`model::metrics`]; every series of that table is written, with the value it has at one
//! moment. No label holds what a message, a recipient or a server says, so the size does not depend on it (bar 18).

mod accept;
pub mod service;
mod text;
mod values;

use model::Timestamp;
use model::metrics::METRICS;

use crate::monitor::Monitor;
use values::Values;

/// The two forms of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus's text format, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// What whoever exposes metrics knows of its process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// When it began.
    pub started_at: Timestamp,
    /// Readers that the event stream is open to.
    pub stream_clients: u64,
    /// Readers that were closed because they did not keep up.
    pub stream_clients_dropped: u64,
}

impl Format {
    /// The form that an `Accept` header asks for: OpenMetrics for who names it, Prometheus's text for everybody else.
    pub fn of_accept(accept: Option<&str>) -> Self {
        match accept.is_some_and(accept::prefers_openmetrics) {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }

    /// What the text is to be labelled with.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Every metric of the table, as text.
pub fn exposition(monitor: &Monitor, process: &Process, format: Format) -> String {
    let values = Values {
        run: monitor.reading(),
        process: *process,
    };
    text::exposition(&METRICS, &values, format)
}
