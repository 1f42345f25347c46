//! The verbs that ask a running service over HTTP, and what all of them can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::accounts::AccountsVerb;
use super::command_log::CommandLogVerb;
use super::instance::InstanceVerb;
use super::messages::MessagesVerb;
use super::statistics::StatisticsArgs;
use super::stats::{NodesArgs, RunNowArgs, StatsArgs};
use super::storages::StoragesVerb;
use super::tenants::TenantsVerb;
use super::{DataFlags, LogFlags};

/// Over the flags that say which service is asked, and how.
const SERVICE: &str = "Service";
/// Over the flags that say what is logged.
const LOG: &str = "Log";

/// What each group's help ends with.
const GROUP_HELP: &str = "\
The token is looked for in --token-file, GLASSPOST_ADMIN_TOKEN, GMP_API_TOKEN and, when the service is on this \
machine, in admin.token of the data folder, where `glasspost serve` keeps it. A tenant's key opens what is that \
tenant's own.

Exit status: 0 done, 1 the service refused or cannot be reached, 2 invalid arguments.";

/// Verbs that ask a running service.
#[derive(Clone, Debug, Subcommand)]
pub enum ClientVerb {
    /// Who shares the service: add, change and delete tenants, hold back their mail, make their keys
    Tenants(Group<TenantsVerb>),
    /// The SMTP servers that mail leaves through
    Accounts(Group<AccountsVerb>),
    /// Hand over mail, and see what became of it
    Messages(Group<MessagesVerb>),
    /// Where attachments lie
    Storages(Group<StoragesVerb>),
    /// The service as a whole: how it stands, how it is set, its tokens
    Instance(Group<InstanceVerb>),
    /// Who asked the service to change what
    CommandLog(Group<CommandLogVerb>),
    /// What goes through the service: totals, by tenant and by account
    Stats(StatsArgs),
    /// What happened in each hour, day or month
    Statistics(StatisticsArgs),
    /// The processes of the service: their roles, and what each is doing
    Nodes(NodesArgs),
    /// Send and report at once, without waiting for the next time; ends the named tenant's wish not to be disturbed
    RunNow(RunNowArgs),
}

/// A group of verbs with what all of them can be told.
#[derive(Args, Clone, Debug)]
#[command(after_help = GROUP_HELP)]
pub struct Group<V: Subcommand> {
    /// What to do.
    #[command(subcommand)]
    pub verb: V,
    #[command(flatten)]
    pub client: ClientFlags,
}

/// Which service is asked, as whom, and how its answer is shown.
#[derive(Args, Clone, Debug, Default)]
pub struct ClientFlags {
    /// Where the service answers [env: GLASSPOST_URL] [default: http://127.0.0.1:8000]
    #[arg(long, value_name = "URL", global = true, help_heading = SERVICE)]
    pub url: Option<String>,
    /// File with the token; `-` reads it from standard input [env: GLASSPOST_ADMIN_TOKEN, GMP_API_TOKEN hold the token]
    #[arg(long, value_name = "FILE", global = true, help_heading = SERVICE)]
    pub token_file: Option<PathBuf>,
    /// The tenant that is meant; a tenant's own key needs none [env: GMP_TENANT]
    #[arg(long, value_name = "ID", global = true, help_heading = SERVICE)]
    pub tenant: Option<String>,
    /// For programs: the service's answer as it is
    #[arg(long, global = true, help_heading = SERVICE)]
    pub json: bool,
    #[command(flatten, next_help_heading = SERVICE)]
    pub data: DataFlags,
    #[command(flatten, next_help_heading = LOG)]
    pub logs: LogFlags,
}

impl ClientVerb {
    /// What says which service is asked.
    pub fn flags(&self) -> &ClientFlags {
        match self {
            Self::Tenants(group) => &group.client,
            Self::Accounts(group) => &group.client,
            Self::Messages(group) => &group.client,
            Self::Storages(group) => &group.client,
            Self::Instance(group) => &group.client,
            Self::CommandLog(group) => &group.client,
            Self::Stats(args) => &args.client,
            Self::Statistics(args) => &args.client,
            Self::Nodes(args) => &args.client,
            Self::RunNow(args) => &args.client,
        }
    }
}

impl ClientFlags {
    /// These flags, and where they say nothing, the others.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        Self {
            url: self.url.clone().or_else(|| others.url.clone()),
            token_file: self
                .token_file
                .clone()
                .or_else(|| others.token_file.clone()),
            tenant: self.tenant.clone().or_else(|| others.tenant.clone()),
            json: self.json || others.json,
            data: DataFlags {
                data: self.data.data.clone().or_else(|| others.data.data.clone()),
            },
            logs: others.logs.clone(),
        }
    }
}
