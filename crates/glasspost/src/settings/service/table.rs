//! The one table of the service's settings: what each is called in the file and in the environment, its default, and
//! what it does.

/// Which setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Listen,
    Host,
    Port,
    Hosts,
    AdminToken,
    MessageBytesMax,
    DefaultPriority,
    DeliveryActive,
    RetryDelays,
    ConnectionsPerAccount,
    ConnectionsMax,
    HelloName,
    PrivateTargets,
    AttachmentRoots,
    AttachmentDeadline,
    AttachmentBytesMax,
    CacheMemoryMb,
    CacheMemoryTtl,
    CacheFolder,
    CacheDiskMb,
    CacheDiskTtl,
    CacheThresholdKb,
    LargeFilesFolder,
    SyncUrl,
    SyncUser,
    SyncPassword,
    SyncToken,
    SyncInterval,
    Retention,
    StatisticsRetention,
    ArchiveFolder,
    PecTimeout,
    Encryption,
    StoreAddress,
    Roles,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Which.
    pub key: Key,
    /// Its name in the configuration file: table and key.
    pub name: &'static str,
    /// Its names in the environment; the first that is set counts.
    pub variables: &'static [&'static str],
    /// What it is when nobody says anything.
    pub default: &'static str,
    /// Whether its value may be shown.
    pub is_secret: bool,
    /// What it does.
    pub help: &'static str,
}

/// Every setting, in the order that they are shown in.
pub const SETTINGS: &[Setting] = &[
    open(
        Key::Listen,
        "http.listen",
        &["GLASSPOST_LISTEN"],
        "",
        "address and port to listen on; instead of host and port",
    ),
    open(
        Key::Host,
        "http.host",
        &["GMP_HOST"],
        "127.0.0.1",
        "address to listen on; 0.0.0.0 for every one of this machine",
    ),
    open(
        Key::Port,
        "http.port",
        &["GMP_PORT"],
        "",
        "port to listen on; by default 8000, of a process that is worker alone 8001, smtp alone 8002",
    ),
    open(
        Key::Hosts,
        "http.hosts",
        &["GLASSPOST_HOSTS"],
        "",
        "names under which other machines ask for this service",
    ),
    secret(
        Key::AdminToken,
        "http.admin_token",
        &["GLASSPOST_ADMIN_TOKEN", "GMP_API_TOKEN"],
        "the operator's token; by default one is made and kept in the data folder",
    ),
    open(
        Key::MessageBytesMax,
        "http.request_mb_max",
        &["GLASSPOST_REQUEST_MB_MAX"],
        "32",
        "largest request, in MB",
    ),
    open(
        Key::DefaultPriority,
        "delivery.default_priority",
        &["GMP_DEFAULT_PRIORITY"],
        "2",
        "priority of messages that name none: 0 (immediate) to 3 (low)",
    ),
    open(
        Key::DeliveryActive,
        "delivery.active",
        &["GLASSPOST_DELIVERY_ACTIVE", "GMP_SCHEDULER_ACTIVE"],
        "true",
        "whether accepted mail is sent, or waits until it is activated",
    ),
    open(
        Key::RetryDelays,
        "delivery.retry_delays",
        &["GLASSPOST_RETRY_DELAYS", "GMP_RETRY_DELAYS"],
        "60,300,900,3600,7200",
        "pauses before the next tries of a message, in seconds",
    ),
    open(
        Key::ConnectionsPerAccount,
        "delivery.connections_per_account",
        &["GLASSPOST_CONNECTIONS_PER_ACCOUNT"],
        "8",
        "connections to one account's relay at once",
    ),
    open(
        Key::ConnectionsMax,
        "delivery.connections_max",
        &["GLASSPOST_CONNECTIONS_MAX"],
        "200",
        "connections to all relays at once",
    ),
    open(
        Key::HelloName,
        "delivery.hello_name",
        &["GLASSPOST_HELLO_NAME"],
        "localhost",
        "the name that relays are greeted with",
    ),
    open(
        Key::PrivateTargets,
        "attachments.private_targets",
        &["GLASSPOST_ALLOW_PRIVATE_TARGETS"],
        "",
        "private hosts that attachments and reports may reach: names, addresses or networks",
    ),
    open(
        Key::AttachmentRoots,
        "attachments.roots",
        &["GLASSPOST_ATTACHMENT_ROOTS"],
        "",
        "folders that attachments may be read from: /path for all tenants, tenant:/path for one",
    ),
    open(
        Key::AttachmentDeadline,
        "attachments.timeout",
        &["GLASSPOST_ATTACHMENT_TIMEOUT"],
        "30",
        "time for fetching one attachment, in seconds",
    ),
    open(
        Key::AttachmentBytesMax,
        "attachments.mb_max",
        &["GLASSPOST_ATTACHMENT_MB_MAX"],
        "32",
        "largest attachment, in MB",
    ),
    open(
        Key::CacheMemoryMb,
        "attachments.cache_memory_mb",
        &["GMP_CACHE_MEMORY_MAX_MB"],
        "50",
        "attachments kept in memory, in MB",
    ),
    open(
        Key::CacheMemoryTtl,
        "attachments.cache_memory_ttl",
        &["GMP_CACHE_MEMORY_TTL_SECONDS"],
        "300",
        "how long they are kept there, in seconds",
    ),
    open(
        Key::CacheFolder,
        "attachments.cache_folder",
        &["GMP_CACHE_DISK_DIR"],
        "",
        "folder for keeping larger attachments; none by default",
    ),
    open(
        Key::CacheDiskMb,
        "attachments.cache_disk_mb",
        &["GMP_CACHE_DISK_MAX_MB"],
        "500",
        "attachments kept in that folder, in MB",
    ),
    open(
        Key::CacheDiskTtl,
        "attachments.cache_disk_ttl",
        &["GMP_CACHE_DISK_TTL_SECONDS"],
        "3600",
        "how long they are kept there, in seconds",
    ),
    open(
        Key::CacheThresholdKb,
        "attachments.cache_threshold_kb",
        &["GMP_CACHE_DISK_THRESHOLD_KB"],
        "100",
        "attachments from this size on are kept in the folder, in KB",
    ),
    open(
        Key::LargeFilesFolder,
        "attachments.large_files_folder",
        &["GLASSPOST_LARGE_FILES_FOLDER"],
        "",
        "folder for large files that messages link to; none by default",
    ),
    open(
        Key::SyncUrl,
        "reports.url",
        &["GMP_CLIENT_SYNC_URL"],
        "",
        "where the reports of tenants go that have no address of their own",
    ),
    open(
        Key::SyncUser,
        "reports.user",
        &["GMP_CLIENT_SYNC_USER"],
        "",
        "the name to give there",
    ),
    secret(
        Key::SyncPassword,
        "reports.password",
        &["GMP_CLIENT_SYNC_PASSWORD"],
        "the password to give there",
    ),
    secret(
        Key::SyncToken,
        "reports.token",
        &["GMP_CLIENT_SYNC_TOKEN"],
        "the token to give there, instead of name and password",
    ),
    open(
        Key::SyncInterval,
        "reports.interval",
        &["GLASSPOST_REPORT_INTERVAL"],
        "300",
        "how often a tenant without news is asked, in seconds",
    ),
    open(
        Key::Retention,
        "reports.retention",
        &["GMP_DELIVERY_REPORT_RETENTION_SECONDS"],
        "604800",
        "how long final messages and undelivered reports are kept, in seconds",
    ),
    open(
        Key::ArchiveFolder,
        "events.archive_folder",
        &["GLASSPOST_EVENTS_ARCHIVE_FOLDER"],
        "",
        "folder for an archive of all events, a file of JSON lines a month; none by default",
    ),
    open(
        Key::StatisticsRetention,
        "statistics.retention",
        &["GLASSPOST_STATISTICS_RETENTION"],
        "34560000",
        "how long it is kept what happened in each hour, in seconds",
    ),
    open(
        Key::PecTimeout,
        "bounces.pec_timeout",
        &["GMP_PEC_ACCEPTANCE_TIMEOUT"],
        "1800",
        "how long a certified mailbox may take to say that it took a message, in seconds",
    ),
    open(
        Key::Roles,
        "service.roles",
        &["GLASSPOST_ROLES"],
        "api,worker,smtp",
        "what this process does: api takes mail, worker tells applications what happened, smtp delivers",
    ),
    open(
        Key::StoreAddress,
        "store.address",
        &["GLASSPOST_STORE", "GMP_DATABASE_URL"],
        "sqlite:",
        "where everything is kept: sqlite: (in the data folder), sqlite:/folder, or postgres://user:password@host/database",
    ),
    secret(
        Key::Encryption,
        "store.encryption_key",
        &["MAIL_PROXY_ENCRYPTION_KEY"],
        "the base64 of 32 bytes that secrets are encrypted with; by default a key is made and kept in the data folder",
    ),
];

