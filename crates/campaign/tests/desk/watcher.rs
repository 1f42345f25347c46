//! Whoever watches is there before the first message.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use campaign::{CampaignError, Desk, Start, Watcher, send};
use model::{ControlAction, Live, Stage};
use store::Campaign;

use crate::world::{BY, World};

/// Looks at the run when it has begun, and refuses it.
struct Refuser(Arc<Live>);

#[async_trait]
impl Watcher for Refuser {
    async fn begun(&self, _run: &Campaign, desk: Arc<Desk>) -> Result<(), CampaignError> {
        assert_eq!(self.0.stage(), Stage::Starting);
        let early = desk.act(ControlAction::Pause, BY).await.unwrap_err();
        assert!(early.to_string().starts_with("the run is only starting"));
        Err(CampaignError::Watcher("the port is taken".to_owned()))
    }

    async fn ended(&self) {
        panic!("it never began");
    }

    fn linger(&self) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test]
async fn a_watcher_that_refuses_ends_the_run_before_its_first_message() {
    let world = World::with(3).await;
    let mut tools = world.tools(None);
    tools.watcher = Some(Arc::new(Refuser(Arc::clone(&tools.live))));
    let refused = send(&world.request, Start::New, &tools).await.unwrap_err();
    assert_eq!(refused.to_string(), "the port is taken");
    assert_eq!(world.relay.seen().open, 0);
    assert_eq!(world.books().await.accepted, 0);
    let later = world.start(Start::Resume).await.end().await.unwrap();
    assert_eq!(later.tally.books.delivered, 3);
}

#[tokio::test]
async fn a_run_that_breaks_off_is_shown_as_failed() {
    let world = World::with(3).await;
    world.block_account("failed.csv");
    let running = world.start(Start::New).await;
    let (live, watcher) = (Arc::clone(&running.live), Arc::clone(&running.watcher));
    let error = running.end().await.unwrap_err();
    assert_eq!(live.stage(), Stage::Failed);
    assert_eq!(live.trouble().as_deref(), Some(&*error.to_string()));
    assert_eq!(watcher.ends.load(Ordering::SeqCst), 1);
    assert_eq!(world.relay.seen().open, 0);
}
