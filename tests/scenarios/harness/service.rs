//! `glasspost serve` as applications and operators use it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Answer, Finished, Home, Process, Request, free_port, until};

/// What the service's log says before its address.
const SHOWN: &str = "Listening on http://";
/// The variable that says the operator's token.
const ADMIN_TOKEN: &str = "GLASSPOST_ADMIN_TOKEN";

/// A service that runs.
pub struct Service {
    /// The process.
    pub process: Process,
    /// Where it answers.
    pub address: SocketAddr,
    /// The operator's token.
    pub admin: String,
}

/// A tenant as its own application knows it.
#[derive(Clone, Debug)]
pub struct Application {
    address: SocketAddr,
    /// The tenant's id.
    pub tenant: String,
    /// The tenant's key.
    pub key: String,
}

/// Who asks the service, with a token of their own: the operator as [`Service`], or an [`Application`].
pub trait Caller {
    /// Where the service answers.
    fn address(&self) -> SocketAddr;

    /// Theirs.
    fn token(&self) -> &str;

    /// A request.
    fn ask(&self, method: &str, target: &str) -> Request {
        Request::new(method, target)
            .header("Host", &self.address().to_string())
            .header("X-API-Token", self.token())
    }

    /// What they get.
    #[track_caller]
    fn get(&self, target: &str) -> Value {
        let answer = self.ask("GET", target).send(self.address());
        answer.expect(200).json()
    }

    /// What they get for a body.
    #[track_caller]
    fn post(&self, target: &str, body: &Value) -> Answer {
        let request = self.ask("POST", target).json(body);
        request.send(self.address())
    }

    /// The same where it may be that nobody answers.
    fn try_post(&self, target: &str, body: &Value) -> io::Result<Answer> {
        let request = self.ask("POST", target).json(body);
        request.try_send(self.address())
    }
}

impl Caller for Service {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn token(&self) -> &str {
        &self.admin
    }
}

impl Caller for Application {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn token(&self) -> &str {
        &self.key
    }
}

impl Service {
    /// Starts it in a home, on a port of its own.
    pub fn start(home: &Home) -> Self {
        Self::start_with(home, &[])
    }

    /// The same with more variables.
    pub fn start_with(home: &Home, variables: &[(&str, &str)]) -> Self {
        let mut process = home.glasspost_with(variables, &["serve", "--port", "0"]);
        let address = until("the service's address", || {
            let found = shown_address(&process.stdout());
            assert!(
                found.is_some() || !process.has_ended(),
                "it does not start: {}",
                process.stderr()
            );
            found
        });
        Self::started(home, variables, process, address)
    }

    /// The same where the log leaves out where it listens: on a port that was free a moment ago.
    pub fn start_quiet(home: &Home, variables: &[(&str, &str)]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut process =
            home.glasspost_with(variables, &["serve", "--listen", &address.to_string()]);
        until("the service", || {
            assert!(!process.has_ended(), "it does not start");
            let health = Request::new("GET", "/health").header("Host", &address.to_string());
            health.try_send(address).ok()
        });
        Self::started(home, variables, process, address)
    }

    fn started(
        home: &Home,
        variables: &[(&str, &str)],
        process: Process,
        address: SocketAddr,
    ) -> Self {
        let given = variables.iter().find(|(name, _)| *name == ADMIN_TOKEN);
        let admin = match given {
            Some((_, token)) => (*token).to_owned(),
            None => std::fs::read_to_string(home.data().join("admin.token")).unwrap(),
        };
        Self {
            process,
            address,
            admin: admin.trim().to_owned(),
        }
    }

    /// Ends it in good order.
    pub fn stop(self) -> Finished {
        self.process.signal("TERM");
        self.process.wait().expect_code(0)
    }

    /// Adds a tenant with more settings; gives its application.
    #[track_caller]
    pub fn tenant_with(&self, id: &str, mut settings: Value) -> Application {
        settings["id"] = json!(id);
        let answer = self.post("/tenant", &settings).expect(200).json();
        Application {
            address: self.address,
            tenant: id.to_owned(),
            key: answer["api_key"].as_str().unwrap().to_owned(),
        }
    }

    /// Adds a tenant with one account, `main`, on a relay of this machine.
    #[track_caller]
    pub fn tenant(&self, id: &str, relay_port: u16) -> Application {
        let application = self.tenant_with(id, json!({"name": id.to_uppercase()}));
        application.account("main", relay_port, json!({}));
        application
    }

    /// The samples of `/metrics`, by name and labels.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let answer = Request::new("GET", "/metrics")
            .header("Host", &self.address.to_string())
            .send(self.address)
            .expect(200);
        answer
            .text()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }

    /// A metric of one account, whatever its other labels.
    pub fn count(&self, name: &str, account: &str) -> f64 {
        let label = format!("account_id=\"{account}\"");
        self.metrics()
            .iter()
            .filter(|(series, _)| series.starts_with(name) && series.contains(&label))
            .map(|(_, value)| value)
            .sum()
    }

    /// Waits until nothing is pending.
    pub fn until_done(&self) {
        until("the end of the queue", || {
            (self.metrics().get("gmp_pending_messages") == Some(&0.0)).then_some(())
        });
    }
}

impl Application {
    /// The same of a service that was started again.
    pub fn at(&self, service: &Service) -> Self {
        Self {
            address: service.address,
            ..self.clone()
        }
    }

    /// Adds an account with more settings.
    #[track_caller]
    pub fn account(&self, id: &str, port: u16, mut settings: Value) {
        settings["id"] = json!(id);
        settings["tenant_id"] = json!(self.tenant);
        settings["host"] = json!("127.0.0.1");
        settings["port"] = json!(port);
        if settings["use_tls"].is_null() {
            settings["use_tls"] = json!(false);
        }
        self.post("/account", &settings).expect(200);
    }

    /// Hands messages over; gives the answer of a call that was right.
    #[track_caller]
    pub fn send(&self, messages: &[Value]) -> Value {
        let answer = self.post("/commands/add-messages", &json!({"messages": messages}));
        answer.expect(200).json()
    }

    /// A message to one person through the account `main`.
    pub fn message(&self, id: &str, to: &str) -> Value {
        json!({
            "id": id, "tenant_id": self.tenant, "account_id": "main", "from": "Ada <ada@sender.test>", "to": [to],
            "subject": format!("About {id}"), "body": "Hello.\n", "content_type": "plain",
        })
    }

    /// A message as the service tells it when it has come to its end.
    #[track_caller]
    pub fn ended(&self, id: &str) -> Value {
        until(&format!("the end of {id}"), || {
            let record = self.record(id);
            let is_final = record["sent_ts"].is_number() || record["error_ts"].is_number();
            is_final.then_some(record)
        })
    }

    /// One message as the service tells it, with what happened to it.
    #[track_caller]
    pub fn record(&self, id: &str) -> Value {
        self.get(&format!(
            "/messages/get?tenant_id={}&message_id={id}",
            self.tenant
        ))
    }
}

/// The address that a log says, in text or JSON, as soon as its line is whole.
fn shown_address(log: &str) -> Option<SocketAddr> {
    let whole = &log[..=log.rfind('\n')?];
    let (_, shown) = whole.split_once(SHOWN)?;
    let shown = shown.split(['"', '\n']).next()?;
    Some(shown.parse().unwrap())
}
