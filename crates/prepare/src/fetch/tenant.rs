//! What a tenant has for its attachments.

use std::collections::BTreeMap;

use crate::fetch::request::Auth;
use crate::storage::Storage;

/// Where a tenant serves attachments unless it says otherwise.
const ATTACHMENT_PATH: &str = "/mail-proxy/attachments";

/// A tenant, as far as its attachments are concerned.
#[derive(Clone, Debug)]
pub struct TenantSource {
    /// Its id. What is cached for one id is never seen by another.
    pub id: String,
    /// `client_base_url`: where its endpoint is.
    pub base_url: Option<String>,
    /// `client_attachment_path`: the endpoint below it.
    pub attachment_path: String,
    /// `client_auth`: its credentials at its endpoint.
    pub auth: Auth,
    /// Its storages by their names.
    pub storages: BTreeMap<String, Storage>,
}

impl TenantSource {
    /// A tenant without an endpoint, without credentials and without storages.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            base_url: None,
            attachment_path: ATTACHMENT_PATH.to_owned(),
            auth: Auth::default(),
            storages: BTreeMap::new(),
        }
    }

    /// The URL of its endpoint, if it has one.
    pub(crate) fn endpoint(&self) -> Option<String> {
        let base = self.base_url.as_deref()?.trim_end_matches('/');
        let path = self.attachment_path.trim_start_matches('/');
        Some(format!("{base}/{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_one_slash_between_its_halves() {
        let mut tenant = TenantSource::new("t");
        assert_eq!(tenant.endpoint(), None);
        for base in ["https://app.example", "https://app.example/"] {
            tenant.base_url = Some(base.to_owned());
            let expected = "https://app.example/mail-proxy/attachments";
            assert_eq!(tenant.endpoint().as_deref(), Some(expected));
        }
    }
}
