//! The dashboard of a campaign, as programs see it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Answer, Process, Request, Updates, until};

/// What the command prints before its address.
const SHOWN: &str = "Monitor dashboard: http://";
/// What it says when the run has come to an end and its dashboard stays.
const ENDED: &str = "the run has ended";

/// A dashboard that somebody was told of.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// Where it is.
    pub address: SocketAddr,
    /// What it asks for, as far as it was shown.
    pub token: Option<String>,
}

impl Dashboard {
    /// The one whose address a command shows, as soon as it does.
    pub fn of(process: &mut Process) -> Self {
        until("the dashboard's address", || {
            let stdout = process.stdout();
            // Whole lines only.
            let mut lines = stdout
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let found = lines.find_map(|line| line.trim_end().strip_prefix(SHOWN));
            assert!(
                found.is_some() || !process.has_ended(),
                "it does not start: {}",
                process.stderr()
            );
            found.map(Self::at)
        })
    }

    fn at(shown: &str) -> Self {
        let shown = shown.replace("localhost", "127.0.0.1");
        let (address, rest) = shown.split_once('/').unwrap_or((&shown, ""));
        Self {
            address: address.parse().unwrap(),
            token: rest.strip_prefix("?token=").map(str::to_owned),
        }
    }

    /// A request as a program on this machine makes it.
    pub fn request(&self, method: &str, target: &str) -> Request {
        let request = Request::new(method, target).header("Host", &self.address.to_string());
        match &self.token {
            Some(token) => request.header("Authorization", &format!("Bearer {token}")),
            None => request,
        }
    }

    /// What it answers.
    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.request("GET", target).send(self.address)
    }

    /// What it answers, when all is well.
    #[track_caller]
    pub fn json(&self, target: &str) -> Value {
        self.get(target).expect(200).json()
    }

    /// The job id of the run that it shows.
    #[track_caller]
    pub fn job(&self) -> String {
        self.json("/api/status")["job_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Intervenes in that run.
    #[track_caller]
    pub fn act(&self, action: &str) -> Answer {
        let target = format!("/api/campaigns/{}/controls", self.job());
        self.request("POST", &target)
            .json(&json!({"action": action}))
            .send(self.address)
    }

    /// Follows the stream.
    #[track_caller]
    pub fn follow(&self) -> Updates {
        Updates::follow(self.address, &self.request("GET", "/api/stream"))
    }

    /// Every series and its value.
    #[track_caller]
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let text = self.get("/metrics").expect(200).text();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').unwrap();
                (series.to_owned(), value.parse().unwrap())
            })
            .collect()
    }
}

/// Whether a command says that its run has come to an end, and its dashboard stays.
pub fn has_ended(process: &mut Process) -> bool {
    let stderr = process.stderr();
    let has_ended = stderr.contains(ENDED);
    assert!(has_ended || !process.has_ended(), "it ended: {stderr}");
    has_ended
}

/// Waits until it says so.
pub fn wait_for_the_end(process: &mut Process) {
    until("the end of the run", || has_ended(process).then_some(()));
}
