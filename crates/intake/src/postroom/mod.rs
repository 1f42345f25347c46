//! Reads the mailboxes where news of sent mail arrive, for as long as the service runs, and writes down what they say.
//!
//! # Which mailboxes
//! The installation's bounce mailbox, where one is set and enabled, and the inbox of every account that has one. Each is
//! read from behind its own place, which is kept in the transaction that keeps what it taught: a crash in between
//! repeats nothing and loses nothing.
//!
//! # Whom it believes
//! Anybody can write to a mailbox, so a report is worth no more than the id in it. That is the id that every message
//! carries in `X-Genro-Mail-ID`, or our own `Message-ID`; addresses, subjects and other words lead to no message. An id
//! holds the millisecond of acceptance, 30 random bits of the installation and the place in the log, and all of it has
//! to fit. Who has had a message from the same installation knows the random bits, so an id is hard to guess and no
//! secret: whoever received a message, or one to several recipients, can say that it came back. What is won by that is
//! little: the message stays delivered, only those that are delivered can be meant, the same is noted of a message once,
//! and no more than 100 news in all.
//!
//! - An account's inbox teaches only about mail of its own tenant.
//! - A receipt of certified mail (PEC) counts only in the inbox of a certified account, whose provider puts everything
//!   from outside into an envelope. In any other mailbox it is a claim of somebody's.
//! - What is not known or not allowed is counted, and named at DEBUG.
//!
//! # What becomes of it
//! A bounce is noted as `returned`, hard or soft by the class of its code. A delay is not: it did not come back, and
//! most of it arrives; if not, a bounce follows. Neither are confirmations. Genro-mail-proxy calls delayed, relayed and
//! expanded mail soft bounces, which is not true of any of them.
//!
//! Of what a certified account delivered and nothing was learned of in time, `pec_timeout` is noted, once. It is noted
//! after the inbox was read to its end, so that no answer lies in it unread; or after it could not be read for as long as
//! an answer may take, and then it says so.
//!
//! # Map
//! - `board`: which mailbox is next; pure, time is passed in; `rhythm`: how long after the last visit
//! - `look`: the mailboxes that there are; `source`: how one is reached
//! - `visit`: goes to one
//! - `clerk`: writes down what was read, with the place; `trace`: which messages are meant, `telling`: what is said of
//!   one (pure), `place`: how far a mailbox was read

mod board;
mod clerk;
mod look;
mod place;
mod rhythm;
mod source;
mod telling;
mod trace;
mod visit;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{AccountId, Clock, TenantId, Timestamp};
use store::{Directory, Store, Submissions};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::bounce::mailbox::{BadSettings, Deadlines, Trust, Trusted};
use board::Board;
use clerk::Clerk;
use look::Look;
pub use rhythm::Rhythm;
use visit::Visitor;

/// How long visits that are under way may take after the end.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct PostroomSettings {
    /// How long the provider of a certified account may take to accept a message.
    pub pec_timeout: Duration,
    /// How often a mailbox is visited; the bounce mailbox has an interval of its own.
    pub rhythm: Rhythm,
    /// How often it is looked which mailboxes there are.
    pub look: Duration,
    /// Inboxes that are visited at once; at most a quarter of them of one tenant, and a quarter of those that failed
    /// before.
    pub visits_max: usize,
    /// How long each step of a visit may take.
    pub deadlines: Deadlines,
    /// Whose certificates are believed.
    pub trust: Trust,
}

/// The reader of the mailboxes: built from its parts, run until it is stopped.
pub struct Postroom {
    board: Arc<Mutex<Board>>,
    look: Look,
    visitor: Arc<Visitor>,
    rest: Duration,
    changed: Arc<Notify>,
}

/// The handle of a postroom. Copies share it.
#[derive(Clone)]
pub struct Mailboxes(Arc<Mutex<Board>>);

/// How one mailbox stands. Its figures begin with the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxNow {
    /// The name under which its place is kept.
    pub name: String,
    /// Whose it is; `None` for the bounce mailbox.
    pub tenant: Option<TenantId>,
    /// The account whose inbox it is; `None` for the bounce mailbox.
    pub account: Option<AccountId>,
    /// When a visit last went well.
    pub last_visit_at: Option<Timestamp>,
    /// Visits in a row that failed.
    pub failures: u32,
    /// Why the last one did.
    pub trouble: Option<Box<str>>,
    /// News that were noted.
    pub noted: u64,
    /// Reports and receipts that led to no message.
    pub unknown: u64,
}

impl Default for PostroomSettings {
    /// Half an hour for an acceptance, a visit a minute, 16 at once.
    fn default() -> Self {
        Self {
            pec_timeout: Duration::from_secs(1_800),
            rhythm: Rhythm::default(),
            look: Duration::from_secs(30),
            visits_max: 16,
            deadlines: Deadlines::default(),
            trust: Trust::default(),
        }
    }
}

impl Postroom {
    /// A postroom that has not begun yet. `changed` tells it that the bounce mailbox is to be looked at anew.
    ///
    /// # Errors
    /// The authorities for TLS cannot be read.
    pub fn new(
        submissions: Arc<dyn Submissions>,
        store: Arc<dyn Store>,
        directory: Arc<dyn Directory>,
        settings: PostroomSettings,
        clock: Clock,
        changed: Arc<Notify>,
    ) -> Result<Self, BadSettings> {
        let board = Arc::new(Mutex::new(Board::new(settings.visits_max, settings.rhythm)));
        let trusted = Trusted::prepare(&settings.trust)?;
        let clerk = Clerk::new(submissions, store, Arc::clone(&directory), clock.clone());
        Ok(Self {
            board,
            look: Look::new(Arc::clone(&directory), settings.rhythm.interval),
            rest: settings.look,
            visitor: Arc::new(Visitor::new(directory, clerk, &settings, trusted, clock)),
            changed,
        })
    }

    /// Its handle.
    pub fn mailboxes(&self) -> Mailboxes {
        Mailboxes(Arc::clone(&self.board))
    }

    /// Reads until `stop`. What is being written down then is written whole.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut visits = JoinSet::new();
        let mut looks = interval(self.rest);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            self.begin_due(&mut visits, &stop);
            let due = lock(&self.board).next_due();
            tokio::select! {
                () = stop.cancelled() => {}
                _ = looks.tick() => self.look_around().await,
                () = self.changed.notified() => {
                    self.look_around().await;
                    lock(&self.board).hurry(Instant::now());
                }
                Some(_) = visits.join_next() => {}
                () = until(due) => {}
            }
        }
        let rest = async { while visits.join_next().await.is_some() {} };
        // What is left then is read again after the next start.
        let _ = timeout(STOP_GRACE, rest).await;
    }

    async fn look_around(&mut self) {
        self.look.look(&self.board).await;
        let board = lock(&self.board);
        self.visitor.retain(|reader| board.has(reader));
    }

    fn begin_due(&self, visits: &mut JoinSet<()>, stop: &CancellationToken) {
        while let Some(turn) = lock(&self.board).begin(Instant::now()) {
            let (visitor, board) = (Arc::clone(&self.visitor), Arc::clone(&self.board));
            let stop = stop.clone();
            visits.spawn(async move {
                let visited = visitor.visit(&turn, &stop).await;
                lock(&board).came_back(&turn, visited, Instant::now());
            });
        }
    }
}

impl Mailboxes {
    /// Every mailbox that is read, the bounce mailbox first.
    pub fn now(&self) -> Vec<MailboxNow> {
        lock(&self.0).mailboxes()
    }
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
