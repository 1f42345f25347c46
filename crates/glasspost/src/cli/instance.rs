//! `glasspost instance`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::number;

const TOKEN_HELP: &str = "\
Without --regenerate it prints the token that the other verbs would show, for scripts:
  curl -H \"X-API-Token: $(glasspost instance token)\" http://127.0.0.1:8000/status";

/// What to do with the service as a whole.
#[derive(Clone, Debug, Subcommand)]
pub enum InstanceVerb {
    /// Show how the service is set, without its secrets
    Show,
    /// Change how the service is set
    Update(Box<InstanceFields>),
    /// Show how the service stands: whether it sends, how much waits
    Status,
    /// Stop sending; mail is still taken
    Suspend,
    /// Send again
    Activate,
    /// Send and report at once
    RunNow,
    /// Read the mailbox of bounces as it is set now
    ReloadBounce,
    /// Print the operator's token, or make a second one
    #[command(after_help = TOKEN_HELP)]
    Token(TokenArgs),
}

/// What can be said of the service.
#[derive(Args, Clone, Debug, Default, Serialize)]
pub struct InstanceFields {
    /// What it is called
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// File with a second token of the operator, `-` for standard input; it replaces an earlier second one
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub api_token_file: Option<PathBuf>,
    /// Whether bounces are read from a mailbox
    #[arg(long, value_name = "true|false")]
    pub bounce_enabled: Option<bool>,
    /// The IMAP server of that mailbox
    #[arg(long, value_name = "HOST")]
    pub bounce_imap_host: Option<String>,
    /// The port of that server
    #[arg(long, value_name = "PORT", value_parser = number::whole::<u16>)]
    pub bounce_imap_port: Option<u16>,
    /// The name to log in there with
    #[arg(long, value_name = "NAME")]
    pub bounce_imap_user: Option<String>,
    /// File with the password for there, `-` for standard input
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub bounce_imap_password_file: Option<PathBuf>,
    /// The folder to read there
    #[arg(long, value_name = "NAME")]
    pub bounce_imap_folder: Option<String>,
    /// Whether that server is spoken to over TLS
    #[arg(long, value_name = "true|false")]
    pub bounce_imap_ssl: Option<bool>,
    /// How often the mailbox is looked at, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = number::whole::<u32>)]
    pub bounce_poll_interval: Option<u32>,
    /// Where bounces go of messages that do not say so
    #[arg(long, value_name = "ADDRESS")]
    pub bounce_return_path: Option<String>,
}

/// Flags of `glasspost instance token`.
#[derive(Args, Clone, Debug)]
pub struct TokenArgs {
    /// Make a second token, shown this once; an earlier second one is good no more, the token of the start stays
    #[arg(long)]
    pub regenerate: bool,
}
