//! Who asks.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::TenantId;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The administrator.
    Admin,
    /// A tenant.
    Tenant(TenantId),
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ();

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ()> {
        parts.extensions.get::<Self>().cloned().ok_or(())
    }
}
