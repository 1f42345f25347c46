//! Messages that could not be made, named by the row of the list that they belong to.

use std::collections::HashMap;
use std::sync::Arc;

use model::{EventKind, Phase};
use observe::log_lines;
use store::Logged;

use super::View;
use crate::check::blocking;
use crate::list::OpenableList;

/// Rows that are named; all of them are in the report.
const NAMED_MAX: usize = 20;

/// Whose messages could not be made, and why.
#[derive(Default)]
pub(super) struct Unmade(HashMap<String, String>);

impl Unmade {
    /// Notes an event.
    pub(super) fn note(&mut self, logged: &Logged) {
        let phase = logged.event.attempt.as_ref().map(|attempt| attempt.phase);
        let is_unmade = logged.event.kind == EventKind::Dropped && phase == Some(Phase::Compose);
        if is_unmade && self.0.len() < NAMED_MAX {
            let why = log_lines::words(&logged.event);
            self.0.insert(logged.message.address.key(), why);
        }
    }

    /// Finds their rows, which the ledger does not keep, by reading the list once more, and says them. A list that
    /// was taken away meanwhile names nobody.
    pub(super) async fn name(self, list: &Arc<OpenableList>, view: View) {
        if self.0.is_empty() {
            return;
        }
        let list = Arc::clone(list);
        let named = blocking(move || {
            let Self(mut unmade) = self;
            for recipient in list.open()?.flatten().flatten() {
                if let Some(why) = unmade.remove(&recipient.address.key()) {
                    let row = recipient.line;
                    match view {
                        View::Figures => {
                            tracing::warn!("row {row} of the list was not sent: {why}")
                        }
                        View::Bar | View::Quiet => {
                            let address = &recipient.address;
                            tracing::warn!("row {row} of the list, {address}, was not sent: {why}");
                        }
                    }
                }
                if unmade.is_empty() {
                    break;
                }
            }
            Ok(())
        });
        if let Err(error) = named.await {
            tracing::warn!("rows that were not sent cannot be named: {error}");
        }
    }
}
