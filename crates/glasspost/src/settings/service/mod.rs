//! The settings of the service: one table, from the file, the environment and the flags.
//!
//! - [`table`]: what there is to set
//! - [`layers`]: who said what
//! - `file`: the configuration file
//! - [`roles`]: what a process does
//! - `value`: text to values
//! - [`ServiceSettings`]: all of them, valid

mod file;
pub mod layers;
pub mod roles;
pub mod table;
mod value;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use model::{Priority, Secret, TenantId};
use webclient::AllowedTarget;

use crate::settings::StoreAddress;

pub use layers::{Layers, Origin};
pub use roles::{Role, Roles};
pub use table::names;
use table::{Key, SETTINGS, Setting};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {reason}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A line of it is wrong.
    #[error("{path}:{line}: {problem}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A value cannot be used.
    #[error("{origin}: {name}: {problem}")]
    Value {
        /// Who said it.
        origin: Origin,
        /// The setting.
        name: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// A folder that attachments may be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentRoot {
    /// For whom; `None` for all.
    pub tenant: Option<TenantId>,
    /// Which.
    pub path: PathBuf,
}

/// How attachments that were fetched are kept.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// In memory, in bytes.
    pub memory_bytes_max: u64,
    /// So long.
    pub memory_ttl: Duration,
    /// In this folder; `None` for not at all.
    pub folder: Option<PathBuf>,
    /// In the folder, in bytes.
    pub disk_bytes_max: u64,
    /// So long.
    pub disk_ttl: Duration,
    /// From this size on in the folder, in bytes.
    pub threshold_bytes: u64,
}

/// Where the reports go of tenants that have no address of their own.
#[derive(Clone, Debug, Default)]
pub struct SyncTarget {
    /// The address; `None` for nowhere.
    pub url: Option<String>,
    /// The name to give.
    pub user: Option<String>,
    /// The password to give.
    pub password: Option<Secret>,
    /// The token to give instead.
    pub token: Option<Secret>,
}

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// What this process does.
    pub roles: Roles,
    /// Where everything is kept.
    pub store: StoreAddress,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Names under which other machines ask.
    pub hosts: Vec<String>,
    /// The operator's token, where one was given.
    pub admin_token: Option<Secret>,
    /// The largest request, in bytes.
    pub request_bytes_max: usize,
    /// The priority of messages that name none.
    pub default_priority: Priority,
    /// Whether accepted mail is sent.
    pub is_active: bool,
    /// Pauses before a message's next tries.
    pub retry_delays: Vec<Duration>,
    /// Connections to one account's relay.
    pub connections_per_account: NonZeroUsize,
    /// Connections to all relays.
    pub connections_max: NonZeroUsize,
    /// The name that relays are greeted with.
    pub hello_name: String,
    /// Private hosts that may be reached.
    pub private_targets: Vec<AllowedTarget>,
    /// Folders that attachments may be read from.
    pub attachment_roots: Vec<AttachmentRoot>,
    /// The time for one attachment.
    pub attachment_deadline: Duration,
    /// The largest attachment, in bytes.
    pub attachment_bytes_max: u64,
    /// How attachments are kept.
    pub cache: CacheSettings,
    /// The folder of large files that messages link to.
    pub large_files_folder: Option<PathBuf>,
    /// Where reports go by default.
    pub sync: SyncTarget,
    /// How often a tenant without news is asked.
    pub sync_interval: Duration,
    /// How long final messages and undelivered reports are kept.
    pub retention: Duration,
    /// How long it is kept what happened in each hour.
    pub statistics_retention: Duration,
    /// The folder of the archive of events.
    pub archive_folder: Option<PathBuf>,
    /// How long a certified mailbox may take to say that it took a message.
    pub pec_timeout: Duration,
    /// The key that secrets are encrypted with, where one was given.
    pub encryption_key: Option<Secret>,
}

impl ServiceSettings {
    /// Reads where everything is kept, and nothing else.
    pub fn store(layers: &Layers) -> Result<StoreAddress, ConfigError> {
        value::Text::of(layers, setting(Key::StoreAddress)).store_address()
    }

