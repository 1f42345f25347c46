//! How a run waits while a disk is full or a database is away: it is asked again and again, until that is over or a stop is
//! asked for.

use std::io;
use std::time::Duration;

use store::StoreError;
use tokio_util::sync::CancellationToken;

/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Does something with the store, patiently.
pub(super) async fn ask<T, F>(
    stop: &CancellationToken,
    operation: impl Fn() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match operation().await {
            Err(error) if error.is_transient() && !stop.is_cancelled() => {
                tracing::error!("{error}; the run waits for it");
                pause(stop).await;
            }
            answer => return answer,
        }
    }
}

/// Whether a file's error passes once there is room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Waits a moment, or until a stop is asked for.
pub(super) async fn pause(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(PAUSE) => {}
    }
}