const fn open(
    key: Key,
    name: &'static str,
    variables: &'static [&'static str],
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        key,
        name,
        variables,
        default,
        is_secret: false,
        help,
    }
}

const fn secret(
    key: Key,
    name: &'static str,
    variables: &'static [&'static str],
    help: &'static str,
) -> Setting {
    Setting {
        key,
        name,
        variables,
        default: "",
        is_secret: true,
        help,
    }
}

/// Variables of genro-mail-proxy that have nothing to decide here, and why.
pub const NEEDLESS: &[(&str, &str)] = &[
    (
        "GMP_SEND_LOOP_INTERVAL",
        "mail is sent as soon as it may be: there is no loop with an interval",
    ),
    ("GMP_BATCH_SIZE_PER_ACCOUNT", "mail is not sent in batches"),
    (
        "GMP_TEST_MODE",
        "set GMP_SCHEDULER_ACTIVE=false instead, and activate when mail may leave",
    ),
    (
        "GMP_LOG_DELIVERY_ACTIVITY",
        "each delivery has a line in the log: set LOG_LEVEL",
    ),
];

/// Every variable of the service's, also those that decide nothing.
pub fn names() -> impl Iterator<Item = &'static str> {
    let needless = NEEDLESS.iter().map(|(variable, _)| *variable);
    SETTINGS
        .iter()
        .flat_map(|setting| setting.variables)
        .copied()
        .chain(needless)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_and_each_variable_is_there_once() {
        let names: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        assert_eq!(names.len(), SETTINGS.len());
        let variables: Vec<&str> = SETTINGS
            .iter()
            .flat_map(|setting| setting.variables)
            .copied()
            .chain(NEEDLESS.iter().map(|(variable, _)| *variable))
            .collect();
        let once: BTreeSet<&str> = variables.iter().copied().collect();
        assert_eq!(once.len(), variables.len());
    }

    #[test]
    fn names_are_a_table_and_a_key() {
        for setting in SETTINGS {
            assert_eq!(setting.name.split('.').count(), 2, "{}", setting.name);
            assert!(!setting.variables.is_empty(), "{}", setting.name);
        }
    }
}
