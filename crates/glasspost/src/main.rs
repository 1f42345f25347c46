//! The `glasspost` binary: reads the command line, runs a verb, and says how it went by an exit code.
//!
//! # Layout
//! - [`cli`]: the flags, one file a verb
//! - [`settings`]: the environment, and what is decided from it
//! - [`mail_config`]: `config.json`: relay and sender
//! - [`verbs`]: what each verb does
//! - [`campaigns`]: a campaign by its configuration, now or when its time has come
//! - [`dashboard`]: a campaign shown in the browser
//! - [`service`]: the mail service, made of its parts
//! - [`sink`]: the receiver for tests
//! - [`logging`], [`terminal`]: what people and programs read meanwhile
//! - [`signals`]: how a stop is asked for
//! - [`exit`]: how errors become exit codes

mod campaigns;
mod cli;
mod dashboard;
mod exit;
mod logging;
mod mail_config;
mod service;
mod settings;
mod signals;
mod sink;
mod terminal;
mod verbs;

use std::process::ExitCode;

use cli::Cli;
use exit::{Code, Failure};
use settings::Environment;

/// Composing and queueing allocate much and from several threads, where this is measurably faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    match run(cli) {
        Ok(()) => Code::Success.into(),
        Err(failure) => {
            let code = failure.code();
            if code != Code::Success {
                terminal::remark(&format!("glasspost: {failure}"));
            }
            code.into()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let environment = Environment::of_this_process();
    logging::start(verbs::log_settings(&cli.verb, &environment));
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(verbs::run(cli.verb, &environment))
}
