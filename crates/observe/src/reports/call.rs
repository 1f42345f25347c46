//! One call: some reports are told to a tenant's application, and what it took is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Clock, Seq, Tenant, TenantId, Timestamp};
use serde_json::{Value, json};
use store::submissions::{Channel, Followed, Report};
use store::{Directory, Store, StoreError, Submissions};
use webclient::{Exchange, Method, WebClient};

use super::answer::Answer;
use super::board::Call;
use super::item::{item, speaks_for_all};
use super::lane::{Answered, Outcome};
use super::{ReportSettings, Target};

/// Reports told at once.
const REPORTS_MAX: usize = 500;
/// Recipients that they speak of together, as soon as they are so many: a submission has up to a thousand.
const RECIPIENTS_MAX: usize = 5_000;
/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Makes calls.
pub(super) struct Caller {
    pub submissions: Arc<dyn Submissions>,
    pub directory: Arc<dyn Directory>,
    pub store: Arc<dyn Store>,
    pub web: WebClient,
    pub settings: ReportSettings,
    pub clock: Clock,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Web(#[from] webclient::Error),
}

/// Some reports in the log's order.
#[derive(Default)]
struct Page {
    items: Vec<Value>,
    /// The client's id of each, and its number.
    told: Vec<(String, Seq)>,
    /// Whether there may be more behind it.
    has_more: bool,
}

impl Caller {
    /// Makes a call, to its end.
    pub async fn make(&self, mut call: Call) {
        match self.tell(&mut call).await {
            Ok(outcome) => call.end(outcome),
            Err(error) => {
                tracing::warn!(tenant_id = %call.tenant, %error, "Delivery report not posted, it is tried again");
                call.end(Outcome::Failed(error.asked_wait()));
            }
        }
    }

    async fn tell(&self, call: &mut Call) -> Result<Outcome, CallError> {
        let Some(tenant) = self.directory.tenant(&call.tenant).await? else {
            return Ok(Outcome::NoTarget);
        };
        match call.channel {
            Channel::Sync => self.sync(&tenant, call).await,
            Channel::Webhook => self.tell_each(&tenant, call.errand.after).await,
        }
    }

    async fn sync(&self, tenant: &Tenant, call: &mut Call) -> Result<Outcome, CallError> {
        let Some(target) = Target::of(tenant, self.settings.fallback.as_ref()) else {
            return Ok(Outcome::NoTarget);
        };
        let page = self.page(&call.tenant, call.errand.after).await?;
        if page.items.is_empty() && !call.errand.is_call {
            return Ok(Outcome::Nothing);
        }
        let Page {
            items,
            told,
            has_more,
        } = page;
        let answer = self.post(&target, items).await?;
        let last = told.last().map(|(_, seq)| *seq);
        let is_refused = |told: &(String, Seq)| answer.refused.contains(&told.0);
        let (refused, taken): (Vec<_>, Vec<_>) = told.into_iter().partition(is_refused);
        let (refused, acknowledged) = (refused.len() as u64, taken.len() as u64);
        if acknowledged > 0 {
            let taken = taken.into_iter().map(|(_, seq)| seq).collect();
            let taken = self
                .submissions
                .acknowledge(&call.tenant, Channel::Sync, taken);
            taken.await?;
        }
        self.save_quiet(call, answer.quiet_until).await;
        say(&call.tenant, &answer, acknowledged, refused);
        Ok(Outcome::Answered(Answered {
            acknowledged,
            refused,
            last,
            has_more,
            is_queued: answer.is_queued,
            quiet_until: answer.quiet_until,
        }))
    }

    async fn page(&self, tenant: &TenantId, after: Seq) -> Result<Page, CallError> {
        let reports = self
            .submissions
            .reports(tenant, Channel::Sync, after, REPORTS_MAX)
            .await?;
        let mut page = Page {
            has_more: reports.len() == REPORTS_MAX,
            ..Page::default()
        };
        let mut recipients = 0;
        for report in reports {
            if recipients >= RECIPIENTS_MAX {
                page.has_more = true;
                break;
            }
            let followed = self.followed(&report).await?;
            recipients += followed.as_ref().map_or(1, |all| all.messages.len());
            page.items.push(item(&report, followed.as_ref()));
            let client_id = report.submission.client_id.as_str().to_owned();
            page.told.push((client_id, report.seq));
        }
        Ok(page)
    }

    /// What became of each recipient, where a report speaks for several.
    pub(super) async fn followed(&self, report: &Report) -> Result<Option<Followed>, CallError> {
        let submission = &report.submission;
        if !speaks_for_all(report) {
            return Ok(None);
        }
        let followed = self
            .submissions
            .submission(&submission.tenant, &submission.client_id);
        Ok(followed.await?)
    }

    async fn post(&self, target: &Target, items: Vec<Value>) -> Result<Answer, CallError> {
        let body = json!({ "delivery_report": items }).to_string();
        let exchange = Exchange {
            method: Method::POST,
            headers: target.headers(),
            body: Bytes::from(body),
            deadline: self.settings.deadline,
            body_bytes_max: ANSWER_BYTES_MAX,
        };
        let response = self.web.exchange(&target.url, exchange).await?;
        Ok(Answer::read(&response.body))
    }

    /// Saves until when the application wants to be left alone, where that has changed. If it cannot be saved, that is
    /// forgotten with the process, and the application is called a bit early.
    async fn save_quiet(&self, call: &mut Call, quiet_until: Option<Timestamp>) {
        if call.saved_quiet == quiet_until {
            return;
        }
        let place = quiet_until.unwrap_or_default().as_millis().to_string();
        let reader = quiet_reader(&call.tenant);
        match self.store.save_cursor(&reader, &place).await {
            Ok(()) => call.saved_quiet = quiet_until,
            Err(error) => {
                tracing::warn!(tenant_id = %call.tenant, %error, "next_sync_after could not be saved");
            }
        }
    }
}

impl CallError {
    /// How long the application asks to wait.
    fn asked_wait(&self) -> Option<Duration> {
        match self {
            Self::Web(webclient::Error::Status { retry_after, .. }) => *retry_after,
            Self::Web(_) | Self::Store(_) => None,
        }
    }
}

fn say(tenant_id: &TenantId, answer: &Answer, acknowledged: u64, refused: u64) {
    let reports = acknowledged + refused;
    if answer.complains || refused > 0 || answer.unknown > 0 {
        let unknown = answer.unknown;
        tracing::warn!(%tenant_id, reports, acknowledged, refused, unknown, "Delivery report posted, with complaints");
    } else if reports > 0 {
        tracing::info!(%tenant_id, reports, acknowledged, "Delivery report posted");
    } else {
        tracing::debug!(%tenant_id, "Delivery report posted, with nothing to tell");
    }
}

/// The name under which an application's wish to be left alone is kept.
fn quiet_reader(tenant: &TenantId) -> String {
    format!("reports.next_sync_after:{tenant}")
}

/// Until when an application wants to be left alone, as it was saved.
pub(super) async fn saved_quiet(
    store: &dyn Store,
    tenant: &TenantId,
) -> store::Result<Option<Timestamp>> {
    let place = store.cursor(&quiet_reader(tenant)).await?;
    let millis = place.and_then(|place| place.parse().ok());
    Ok(millis
        .filter(|millis| *millis > 0)
        .map(Timestamp::from_millis))
}
