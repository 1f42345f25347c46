//! The installation as a whole.

use super::Route;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[];
