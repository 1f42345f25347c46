//! Where `glasspost` runs: a folder with its configuration, lists, templates, data and account.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Finished, Folder, Process, program};

/// The binary under test.
const GLASSPOST: &str = env!("CARGO_BIN_EXE_glasspost");
/// The sender of a configuration that nobody changed.
const FROM: &str = "Ada Lovelace <ada@sender.test>";

/// A folder of one person's, where commands run.
pub struct Home {
    folder: Folder,
    /// Where campaigns and services keep everything, when that is not the data folder.
    store: Option<String>,
}

/// `success.csv` and `failed.csv`: their addresses in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Who got it.
    pub success: Vec<String>,
    /// Who did not.
    pub failed: Vec<String>,
}

impl Home {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            folder: Folder::new(),
            store: None,
        }
    }

    /// An empty one whose commands keep everything at an address.
    pub fn on(store: &str) -> Self {
        Self {
            store: Some(store.to_owned()),
            ..Self::new()
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Writes a file, to be named by its bare name in arguments.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.folder.write(name, content)
    }

    /// Writes a list with the one column `email`.
    pub fn write_list<'a>(&self, name: &str, addresses: impl IntoIterator<Item = &'a str>) {
        let lines: Vec<&str> = ["email"].into_iter().chain(addresses).collect();
        self.write(name, lines.join("\n") + "\n");
    }

    /// Every file that is here now.
    pub fn files(&self) -> Vec<PathBuf> {
        self.folder.files()
    }

    /// Writes `config.json` for a relay on loopback that asks for no login.
    pub fn relay(&self, port: u16) {
        self.relay_with(port, json!({}));
    }

    /// The same with more or other values below `smtp`.
    pub fn relay_with(&self, port: u16, values: Value) {
        let mut smtp = json!({"host": "127.0.0.1", "port": port, "from": FROM});
        let Value::Object(values) = values else {
            panic!("{values} is not an object")
        };
        for (key, value) in values {
            smtp[key] = value;
        }
        self.write("config.json", json!({"smtp": smtp}).to_string());
    }

    /// Starts `glasspost` here. The environment is empty but for the home and the data folder.
    pub fn glasspost(&self, args: &[&str]) -> Process {
        self.glasspost_with(&[], args)
    }

    /// The same with more variables in its environment.
    pub fn glasspost_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Process {
        let mut command = program(GLASSPOST);
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path())
            .env("GLASSPOST_DATA", self.data())
            .envs(self.store.iter().map(|store| ("GLASSPOST_STORE", store)))
            .envs(variables.iter().copied());
        Process::start(format!("glasspost {}", args.join(" ")), &mut command)
    }

    /// Starts `glasspost send` with `config.json`.
    pub fn start_send(&self, args: &[&str]) -> Process {
        self.glasspost(&[&["send", "--env", "config.json"], args].concat())
    }

    /// Runs it to its end.
    pub fn send(&self, args: &[&str]) -> Finished {
        self.start_send(args).wait()
    }

    /// What `glasspost report` says of the latest run, with more arguments such as `--recipients`.
    pub fn report(&self, args: &[&str]) -> Value {
        let args = [&["report", "--format", "json"], args].concat();
        let finished = self.glasspost(&args).wait().expect_code(0);
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished}"))
    }

    /// `success.csv` and `failed.csv`; a file that is not there counts as empty.
    pub fn account(&self) -> Account {
        let addresses = |name| {
            let Ok(mut rows) = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_path(self.folder.join(name))
            else {
                return Vec::new();
            };
            rows.records()
                .map(|row| row.unwrap()[0].to_owned())
                .collect()
        };
        Account {
            success: addresses("success.csv"),
            failed: addresses("failed.csv"),
        }
    }
}
