//! The figures of the watched run: MailGrid's, and beyond.

use model::Stage;
use observe::monitor::view::Figures;
use serde::Serialize;

use crate::time::{Rfc3339, go_duration, rounded};

/// The figures that MailGrid has, under its names.
#[derive(Serialize)]
pub(crate) struct MailGrid<'a> {
    job_id: &'a str,
    start_time: Rfc3339,
    total_recipients: u64,
    pending_count: u64,
    sending_count: u64,
    sent_count: u64,
    failed_count: u64,
    retry_count: u64,
    emails_per_second: f64,
    estimated_time_left: String,
    avg_duration_ms: f64,
}

/// What MailGrid does not have.
#[derive(Serialize)]
pub(crate) struct Beyond<'a> {
    name: Option<&'a str>,
    cancelled_count: u64,
    repeat_count: u64,
    repeatable_count: u64,
    attempts: u64,
    connections: u64,
    emails_per_second_now: f64,
    elapsed_s: f64,
    seconds_left: Option<f64>,
    p50_duration_ms: f64,
    p95_duration_ms: f64,
    p99_duration_ms: f64,
    stage: Stage,
    trouble: Option<&'a str>,
    list_complete: bool,
    ended_at: Option<Rfc3339>,
}

impl<'a> MailGrid<'a> {
    pub(crate) fn new(figures: &'a Figures) -> Self {
        Self {
            job_id: &figures.campaign.job_id,
            start_time: Rfc3339(figures.campaign.started_at),
            total_recipients: figures.total,
            pending_count: figures.pending,
            sending_count: figures.sending,
            sent_count: figures.sent,
            failed_count: figures.failed,
            retry_count: figures.retrying,
            emails_per_second: rounded(figures.per_second_mean),
            estimated_time_left: time_left(figures),
            avg_duration_ms: rounded(figures.duration.mean_ms),
        }
    }
}

impl<'a> Beyond<'a> {
    pub(crate) fn new(figures: &'a Figures) -> Self {
        Self {
            name: figures.campaign.name.as_deref(),
            cancelled_count: figures.cancelled,
            repeat_count: figures.repeats,
            repeatable_count: figures.repeatable,
            attempts: figures.attempts,
            connections: figures.connections,
            emails_per_second_now: rounded(figures.per_second_now),
            elapsed_s: rounded(figures.elapsed_s),
            seconds_left: figures.seconds_left.map(rounded),
            p50_duration_ms: rounded(figures.duration.p50_ms),
            p95_duration_ms: rounded(figures.duration.p95_ms),
            p99_duration_ms: rounded(figures.duration.p99_ms),
            stage: figures.stage,
            trouble: figures.trouble.as_deref(),
            list_complete: figures.is_listed,
            ended_at: figures.ended_at.map(Rfc3339),
        }
    }
}

/// As MailGrid says it: nothing until the first is sent, and zero when none remain.
fn time_left(figures: &Figures) -> String {
    let done = figures.sent + figures.failed;
    match figures.seconds_left {
        _ if done == 0 => String::new(),
        _ if done == figures.total => go_duration(0.0),
        Some(seconds) => go_duration(seconds),
        None => String::new(),
    }
}