    /// Reads every setting; the first that cannot be used is the error.
    pub fn new(layers: &Layers) -> Result<Self, ConfigError> {
        let at = |key| value::Text::of(layers, setting(key));
        let roles = at(Key::Roles).roles()?;
        Ok(Self {
            listen: listen(layers, &roles)?,
            store: Self::store(layers)?,
            roles,
            hosts: at(Key::Hosts).list(),
            admin_token: at(Key::AdminToken).secret(),
            request_bytes_max: usize::try_from(at(Key::MessageBytesMax).mebibytes(1..=64)?)
                .unwrap_or(usize::MAX),
            default_priority: at(Key::DefaultPriority).priority()?,
            is_active: at(Key::DeliveryActive).yes_or_no()?,
            retry_delays: at(Key::RetryDelays).delays()?,
            connections_per_account: at(Key::ConnectionsPerAccount).count(1..=1_000)?,
            connections_max: at(Key::ConnectionsMax).count(1..=10_000)?,
            hello_name: at(Key::HelloName).hello_name()?,
            private_targets: at(Key::PrivateTargets).targets()?,
            attachment_roots: at(Key::AttachmentRoots).roots()?,
            attachment_deadline: at(Key::AttachmentDeadline).seconds(1..=600)?,
            attachment_bytes_max: at(Key::AttachmentBytesMax).mebibytes(1..=1_024)?,
            cache: CacheSettings {
                memory_bytes_max: at(Key::CacheMemoryMb).mebibytes(0..=65_536)?,
                memory_ttl: at(Key::CacheMemoryTtl).seconds(0..=YEAR_S)?,
                folder: at(Key::CacheFolder).text().map(PathBuf::from),
                disk_bytes_max: at(Key::CacheDiskMb).mebibytes(0..=1 << 30)?,
                disk_ttl: at(Key::CacheDiskTtl).seconds(0..=YEAR_S)?,
                threshold_bytes: at(Key::CacheThresholdKb).kibibytes(0..=1 << 30)?,
            },
            large_files_folder: at(Key::LargeFilesFolder).text().map(PathBuf::from),
            sync: SyncTarget {
                url: at(Key::SyncUrl).text(),
                user: at(Key::SyncUser).text(),
                password: at(Key::SyncPassword).secret(),
                token: at(Key::SyncToken).secret(),
            },
            sync_interval: at(Key::SyncInterval).seconds(1..=YEAR_S)?,
            retention: at(Key::Retention).seconds(1..=10 * YEAR_S)?,
            statistics_retention: at(Key::StatisticsRetention).seconds(DAY_S..=100 * YEAR_S)?,
            archive_folder: at(Key::ArchiveFolder).text().map(PathBuf::from),
            pec_timeout: at(Key::PecTimeout).seconds(1..=YEAR_S)?,
            encryption_key: at(Key::Encryption).encryption_key()?,
        })
    }
}

const DAY_S: u64 = 24 * 3600;
const YEAR_S: u64 = 365 * DAY_S;

/// The row of a setting. Each key has one: a test checks it.
fn setting(key: Key) -> &'static Setting {
    SETTINGS
        .iter()
        .find(|setting| setting.key == key)
        .unwrap_or(&SETTINGS[0])
}

/// The address to listen on: given as one, or as host and port.
fn listen(layers: &Layers, roles: &Roles) -> Result<SocketAddr, ConfigError> {
    if layers.says(Key::Listen) {
        return value::Text::of(layers, setting(Key::Listen)).address();
    }
    let host = value::Text::of(layers, setting(Key::Host)).ip()?;
    let port = match layers.says(Key::Port) {
        true => value::Text::of(layers, setting(Key::Port)).port()?,
        false => roles.port(),
    };
    Ok(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Environment;

    fn settings(variables: &[(&'static str, &str)]) -> Result<ServiceSettings, ConfigError> {
        let environment = Environment::named_for_tests(variables);
        ServiceSettings::new(&Layers::new(None, &environment, []).unwrap())
    }

    #[test]
    fn the_defaults_are_those_of_the_table() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
        assert_eq!(settings.roles.to_string(), "api,worker,smtp");
        assert_eq!(settings.store.to_string(), "sqlite:");
        assert_eq!(settings.retry_delays.len(), 5);
        assert!(settings.is_active && settings.admin_token.is_none());
        assert_eq!(settings.default_priority, Priority::Medium);
        assert_eq!(settings.request_bytes_max, 32 << 20);
    }

    #[test]
    fn the_names_of_genro_mail_proxy_count() {
        let settings = settings(&[
            ("GMP_HOST", "0.0.0.0"),
            ("GMP_PORT", "9000"),
            ("GMP_RETRY_DELAYS", "1,2,3"),
            ("GMP_SCHEDULER_ACTIVE", "0"),
            ("GMP_API_TOKEN", "hunter2"),
            ("GMP_DEFAULT_PRIORITY", "high"),
        ])
        .unwrap();
        assert_eq!(settings.listen.to_string(), "0.0.0.0:9000");
        assert_eq!(settings.retry_delays, [1, 2, 3].map(Duration::from_secs));
        assert!(!settings.is_active);
        assert_eq!(settings.default_priority, Priority::High);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_flag_counts_more_than_a_variable_and_that_more_than_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("glasspost.toml");
        std::fs::write(&path, "[http]\nport = 1\n[delivery]\nactive = false\n").unwrap();
        let environment = Environment::named_for_tests(&[("GMP_PORT", "2")]);
        let layers = Layers::new(Some(&path), &environment, []).unwrap();
        let settings = ServiceSettings::new(&layers).unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert!(!settings.is_active);
        let flags = [(Key::Port, "--port", "3".to_owned())];
        let layers = Layers::new(Some(&path), &environment, flags).unwrap();
        assert_eq!(ServiceSettings::new(&layers).unwrap().listen.port(), 3);
    }

    #[test]
    fn an_error_names_who_said_it_and_never_a_secret() {
        let error = settings(&[("GMP_RETRY_DELAYS", "1,x")])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "GMP_RETRY_DELAYS: delivery.retry_delays: must be seconds separated by commas, such as 60,300,900"
        );
        let error = settings(&[("GMP_PORT", "70000")]).unwrap_err().to_string();
        assert!(error.starts_with("GMP_PORT: http.port: must be"), "{error}");
    }
}
