//! The accounts that mail leaves through.

use super::Route;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[];
