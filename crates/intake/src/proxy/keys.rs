//! Whose token it is.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Clock, Secret};
use store::directory::KeyHash;
use store::{Directory, StoreError};
use webserver::{Caller, Keys, Unavailable};

/// Looks tokens up in the directory, by their hashes. A key that was revoked or has expired, and every key of a tenant
/// that is not active, is nobody's.
pub struct DirectoryKeys {
    /// Where keys are.
    pub directory: Arc<dyn Directory>,
    /// The administrator's token that the program was started with; one that was set by request counts beside it.
    pub admin: Option<KeyHash>,
    /// The time, by which keys expire.
    pub clock: Clock,
}

#[async_trait]
impl Keys for DirectoryKeys {
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Unavailable> {
        self.find(&KeyHash::of(token)).await.map_err(|error| {
            tracing::error!(%error, "a token was not looked up");
            Unavailable("tokens cannot be looked up at the moment; try again in a while".to_owned())
        })
    }
}

impl DirectoryKeys {
    async fn find(&self, hash: &KeyHash) -> Result<Option<Caller>, StoreError> {
        let is_admin = |known: Option<&KeyHash>| known.is_some_and(|known| known.matches(hash));
        if is_admin(self.admin.as_ref()) {
            return Ok(Some(Caller::Admin));
        }
        let Some(owner) = self.directory.key_owner(hash, self.clock.now()).await? else {
            let instance = self.directory.instance().await?;
            return Ok(is_admin(instance.api_token.as_ref()).then_some(Caller::Admin));
        };
        let tenant = self.directory.tenant(&owner).await?;
        let is_active = tenant.is_some_and(|tenant| tenant.is_active);
        Ok(is_active.then_some(Caller::Tenant(owner)))
    }
}
