//! The service: its parts made from the settings, started, and ended in good order.
//!
//! ```text
//! server ──► API ──► store ──► dispatcher ──► relays
//!    └─────► console   └─────► reporter ──► tenants' applications
//! ```
//! - `kept_secret`: the operator's token, and the key of download links
//! - `maker`, `tenants`: how a submission becomes a message
//! - `download`: files that messages link to
//! - `glue`: what rooms see of each other
//! - `keeper`: what is old is forgotten

mod download;
mod glue;
mod keeper;
mod kept_secret;
mod maker;
mod tenants;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use console::service::{Door, Service as Console};
use deliver::RetryPolicy;
use deliver::dispatch::{Dispatcher, Rooms, Settings as SendingSettings};
use intake::postroom::{Postroom, PostroomSettings};
use intake::proxy::keys::DirectoryKeys;
use intake::proxy::{Proxy, ProxySettings};
use model::{BaseUrl, ClientAuth, Clock, FieldError, Secret, Tenant, TenantId};
use observe::reports::{ReportSettings, Reporter, Target};
use observe::service_log::ServiceLog;
use prepare::{
    CacheSettings, FetchLimits, Fetcher, LargeFiles, LinkKey, OpenTo, Roots, Shelf, Workshop,
};
use store::directory::{Directory, KeyHash};
use store::{KeySource, SqliteStore, Store, Submissions};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webclient::{Settings as WebSettings, WebClient};
use webserver::{Access, Gate, Limits, Server};

use crate::exit::Failure;
use crate::settings::service::ServiceSettings;
use glue::{Reporters, Sending, Shown};
use keeper::Keeper;
use kept_secret::kept_secret;
pub use kept_secret::{random_secret, read_kept_secret};
use maker::SubmissionMaker;
use tenants::Tenants;

/// The tenant of whoever needs no more than one.
const FIRST_TENANT: &str = "default";
/// The file of the operator's token, in the data folder.
pub const ADMIN_TOKEN_FILE: &str = "admin.token";
/// The file of the key that download links are signed with.
const LINK_KEY_FILE: &str = "download.key";
/// Tenants read at once.
const TENANTS_A_LOOK: usize = 100;
/// Submissions that are held back or let go in one transaction.
const ALIGNED_AT_ONCE: usize = 1_000;
/// How long messages that are under way may go on after a stop (promise: P-06).
const GRACE: Duration = Duration::from_secs(20);
/// How long after that the rest may take: reports and requests that are under way.
const REST_GRACE: Duration = Duration::from_secs(8);

/// A service that is ready to run.
pub struct Service {
    server: Server,
    access: Access,
    limits: Limits,
    router: Router,
    dispatcher: Dispatcher,
    reporter: Reporter,
    postroom: Postroom,
    keeper: Keeper,
    log: ServiceLog,
    /// Ends what looks on after what works has ended.
    looking: CancellationToken,
    /// Cancelled when sending has ended, for whoever asks.
    sending_ended: CancellationToken,
    /// Where the operator's token is kept, unless it was given.
    pub token_kept_in: Option<PathBuf>,
}

