//! `glasspost connect`, and what can be said at its prompt.

use clap::{Args, Parser, Subcommand};

use super::client::{ClientFlags, ClientVerb};

const CONNECT_HELP: &str = "\
At the prompt stand the verbs of this program that ask a service, without the program's name:
  tenants list
  use acme
  accounts add main --host smtp.example.com
  help

Commands may also come through a pipe, one a line; `#` begins a comment. It ends at the first that fails.
  printf 'use acme\\nmessages count\\n' | glasspost connect";

/// Flags of `glasspost connect`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CONNECT_HELP)]
pub struct ConnectArgs {
    #[command(flatten)]
    pub client: ClientFlags,
}

/// A line at the prompt.
#[derive(Debug, Parser)]
#[command(multicall = true, max_term_width = 110)]
pub struct PromptLine {
    /// What to do.
    #[command(subcommand)]
    pub verb: PromptVerb,
}

/// What can be said at the prompt.
#[derive(Debug, Subcommand)]
pub enum PromptVerb {
    #[command(flatten)]
    Client(Box<ClientVerb>),
    /// Mean this tenant from now on; without one, none
    Use {
        /// The tenant
        #[arg(value_name = "ID")]
        tenant: Option<String>,
    },
    /// End it
    #[command(visible_alias = "quit")]
    Exit,
}
