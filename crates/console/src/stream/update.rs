//! What an update says: everything at one moment, or what changed since the one before.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::{ControlAction, MessageId, Seq};
use observe::monitor::Moment;
use observe::monitor::view::{Entry, Figures, Level, Point, Recent};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::event;
use crate::controls::Controls;
use crate::domains::ProviderJson;
use crate::figures::{Beyond, MailGrid};
use crate::log_line::LogLine;
use crate::status::Status;
use crate::time::{Rfc3339, millis, rounded};

/// Log lines of each level in one update: the newest ones.
const LINES_OF_LEVEL_MAX: usize = 20;

/// Whether it stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Snapshot,
    Delta,
}

#[derive(Serialize)]
struct UpdateJson<'a> {
    kind: Kind,
    id: u64,
    at: Rfc3339,
    #[serde(flatten)]
    mailgrid: MailGrid<'a>,
    #[serde(flatten)]
    beyond: Beyond<'a>,
    smtp_response_codes: BTreeMap<u16, u64>,
    providers: Vec<ProviderJson>,
    /// The interventions that make sense now.
    possible: Vec<ControlAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recent: Option<&'a [RecentJson]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log: Vec<LogLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    points: Vec<PointJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_summary: Option<Value>,
}

/// A message that changed lately.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct RecentJson {
    id: MessageId,
    email: Box<str>,
    status: Status,
    attempts: u32,
    duration_ms: Option<f64>,
    code: Option<u16>,
    error: Option<Box<str>>,
    at: Rfc3339,
}

#[derive(Serialize)]
struct PointJson<'a> {
    t: i64,
    span: u32,
    sent: u64,
    failed: u64,
    deferred: u64,
    mean_ms: f64,
    connections: u64,
    sending: u64,
    #[serde(serialize_with = "as_map")]
    errors: &'a [(&'static str, u64)],
}

/// Everything at one moment, as it goes to a client.
pub(super) fn snapshot(
    id: u64,
    moment: &Moment,
    recent: &[RecentJson],
    possible: Vec<ControlAction>,
    settings: Value,
) -> Bytes {
    let log = moment.entries.iter().collect();
    let update = update(Kind::Snapshot, id, moment, log, possible);
    let everything = UpdateJson {
        recent: Some(recent),
        config_summary: Some(settings),
        ..update
    };
    event(id, &everything)
}

/// What changed, as it goes to the clients; `recent` when it is another list than before.
pub(super) fn delta(
    id: u64,
    moment: &Moment,
    recent: Option<&[RecentJson]>,
    possible: Vec<ControlAction>,
) -> Bytes {
    let log = newest(&moment.entries);
    let update = update(Kind::Delta, id, moment, log, possible);
    event(id, &UpdateJson { recent, ..update })
}

/// The interventions that make sense now.
pub(super) fn possible(controls: &dyn Controls, figures: &Figures) -> Vec<ControlAction> {
    controls.possible(figures.stage, figures.repeatable)
}

fn update<'a>(
    kind: Kind,
    id: u64,
    moment: &'a Moment,
    log: Vec<&'a Entry>,
    possible: Vec<ControlAction>,
) -> UpdateJson<'a> {
    UpdateJson {
        kind,
        id,
        at: Rfc3339(moment.figures.at),
        mailgrid: MailGrid::new(&moment.figures),
        beyond: Beyond::new(&moment.figures),
        smtp_response_codes: (moment.codes.iter())
            .map(|row| (row.code, row.count))
            .collect(),
        providers: moment.providers.iter().map(ProviderJson::from).collect(),
        possible,
        recent: None,
        log: log.into_iter().map(LogLine::new).collect(),
        points: moment.points.iter().map(PointJson::from).collect(),
        config_summary: None,
    }
}

/// The newest entries of each level, in order.
fn newest(entries: &[Entry]) -> Vec<&Entry> {
    let mut room = BTreeMap::from(
        [Level::Info, Level::Warn, Level::Error].map(|level| (level, LINES_OF_LEVEL_MAX)),
    );
    let has_room = |entry: &&Entry| {
        let left = room.entry(entry.level).or_default();
        let has_room = *left > 0;
        *left = left.saturating_sub(1);
        has_room
    };
    let mut newest: Vec<&Entry> = entries.iter().rev().filter(has_room).collect();
    newest.reverse();
    newest
}

/// The messages that changed lately; `under_way` says which of them are being sent.
pub(super) fn recent(recent: &[Recent], under_way: &[Seq]) -> Vec<RecentJson> {
    let json = |recent: &Recent| {
        let is_sending = under_way.binary_search(&recent.id.seq()).is_ok();
        RecentJson {
            id: recent.id,
            email: recent.email.clone(),
            status: Status::after(recent.kind, is_sending),
            attempts: recent.attempts,
            duration_ms: recent.code.map(|_| millis(recent.duration_us)),
            code: recent.code,
            error: (!recent.error.is_empty()).then(|| recent.error.clone()),
            at: Rfc3339(recent.at),
        }
    };
    recent.iter().map(json).collect()
}

impl<'a> From<&'a Point> for PointJson<'a> {
    fn from(point: &'a Point) -> Self {
        Self {
            t: point.at_s,
            span: point.span_s,
            sent: point.sent,
            failed: point.failed,
            deferred: point.deferred,
            mean_ms: rounded(point.mean_ms),
            connections: point.connections,
            sending: point.sending,
            errors: &point.errors,
        }
    }
}

fn as_map<S: Serializer>(
    errors: &&[(&'static str, u64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(errors.iter().copied())
}
