//! The verbs that ask a running service over HTTP. None of them opens the data file, but one: `statistics rebuild`.
//!
//! ```text
//! flags ──► call ──► connection ──► table
//!  cli/     tenants, accounts, …   refusal
//! ```
//! - [`Call`]: a verb as the request that it makes; `tenants`, `accounts`, `messages`, `storages`, `instance`,
//!   `command_log`, `stats`, `statistics`, `nodes`: which one that is, group by group
//! - [`Connection`]: where the service is; `token`: whose words it takes; `refusal`: what is said when it does not
//! - `table`: answers as people read them
//! - `stdin`: files, standard input and hidden words; `letter`: a finished letter as a message of the API
//! - [`mod@connect`]: a prompt for all of this; `completer`: what can come next there

mod accounts;
mod call;
mod command_log;
mod completer;
mod connect;
mod connection;
mod instance;
mod letter;
mod messages;
mod nodes;
mod refusal;
mod statistics;
mod stats;
mod stdin;
mod storages;
mod table;
mod tenants;
mod token;

use clap::Subcommand;

pub use connect::run as connect;
pub use refusal::ClientError;

use crate::cli::{ClientFlags, ClientVerb, Group, InstanceVerb, StatisticsVerb};
use crate::exit::Failure;
use crate::settings::Environment;
use crate::terminal;
use call::{Ask, Call, Desk};
use connection::{Answer, Connection};
use stdin::StandardInput;
use webclient::{Settings, TargetPolicy, WebClient};

/// Runs a verb.
pub async fn run(verb: ClientVerb, environment: &Environment) -> Result<(), Failure> {
    let flags = verb.flags().clone();
    let session = Session::new(environment, StandardInput::Free)?;
    session.carry_out(verb, &flags).await
}

/// What verbs that run one after another have in common.
struct Session<'a> {
    environment: &'a Environment,
    web: WebClient,
    stdin: StandardInput,
}

impl<'a> Session<'a> {
    /// The service is where the operator says, also on this machine.
    fn new(environment: &'a Environment, stdin: StandardInput) -> Result<Self, Failure> {
        let settings = Settings {
            policy: TargetPolicy::AllowPrivate,
            ..Settings::default()
        };
        let web = WebClient::new(settings).map_err(ClientError::Web)?;
        Ok(Self {
            environment,
            web,
            stdin,
        })
    }

    /// Asks what a verb asks, and shows the answer.
    async fn carry_out(&self, verb: ClientVerb, flags: &ClientFlags) -> Result<(), Failure> {
        if let ClientVerb::Statistics(args) = &verb
            && let Some(StatisticsVerb::Rebuild(args)) = &args.verb
        {
            return super::rebuild::run(args, flags, self.environment).await;
        }
        let service = Connection::new(flags, self)?;
        match verb {
            ClientVerb::Tenants(group) => self.ask(group, &service).await,
            ClientVerb::Accounts(group) => self.ask(group, &service).await,
            ClientVerb::Messages(group) => self.ask(group, &service).await,
            ClientVerb::Storages(group) => self.ask(group, &service).await,
            ClientVerb::Instance(group) => match group.verb {
                InstanceVerb::Token(args) => instance::token(&args, &service).await,
                _ => self.ask(group, &service).await,
            },
            ClientVerb::CommandLog(group) => self.ask(group, &service).await,
            ClientVerb::Stats(args) => stats::run(&args, &service).await,
            ClientVerb::Statistics(args) => shown(&service, &statistics::call(&args.wanted)).await,
            ClientVerb::Nodes(_) => shown(&service, &nodes::call()).await,
            ClientVerb::RunNow(_) => shown(&service, &instance::run_now()).await,
        }
    }

    async fn ask<V: Ask + Subcommand>(
        &self,
        group: Group<V>,
        service: &Connection,
    ) -> Result<(), Failure> {
        let desk = Desk {
            stdin: self.stdin,
            tenant: service.tenant.as_deref(),
        };
        let call = group.verb.call(&desk)?;
        shown(service, &call).await
    }
}

/// Makes a call, and shows what came of it.
async fn shown(service: &Connection, call: &Call) -> Result<(), Failure> {
    let answer = service.ask(call).await?;
    show(service, call, &answer)?;
    match table::left_out(&answer.value) {
        0 => Ok(()),
        count => Err(ClientError::LeftOut(count).into()),
    }
}

/// Shows an answer; where there is more of it, says how to go on.
fn show(service: &Connection, call: &Call, answer: &Answer) -> Result<(), Failure> {
    if service.is_for_programs {
        return Ok(terminal::print(&answer.line())?);
    }
    terminal::print(&call.shape.text(&answer.value))?;
    if let Some(next) = answer.value["next"].as_str() {
        terminal::remark(&format!("there are more: add --after {next}"));
    }
    Ok(())
}
