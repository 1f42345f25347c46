//! Follows the log of a watched run.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use model::{Control, Seq};
use store::{Store, StoreError};
use tokio::sync::mpsc;

use super::beat::Beat;
use super::{Request, Watch};
use crate::follow::{Batch, Follower};

/// How long commits gather before they are counted. The store keeps more of them in memory than it makes in that time.
const GATHERING: Duration = Duration::from_millis(20);
/// The pause before a store that did not answer is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts what the log has, then goes on in the background until the last [`super::Monitor`] is gone.
pub(super) async fn start(
    store: Arc<dyn Store>,
    watch: Arc<Watch>,
    requests: mpsc::Receiver<Request>,
) -> store::Result<()> {
    let lane = watch.state().campaign.lane;
    let beat = Arc::new(Beat::new(Arc::clone(&store), Arc::clone(&watch)));
    let mut follow = Follow {
        follower: Follower::new(store, lane, Seq::START),
        watch,
        beat: Arc::clone(&beat),
        requests,
    };
    follow.replay(beat.controls().await?.into()).await?;
    beat.refresh().await?;
    follow.watch.state().replayed();
    follow.watch.look();
    tokio::spawn(async move {
        tokio::select! {
            () = follow.run() => {}
            () = beat.run() => {}
        }
    });
    Ok(())
}

/// Counts events as they come.
struct Follow {
    follower: Follower,
    watch: Arc<Watch>,
    beat: Arc<Beat>,
    requests: mpsc::Receiver<Request>,
}

/// What there is to do.
enum Work {
    Count(Batch),
    CatchUp(Request),
    Pause(StoreError),
    End,
}

impl Follow {
    /// Counts everything that the log has, with the interventions in their places.
    async fn replay(&mut self, mut controls: VecDeque<Control>) -> store::Result<()> {
        loop {
            let page = self.follower.page().await?;
            let mut state = self.watch.state();
            for logged in &page {
                let is_before = |control: &mut Control| control.seq < logged.event.seq;
                while let Some(control) = controls.pop_front_if(is_before) {
                    state.control(control);
                }
                state.count(logged);
            }
            if page.is_empty() {
                return Ok(());
            }
        }
    }

    async fn run(mut self) {
        let mut is_in_trouble = false;
        loop {
            match self.work().await {
                Work::Count(batch) => {
                    is_in_trouble = false;
                    self.count(&batch);
                }
                Work::CatchUp(request) => {
                    // Who asked may have gone away.
                    let _ = request.send(self.catch_up().await);
                }
                Work::Pause(error) => {
                    self.watch.state().reader.errors += 1;
                    if !std::mem::replace(&mut is_in_trouble, true) {
                        tracing::warn!(%error, "the monitor cannot follow the log at the moment; it goes on trying");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Work::End => return,
            }
        }
    }

    async fn work(&mut self) -> Work {
        tokio::select! {
            batch = gathered(self.follower.next()) => match batch {
                Ok(Some(batch)) => Work::Count(batch),
                Ok(None) | Err(StoreError::Closed) => Work::End,
                Err(error) => Work::Pause(error),
            },
            request = self.requests.recv() => request.map_or(Work::End, Work::CatchUp),
        }
    }

    fn count(&self, batch: &Batch) {
        let now = self.watch.clock.now();
        let mut state = self.watch.state();
        let mut newest = None;
        for logged in batch.iter() {
            state.count(logged);
            newest = Some(logged);
        }
        if let Some(newest) = newest {
            state.reader.delay_s = now.since(newest.event.at).as_secs_f64();
        }
        match batch {
            Batch::Fresh(batch, lane, _) => {
                let mut controls = batch.controls.iter();
                if controls.any(|control| control.lane == *lane) {
                    self.beat.hurry();
                }
            }
            Batch::Stored(_) => state.reader.pages += 1,
        }
        state.look(&self.watch.live, now);
    }

    async fn catch_up(&mut self) -> store::Result<()> {
        loop {
            let page = self.follower.page().await?;
            if page.is_empty() {
                break;
            }
            self.count(&Batch::Stored(page));
        }
        self.beat.refresh().await?;
        self.watch.look();
        Ok(())
    }
}

/// What comes next: at once when it is there already; otherwise some more is left to gather behind it, since being
/// woken for each commit costs more than counting what it holds.
async fn gathered<T>(next: impl Future<Output = T>) -> T {
    let mut next = pin!(next);
    if let Poll::Ready(is_there) = poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await
    {
        return is_there;
    }
    tokio::time::sleep(GATHERING).await;
    next.await
}
