//! The command line: one file a verb or group of verbs, flags grouped under headings.

mod accounts;
mod argv;
mod client;
mod command_log;
mod completions;
mod connect;
mod copy;
mod demo;
mod instance;
mod messages;
mod number;
mod report;
mod schedule;
mod send;
mod serve;
mod sink;
mod statistics;
mod stats;
mod storages;
mod tenants;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use accounts::{AccountFields, AccountsVerb};
pub use argv::{parse, parse_prompt};
pub use client::{ClientFlags, ClientVerb, Group};
pub use command_log::CommandLogVerb;
pub use completions::CompletionsArgs;
pub use connect::{ConnectArgs, PromptLine, PromptVerb};
pub use copy::CopyArgs;
pub use demo::DemoArgs;
pub use instance::{InstanceFields, InstanceVerb, TokenArgs};
pub use messages::{AddMessages, Content, MessagesVerb, SendLetter, Terms};
pub use report::{CampaignsArgs, ReportArgs, ReportFormat};
pub use schedule::{ScheduleArgs, ScheduleVerb};
pub use send::{DashboardFlags, MessageFlags, RecipientFlags, SendArgs};
pub use serve::{CheckArgs, ConfigFlags, ConfigVerb, ListArgs, MigrateArgs, ServeArgs, StoreFlags};
pub use sink::SinkArgs;
pub use statistics::{Month, RebuildArgs, StatisticsVerb, WantedStatistics};
pub use stats::StatsArgs;
pub use storages::{AddStorage, StoragesVerb};
pub use tenants::{AuthMethod, ClientAuth, LargeFileAction, TenantFields, TenantsVerb};

/// Sends email and shows what became of every message.
#[derive(Debug, Parser)]
#[command(
    name = "glasspost",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 110,
    after_help = "Try it without a mail server: glasspost demo\n\
                  Called under the name `mailgrid`, this program behaves as `glasspost send`."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Send a campaign: a list of recipients and a template
    Send(Box<SendArgs>),
    /// Say what became of a campaign, recipient by recipient
    Report(ReportArgs),
    /// List the campaigns that were sent
    Campaigns(CampaignsArgs),
    /// Run, list and cancel scheduled campaigns
    Schedule(ScheduleArgs),
    /// Run the service: applications hand it mail over HTTP, it queues, limits, retries and relays
    Serve(Box<ServeArgs>),
    /// Bring a store's schema up to date, before newer programs work with it
    Migrate(Box<MigrateArgs>),
    /// Move an installation up: from its data file into a database that several machines share
    Copy(CopyArgs),
    /// Check and explain the service's settings
    #[command(subcommand)]
    Config(ConfigVerb),
    #[command(flatten)]
    Client(Box<ClientVerb>),
    /// Talk to a running service: a prompt for the verbs that ask it
    Connect(ConnectArgs),
    /// Print what a shell needs to complete this command line
    Completions(CompletionsArgs),
    /// Receive mail for tests: accepts, defers, refuses and stalls by rules
    Sink(Box<SinkArgs>),
    /// Send a sample campaign to a receiver of its own, to see how it looks
    Demo(DemoArgs),
}

/// Where the data file lives.
#[derive(Args, Clone, Debug, Default)]
pub struct DataFlags {
    /// Folder of the data file [env: GLASSPOST_DATA] [default: the platform's data directory]
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
}

/// What is logged, and how.
#[derive(Args, Clone, Debug, Default)]
pub struct LogFlags {
    /// Least level that is logged: debug, info, warn or error [env: LOG_LEVEL] [default: info]
    #[arg(long, value_name = "LEVEL", global = true)]
    pub log_level: Option<String>,
    /// How log lines look: text or json [env: LOG_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT", global = true)]
    pub log_format: Option<String>,
}

impl Verb {
    /// The logging flags of the verb.
    pub fn logs(&self) -> &LogFlags {
        match self {
            Self::Send(args) => &args.output.logs,
            Self::Report(args) => &args.logs,
            Self::Campaigns(args) => &args.logs,
            Self::Schedule(args) => &args.logs,
            Self::Serve(args) => &args.logs,
            Self::Migrate(args) => &args.logs,
            Self::Copy(args) => &args.logs,
            Self::Config(verb) => verb.logs(),
            Self::Client(verb) => &verb.flags().logs,
            Self::Connect(args) => &args.client.logs,
            Self::Completions(args) => &args.logs,
            Self::Sink(args) => &args.logs,
            Self::Demo(args) => &args.logs,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_contradict_each_other_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_send_needs_no_manual() {
        let mut command = Cli::command();
        let send = command.find_subcommand_mut("send").unwrap();
        let help = send.render_long_help().to_string();
        let parts = [
            "Recipients (",
            "Message (",
            "Delivery:",
            "Scheduling (",
            "Safety and resuming:",
            "Webhook:",
            "Output:",
            "Exit status:",
            "Examples:",
            "config.json:",
        ];
        let places: Vec<_> = parts.iter().map(|part| help.find(part)).collect();
        assert!(places.iter().all(Option::is_some), "{places:?}\n{help}");
        assert!(places.is_sorted(), "{places:?}");
    }

    /// What stands in a command, and in those below it, without a word of help.
    fn silent(command: &clap::Command, above: &str) -> Vec<String> {
        let path = format!("{above} {}", command.get_name());
        let about = command.get_about().is_none().then(|| path.clone());
        let flags = command
            .get_arguments()
            .filter(|flag| !flag.is_hide_set() && flag.get_help().is_none())
            .map(|flag| format!("{path}: {}", flag.get_id()));
        let below = command
            .get_subcommands()
            .flat_map(|verb| silent(verb, &path));
        about.into_iter().chain(flags).chain(below).collect()
    }

    #[test]
    fn every_verb_and_every_flag_has_help() {
        let silent = silent(&Cli::command(), "");
        assert!(silent.is_empty(), "no help for {silent:?}");
        let prompt = PromptLine::command();
        let verbs: Vec<_> = prompt
            .get_subcommands()
            .filter(|verb| verb.get_about().is_none())
            .map(clap::Command::get_name)
            .collect();
        assert!(verbs.is_empty(), "no help for {verbs:?}");
    }

    #[test]
    fn the_groups_say_where_the_token_is_looked_for_and_how_they_end() {
        let mut command = Cli::command();
        for group in [
            "tenants",
            "accounts",
            "messages",
            "storages",
            "instance",
            "command-log",
        ] {
            let group = command.find_subcommand_mut(group).unwrap();
            let help = group.render_long_help().to_string();
            for part in [
                "--url",
                "--tenant",
                "--json",
                "GLASSPOST_ADMIN_TOKEN",
                "admin.token",
                "Exit status:",
            ] {
                assert!(help.contains(part), "{part} is missing in {help}");
            }
        }
    }

    #[test]
    fn an_unknown_flag_is_an_invalid_argument() {
        let error = Cli::try_parse_from(["glasspost", "send", "--no-such-flag"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        for shown in ["--help", "--version", "-h"] {
            let shown = Cli::try_parse_from(["glasspost", "send", shown]).unwrap_err();
            assert_eq!(shown.exit_code(), 0);
        }
    }
}
