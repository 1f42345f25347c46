//! A private Prometheus, Debian's.

use std::net::SocketAddr;

use serde_json::Value;

use super::{Folder, Process, Request, free_port, program};

/// A running Prometheus.
pub struct Prometheus {
    // First, so that it ends before its folder goes.
    _process: Process,
    _folder: Folder,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts it with a `prometheus.yml` and the files that this one names.
    pub fn start(configuration: &str, files: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        let file = folder.write("prometheus.yml", configuration);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = program("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        Self {
            _process: Process::start("prometheus", &mut command),
            _folder: folder,
            address,
        }
    }

    /// What it answers; nothing while it starts.
    pub fn ask(&self, target: &str) -> Option<Value> {
        let request = Request::new("GET", target).header("Host", &self.address.to_string());
        let answer = request.try_send(self.address).ok()?;
        (answer.status == 200).then(|| answer.json()["data"].clone())
    }

    /// What an expression gives now, series by series. An expression that is wrong gives nothing, and says why.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let target = format!("/api/v1/query?query={}", encoded(expression));
        let request = Request::new("GET", &target).header("Host", &self.address.to_string());
        let answer = request.send(self.address).json();
        match answer["status"] == "success" {
            true => Ok(answer["data"]["result"].as_array().unwrap().clone()),
            false => Err(answer["error"].to_string()),
        }
    }

    /// The latest value of a series.
    pub fn value(&self, series: &str) -> Option<f64> {
        let data = self.ask(&format!("/api/v1/query?query={}", encoded(series)))?;
        data["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

/// A text as it stands in a query (RFC 3986 §2.1).
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
