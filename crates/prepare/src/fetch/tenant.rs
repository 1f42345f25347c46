//! What a tenant has for its attachments.

use std::collections::BTreeMap;

use model::{Client, FieldError, Storage, Tenant, TenantId};

use crate::mount::Mount;

/// A tenant, as far as its attachments are concerned.
#[derive(Clone, Debug)]
pub struct TenantSource {
    /// Its id. What is cached for one id is never seen by another.
    pub id: TenantId,
    /// Its own application, which may serve attachments.
    pub client: Client,
    /// Its storages by their names.
    pub mounts: BTreeMap<String, Mount>,
}

impl TenantSource {
    /// A tenant with its storages. Fails when a storage's settings cannot be read, which were checked
    /// when it was added.
    pub fn new(tenant: &Tenant, storages: &[Storage]) -> Result<Self, FieldError> {
        let mounts = storages
            .iter()
            .map(|storage| Ok((storage.name.as_str().to_owned(), Mount::of(storage)?)))
            .collect::<Result<_, FieldError>>()?;
        Ok(Self {
            id: tenant.id.clone(),
            client: tenant.client.clone(),
            mounts,
        })
    }

    /// For tests: a tenant without an application and without storages.
    #[cfg(test)]
    pub(crate) fn named(id: &str) -> Self {
        Self {
            id: TenantId::parse(id).unwrap(),
            client: Client::default(),
            mounts: BTreeMap::new(),
        }
    }
}
