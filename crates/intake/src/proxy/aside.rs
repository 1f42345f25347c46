//! Work that would hold up others on its thread.

use std::panic::resume_unwind;

use store::StoreError;
use tokio::task::spawn_blocking;

use super::problem::Problem;

/// Bytes of JSON that are read where they are: about a millisecond's work. More is read beside.
pub(super) const BYTES_AT_ONCE: usize = 64 * 1024;

/// Does work on a thread for it, so that connections and deliveries go on.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    spawn_blocking(work)
        .await
        .map_err(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // It is given up only when everything ends.
            Err(_) => Problem::Store(StoreError::Closed),
        })
}
