//! Several processes of the service on one PostgreSQL.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cluster::{Cluster, Database, Options};
use super::{Application, Caller, Finished, Home, Process, Request, Service, until_within};

/// The operator's token, the same everywhere.
const TOKEN: &str = "the-operator";
/// The key of secrets, the same everywhere: the base64 of 32 bytes.
pub const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// Messages of one call of a load.
const BATCH: usize = 20;
/// Connections that a process has to one account, and outcomes that may wait for their commit (promise: P-03).
pub const COPIES_A_FAULT_MAX: usize = 8 + 64;

/// How long a process may take to end in good order (promise: P-06).
const END_DEADLINE: Duration = Duration::from_secs(30);
/// How long the mail of a load may take.
const SENT_DEADLINE: Duration = Duration::from_secs(120);

/// The name that a process calls itself where it delivers mail.
pub fn client_name(number: usize) -> String {
    format!("node{number}.test")
}

/// A database server of the test's own, that it may stop, freeze and kill.
pub fn durable_cluster() -> Cluster {
    Cluster::with(Options {
        is_durable: true,
        ..Options::default()
    })
}

/// A variable of the environment.
type Variable = (&'static str, &'static str);

/// Processes that share a database.
pub struct Installation<'c> {
    // First, so that they end before what they work on goes.
    nodes: Vec<Node>,
    /// Where they find the database; another address than its own where something stands between.
    address: String,
    /// What all of them are told beside.
    variables: Vec<Variable>,
    database: Database<'c>,
}

/// One of them.
pub struct Node {
    /// As it is asked.
    pub service: Service,
    home: Home,
    roles: &'static str,
    address: String,
}

impl<'c> Installation<'c> {
    /// Processes with these roles on a new database.
    pub fn start(cluster: &'c Cluster, roles: &[&'static str]) -> Self {
        Self::start_with(cluster, roles, &[])
    }

    /// The same with more variables for all of them.
    pub fn start_with(
        cluster: &'c Cluster,
        roles: &[&'static str],
        variables: &[Variable],
    ) -> Self {
        let database = cluster.database();
        let address = database.address().to_owned();
        let mut installation = Self::on(database, address);
        installation.variables.extend(variables);
        installation.add_all(roles);
        installation
    }

    /// The same where they find the database at another address.
    pub fn start_at(database: Database<'c>, address: String, roles: &[&'static str]) -> Self {
        let mut installation = Self::on(database, address);
        installation.add_all(roles);
        installation
    }

    /// Nobody yet.
    fn on(database: Database<'c>, address: String) -> Self {
        Self {
            database,
            address,
            variables: Vec::new(),
            nodes: Vec::new(),
        }
    }

    fn add_all(&mut self, roles: &[&'static str]) {
        for roles in roles {
            self.add(roles);
        }
    }

    /// Adds a process.
    pub fn add(&mut self, roles: &'static str) {
        self.add_at(roles, self.address.clone());
    }

    /// Adds a process that finds the database at an address of its own.
    pub fn add_at(&mut self, roles: &'static str, address: String) {
        let home = Home::new();
        let service = self.begin(self.nodes.len(), &home, roles, &address);
        self.nodes.push(Node {
            service,
            home,
            roles,
            address,
        });
    }

    fn begin(&self, number: usize, home: &Home, roles: &str, address: &str) -> Service {
        let name = client_name(number);
        let mut variables = self.variables(roles, address);
        variables.push(("GLASSPOST_HELLO_NAME", &name));
        Service::start_with(home, &variables)
    }

    fn variables<'v>(&self, roles: &'v str, address: &'v str) -> Vec<(&'v str, &'v str)> {
        let common = [
            ("GLASSPOST_STORE", address),
            ("GLASSPOST_ROLES", roles),
            ("GLASSPOST_ADMIN_TOKEN", TOKEN),
            ("MAIL_PROXY_ENCRYPTION_KEY", KEY),
            ("GLASSPOST_RETRY_DELAYS", "1,1,1,1,1,1"),
            // Reports are posted to this machine.
            ("GLASSPOST_ALLOW_PRIVATE_TARGETS", "127.0.0.1"),
        ];
        common.into_iter().chain(self.variables.clone()).collect()
    }

    /// Where they find the database.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How the start of one more process ends that does not come to it.
    pub fn refused(&self, roles: &str) -> Finished {
        let home = Home::new();
        let variables = self.variables(roles, &self.address);
        let process: Process = home.glasspost_with(&variables, &["serve", "--port", "0"]);
        process.wait()
    }

    /// A process, in the order that they were added in.
    pub fn node(&self, number: usize) -> &Service {
        &self.nodes[number].service
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Kills a process (SIGKILL) and starts it anew.
    pub fn kill(&mut self, number: usize) {
        self.nodes[number].service.process.signal("KILL");
        self.begin_again(number);
    }

    /// Ends a process in good order and starts it anew.
    #[track_caller]
    pub fn restart(&mut self, number: usize) {
        let process = &mut self.nodes[number].service.process;
        let before = process.stdout().len();
        process.signal("TERM");
        until_within(END_DEADLINE, "the end of a process", || {
            process.has_ended().then_some(())
        });
        let log = process.stdout().split_off(before);
        assert!(
            !log.contains(" WARNING ") && !log.contains(" ERROR "),
            "what a stop cuts off is no trouble: {log}"
        );
        self.begin_again(number);
    }

    fn begin_again(&mut self, number: usize) {
        let Node {
            home,
            roles,
            address,
            ..
        } = &self.nodes[number];
        let service = self.begin(number, home, roles, address);
        self.nodes[number].service = service;
    }

    /// Which process holds a lane, by the lane's key.
    pub fn holder(&self, lane: &str) -> Option<usize> {
        let process = self.sql(&format!(
            "SELECT process FROM lanes WHERE key LIKE '{lane}' AND holder IS NOT NULL AND expires_at > now() LIMIT 1"
        ));
        let process: u32 = process.trim().parse().ok()?;
        let mut nodes = self.nodes.iter();
        nodes.position(|node| node.service.process.id() == process)
    }

    /// Waits until nothing waits to be sent.
    pub fn until_sent(&self) {
        until_within(SENT_DEADLINE, "everything to be sent", || {
            let open = self.sql("SELECT coalesce(sum(open), 0) FROM submissions");
            (open.trim() == "0").then_some(())
        });
    }

    /// The first process that takes mail.
    pub fn api(&self) -> &Service {
        let api = self.nodes.iter().find(|node| node.roles.contains("api"));
        &api.expect("one takes mail").service
    }

    /// What a query finds, a line a row.
    pub fn sql(&self, query: &str) -> String {
        self.database.sql(query)
    }
}

