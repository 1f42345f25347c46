//! What each verb does.

mod client;
mod completions;
mod config;
mod copy;
mod demo;
mod migrate;
mod preview;
mod rebuild;
mod report;
mod request;
mod schedule;
mod send;
mod serve;
mod sink;
mod store_place;

use std::path::PathBuf;

pub use client::ClientError;
use tracing::level_filters::LevelFilter;

use crate::cli::{ConfigFlags, Verb};
use crate::exit::Failure;
use crate::logging::{LogSettings, LogStream};
use crate::settings::{Environment, Variable};

/// Runs a verb to its end.
pub async fn run(verb: Verb, environment: &Environment) -> Result<(), Failure> {
    match verb {
        Verb::Send(args) => send::run(*args, environment).await,
        Verb::Report(args) => report::run(args, environment).await,
        Verb::Campaigns(args) => report::campaigns(args, environment).await,
        Verb::Schedule(args) => schedule::run(args, environment).await,
        Verb::Serve(args) => serve::run(*args, environment).await,
        Verb::Migrate(args) => migrate::run(*args, environment).await,
        Verb::Copy(args) => copy::run(args, environment).await,
        Verb::Config(verb) => config::run(&verb, environment),
        Verb::Client(verb) => client::run(*verb, environment).await,
        Verb::Connect(args) => client::connect(args, environment).await,
        Verb::Completions(args) => completions::run(&args),
        Verb::Sink(args) => sink::run(*args).await,
        Verb::Demo(args) => demo::run(args).await,
    }
}

/// What a verb logs, and where. The demo shows its bar and account alone, and who asks a service only the answer,
/// unless more is asked for.
pub fn log_settings(verb: &Verb, environment: &Environment) -> LogSettings {
    let default = match verb {
        Verb::Demo(_) => LevelFilter::ERROR,
        Verb::Client(_) | Verb::Connect(_) | Verb::Completions(_) => LevelFilter::WARN,
        Verb::Send(_)
        | Verb::Report(_)
        | Verb::Campaigns(_)
        | Verb::Schedule(_)
        | Verb::Serve(_)
        | Verb::Migrate(_)
        | Verb::Copy(_)
        | Verb::Config(_)
        | Verb::Sink(_) => LevelFilter::INFO,
    };
    let stream = match verb {
        Verb::Serve(_) => LogStream::Stdout,
        Verb::Send(_)
        | Verb::Report(_)
        | Verb::Campaigns(_)
        | Verb::Schedule(_)
        | Verb::Migrate(_)
        | Verb::Copy(_)
        | Verb::Config(_)
        | Verb::Client(_)
        | Verb::Connect(_)
        | Verb::Completions(_)
        | Verb::Sink(_)
        | Verb::Demo(_) => LogStream::Stderr,
    };
    LogSettings::new(verb.logs(), default, stream, environment)
}

/// The service's configuration file, where one is named.
fn service_config(flags: &ConfigFlags, environment: &Environment) -> Option<PathBuf> {
    flags
        .config
        .clone()
        .or_else(|| environment.path(Variable::ServiceConfig))
        .or_else(|| environment.path(Variable::GmpConfig))
}

/// A word as it is typed into a shell.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
