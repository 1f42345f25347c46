//! Mailboxes: bounces and receipts of certified mail, read by one process for all.

use std::sync::Arc;

use anyhow::Context;
use intake::postroom::{Postroom, PostroomSettings};
use model::Clock;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::stores::Stores;
use crate::exit::Failure;
use crate::settings::service::ServiceSettings;

/// What the mailboxes are read with.
#[derive(Clone)]
pub struct Mailroom {
    stores: Stores,
    settings: PostroomSettings,
    clock: Clock,
    /// The bounce mailbox is to be looked at anew.
    pub changed: Arc<Notify>,
}

impl Mailroom {
    /// Nothing is read yet.
    pub fn new(settings: &ServiceSettings, stores: &Stores, clock: &Clock) -> Self {
        Self {
            stores: stores.clone(),
            settings: PostroomSettings {
                pec_timeout: settings.pec_timeout,
                ..PostroomSettings::default()
            },
            clock: clock.clone(),
            changed: Arc::default(),
        }
    }

    /// A reader that has not begun.
    pub fn postroom(&self) -> Result<Postroom, Failure> {
        let postroom = Postroom::new(
            Arc::clone(&self.stores.submissions),
            Arc::clone(&self.stores.store),
            Arc::clone(&self.stores.directory),
            self.settings.clone(),
            self.clock.clone(),
            Arc::clone(&self.changed),
        );
        Ok(postroom.context("mailboxes cannot be read")?)
    }

    /// Reads until `stop`.
    pub async fn read(self, stop: CancellationToken) {
        match self.postroom() {
            Ok(postroom) => postroom.run(stop).await,
            Err(error) => tracing::error!("{error}"),
        }
    }
}
