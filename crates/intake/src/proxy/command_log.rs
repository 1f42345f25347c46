//! Who asked for what.

use super::Route;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[];
