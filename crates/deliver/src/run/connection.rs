//! One connection's life: take work, send it, hand over what came of it.

use std::sync::Arc;
use std::time::Duration;

use model::{Attempt, Category, Envelope, EventKind, Phase, PhaseTimes};
use smtp::client::{Connection, Sent, Verdict};
use store::NewEvent;

use super::recorder::{Held, Outcome, Permit};
use super::work::{PUT_BACKS_MAX, Work};
use super::{Halt, PanicHalts, Shared};
use crate::maker::Unmade;
use crate::plan::decide::{Decision, Trial, decide};
use crate::plan::relay::AfterFailure;

/// How long a message whose envelope rides along waits for the one before it. After that it is given back,
/// so that a server that hangs on one message holds up no other.
const RIDE_MAX: Duration = Duration::from_secs(1);

/// A message whose bytes are made.
struct Prepared {
    work: Work,
    envelope: Envelope,
    bytes: Vec<u8>,
}

/// One connection and its work.
struct Line {
    shared: Arc<Shared>,
    connection: Option<Connection>,
    /// A buffer to compose the next message into.
    spare: Vec<u8>,
}

/// Works until the queue is closed and empty, or the delivery halts. While the gate is closed it has no connection.
pub(super) async fn run(shared: Arc<Shared>) {
    let _watch = PanicHalts(Arc::clone(&shared));
    let halt = shared.halt.clone();
    let mut line = Line {
        shared,
        connection: None,
        spare: Vec::new(),
    };
    let mut upcoming: Option<Prepared> = None;
    loop {
        let prepared = match upcoming.take() {
            Some(prepared) => prepared,
            None => match line.next().await {
                Some(prepared) => prepared,
                None => break,
            },
        };
        upcoming = line.deliver(prepared).await;
        if halt.is_cancelled() {
            break;
        }
    }
    line.hang_up().await;
}

impl Line {
    /// The next message that can be made; `None` at the end of the work or when the delivery halts.
    async fn next(&mut self) -> Option<Prepared> {
        loop {
            let work = self.work().await?;
            if let Some(prepared) = self.prepare(work).await {
                return Some(prepared);
            }
        }
    }

    /// The next piece of work; `None` at the end of the work or when the delivery halts.
    async fn work(&mut self) -> Option<Work> {
        let shared = Arc::clone(&self.shared);
        let (halt, gate) = (&shared.halt, &shared.delivery.gate);
        if !shared.is_held()
            && let Some(work) = shared.work.try_pop()
        {
            // The usual case costs no wait.
            return Some(work);
        }
        loop {
            if !gate.is_open() {
                // A pause may last: the server is not kept waiting.
                self.hang_up().await;
            }
            tokio::select! {
                biased;
                () = halt.cancelled() => return None,
                () = gate.opened() => {}
            }
            tokio::select! {
                biased;
                () = halt.cancelled() => return None,
                () = gate.closed() => {}
                work = shared.work.pop() => return work,
            }
        }
    }

    /// A message that can go right behind the one at hand, when there is plenty of work for everybody.
    async fn upcoming(&mut self) -> Option<Prepared> {
        let shared = Arc::clone(&self.shared);
        let plenty = shared.delivery.settings.connections_max;
        while shared.work.len() >= plenty && !shared.is_held() {
            let work = shared.work.try_pop()?;
            if let Some(prepared) = self.prepare(work).await {
                return Some(prepared);
            }
        }
        None
    }

    /// Makes a message's bytes. One that cannot be made is recorded as dropped.
    async fn prepare(&mut self, work: Work) -> Option<Prepared> {
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        let delivery = &self.shared.delivery;
        match delivery.maker.make(&work.message, &mut bytes).await {
            Ok(envelope) => Some(Prepared {
                work,
                envelope,
                bytes,
            }),
            Err(Unmade::Never(reason)) => {
                self.spare = bytes;
                self.record_unmade(work, reason).await;
                None
            }
            Err(error) => {
                self.shared.halt(Halt::Broken(error.into()));
                None
            }
        }
    }

    /// Sends one message; gives the one whose envelope went with it.
    async fn deliver(&mut self, prepared: Prepared) -> Option<Prepared> {
        let Some(permit) = self.ready().await else {
            // What was not begun stays queued in the store, and waits for the end of a pause here.
            self.spare = prepared.bytes;
            self.shared.work.hand_back(prepared.work);
            return None;
        };
        let upcoming = self.upcoming().await;
        let sending = self
            .shared
            .delivery
            .live
            .begin_sending(&prepared.work.message);
        let (sent, upcoming) = self.send(&prepared, upcoming).await;
        let held = Held {
            _permit: Some(permit),
            _sending: Some(sending),
        };
        self.settle(prepared, sent, held).await;
        upcoming
    }

    /// Opens a connection when there is none, and takes the right to one more unrecorded outcome; `None` when
    /// nothing new may be begun.
    async fn ready(&mut self) -> Option<Permit> {
        let shared = Arc::clone(&self.shared);
        if self.connection.is_some()
            && !shared.is_held()
            && let Some(permit) = shared.recorder.permit_now()
        {
            // The usual case costs no wait.
            return Some(permit);
        }
        let connect_and_permit = async {
            self.connect().await?;
            shared.recorder.permit().await
        };
        tokio::select! {
            biased;
            () = shared.hold() => {
                if !shared.halt.is_cancelled() {
                    // A pause: nobody tries any more until its end.
                    shared.troubles.with_relay(None);
                }
                None
            }
            permit = connect_and_permit => permit,
        }
    }

