//! `glasspost serve`, `glasspost migrate` and `glasspost config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DataFlags, LogFlags};
use crate::settings::service::table::{Key, SETTINGS};

const SERVE_HELP: &str = "\
Settings come from the configuration file, above it from the environment, above both from flags. \
`glasspost config check` shows every one with where it comes from; `glasspost config list` explains them.

The log goes to standard output, and in JSON every line of it is an object. It says where the service listens. \
Why a start failed is said on standard error.

Examples:
  glasspost serve
  GMP_PORT=9000 LOG_FORMAT=json glasspost serve
  glasspost serve --store postgres://glasspost@db.example/mail --roles smtp
  glasspost serve --config /etc/glasspost.toml --set delivery.connections_per_account=4

Exit status: 0 after a stop in good order, 1 an error, 2 invalid arguments, 3 the configuration cannot be used.";

/// Flags of `glasspost serve`.
#[derive(Args, Clone, Debug)]
#[command(after_help = SERVE_HELP)]
pub struct ServeArgs {
    /// Address and port to listen on [env: GLASSPOST_LISTEN] [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Port to listen on, when the address stays as it is [env: GMP_PORT]
    #[arg(long, short, value_name = "PORT", conflicts_with = "listen")]
    pub port: Option<String>,
    /// What this process does, some of api, worker and smtp [env: GLASSPOST_ROLES] [default: all]
    #[arg(long, value_name = "ROLES")]
    pub roles: Option<String>,
    #[command(flatten)]
    pub store: StoreFlags,
    #[command(flatten)]
    pub config: ConfigFlags,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub logs: LogFlags,
}

/// Where everything is kept.
#[derive(Args, Clone, Debug, Default)]
pub struct StoreFlags {
    /// Where everything is kept: sqlite: or postgres://user:password@host/database
    /// [env: GLASSPOST_STORE] [default: sqlite: in the data folder]
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub store: Option<String>,
}

/// Where the service's settings come from.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigFlags {
    /// The configuration file [env: GLASSPOST_SERVICE_CONFIG, GMP_CONFIG]
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one thing, such as delivery.active=false; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    pub set: Vec<(Key, String)>,
}

const MIGRATE_HELP: &str = "\
A database is never changed by a start: newer programs refuse one that was not migrated. Old processes may go on working \
while and after it is migrated, unless the new version says otherwise.

Example:
  glasspost migrate --store postgres://glasspost@db.example/mail";

/// Flags of `glasspost migrate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = MIGRATE_HELP)]
pub struct MigrateArgs {
    #[command(flatten)]
    pub store: StoreFlags,
    #[command(flatten)]
    pub config: ConfigFlags,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub logs: LogFlags,
}

/// Verbs of `glasspost config`.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigVerb {
    /// Check the settings and show each with where it comes from
    Check(CheckArgs),
    /// Explain every setting: its name, its variables, its default
    List(ListArgs),
}

/// Flags of `glasspost config check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    pub config: ConfigFlags,
    /// For programs: one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub logs: LogFlags,
}

/// Flags of `glasspost config list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// For programs: one JSON array
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub logs: LogFlags,
}

impl ConfigVerb {
    /// The logging flags of the verb.
    pub fn logs(&self) -> &LogFlags {
        match self {
            Self::Check(args) => &args.logs,
            Self::List(args) => &args.logs,
        }
    }
}

impl ServeArgs {
    /// What the flags say about settings.
    pub fn said(&self) -> Vec<(Key, &'static str, String)> {
        let listen = self
            .listen
            .iter()
            .map(|text| (Key::Listen, "--listen", text.clone()));
        let port = self
            .port
            .iter()
            .map(|text| (Key::Port, "--port", text.clone()));
        let roles = self
            .roles
            .iter()
            .map(|text| (Key::Roles, "--roles", text.clone()));
        let store = self.store.said();
        self.config
            .said()
            .into_iter()
            .chain(listen)
            .chain(port)
            .chain(roles)
            .chain(store)
            .collect()
    }
}

impl StoreFlags {
    /// What the flag says about settings.
    pub fn said(&self) -> Option<(Key, &'static str, String)> {
        let text = self.store.clone()?;
        Some((Key::StoreAddress, "--store", text))
    }
}

impl ConfigFlags {
    /// What the flags say about settings.
    pub fn said(&self) -> Vec<(Key, &'static str, String)> {
        self.set
            .iter()
            .map(|(key, text)| (*key, "--set", text.clone()))
            .collect()
    }
}

fn parse_set(text: &str) -> Result<(Key, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("must be NAME=VALUE, such as delivery.active=false")?;
    SETTINGS
        .iter()
        .find(|setting| setting.name == name.trim())
        .map(|setting| (setting.key, value.to_owned()))
        .ok_or_else(|| {
            format!("there is no setting {name:?}: `glasspost config list` shows them all")
        })
}
