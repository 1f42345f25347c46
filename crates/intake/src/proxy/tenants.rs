//! Tenants and their keys.

use super::Route;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[];
