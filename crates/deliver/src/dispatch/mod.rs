//! Delivers every account of a service: one delivery a lane with mail, none for a lane without. An account has one lane,
//! or several where several processes share the work.
//!
//! Promises:
//! - Mail that was accepted is looked for at once; the log is followed, and what was missed of it is read again.
//! - What one account suffers (a dead host, a wrong password, a slow server) touches no other: each has its own delivery,
//!   and connections go round when all are given out.
//! - After [`Dispatch::recall`] nothing is begun that was read before, and nothing but a dialogue with a server is recorded
//!   of it; while [`Dispatch::set_active`] is `false` nothing begins at all.
//! - A change of an account cuts nothing off: what was begun goes on as long as its server may take, and the account's
//!   other mail waits for that. Only a stop has a grace time.
//! - Large messages that are made and not sent yet are kept in as much memory as is set, of all accounts together; one
//!   that is larger goes alone. Beside that are only those in the making whose size is not known yet.
//! - A message whose making fails, even by a panic, costs no other message anything.
//! - A lane is leased while it is delivered, and not longer: several processes share one store. Nothing begins without a
//!   lease that is ours for certain; a store that is away is waited for.
//! - The lanes of an account share its connections; those of an account with limits are delivered one at a time.
//! - Where several processes deliver, each lane is begun by one of them ([`Placement`]).
//!
//! # Layout
//! - `desk`: what is asked of a running dispatcher, and what it shows
//! - `rota`: which lanes are delivered now, and what wakes the others
//! - `roster`: what each lane waits for; `spot`: which lane of which account
//! - [`placement`]: which of several processes delivers which lane
//! - `lane`: a lane over its turns; `turn`: one of them: lease, account, delivery, and when the next one is
//! - `usable`: what a delivery has to know of its account; `connector`: the way to its server

mod connector;
mod desk;
mod lane;
pub mod placement;
mod roster;
mod rota;
mod spot;
mod turn;
mod usable;

use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use smtp::client::{Deadlines, Trust};
use store::{Directory, Store, Submissions};
use tokio_util::sync::CancellationToken;

use crate::maker::Maker;
use crate::plan::retry::RetryPolicy;
use crate::run::DeliverError;
use crate::run::pool::{MADE_BYTES_MAX, Pool};
use desk::Desk;
pub use desk::{Dispatch, LaneNow};
pub use placement::Placement;
use rota::Rota;

/// How a service delivers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections to one account's server at once; at least 1.
    pub connections_per_account: usize,
    /// Connections of all accounts at once; at least 1.
    pub connections_max: usize,
    /// Messages of an account that are read ahead at most; at least 2.
    pub read_ahead_max: usize,
    /// Tries and pauses of a message.
    pub retry: RetryPolicy,
    /// Whether delivery begins at once, or waits for [`Dispatch::set_active`].
    pub is_active: bool,
    /// Outcomes that may wait for their commit, beside one a connection (promise: P-03).
    pub unrecorded_outcomes_max: usize,
    /// Bytes of large messages that are made and not sent yet, of all accounts together. A message that is larger goes
    /// alone.
    pub made_bytes_max: usize,
    /// How long what is under way may go on after a stop (promise: P-06).
    pub stop_grace: Duration,
    /// Our name in EHLO.
    pub hello_name: Box<str>,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// How long each phase with a server may take.
    pub deadlines: Deadlines,
    /// Which lanes are this process's to deliver.
    pub placement: Placement,
}

impl Default for Settings {
    fn default() -> Self {
        let minutes = [1, 5, 15, 60, 120];
        let minute = Duration::from_secs(60);
        Self {
            connections_per_account: 8,
            connections_max: 200,
            read_ahead_max: 64,
            retry: RetryPolicy::service(minutes.map(|count| minute * count).to_vec()),
            is_active: true,
            unrecorded_outcomes_max: 64,
            made_bytes_max: MADE_BYTES_MAX,
            stop_grace: Duration::from_secs(25),
            hello_name: "localhost".into(),
            trust: Trust::default(),
            // A connection that is not open yet holds one of those that all accounts share.
            deadlines: Deadlines {
                greeting: minute,
                hello: minute,
                authenticate: minute,
                ..Deadlines::default()
            },
            placement: Placement::alone(),
        }
    }
}

/// What a dispatcher works with.
pub struct Rooms {
    /// Where messages wait and outcomes go.
    pub store: Arc<dyn Store>,
    /// What waits, and what was sent.
    pub submissions: Arc<dyn Submissions>,
    /// The accounts.
    pub directory: Arc<dyn Directory>,
    /// Who makes messages.
    pub maker: Arc<dyn Maker>,
    /// The time.
    pub clock: Clock,
}

/// Delivers the mail of all accounts.
pub struct Dispatcher {
    shared: Arc<Shared>,
}

/// What all lanes share.
struct Shared {
    rooms: Rooms,
    settings: Settings,
    desk: Arc<Desk>,
    pool: Arc<Pool>,
}

impl Dispatcher {
    /// A dispatcher that has not begun.
    pub fn new(rooms: Rooms, settings: Settings) -> Self {
        let pool = Pool::new(
            settings.connections_max,
            settings.unrecorded_outcomes_max,
            settings.made_bytes_max,
        );
        let desk = Arc::new(Desk::new(settings.is_active));
        Self {
            shared: Arc::new(Shared {
                rooms,
                settings,
                desk,
                pool: Arc::new(pool),
            }),
        }
    }

    /// The handle by which others ask something of it.
    pub fn dispatch(&self) -> Dispatch {
        Dispatch::new(Arc::clone(&self.shared.desk))
    }

    /// Delivers until `stop`; what is under way is finished within the grace time.
    pub async fn run(self, stop: CancellationToken) -> Result<(), DeliverError> {
        Rota::new(self.shared, &stop).run().await
    }
}
