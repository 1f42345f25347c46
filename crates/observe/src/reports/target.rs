//! Where a tenant's reports go, and as whom.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model::{ClientAuth, Tenant};
use webclient::header::{AUTHORIZATION, CONTENT_TYPE};
use webclient::{HeaderMap, HeaderValue};

/// An application that reports go to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its URL, whole.
    pub url: Box<str>,
    /// How we prove who we are.
    pub auth: ClientAuth,
}

impl Target {
    /// Where a tenant's reports go; `None` when they go nowhere: it is not active, or has no URL and there is none for
    /// such tenants.
    pub(super) fn of(tenant: &Tenant, fallback: Option<&Self>) -> Option<Self> {
        if !tenant.is_active {
            return None;
        }
        Self::own(tenant).or_else(|| fallback.cloned())
    }

    /// A tenant's own application, whether or not it is active.
    pub(super) fn own(tenant: &Tenant) -> Option<Self> {
        let url = tenant.client.sync_url()?.into();
        let auth = tenant.client.auth.clone();
        Some(Self { url, auth })
    }

    /// The headers of a call.
    pub(super) fn headers(&self) -> HeaderMap {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut headers = HeaderMap::from_iter([json]);
        if let Some(value) = authorization(&self.auth) {
            headers.insert(AUTHORIZATION, value);
        }
        headers
    }
}

fn authorization(auth: &ClientAuth) -> Option<HeaderValue> {
    let text = match auth {
        ClientAuth::None => return None,
        ClientAuth::Bearer(token) => format!("Bearer {}", token.expose()),
        // RFC 7617 §2.
        ClientAuth::Basic { user, password } => {
            let pair = format!("{user}:{}", password.expose());
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        }
    };
    // A secret holds no control character, so its bytes fit; a token beyond ASCII goes as UTF-8.
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use model::{BaseUrl, TenantId, Timestamp};

    use super::*;

    fn tenant(base_url: Option<&str>) -> Tenant {
        let mut tenant = Tenant::new(TenantId::parse("acme").unwrap(), Timestamp::default());
        tenant.client.base_url = base_url.map(|url| BaseUrl::parse(url).unwrap());
        tenant
    }

    fn fallback() -> Target {
        Target {
            url: "https://all.example/sync".into(),
            auth: ClientAuth::None,
        }
    }

    #[test]
    fn a_tenants_own_application_comes_first_and_an_inactive_tenant_has_none() {
        let url = |tenant: &Tenant, fallback: Option<&Target>| {
            Target::of(tenant, fallback).map(|target| target.url.into_string())
        };
        let mut own = tenant(Some("https://acme.example/"));
        let all = fallback();
        let expected = "https://acme.example/mail-proxy/sync";
        assert_eq!(url(&own, Some(&all)).as_deref(), Some(expected));
        assert_eq!(
            url(&tenant(None), Some(&all)).as_deref(),
            Some("https://all.example/sync")
        );
        assert_eq!(url(&tenant(None), None), None);
        own.is_active = false;
        assert_eq!(url(&own, Some(&all)), None);
    }

    #[test]
    fn credentials_stand_in_one_header_that_does_not_show() {
        let mut target = fallback();
        assert!(!target.headers().contains_key(AUTHORIZATION));
        target.auth = ClientAuth::bearer("hunter2").unwrap();
        assert_eq!(target.headers()[AUTHORIZATION], "Bearer hunter2");
        // The example of RFC 7617 §2.
        target.auth = ClientAuth::basic("Aladdin", "open sesame").unwrap();
        let headers = target.headers();
        assert_eq!(headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{headers:?}").contains("QWxh"));
    }
}
