//! A real PostgreSQL for tests: in a temporary folder, on loopback, and gone when the test process is, however that ends.
//!
//! Include it by `#[path]`. [`Cluster::shared`] is for most: started once a process, with a [`Database`] for each check
//! that is copied from a migrated one. [`Cluster::with`] starts one that a test may stop, freeze and kill. The programs are
//! the newest below `/usr/lib/postgresql`, or those on the path; `scripts/install-test-parts.sh` installs them.

#[path = "shell.rs"]
mod shell;

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use shell::{Shell, quoted};

/// The superuser, and the database that it has.
const ADMIN: &str = "postgres";
/// Who owns the databases, and opens them by their addresses.
const USER: &str = "glasspost";
/// The migrated database that others are copied from.
const TEMPLATE: &str = "template";
/// Sessions that it takes: several tests with several stores each.
const SESSIONS_MAX: u32 = 200;
/// Below what the kernel gives to outgoing connections, so that none of those takes the port before its server does.
const PORTS: std::ops::Range<u16> = 12_000..20_000;

/// What is the user's there: how texts are compared is a language's, so that no test passes only with the order of bytes.
const INITDB: &str = "initdb -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
                      --locale-provider=icu --icu-locale=en-US --no-sync --no-instructions";

/// How a cluster differs from the shared one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Commits wait for a disk. Otherwise the data is in memory where there is such a place, as a check that is quick wants it.
    pub is_durable: bool,
    /// What connections over TCP are asked for (SCRAM-SHA-256); otherwise they are trusted.
    pub password: Option<String>,
    /// With it, connections over TCP must be encrypted.
    pub certificate: Option<Certificate>,
}

/// A server's certificate and its private key, PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub chain: String,
    pub key: String,
}

/// A PostgreSQL of the test's own.
pub struct Cluster {
    shell: Shell,
    port: u16,
    password: Option<String>,
    /// How many databases were made.
    databases: AtomicUsize,
    /// The template, once somebody needs it; or why there is none.
    template: OnceLock<Result<(), String>>,
}

