//! One connection's life: take work, send it, hand over what came of it.

use std::sync::Arc;
use std::time::Duration;

use model::{EventKind, Live};
use smtp::client::{Connection, Sent, Verdict};
use tokio::time::Instant;

use super::Shared;
use super::connections::{Right, Slot};
use super::making::{Prepared, Waiting};
use super::pool::{Permit, SMALL};
use super::recorder::{Held, Outcome};
use super::work::{Idle, PUT_BACKS_MAX, Work};

/// How long a message whose envelope rides along waits for the one before it. After that it is given back,
/// so that a server that hangs on one message holds up no other.
const RIDE_MAX: Duration = Duration::from_secs(1);
/// How long an idle connection goes without a word.
const NOOP_AFTER: Duration = Duration::from_secs(60);
/// How long a connection may work while somebody else waits for one.
const TURN: Duration = Duration::from_secs(1);

/// The right to a connection: to its server, and as one of all.
pub(super) type Place = (Right, Slot);

/// One connection and its work.
pub(super) struct Line {
    shared: Arc<Shared>,
    connection: Connection,
    _shown: Shown,
    /// The right to it, given back when it is not shown any more.
    _place: Place,
    /// It waits for its first work, so that nobody opens another one for that.
    fresh: Option<Idle>,
    /// A buffer to compose the next message into.
    spare: Vec<u8>,
    opened_at: Instant,
    /// How long its latest message took.
    latest_took: Duration,
    fruit: Fruit,
}

/// What came of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fruit {
    /// Nothing yet.
    None,
    /// The relay ended it before it took anything.
    Refused,
    /// It took or answered messages.
    Some,
}

/// A connection that is shown as open while this lives, also when it is cut off in the middle.
struct Shown(Arc<Live>);

impl Shown {
    fn new(live: &Arc<Live>) -> Self {
        live.connection_opened();
        Self(Arc::clone(live))
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.connection_closed();
    }
}

impl Line {
    /// A connection that was opened.
    pub(super) fn new(shared: Arc<Shared>, connection: Connection, place: Place) -> Self {
        Self {
            _shown: Shown::new(&shared.delivery.live),
            fresh: Some(shared.work.idle()),
            _place: place,
            connection,
            spare: Vec::new(),
            opened_at: Instant::now(),
            latest_took: Duration::ZERO,
            fruit: Fruit::None,
            shared,
        }
    }

    /// Works until there is nothing more to do for it, nothing new may be begun, or the connection is of no more use.
    pub(super) async fn run(mut self) -> Fruit {
        let mut upcoming: Option<Prepared> = None;
        while self.connection.is_usable() && !self.shared.halt.is_cancelled() {
            let prepared = match upcoming.take() {
                Some(prepared) => prepared,
                None => match self.next().await {
                    Some(prepared) => prepared,
                    None => break,
                },
            };
            upcoming = self.deliver(prepared).await;
        }
        if let Some(prepared) = upcoming {
            self.shared.work.hand_back(prepared.into_work());
        }
        if self.connection.is_usable() {
            self.connection.quit().await;
        }
        self.fruit
    }

    /// The next message that can be made; `None` when the connection has to end.
    async fn next(&mut self) -> Option<Prepared> {
        let shared = Arc::clone(&self.shared);
        loop {
            let work = self.work().await?;
            let made = shared.prepare(work, &mut self.spare, Waiting::Line);
            if let Some(prepared) = made.await {
                return Some(prepared);
            }
        }
    }

    /// The next piece of work; `None` when the connection has to end.
    async fn work(&mut self) -> Option<Work> {
        let shared = Arc::clone(&self.shared);
        if shared.is_held() || self.had_its_turn() {
            return None;
        }
        let work = shared.work.try_pop();
        self.fresh = None;
        if work.is_some() {
            // The usual case costs no wait.
            return work;
        }
        match shared.delivery.settings.idle_max {
            None => tokio::select! {
                biased;
                () = shared.hold() => None,
                work = shared.work.pop() => work,
            },
            Some(idle_max) => self.idle(&shared, idle_max).await,
        }
    }

    /// Whether somebody else is to have its place.
    fn had_its_turn(&self) -> bool {
        let is_wanted = self.shared.pool.is_wanted() || self.shared.party.is_to_share();
        is_wanted && self.opened_at.elapsed() >= TURN
    }

