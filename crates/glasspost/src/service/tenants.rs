//! Tenants as the making of messages needs them, kept for a moment so that a message costs no look-up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use intake::proxy::BounceSettings;
use model::{Address, Clock, TenantId, Timestamp};
use prepare::{LargeFilePolicy, TenantSource};
use store::directory::Directory;

/// How long a tenant's settings are taken as they were read.
const FRESH: Duration = Duration::from_secs(1);
/// Tenants kept.
const TENANTS_MAX: usize = 1_000;

/// What is known of a tenant.
#[derive(Clone)]
pub struct Known {
    /// Where its attachments come from.
    pub source: Arc<TenantSource>,
    /// What becomes of its large files.
    pub policy: Option<Arc<LargeFilePolicy>>,
    /// Where bounces of messages go that name no place for them.
    pub return_path: Option<Address>,
}

/// The tenants that mail is made for.
pub struct Tenants {
    directory: Arc<dyn Directory>,
    clock: Clock,
    known: Mutex<HashMap<TenantId, (Timestamp, Known)>>,
}

/// Why a tenant cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// There is none such.
    #[error("the tenant is not there any more")]
    Gone,
    /// Its settings cannot be used.
    #[error("the tenant's settings cannot be used: {0}")]
    Settings(#[from] model::FieldError),
}

impl Tenants {
    /// None known yet.
    pub fn new(directory: Arc<dyn Directory>, clock: Clock) -> Self {
        Self {
            directory,
            clock,
            known: Mutex::default(),
        }
    }

    /// One tenant, as it is or was a moment ago.
    pub async fn get(&self, id: &TenantId) -> Result<Known, TenantError> {
        let now = self.clock.now();
        if let Some((at, known)) = self.known().get(id)
            && now.since(*at) < FRESH
        {
            return Ok(known.clone());
        }
        let known = self.read(id).await?;
        let mut all = self.known();
        if all.len() >= TENANTS_MAX {
            all.clear();
        }
        all.insert(id.clone(), (now, known.clone()));
        Ok(known)
    }

    async fn read(&self, id: &TenantId) -> Result<Known, TenantError> {
        let tenant = self.directory.tenant(id).await?.ok_or(TenantError::Gone)?;
        let storages = self.directory.storages(id).await?;
        let bounces = BounceSettings::of(&self.directory.instance().await?)?;
        let policy = tenant.large_files.clone().map(LargeFilePolicy::read);
        Ok(Known {
            source: Arc::new(TenantSource::new(&tenant, &storages)?),
            policy: policy.transpose()?.map(Arc::new),
            return_path: bounces.return_path,
        })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, (Timestamp, Known)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
