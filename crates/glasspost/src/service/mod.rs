//! The service: its parts made from the settings, started, and ended in good order.
//!
//! ```text
//! server ──► API ──► store ──► dispatcher ──► relays
//!    └─────► console   └─────► reporter ──► tenants' applications
//! ```
//! - `stores`: the store by its address; `cluster`: the processes that share it
//! - `duty`: what one process does for all that share a store
//! - `kept_secret`: the operator's token, and the key of download links
//! - `maker`, `tenants`: how a submission becomes a message; `making`: what becomes one at the moment
//! - `preparer`: what is fetched before that, where processes share the work
//! - `mailroom`: mailboxes that are read
//! - `download`: files that messages link to
//! - `glue`: what rooms see of each other
//! - `statistics`: what happened is counted; `keeper`: what is old is forgotten
//! - `schedules`: campaigns whose time has come

mod cluster;
mod download;
mod duty;
mod glue;
mod keeper;
mod kept_secret;
mod mailroom;
mod maker;
mod making;
mod preparer;
mod schedules;
mod statistics;
mod stores;
mod tenants;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use campaign::send::View;
use console::service::{Door, Service as Console};
use deliver::RetryPolicy;
use deliver::dispatch::{Dispatcher, Placement, Rooms, Settings as SendingSettings};
use intake::proxy::keys::DirectoryKeys;
use intake::proxy::{Proxy, ProxySettings};
use model::{BaseUrl, ClientAuth, Clock, FieldError, Secret, Tenant, TenantId};
use observe::archive::Archive;
use observe::reports::{ReportSettings, Reporter, Target};
use observe::service_log::ServiceLog;
use prepare::{
    CacheSettings, FetchLimits, Fetcher, LargeFiles, LinkKey, Memory, OpenTo, Roots, Shelf,
    Workshop,
};
use store::directory::{Directory, KeyHash};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webclient::{Settings as WebSettings, WebClient};
use webserver::{Access, Gate, Limits, Server};

use crate::campaigns::Scheduler;
use crate::exit::Failure;
use crate::settings::service::{Role, Roles, ServiceSettings};
use cluster::{About, Cluster, Parts};
use duty::{ARCHIVE, Duties, HOUSEKEEPING, Held, MAILBOXES, REPORTS, SCHEDULES, STATISTICS};
use glue::{Reporters, Sending, Shown};
use keeper::{Keeper, align_suspensions};
use kept_secret::kept_secret;
pub use kept_secret::{random_secret, read_kept_secret};
use mailroom::Mailroom;
use maker::SubmissionMaker;
use making::{Bench, Seen};
use preparer::Preparer;
use statistics::Counter;
use stores::Stores;
use tenants::Tenants;

/// The tenant of whoever needs no more than one.
const FIRST_TENANT: &str = "default";
/// The file of the operator's token, in the data folder.
pub const ADMIN_TOKEN_FILE: &str = "admin.token";
/// The file of the key that download links are signed with.
const LINK_KEY_FILE: &str = "download.key";
/// How long messages that are under way may go on after a stop (promise: P-06).
const GRACE: Duration = Duration::from_secs(20);
/// How long a process that takes mail beside others answers after a stop, so that whoever shares calls out among them sees
/// by `/ready` that it ends, and none is refused.
const LEAVE: Duration = Duration::from_secs(3);
/// How long it answers at most while messages are under way.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long after that the rest may take: reports and requests that are under way.
const REST_GRACE: Duration = Duration::from_secs(8);

/// A service that is ready to run.
pub struct Service {
    server: Server,
    access: Access,
    limits: Limits,
    router: Router,
    roles: Roles,
    /// Whether there may be other processes.
    is_shared: bool,
    dispatcher: Dispatcher,
    reporter: Reporter,
    mailroom: Mailroom,
    counter: Counter,
    preparer: Option<Preparer>,
    keeper: Keeper,
    archive: Option<Archive>,
    scheduler: Scheduler,
    cluster: Cluster,
    duties: Duties,
    log: ServiceLog,
    /// Ends what looks on after what works has ended.
    looking: CancellationToken,
    /// Cancelled when sending has ended, for whoever asks.
    sending_ended: CancellationToken,
    /// Cancelled when the end begins, for the other processes.
    draining: CancellationToken,
    /// Where the operator's token is kept, unless it was given.
    pub token_kept_in: Option<PathBuf>,
}

