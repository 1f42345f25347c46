//! A deadline that is cheap to move: it is moved for every reply, and almost never passes.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer, reused for a connection's life. Moving the deadline later leaves the timer where it is; it is
/// moved when it goes off too early. So a steady stream of replies touches no timer at all.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
}

/// The deadline passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLate;

impl Alarm {
    /// Does the work, but no longer than `limit` from now.
    pub(crate) async fn within<T>(
        &mut self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, TooLate> {
        let mut work = pin!(work);
        let mut deadline = None;
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            // Work that is done at once does not even look at the clock.
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + limit);
            self.poll_passed(deadline, cx).map(|()| Err(TooLate))
        })
        .await
    }

    fn poll_passed(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_deadline_counts_from_its_own_start() {
        let mut alarm = Alarm::default();
        for (limit, work) in [(5, 3), (5, 4), (1, 0), (9, 8), (2, 1)] {
            let done = alarm.within(SECOND * limit, sleep(SECOND * work)).await;
            assert_eq!(done, Ok(()), "{work} s of {limit}");
        }
        for limit in [7, 2, 4] {
            let started = Instant::now();
            let late = alarm.within(SECOND * limit, pending::<()>()).await;
            assert_eq!(late, Err(TooLate));
            assert_eq!(started.elapsed().as_secs(), u64::from(limit));
        }
    }
}