    async fn send(
        &mut self,
        prepared: &Prepared,
        mut upcoming: Option<Prepared>,
    ) -> (Option<Sent>, Option<Prepared>) {
        let Some(connection) = &mut self.connection else {
            return (None, upcoming);
        };
        let riding = upcoming.as_ref().map(|next| next.envelope.clone());
        let sending = connection.send(&prepared.envelope, &prepared.bytes, riding.as_ref());
        tokio::pin!(sending);
        let sent = match tokio::time::timeout(RIDE_MAX, &mut sending).await {
            Ok(sent) => sent,
            Err(_) => {
                if let Some(late) = upcoming.take() {
                    self.shared.work.put_back(late.work);
                }
                sending.await
            }
        };
        (Some(sent), upcoming)
    }

    /// Hands over what came of a message, or puts it back when it never began.
    async fn settle(&mut self, prepared: Prepared, sent: Option<Sent>, held: Held) {
        let Prepared { work, bytes, .. } = prepared;
        self.spare = bytes;
        let Some(sent) = sent else { return };
        if self
            .connection
            .as_ref()
            .is_some_and(|connection| !connection.is_usable())
        {
            self.drop_connection();
        }
        if sent.verdict == Verdict::NotStarted && work.put_backs < PUT_BACKS_MAX {
            // Not shown as being sent any more before another connection takes it up.
            drop(held);
            return self.shared.work.put_back(work);
        }
        let event = self.outcome(&work, sent);
        self.shared.recorder.record(Outcome { event, held }).await;
    }

    /// The event of an attempt.
    fn outcome(&self, work: &Work, sent: Sent) -> NewEvent {
        let Sent {
            mut attempt,
            verdict,
        } = sent;
        let delivery = &self.shared.delivery;
        let (now, attempts) = (delivery.clock.now(), work.message.attempts + 1);
        let trial = match (verdict, &attempt.reply) {
            (Verdict::Delivered, _) => Trial::Delivered,
            (Verdict::Unsendable, _) => Trial::Unsendable,
            (Verdict::Refused | Verdict::NotStarted, Some(reply)) => Trial::Refused(reply),
            (Verdict::Refused | Verdict::NotStarted | Verdict::Failed, _) => Trial::Unanswered,
        };
        let Decision {
            kind,
            due_at,
            category,
        } = decide(
            trial,
            attempts,
            &delivery.settings.retry,
            now,
            fastrand::f64(),
        );
        attempt.category = attempt.category.or(category);
        let message = Arc::clone(&work.message);
        NewEvent {
            message,
            kind,
            at: now,
            attempts,
            due_at,
            attempt: Some(attempt),
            reason: None,
        }
    }

    /// A message that cannot be made is refused by us, and costs nobody else anything.
    async fn record_unmade(&self, work: Work, reason: String) {
        let attempt = Attempt {
            remote: "".into(),
            tls: None,
            phase: Phase::Compose,
            reply: None,
            category: Some(Category::Composition),
            error: Some(reason.into()),
            times: PhaseTimes::default(),
            refused_copies: Vec::new(),
            dialogue: None,
        };
        let event = NewEvent {
            kind: EventKind::Dropped,
            at: self.shared.delivery.clock.now(),
            attempts: work.message.attempts,
            message: work.message,
            due_at: None,
            attempt: Some(attempt),
            reason: None,
        };
        let held = Held {
            _permit: self.shared.recorder.permit().await,
            _sending: None,
        };
        self.shared.recorder.record(Outcome { event, held }).await;
    }

    /// Opens a connection when there is none; `None` when the relay is given up. It may be dropped half-way.
    async fn connect(&mut self) -> Option<()> {
        let shared = Arc::clone(&self.shared);
        let delivery = &shared.delivery;
        while self.connection.is_none() {
            let admitted = shared.relay.admission(&delivery.clock).await;
            match delivery.connector.connect().await {
                Ok(connection) => {
                    admitted.opened();
                    delivery.live.connection_opened();
                    self.connection = Some(connection);
                }
                Err(error) => {
                    if admitted.failed(&delivery.clock, &error) == AfterFailure::GiveUp {
                        shared.halt(Halt::Unreachable(Box::new(error)));
                        return None;
                    }
                    tracing::warn!(%error, "no connection to the relay, trying again");
                }
            }
        }
        Some(())
    }

    fn drop_connection(&mut self) {
        drop(self.take_connection());
    }

    /// Takes leave of the server.
    async fn hang_up(&mut self) {
        if let Some(connection) = self.take_connection() {
            connection.quit().await;
        }
    }

    /// The connection, which counts as closed from now on.
    fn take_connection(&mut self) -> Option<Connection> {
        let connection = self.connection.take()?;
        self.shared.relay.closed();
        self.shared.delivery.live.connection_closed();
        Some(connection)
    }
}

impl Drop for Line {
    /// Also a connection that is cut off in the middle is no longer shown as open.
    fn drop(&mut self) {
        self.drop_connection();
    }
}