/// Mail that is handed over again and again while something happens.
pub struct Load {
    answered: Mutex<Vec<String>>,
    is_over: AtomicBool,
    /// The codes of the calls that were refused, 0 where nobody answered, and how long each took.
    refused: Mutex<Vec<(u16, Duration)>>,
}

/// Ends a load when it is dropped.
struct Over<'l>(&'l AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Load {
    /// Nothing is handed over yet.
    pub fn new() -> Self {
        Self {
            answered: Mutex::default(),
            is_over: AtomicBool::new(false),
            refused: Mutex::default(),
        }
    }

    /// Hands mail over by so many clients while `work` goes on. What nobody answers is handed over again later.
    pub fn during<T>(&self, clients: usize, shop: &Application, work: impl FnOnce() -> T) -> T {
        self.is_over.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            // Also when the work panics.
            let over = Over(&self.is_over);
            let handing: Vec<ScopedJoinHandle<'_, ()>> = (0..clients)
                .map(|client| scope.spawn(move || self.hand_over(client, shop)))
                .collect();
            let done = work();
            drop(over);
            for handing in handing {
                handing.join().unwrap();
            }
            done
        })
    }

    fn hand_over(&self, client: usize, shop: &Application) {
        let begun = self.answered.lock().unwrap().len();
        for call in 0.. {
            let ids: Vec<String> = (0..BATCH)
                .map(|number| format!("{begun}-{client}-{call}-{number}"))
                .collect();
            let messages: Vec<Value> = ids
                .iter()
                .map(|id| shop.message(id, &format!("{id}@example.org")))
                .collect();
            // The same again until it is answered: an id is taken once.
            loop {
                if self.is_over.load(Ordering::Relaxed) {
                    return;
                }
                if self.call(shop, &messages) {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
            self.answered.lock().unwrap().extend(ids);
        }
    }

    /// Whether a call was answered well.
    fn call(&self, shop: &Application, messages: &[Value]) -> bool {
        let begun = Instant::now();
        let body = json!({"messages": messages});
        let answer = shop.try_post("/commands/add-messages", &body);
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        if status != 200 {
            self.refused.lock().unwrap().push((status, begun.elapsed()));
        }
        if status == 503 {
            let again = answer
                .ok()
                .and_then(|answer| answer.header("retry-after").map(str::to_owned));
            assert!(again.is_some(), "it is not said when to try again");
        }
        status == 200
    }

    /// The ids that were answered well.
    pub fn answered(&self) -> Vec<String> {
        self.answered.lock().unwrap().clone()
    }

    /// The codes of the calls that were refused, 0 where nobody answered, and how long each took.
    pub fn refused(&self) -> Vec<(u16, Duration)> {
        self.refused.lock().unwrap().clone()
    }

    /// Checks that each message that was answered arrived, and gives how many copies were too many.
    #[track_caller]
    pub fn extra_copies(&self, arrived: &[String]) -> usize {
        let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
        for address in arrived {
            *copies.entry(address).or_default() += 1;
        }
        let answered = self.answered();
        let lost: Vec<&String> = answered
            .iter()
            .filter(|id| !copies.contains_key(format!("{id}@example.org").as_str()))
            .collect();
        assert_eq!(lost, Vec::<&String>::new(), "of {}", answered.len());
        copies.values().map(|count| count - 1).sum()
    }
}

/// What `/ready` says, and how long it took.
pub fn ready(service: &Service) -> (u16, Value, Duration) {
    let begun = Instant::now();
    let answer = Request::new("GET", "/ready")
        .header("Host", &service.address().to_string())
        .send(service.address());
    let status = answer.status;
    (status, answer.json(), begun.elapsed())
}
