//! Where tenants' attachments lie.

use super::Route;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[];