impl Service {
    /// Makes every part; nothing is served or sent yet. Webhooks of campaigns are signed with `webhook_secret`.
    pub async fn new(
        settings: ServiceSettings,
        folder: &Path,
        webhook_secret: Option<Secret>,
    ) -> Result<Self, Failure> {
        // Each client and each connection takes a file of the process.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let server = Server::bind(settings.listen, "--listen").await?;
        let clock = Clock::system();
        let stores = Stores::open(&settings, folder).await?;
        first_tenant(&*stores.directory, &clock).await?;
        if !stores.is_shared {
            // Else whoever keeps house does it once for all.
            align_suspensions(&*stores.directory, &*stores.submissions).await?;
        }
        let (admin_token, token_kept_in) = admin_token(&settings, folder)?;
        let web = web_client(&settings)?;
        let shelf = shelf(&settings, folder, &clock)?;
        let workshop = Arc::new(workshop(&settings, web.clone(), shelf.clone(), &clock)?);
        let tenants = Arc::new(Tenants::new(Arc::clone(&stores.directory), clock.clone()));
        let placement = Placement::alone();
        let is_active = is_active(&settings, &stores).await?;
        let dispatching = SendingSettings {
            is_active,
            placement: placement.clone(),
            ..sending(&settings)
        };
        let bench = Bench::default();
        let maker = SubmissionMaker {
            submissions: Arc::clone(&stores.submissions),
            tenants: Arc::clone(&tenants),
            workshop: Arc::clone(&workshop),
        };
        let dispatcher = dispatcher(dispatching, &stores, maker, &bench, &clock);
        let preparer = stores.preparation.clone().map(|preparation| Preparer {
            preparation,
            store: Arc::clone(&stores.store),
            tenants,
            workshop,
            memory: Memory::new(preparer::FETCHED_BYTES_MAX),
            dispatch: dispatcher.dispatch(),
            bench: bench.clone(),
            clock: clock.clone(),
        });
        let reporter = reporter(&settings, &stores, web, &clock)?;
        let mailroom = Mailroom::new(&settings, &stores, &clock);
        // What is wrong with it is known before anything begins.
        mailroom.postroom()?;
        let archive = archive(&settings, &stores)?;
        let (looking, sending_ended) = (CancellationToken::new(), CancellationToken::new());
        let (draining, started_at) = (CancellationToken::new(), clock.now());
        let duties = Duties {
            store: Arc::clone(&stores.store),
            held: Held::default(),
            stop: looking.clone(),
        };
        let about = About {
            roles: settings.roles.clone(),
            address: server.address().to_string(),
            started_at,
        };
        let cluster = Cluster::new(
            &stores,
            about,
            Parts {
                dispatch: dispatcher.dispatch(),
                placement,
                reports: reporter.reports(),
                bounces_changed: Arc::clone(&mailroom.changed),
                duties: duties.held.clone(),
                bench,
                draining: draining.clone(),
            },
        );
        let gate = Gate::new(Arc::new(DirectoryKeys {
            directory: Arc::clone(&stores.directory),
            admin: Some(KeyHash::of(&admin_token)),
            clock: clock.clone(),
        }));
        let console = console::service::router(
            Console {
                submissions: Arc::clone(&stores.submissions),
                directory: Arc::clone(&stores.directory),
                store: Arc::clone(&stores.store),
                statistics: Arc::clone(&stores.statistics),
                nodes: Arc::clone(&stores.nodes),
                preparation: stores.preparation.clone(),
                figures: Arc::new(Shown {
                    dispatch: dispatcher.dispatch(),
                    reports: reporter.reports(),
                    cluster: cluster.clone(),
                    duties: duties.held.clone(),
                    is_shared: stores.is_shared,
                    archive: archive.clone(),
                    ended: sending_ended.clone(),
                }),
                folder: stores.disk.clone(),
                clock: clock.clone(),
                started_at,
                // Before the server ends: it waits for those who follow.
                stop: sending_ended.clone(),
            },
            Door {
                token: admin_token,
                port: server.address().port(),
                gate: gate.clone(),
            },
        );
        let mut router = console;
        if settings.roles.has(Role::Api) {
            let api = intake::proxy::router(Proxy {
                submissions: Arc::clone(&stores.submissions),
                directory: Arc::clone(&stores.directory),
                store: Arc::clone(&stores.store),
                statistics: Arc::clone(&stores.statistics),
                sending: Arc::new(Sending {
                    dispatch: dispatcher.dispatch(),
                    cluster: cluster.clone(),
                }),
                reports: Arc::new(Reporters {
                    reports: reporter.reports(),
                    cluster: cluster.clone(),
                }),
                bounces_changed: cluster.bounces_asked(),
                gate,
                clock: clock.clone(),
                settings: taking(&settings),
            });
            router = router.merge(api).merge(intake::proxy::openapi::router());
            if let Some(shelf) = shelf.clone() {
                router = router.merge(download::router(shelf));
            }
        }
        Ok(Self {
            access: access(&settings),
            limits: Limits {
                body_bytes_max: settings.request_bytes_max,
                ..Limits::for_programs()
            },
            server,
            router,
            dispatcher,
            reporter,
            mailroom,
            archive,
            scheduler: Scheduler {
                store: Arc::clone(&stores.store),
                webhook_secret,
                view: View::Figures,
            },
            preparer,
            counter: Counter {
                store: Arc::clone(&stores.store),
                statistics: Arc::clone(&stores.statistics),
            },
            keeper: Keeper {
                submissions: Arc::clone(&stores.submissions),
                directory: Arc::clone(&stores.directory),
                aligns: stores.is_shared,
                nodes: Arc::clone(&stores.nodes),
                shelf,
                archive: settings
                    .archive_folder
                    .is_some()
                    .then(|| Arc::clone(&stores.store)),
                retention: settings.retention,
                statistics: Arc::clone(&stores.statistics),
                statistics_retention: settings.statistics_retention,
                clock,
            },
            log: ServiceLog::begin(Arc::clone(&stores.submissions), &*stores.store).await?,
            cluster,
            duties,
            looking,
            sending_ended,
            draining,
            token_kept_in,
            roles: settings.roles,
            is_shared: stores.is_shared,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Serves and sends until `stop`, then finishes what is under way.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Failure> {
        let tasks = TaskTracker::new();
        let closing = CancellationToken::new();
        let serving =
            tasks.spawn(
                self.server
                    .serve(self.router, self.access, self.limits, closing.clone()),
            );
        let leave = match self.is_shared && self.roles.has(Role::Api) {
            true => LEAVE,
            false => Duration::ZERO,
        };
        let (stopped, sent) = (stop.clone(), self.sending_ended.clone());
        tasks.spawn(async move {
            stopped.cancelled().await;
            let sending = tokio::time::timeout(ANSWER_MAX, sent.cancelled());
            let _ = tokio::join!(sending, tokio::time::sleep(leave));
            closing.cancel();
        });
        tasks.spawn(self.log.run(self.looking.clone()));
        tasks.spawn(self.cluster.run(self.looking.clone()));
        let draining = stop.clone();
        tasks.spawn(async move {
            draining.cancelled().await;
            self.draining.cancel();
        });
        let mut drained = None;
        if self.roles.has(Role::Worker) {
            let (duties, mailroom) = (&self.duties, self.mailroom);
            let (reporter, counter, keeper) = (self.reporter, self.counter, self.keeper);
            tasks.spawn(duties.perform(REPORTS, move |turn| reporter.clone().run(turn)));
            tasks.spawn(duties.perform(MAILBOXES, move |turn| mailroom.clone().read(turn)));
            tasks.spawn(duties.perform(STATISTICS, move |turn| counter.clone().run(turn)));
            tasks.spawn(duties.perform(HOUSEKEEPING, move |turn| keeper.clone().run(turn)));
            if let Some(preparer) = self.preparer {
                tasks.spawn(preparer.run(stop.clone()));
            }
            if let Some(archive) = self.archive {
                tasks.spawn(duties.perform(ARCHIVE, move |turn| archive.clone().run(turn)));
            }
            let scheduler = self.scheduler;
            let keeping = move |turn| schedules::keep(scheduler.clone(), turn);
            drained =
                Some(tasks.spawn(duties.perform_until(SCHEDULES, stop.child_token(), keeping)));
        }
        let sending = async {
            let sent = match self.roles.has(Role::Smtp) {
                true => self.dispatcher.run(stop.clone()).await,
                false => {
                    stop.cancelled().await;
                    Ok(())
                }
            };
            // A dispatcher that broke off takes the service down with it: who watches over it starts it anew.
            stop.cancel();
            sent
        };
        let (sent, ()) = tokio::join!(sending, schedules::drained(drained, &stop, GRACE));
        self.sending_ended.cancel();
        let _ = serving.await;
        self.looking.cancel();
        tasks.close();
        if tokio::time::timeout(REST_GRACE, tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("not everything ended in time, the rest is cut off");
        }
        sent.map_err(|error| Failure::Other(anyhow::Error::new(error).context("sending broke off")))
    }
}

/// The operator's token, and where it is kept unless it was given.
fn admin_token(
    settings: &ServiceSettings,
    folder: &Path,
) -> Result<(Secret, Option<PathBuf>), Failure> {
    if let Some(given) = &settings.admin_token {
        return Ok((given.clone(), None));
    }
    let path = folder.join(ADMIN_TOKEN_FILE);
    Ok((kept_secret(&path)?, Some(path)))
}

/// A time in whole seconds.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// Somebody who serves only themselves needs no tenants, so one is there.
async fn first_tenant(directory: &dyn Directory, clock: &Clock) -> Result<(), Failure> {
    if directory.tenants(None, 1).await?.is_empty() {
        let id = TenantId::parse(FIRST_TENANT).context("the first tenant's id")?;
        // Of several processes that start at once, one is faster.
        let first = Tenant::new(id, clock.now());
        directory.put_first_tenant(first).await?;
    }
    Ok(())
}

fn web_client(settings: &ServiceSettings) -> Result<WebClient, Failure> {
    let client = WebClient::new(WebSettings {
        allowed: settings.private_targets.clone(),
        ..WebSettings::default()
    });
    Ok(client.context("the web cannot be reached from here")?)
}

fn workshop(
    settings: &ServiceSettings,
    web: WebClient,
    shelf: Option<Arc<Shelf>>,
    clock: &Clock,
) -> Result<Workshop, Failure> {
    let mut roots = Roots::default();
    for root in &settings.attachment_roots {
        let open_to = match root.tenant.clone() {
            Some(tenant) => OpenTo::Tenant(tenant.as_str().to_owned()),
            None => OpenTo::Everyone,
        };
        roots
            .open(&root.path, open_to)
            .with_context(|| format!("attachments.roots: {}", root.path.display()))?;
    }
    let limits = FetchLimits {
        each_bytes_max: settings.attachment_bytes_max,
        deadline: settings.attachment_deadline,
        ..FetchLimits::default()
    };
    let fetcher = Fetcher::new(web.clone(), roots, &cache(settings), limits, clock.clone())
        .context("attachments.cache_folder")?;
    let large_files = LargeFiles::new(web, shelf, clock.clone());
    Ok(Workshop::new(fetcher, large_files, clock.clone()))
}

fn cache(settings: &ServiceSettings) -> CacheSettings {
    let cache = &settings.cache;
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    CacheSettings {
        small_bytes_max: bytes(cache.threshold_bytes),
        memory_bytes_max: cache.memory_bytes_max,
        memory_ttl: cache.memory_ttl,
        disk_folder: cache.folder.clone(),
        disk_bytes_max: cache.disk_bytes_max,
        disk_ttl: cache.disk_ttl,
    }
}

/// The folder of large files.
fn shelf(
    settings: &ServiceSettings,
    data: &Path,
    clock: &Clock,
) -> Result<Option<Arc<Shelf>>, Failure> {
    let Some(folder) = &settings.large_files_folder else {
        return Ok(None);
    };
    let key = LinkKey::new(&kept_secret(&data.join(LINK_KEY_FILE))?)
        .context("the key of download links")?;
    let shelf =
        Shelf::open(folder, key, clock.clone()).context("attachments.large_files_folder")?;
    Ok(Some(Arc::new(shelf)))
}

/// The archive of events, where there is to be one and this process may write it.
fn archive(settings: &ServiceSettings, stores: &Stores) -> Result<Option<Archive>, Failure> {
    let folder = settings.archive_folder.as_deref();
    let Some(folder) = folder.filter(|_| settings.roles.has(Role::Worker)) else {
        return Ok(None);
    };
    let (store, submissions) = (Arc::clone(&stores.store), Arc::clone(&stores.submissions));
    let archive = Archive::open(folder, store, submissions).context("events.archive_folder")?;
    Ok(Some(archive))
}

/// Whether mail is sent: as it was asked for last by any of several processes, else as it is set.
async fn is_active(settings: &ServiceSettings, stores: &Stores) -> Result<bool, Failure> {
    let asked = match stores.is_shared {
        true => Cluster::was_active(&*stores.store).await?,
        false => None,
    };
    Ok(asked.unwrap_or(settings.is_active))
}

fn dispatcher(
    settings: SendingSettings,
    stores: &Stores,
    maker: SubmissionMaker,
    bench: &Bench,
    clock: &Clock,
) -> Dispatcher {
    let rooms = Rooms {
        store: Arc::clone(&stores.store),
        submissions: Arc::clone(&stores.submissions),
        directory: Arc::clone(&stores.directory),
        maker: Arc::new(Seen {
            maker,
            bench: bench.clone(),
            clock: clock.clone(),
        }),
        clock: clock.clone(),
    };
    Dispatcher::new(rooms, settings)
}

fn reporter(
    settings: &ServiceSettings,
    stores: &Stores,
    web: WebClient,
    clock: &Clock,
) -> Result<Reporter, Failure> {
    Ok(Reporter::new(
        Arc::clone(&stores.submissions),
        Arc::clone(&stores.directory),
        Arc::clone(&stores.store),
        web,
        reporting(settings)?,
        clock.clone(),
    ))
}

fn taking(settings: &ServiceSettings) -> ProxySettings {
    ProxySettings {
        default_priority: settings.default_priority,
        body_bytes_max: settings.request_bytes_max,
        sync_interval_s: seconds(settings.sync_interval),
        retention_s: seconds(settings.retention),
        ..ProxySettings::default()
    }
}

fn sending(settings: &ServiceSettings) -> SendingSettings {
    SendingSettings {
        connections_per_account: settings.connections_per_account.get(),
        connections_max: settings.connections_max.get(),
        retry: RetryPolicy::service(settings.retry_delays.clone()),
        is_active: settings.is_active,
        stop_grace: GRACE,
        hello_name: settings.hello_name.as_str().into(),
        ..SendingSettings::default()
    }
}

fn reporting(settings: &ServiceSettings) -> Result<ReportSettings, Failure> {
    let fallback = settings.sync.url.as_deref().map(|url| {
        let base = BaseUrl::parse(url)?;
        let auth = match (
            &settings.sync.token,
            &settings.sync.user,
            &settings.sync.password,
        ) {
            (Some(token), _, _) => ClientAuth::bearer(token.expose())?,
            (None, Some(user), Some(password)) => ClientAuth::basic(user, password.expose())?,
            (None, _, _) => ClientAuth::None,
        };
        Ok::<_, FieldError>(Target {
            url: base.as_str().into(),
            auth,
        })
    });
    Ok(ReportSettings {
        fallback: fallback.transpose().context("reports.url")?,
        heartbeat: settings.sync_interval,
        retention: settings.retention,
        ..ReportSettings::default()
    })
}

fn access(settings: &ServiceSettings) -> Access {
    let access = match settings.listen.ip().is_loopback() && settings.hosts.is_empty() {
        true => Access::loopback(),
        false => Access::elsewhere(None, settings.hosts.clone()),
    };
    access.with_host_hint(
        "ask under the address that was shown at the start, or allow this name by http.hosts (GLASSPOST_HOSTS)",
    )
}
