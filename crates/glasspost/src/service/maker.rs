//! Makes the messages of submissions: what the store keeps of them, given to the workshop.

use std::sync::Arc;

use async_trait::async_trait;
use deliver::{Maker, Recent, Said, Unmade};
use model::{Content, Envelope, Message};
use prepare::{Draft, LONG_WORK_BYTES, Unmakeable, Workshop};
use serde_json::Value;
use store::Submissions;

use super::tenants::{TenantError, Tenants};

/// The header by which a bounce is known to be about one of our messages.
const MAIL_ID: &str = "X-Genro-Mail-ID";

/// The service's maker.
pub struct SubmissionMaker {
    /// What was handed over.
    pub submissions: Arc<dyn Submissions>,
    /// By whom.
    pub tenants: Arc<Tenants>,
    /// Where it becomes bytes.
    pub workshop: Arc<Workshop>,
}

#[async_trait]
impl Maker for SubmissionMaker {
    async fn make(
        &self,
        message: &Message,
        recent: &Recent,
        bytes: &mut Vec<u8>,
    ) -> Result<Envelope, Unmade> {
        let Content::Submission(id) = message.content else {
            return Err(Unmade::Never("it is a campaign's".to_owned()));
        };
        let said = recent.said(&*self.submissions, id).await?;
        let said = said.ok_or_else(|| Unmade::Never("its client took it back".to_owned()))?;
        let (submission, draft) = (&said.submission, draft(&said).await?);
        let tenant = self
            .tenants
            .get(&submission.tenant)
            .await
            .map_err(|error| match error {
                TenantError::Store(error) => Unmade::Store(error),
                other => Unmade::Never(other.to_string()),
            })?;
        let made = self
            .workshop
            .make(
                &tenant.source,
                tenant.policy.as_deref(),
                &draft,
                submission.message_id,
                message.accepted_at,
            )
            .await
            .map_err(|error| match error {
                Unmakeable::Never(reason) => Unmade::Never(reason),
                Unmakeable::Later(reason) => Unmade::Later(reason),
            })?;
        bytes.extend_from_slice(format!("{MAIL_ID}: {}\r\n", message.id).as_bytes());
        bytes.extend_from_slice(&made.bytes);
        let sender = match draft.names_return_path() {
            true => made.sender,
            false => tenant.return_path.or(made.sender),
        };
        Ok(Envelope::new(sender, message.address.clone()))
    }
}

/// What was handed over, as the workshop takes it. A long text is not read between the tasks of others.
async fn draft(said: &Arc<Said>) -> Result<Draft, Unmade> {
    if said.payload.len() < LONG_WORK_BYTES {
        return read(said);
    }
    let said = Arc::clone(said);
    tokio::task::spawn_blocking(move || read(&said))
        .await
        .map_err(|_| Unmade::Later("interrupted before it was read".to_owned()))?
}

fn read(said: &Said) -> Result<Draft, Unmade> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Unmade::Never(format!("what was handed over cannot be read: {error}"))
    };
    let json: Value = serde_json::from_str(&said.payload).map_err(|error| unreadable(&error))?;
    Draft::read(&json).map_err(|error| unreadable(&error))
}