    /// Waits for work as long as an idle connection is kept.
    async fn idle(&mut self, shared: &Shared, idle_max: Duration) -> Option<Work> {
        let ends = Instant::now() + idle_max;
        loop {
            let look = ends.min(Instant::now() + NOOP_AFTER);
            tokio::select! {
                biased;
                () = shared.hold() => return None,
                work = shared.work.pop() => return work,
                () = shared.pool.wanted() => return None,
                () = shared.party.wanted() => return None,
                () = tokio::time::sleep_until(look) => {}
            }
            if look >= ends || !self.connection.noop().await {
                return None;
            }
        }
    }

    /// A message that can go right behind the one at hand, when there is plenty of work for everybody.
    async fn upcoming(&mut self) -> Option<Prepared> {
        let shared = Arc::clone(&self.shared);
        let settings = &shared.delivery.settings;
        let is_plenty = shared.work.len() >= settings.connections_max;
        if !is_plenty || self.latest_took >= settings.ride_below || shared.is_held() {
            return None;
        }
        let work = shared.work.try_pop()?;
        shared.prepare(work, &mut self.spare, Waiting::Rider).await
    }

    /// Sends one message; gives the one whose envelope went with it.
    async fn deliver(&mut self, prepared: Prepared) -> Option<Prepared> {
        let Some(permit) = self.permit().await else {
            // What was not begun stays queued in the store, and waits for the end of a pause here.
            self.shared.work.hand_back(prepared.into_work());
            return None;
        };
        let upcoming = self.upcoming().await;
        let live = &self.shared.delivery.live;
        let sending = live.begin_sending(&prepared.work.message);
        if self.shared.is_recalled(&prepared.work) || self.shared.held_until().is_some() {
            let seq = prepared.work.message.seq;
            self.shared.recorder.give_back(&[seq]);
            return upcoming;
        }
        // The last moment: making it, and waiting for the others, took its time.
        if !self.shared.is_leased() {
            self.shared.work.hand_back(prepared.into_work());
            return upcoming;
        }
        let began = Instant::now();
        let (sent, upcoming) = self.send(&prepared, upcoming).await;
        self.latest_took = began.elapsed();
        let held = Held {
            _permit: Some(permit),
            _sending: Some(sending),
        };
        self.settle(prepared, sent, held).await;
        upcoming
    }

    /// Takes the right to one more unrecorded outcome; `None` when nothing new may be begun.
    async fn permit(&mut self) -> Option<Permit> {
        let shared = &self.shared;
        if shared.is_held() {
            return None;
        }
        if shared.recorder.is_recording()
            && let Some(permit) = shared.pool.permit_now(&shared.party)
        {
            // The usual case costs no wait.
            return Some(permit);
        }
        tokio::select! {
            biased;
            () = shared.hold() => None,
            permit = shared.right_to_begin() => permit,
        }
    }

    async fn send(
        &mut self,
        prepared: &Prepared,
        mut upcoming: Option<Prepared>,
    ) -> (Sent, Option<Prepared>) {
        let made = &prepared.made;
        let riding = upcoming.as_ref().map(|next| next.made.envelope.clone());
        let sending = self
            .connection
            .send(&made.envelope, &made.bytes, riding.as_ref());
        tokio::pin!(sending);
        let sent = match tokio::time::timeout(RIDE_MAX, &mut sending).await {
            Ok(sent) => sent,
            Err(_) => {
                if let Some(late) = upcoming.take() {
                    self.shared.work.put_back(late.into_work());
                }
                sending.await
            }
        };
        (sent, upcoming)
    }

    /// Hands over what came of a message, or puts it back when it never began.
    async fn settle(&mut self, prepared: Prepared, sent: Sent, held: Held) {
        if sent.verdict == Verdict::NotStarted && prepared.work.put_backs < PUT_BACKS_MAX {
            // Not shown as being sent any more before another connection takes it up.
            drop(held);
            return self.shared.work.put_back(prepared.into_work());
        }
        let Prepared { work, made } = prepared;
        if made.bytes.capacity() <= SMALL {
            self.spare = made.bytes;
        }
        let event = self.shared.tried(work, sent);
        self.note_fruit(event.kind);
        let outcome = Outcome::of_dialogue(event, held);
        self.shared.recorder.record(outcome).await;
    }

    fn note_fruit(&mut self, kind: EventKind) {
        let was_put_off = matches!(kind, EventKind::Deferred | EventKind::Expired);
        let is_over = !self.connection.is_usable();
        self.fruit = match (self.fruit, was_put_off && is_over) {
            (Fruit::None, true) => Fruit::Refused,
            (fruit, true) => fruit,
            (_, false) => Fruit::Some,
        };
    }
}
