//! The figures in MailGrid's shapes (the campaign contract, section 8), for readers of either of its versions.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::Seq;
use observe::monitor::view::{CodeRow, Figures};
use observe::monitor::{Moment, Seen};
use serde::Serialize;
use serde_json::Value;

use crate::campaigns::settings;
use crate::figures::MailGrid;
use crate::log_line::MailGridLine;
use crate::router::{App, Console};
use crate::row::RecipientStatus;
use crate::time::{Rfc3339, rounded, uptime};

/// Domains that are named one by one; the rest stands under [`OTHER_DOMAINS`].
const DOMAINS_MAX: usize = 100;
/// No domain is called so.
const OTHER_DOMAINS: &str = "(others)";

/// MailGrid's `CampaignStats`.
#[derive(Serialize)]
struct CampaignStats<'a> {
    #[serde(flatten)]
    figures: MailGrid<'a>,
    recipients: BTreeMap<&'a str, RecipientStatus<'a>>,
    domain_breakdown: &'a BTreeMap<Box<str>, u64>,
    smtp_response_codes: BTreeMap<Cow<'static, str>, u64>,
    config_summary: Value,
    log_entries: Vec<MailGridLine<'a>>,
}

/// What one of its versions answers, and around it what the other one does.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats<'a> {
    #[serde(flatten)]
    flat: &'a CampaignStats<'a>,
    campaign_stats: &'a CampaignStats<'a>,
    real_time_metrics: RealTimeMetrics,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RealTimeMetrics {
    emails_per_minute: f64,
    success_rate: f64,
    current_time: Rfc3339,
    uptime: String,
}

/// `GET /api/status`: as the newer version answers.
pub(crate) async fn status(State(app): State<App>) -> Response {
    let now = Now::of(&app);
    Json(now.campaign_stats()).into_response()
}

/// `GET /api/stats`: as either version answers.
pub(crate) async fn stats(State(app): State<App>) -> Response {
    let now = Now::of(&app);
    let stats = now.campaign_stats();
    Json(Stats {
        flat: &stats,
        campaign_stats: &stats,
        real_time_metrics: RealTimeMetrics::new(&now.moment.figures),
    })
    .into_response()
}

/// What is shown together.
struct Now {
    moment: Moment,
    domains: BTreeMap<Box<str>, u64>,
    under_way: HashSet<Seq>,
}

impl Now {
    fn of(app: &App) -> Self {
        let Console { monitor, live, .. } = &app.console;
        // The points of the charts are not among what is shown here.
        let seen = Seen {
            entry: 0,
            point_s: i64::MAX,
        };
        let rows = monitor.domains(DOMAINS_MAX).into_iter();
        let named = |domain: Option<Box<str>>| domain.unwrap_or_else(|| OTHER_DOMAINS.into());
        Self {
            moment: monitor.moment(seen),
            domains: rows
                .map(|row| (named(row.domain), row.counts.total()))
                .collect(),
            under_way: live.messages_under_way().into_iter().collect(),
        }
    }

    fn campaign_stats(&self) -> CampaignStats<'_> {
        let moment = &self.moment;
        let mut recipients = BTreeMap::new();
        for recent in &moment.recent {
            // The newest of an address comes first.
            let is_sending = self.under_way.contains(&recent.id.seq());
            let status = || RecipientStatus::of_recent(recent, is_sending);
            recipients.entry(&*recent.email).or_insert_with(status);
        }
        CampaignStats {
            figures: MailGrid::new(&moment.figures),
            recipients,
            domain_breakdown: &self.domains,
            smtp_response_codes: moment.codes.iter().map(code).collect(),
            config_summary: settings(&moment.figures.campaign),
            log_entries: moment.entries.iter().map(MailGridLine::new).collect(),
        }
    }
}

impl RealTimeMetrics {
    fn new(figures: &Figures) -> Self {
        let done = (figures.sent + figures.failed) as f64;
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Self {
            emails_per_minute: rounded(share(done, figures.elapsed_s / 60.0)),
            success_rate: rounded(share(figures.sent as f64 * 100.0, done)),
            current_time: Rfc3339(figures.at),
            uptime: uptime(figures.elapsed_s),
        }
    }
}

/// How often a reply code was given; MailGrid has a word for no answer.
fn code(row: &CodeRow) -> (Cow<'static, str>, u64) {
    let code = match row.code {
        0 => Cow::Borrowed("error"),
        code => Cow::Owned(code.to_string()),
    };
    (code, row.count)
}