impl Service {
    /// Makes every part; nothing is served or sent yet.
    pub async fn new(settings: ServiceSettings, folder: &Path) -> Result<Self, Failure> {
        // Each client and each connection takes a file of the process.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let server = Server::bind(settings.listen, "--listen").await?;
        let clock = Clock::system();
        let store = open_store(&settings, folder)?;
        let directory: Arc<dyn Directory> = Arc::clone(&store) as _;
        let submissions: Arc<dyn Submissions> = Arc::clone(&store) as _;
        let store: Arc<dyn Store> = store;
        first_tenant(&*directory, &clock).await?;
        align_suspensions(&*directory, &*submissions).await?;
        let (admin_token, token_kept_in) = admin_token(&settings, folder)?;
        let web = web_client(&settings)?;
        let shelf = shelf(&settings, folder, &clock)?;

        let maker = SubmissionMaker {
            submissions: Arc::clone(&submissions),
            tenants: Tenants::new(Arc::clone(&directory), clock.clone()),
            workshop: workshop(&settings, web.clone(), shelf.clone(), &clock)?,
        };
        let dispatcher = Dispatcher::new(
            Rooms {
                store: Arc::clone(&store),
                submissions: Arc::clone(&submissions),
                directory: Arc::clone(&directory),
                maker: Arc::new(maker),
                clock: clock.clone(),
            },
            sending(&settings),
        );
        let reporter = Reporter::new(
            Arc::clone(&submissions),
            Arc::clone(&directory),
            Arc::clone(&store),
            web,
            reporting(&settings)?,
            clock.clone(),
        );
        let (looking, sending_ended) = (CancellationToken::new(), CancellationToken::new());
        let (dispatch, reports) = (dispatcher.dispatch(), reporter.reports());
        let gate = Gate::new(Arc::new(DirectoryKeys {
            directory: Arc::clone(&directory),
            admin: Some(KeyHash::of(&admin_token)),
            clock: clock.clone(),
        }));
        let bounces_changed = Arc::new(Notify::new());
        let postroom = Postroom::new(
            Arc::clone(&submissions),
            Arc::clone(&store),
            Arc::clone(&directory),
            PostroomSettings {
                pec_timeout: settings.pec_timeout,
                ..PostroomSettings::default()
            },
            clock.clone(),
            Arc::clone(&bounces_changed),
        )
        .context("mailboxes cannot be read")?;
        let api = intake::proxy::router(Proxy {
            submissions: Arc::clone(&submissions),
            directory: Arc::clone(&directory),
            store: Arc::clone(&store),
            sending: Arc::new(Sending(dispatch.clone())),
            reports: Arc::new(Reporters(reports.clone())),
            bounces_changed: Arc::clone(&bounces_changed),
            gate: gate.clone(),
            clock: clock.clone(),
            settings: ProxySettings {
                default_priority: settings.default_priority,
                body_bytes_max: settings.request_bytes_max,
                sync_interval_s: seconds(settings.sync_interval),
                retention_s: seconds(settings.retention),
                ..ProxySettings::default()
            },
        });
        let console = console::service::router(
            Console {
                submissions: Arc::clone(&submissions),
                directory: Arc::clone(&directory),
                store: Arc::clone(&store),
                figures: Arc::new(Shown {
                    dispatch,
                    reports,
                    ended: sending_ended.clone(),
                }),
                folder: Some(folder.to_owned()),
                clock: clock.clone(),
                started_at: clock.now(),
                // Before the server ends: it waits for those who follow.
                stop: sending_ended.clone(),
            },
            Door {
                token: admin_token,
                port: server.address().port(),
                gate,
            },
        );
        let mut router = api.merge(intake::proxy::openapi::router()).merge(console);
        if let Some(shelf) = shelf.clone() {
            router = router.merge(download::router(shelf));
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
            postroom,
            keeper: Keeper {
                submissions: Arc::clone(&submissions),
                shelf,
                retention: settings.retention,
                clock,
            },
            log: ServiceLog::begin(submissions, &*store).await?,
            looking,
            sending_ended,
            token_kept_in,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Serves and sends until `stop`, then finishes what is under way.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Failure> {
        let tasks = TaskTracker::new();
        let serving =
            tasks.spawn(
                self.server
                    .serve(self.router, self.access, self.limits, stop.clone()),
            );
        tasks.spawn(self.reporter.run(self.looking.clone()));
        tasks.spawn(self.postroom.run(self.looking.clone()));
        tasks.spawn(self.keeper.run(self.looking.clone()));
        tasks.spawn(self.log.run(self.looking.clone()));
        let sent = self.dispatcher.run(stop.clone()).await;
        self.sending_ended.cancel();
        // A dispatcher that broke off takes the service down with it: who watches over it starts it anew.
        stop.cancel();
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

fn open_store(settings: &ServiceSettings, folder: &Path) -> Result<Arc<SqliteStore>, Failure> {
    let source = match settings.encryption_key.clone() {
        Some(key) => KeySource::Given(key),
        None => KeySource::File,
    };
    Ok(Arc::new(SqliteStore::open_with_key(folder, &source)?))
}

/// Somebody who serves only themselves needs no tenants, so one is there.
async fn first_tenant(directory: &dyn Directory, clock: &Clock) -> Result<(), Failure> {
    if directory.tenants(None, 1).await?.is_empty() {
        let id = TenantId::parse(FIRST_TENANT).context("the first tenant's id")?;
        directory.put_tenant(Tenant::new(id, clock.now())).await?;
    }
    Ok(())
}

/// Brings queued mail into line with what its tenants hold back: a process that was killed may have left some of it.
async fn align_suspensions(
    directory: &dyn Directory,
    submissions: &dyn Submissions,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let tenants = directory.tenants(after.as_ref(), TENANTS_A_LOOK).await?;
        for tenant in &tenants {
            while submissions
                .align_suspension(&tenant.id, ALIGNED_AT_ONCE)
                .await?
                > 0
            {}
        }
        match tenants.last() {
            Some(last) => after = Some(last.id.clone()),
            None => return Ok(()),
        }
    }
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
