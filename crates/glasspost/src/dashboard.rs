//! The dashboard of a campaign: its address is taken before anything else, it is there before the first message, and
//! a while after the last.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use campaign::CampaignError;
use campaign::send::{self, Desk, DeskError, Watcher};
use console::{Console, ControlError, Controls};
use model::{Clock, Control, ControlAction, Live, Secret, Stage};
use observe::monitor::Monitor;
use observe::summary;
use store::{Campaign, Store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webserver::{Access, Limits, Server};

use crate::cli::DashboardFlags;
use crate::exit::Failure;
use crate::settings::{Environment, Variable};
use crate::terminal;

/// Random bytes of a token that nobody chose.
const TOKEN_BYTES: usize = 16;

/// What a dashboard shows.
pub struct Shown {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What is under way.
    pub live: Arc<Live>,
    /// The time.
    pub clock: Clock,
}

/// The dashboard of one command.
pub struct Dashboard {
    shown: Shown,
    linger: Duration,
    state: Mutex<State>,
    /// Asks for its end.
    close: CancellationToken,
}

enum State {
    /// Its address is taken; it answers once there is a run.
    Bound(Server, Access),
    /// It answers.
    Open {
        monitor: Monitor,
        serving: JoinHandle<()>,
    },
    /// It is gone, or was never there.
    Closed,
}

impl Dashboard {
    /// Takes the address that the flags name, and says it.
    pub async fn bind(
        flags: &DashboardFlags,
        environment: &Environment,
        shown: Shown,
    ) -> Result<Arc<Self>, Failure> {
        // Each browser takes a file of the process; where the system says no, fewer can look.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let address = SocketAddr::from((flags.monitor_listen, flags.monitor_port));
        let server = Server::bind(address, "--monitor-port").await?;
        let token = environment.text(Variable::MonitorToken).map(Secret::new);
        let access = access(flags, token.clone())?;
        let page = page(flags, &access, server.address(), token.as_ref());
        // The campaign contract, section 7: what scripts look for.
        terminal::print(&format!("Monitor dashboard: {page}\n"))?;
        Ok(Arc::new(Self {
            shown,
            linger: flags.monitor_linger,
            state: Mutex::new(State::Bound(server, access)),
            close: CancellationToken::new(),
        }))
    }

    /// Ends it in good order.
    pub async fn close(&self) {
        self.close.cancel();
        let state = std::mem::replace(&mut *self.state(), State::Closed);
        if let State::Open { serving, .. } = state {
            // A panic of its own was reported when it happened.
            let _ = serving.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address that a person opens. Who chose a token knows it; shown here, it would stand in logs as well.
fn page(
    flags: &DashboardFlags,
    access: &Access,
    at: SocketAddr,
    chosen: Option<&Secret>,
) -> String {
    match chosen {
        Some(_) => format!(
            "{} (it asks for the token of GLASSPOST_MONITOR_TOKEN)",
            Access::loopback().url(at)
        ),
        None if flags.monitor_listen == Ipv4Addr::LOCALHOST => {
            format!("http://localhost:{}", at.port())
        }
        None => access.url(at),
    }
}

/// Who may look: on this machine everybody, from elsewhere who has the token. A name that was given stands for a proxy
/// on this machine, which asks its own visitors who they are.
fn access(flags: &DashboardFlags, token: Option<Secret>) -> Result<Access, Failure> {
    let hosts = flags.monitor_host.clone();
    let access = match flags.monitor_listen.is_loopback() {
        true if hosts.is_empty() && token.is_none() => Access::loopback(),
        true => Access::elsewhere(token, hosts),
        false => Access::elsewhere(Some(token.map_or_else(new_token, Ok)?), hosts),
    };
    let hint = "open the dashboard under the address that was shown at the start, or allow this name \
                with --monitor-host";
    Ok(access.with_host_hint(hint))
}

fn new_token() -> Result<Secret, Failure> {
    let mut bytes = [0; TOKEN_BYTES];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers for a token"))?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::new(token))
}

#[async_trait]
impl Watcher for Dashboard {
    async fn begun(&self, run: &Campaign, desk: Arc<Desk>) -> Result<(), CampaignError> {
        let (store, live) = (Arc::clone(&self.shown.store), Arc::clone(&self.shown.live));
        let clock = self.shown.clock.clone();
        let watching = Monitor::start(
            Arc::clone(&store),
            run.clone(),
            Arc::clone(&live),
            clock.clone(),
        );
        let monitor = watching.await?;
        let router = console::router(Console {
            store,
            monitor: monitor.clone(),
            live,
            controls: Arc::new(AtDesk(desk)),
            clock,
            stop: self.close.clone(),
        });
        let mut state = self.state();
        *state = match std::mem::replace(&mut *state, State::Closed) {
            State::Bound(server, access) => {
                let serving = server.serve(router, access, Limits::default(), self.close.clone());
                State::Open {
                    monitor,
                    serving: tokio::spawn(serving),
                }
            }
            other => other,
        };
        Ok(())
    }

    async fn ended(&self) {
        let monitor = match &*self.state() {
            State::Open { monitor, .. } => monitor.clone(),
            State::Bound(..) | State::Closed => return,
        };
        if let Err(error) = monitor.catch_up().await {
            tracing::warn!(%error, "the dashboard may not show the last figures");
        }
        if !self.linger.is_zero() {
            let for_so_long = summary::duration(self.linger);
            terminal::remark(&format!(
                "the run has ended; the dashboard stays for {for_so_long} (Ctrl-C closes it)"
            ));
        }
    }

    fn linger(&self) -> Duration {
        self.linger
    }
}

/// Interventions from the dashboard, carried out at the run's desk.
struct AtDesk(Arc<Desk>);

#[async_trait]
impl Controls for AtDesk {
    async fn act(&self, action: ControlAction, by: &str) -> Result<Control, ControlError> {
        let acted = self.0.act(action, by).await;
        acted.map_err(|error| match error {
            DeskError::NotNow { .. } | DeskError::NothingFailed => {
                ControlError::NotNow(error.to_string())
            }
            DeskError::Store(_) | DeskError::Task(_) => ControlError::Failed(error.to_string()),
        })
    }

    fn possible(&self, stage: Stage, repeatable: u64) -> Vec<ControlAction> {
        send::possible(stage, repeatable)
    }
}
