//! Makes the calls that are due.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::call::Caller;

/// How long calls that are under way may take after the end.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Makes the calls that are due, as many at once as the board allows.
pub(super) struct Courier {
    caller: Arc<Caller>,
    board: Arc<Board>,
}

impl Courier {
    pub fn new(caller: Caller, board: Arc<Board>) -> Self {
        let caller = Arc::new(caller);
        Self { caller, board }
    }

    pub async fn run(self, stop: &CancellationToken) {
        let mut calls = JoinSet::new();
        while !stop.is_cancelled() {
            let now = Instant::now();
            while let Some(call) = self.board.begin(now) {
                let caller = Arc::clone(&self.caller);
                calls.spawn(async move { caller.make(call).await });
            }
            let due = self.board.next_due(now);
            tokio::select! {
                () = stop.cancelled() => {}
                Some(_) = calls.join_next() => {}
                () = self.board.changed() => {}
                () = until(due) => {}
            }
        }
        let rest = async { while calls.join_next().await.is_some() {} };
        // What is left then is told again after the next start.
        let _ = timeout(STOP_GRACE, rest).await;
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