impl Cluster {
    /// The one that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::with(Options::default()))
    }

    /// A new one.
    pub fn with(options: Options) -> Self {
        let base = match options.is_durable {
            true => "${TMPDIR:-/tmp}",
            false => "/dev/shm",
        };
        let cluster = Self {
            shell: Shell::start(base),
            port: free_port(),
            password: options.password.clone(),
            databases: AtomicUsize::new(0),
            template: OnceLock::new(),
        };
        cluster.shell.run(INITDB);
        cluster.configure(&options);
        cluster.start();
        let password = match &options.password {
            Some(password) => format!("PASSWORD '{password}'"),
            None => String::new(),
        };
        cluster.sql(ADMIN, &format!("CREATE ROLE {USER} LOGIN {password}"));
        cluster
    }

    fn configure(&self, options: &Options) {
        let mut lines = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '..'\n\
             max_connections = {SESSIONS_MAX}\ndynamic_shared_memory_type = mmap\n",
            self.port
        );
        if !options.is_durable {
            lines.push_str(
                "fsync = off\nfull_page_writes = off\nwal_level = minimal\nmax_wal_senders = 0\n",
            );
        }
        if let Some(certificate) = &options.certificate {
            lines.push_str("ssl = on\n");
            self.write("server.crt", &certificate.chain);
            self.write("server.key", &certificate.key);
        }
        self.append("postgresql.conf", &lines);
        let (kind, method) = (
            options.certificate.as_ref().map_or("host", |_| "hostssl"),
            options
                .password
                .as_ref()
                .map_or("trust", |_| "scram-sha-256"),
        );
        // The socket is in a folder that nobody else can look into.
        self.write(
            "pg_hba.conf",
            &format!("local all all trust\n{kind} all all 127.0.0.1/32 {method}\n"),
        );
    }

    fn write(&self, name: &str, text: &str) {
        self.shell
            .run(&format!("printf %s {} >data/{name}", quoted(text)));
    }

    fn append(&self, name: &str, text: &str) {
        self.shell
            .run(&format!("printf %s {} >>data/{name}", quoted(text)));
    }

    // === its databases ===

    /// A database with the schema.
    pub fn database(&self) -> Database<'_> {
        let template = self.template.get_or_init(|| {
            self.create(TEMPLATE, "template0");
            migrate(self.address(TEMPLATE))
        });
        template.as_ref().unwrap();
        self.new_database(TEMPLATE)
    }

    /// A database with nothing in it.
    pub fn empty_database(&self) -> Database<'_> {
        self.new_database("template0")
    }

    fn new_database(&self, template: &str) -> Database<'_> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("place{number}");
        self.create(&name, template);
        Database {
            address: self.address(&name),
            cluster: self,
            name,
        }
    }

    fn create(&self, name: &str, template: &str) {
        self.sql(
            ADMIN,
            &format!("CREATE DATABASE {name} OWNER {USER} TEMPLATE {template}"),
        );
    }

    fn address(&self, database: &str) -> String {
        let login = match &self.password {
            Some(password) => format!("{USER}:{password}"),
            None => USER.to_owned(),
        };
        format!("postgres://{login}@127.0.0.1:{}/{database}", self.port)
    }

    /// Does something in a database as the superuser, one statement in a transaction of its own; gives the rows, a line each,
    /// with `|` between the columns.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let outcome = self.attempt(database, statement);
        outcome.unwrap_or_else(|said| panic!("{statement}\n{said}"))
    }

    fn attempt(&self, database: &str, statement: &str) -> Result<String, String> {
        let (port, statement) = (self.port, quoted(statement));
        self.shell.attempt(&format!(
            "psql -h \"$PWD\" -p {port} -U {ADMIN} -d {database} -XAtq -c {statement}"
        ))
    }

    // === what a test does to it ===

    /// Starts it again, after [`Cluster::stop`] or [`Cluster::kill`].
    pub fn start(&self) {
        self.shell
            .run("pg_ctl -D data -l log -w start || { cat log; false; }");
    }

    /// Ends it as an administrator does: sessions are ended, what is committed is kept.
    pub fn stop(&self) {
        self.shell.run("pg_ctl -D data -m fast -w stop");
    }

    /// Ends all of its processes at once (SIGKILL).
    pub fn kill(&self) {
        self.shell.run("kill_everyone");
    }

    /// Stops all of its processes where they are (SIGSTOP): connections stay open, and nothing answers.
    pub fn freeze(&self) {
        // Those that came while the others were stopped as well.
        self.shell
            .run("signal_everyone STOP && signal_everyone STOP");
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.shell.run("signal_everyone CONT");
    }
}

/// A database for one check; it is dropped with this.
pub struct Database<'c> {
    cluster: &'c Cluster,
    name: String,
    address: String,
}

impl Database<'_> {
    /// Where it is, with the password where there is one.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Does something in it as the superuser; see [`Cluster::sql`].
    pub fn sql(&self, statement: &str) -> String {
        self.cluster.sql(&self.name, statement)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // A cluster that does not answer is removed as a whole.
        if !std::thread::panicking() {
            let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
            let _ = self.cluster.attempt(ADMIN, &statement);
        }
    }
}

/// Brings a database to the latest version, whether or not the caller is in a runtime.
fn migrate(address: String) -> Result<(), String> {
    let migrating = move || {
        let address = store::postgres::Address::parse(&address).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(store::postgres::migrate(&address))
    };
    let migrated = std::thread::spawn(migrating).join().unwrap();
    migrated.map(drop).map_err(|error| error.to_string())
}

/// A port that nobody listens on. Processes that run at the same time try others.
fn free_port() -> u16 {
    let random = RandomState::new().hash_one(std::process::id()) as usize;
    let mut ports = PORTS.cycle().skip(random % PORTS.len()).take(PORTS.len());
    ports
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("a port is free")
}
