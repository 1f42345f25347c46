//! Work that would hold up others on its thread.

use tokio::task::spawn_blocking;

use super::problem::Problem;
use super::whole::given_up;

/// Bytes of JSON that are read where they are: about a millisecond's work. More is read beside.
pub(super) const BYTES_AT_ONCE: usize = 64 * 1024;

/// Does work on a thread for it, so that connections and deliveries go on.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    spawn_blocking(work).await.map_err(given_up)
}
