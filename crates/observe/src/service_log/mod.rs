//! The service's log: one line an event, in the words that people search for.
//!
//! It follows what this process commits and holds up nobody: when it cannot keep up it leaves lines out and says how
//! many events went by. No line names a recipient; the client's own id leads to the message. An event knows the message
//! only by number, so the id is looked up once a submission, and only when the line will be written.

mod line;

use std::collections::HashMap;
use std::sync::Arc;

use model::account::AccountId;
use model::{Seq, SubmissionId, TenantId};
use store::submissions::ClientId;
use store::{LogBatch, Logged, Origin, Store, Submissions, Tail};
use tokio_util::sync::CancellationToken;
use tracing::Level;

use line::{Line, level};

/// Submissions whose names are kept in memory. With more, all are looked up again.
const NAMES_MAX: usize = 4_096;

/// Writes the service's log.
pub struct ServiceLog {
    submissions: Arc<dyn Submissions>,
    tail: Tail,
    /// Up to where this process's own commits were seen.
    seen: Seq,
    names: HashMap<SubmissionId, Option<Arc<Named>>>,
}

/// What a submission is called.
struct Named {
    client_id: ClientId,
    account_id: AccountId,
    tenant_id: TenantId,
}

impl ServiceLog {
    /// A log of what is committed from now on.
    pub async fn begin(
        submissions: Arc<dyn Submissions>,
        store: &dyn Store,
    ) -> store::Result<Self> {
        Ok(Self {
            submissions,
            tail: store.tail(),
            seen: store.end_of_log().await?,
            names: HashMap::new(),
        })
    }

    /// Writes lines until `stop`, or until the store is closed.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let batch = tokio::select! {
                () = stop.cancelled() => return,
                batch = self.tail.next() => batch,
            };
            let Some(batch) = batch else {
                return;
            };
            self.say_what_went_by(&batch);
            for logged in &batch.events {
                self.write(logged).await;
            }
        }
    }

    /// What other processes do goes by as well: it is in their logs.
    fn say_what_went_by(&mut self, batch: &LogBatch) {
        let Origin::Here { after } = batch.origin else {
            return;
        };
        let seen = std::mem::replace(&mut self.seen, batch.last);
        let events_max = after.get() - seen.get();
        if events_max > 0 {
            tracing::warn!(
                events_max,
                "the log could not keep up: events went by without a line"
            );
        }
    }

    async fn write(&mut self, logged: &Logged) {
        let Some(submission) = logged.message.content.submission() else {
            return;
        };
        if !is_written(level(&logged.event)) {
            return;
        }
        if let Some(named) = self.named(submission).await {
            write(&Line::new(logged, &named), logged, &named);
        }
    }

    /// The names of a submission; `None` when it is gone.
    async fn named(&mut self, id: SubmissionId) -> Option<Arc<Named>> {
        if let Some(named) = self.names.get(&id) {
            return named.clone();
        }
        let found = match self.submissions.payload(id).await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!(%error, "a submission's names could not be looked up");
                return None;
            }
        };
        let named = found.map(|(submission, _)| {
            Arc::new(Named {
                client_id: submission.client_id,
                account_id: submission.account_id,
                tenant_id: submission.tenant,
            })
        });
        if self.names.len() >= NAMES_MAX {
            self.names.clear();
        }
        self.names.insert(id, named.clone());
        named
    }
}

fn is_written(level: Level) -> bool {
    // The macro wants a constant level.
    match level {
        Level::ERROR => tracing::enabled!(Level::ERROR),
        Level::WARN => tracing::enabled!(Level::WARN),
        Level::INFO => tracing::enabled!(Level::INFO),
        Level::DEBUG => tracing::enabled!(Level::DEBUG),
        Level::TRACE => tracing::enabled!(Level::TRACE),
    }
}

fn write(line: &Line, logged: &Logged, named: &Named) {
    let Named {
        client_id: message_id,
        account_id,
        tenant_id,
    } = named;
    let (pk, text) = (logged.message.id, &line.text);
    match line.level {
        Level::ERROR => {
            tracing::error!(%message_id, %pk, %account_id, %tenant_id, "{text}");
        }
        Level::WARN => {
            tracing::warn!(%message_id, %pk, %account_id, %tenant_id, "{text}");
        }
        Level::INFO => {
            tracing::info!(%message_id, %pk, %account_id, %tenant_id, "{text}");
        }
        Level::DEBUG | Level::TRACE => {
            tracing::debug!(%message_id, %pk, %account_id, %tenant_id, "{text}");
        }
    }
}
