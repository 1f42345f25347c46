//! `glasspost accounts`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::number;
use super::tenants::After;

const ADD_HELP: &str = "\
An account that is there is as described now; its password stays unless it is given again.

Examples:
  glasspost accounts add main --tenant acme --host smtp.example.com --user acme \\
      --password-file password.txt
  glasspost accounts add local --tenant acme --host 127.0.0.1 --port 25 --no-tls \\
      --limit-per-minute 60";

/// What to do with accounts.
#[derive(Clone, Debug, Subcommand)]
pub enum AccountsVerb {
    /// List a tenant's accounts
    List(After),
    /// Show an account
    Get(NamedAccount),
    /// Add an account, or change one that is there
    #[command(after_help = ADD_HELP)]
    Add(Box<AccountFields>),
    /// Add an account of certified mail (PEC), whose provider answers with receipts; --imap-host is needed
    AddPec(Box<AccountFields>),
    /// Delete an account with its messages
    Delete(NamedAccount),
}

/// The account that is meant.
#[derive(Args, Clone, Debug, Serialize)]
pub struct NamedAccount {
    /// The account
    #[arg(value_name = "ID")]
    pub account_id: String,
}

/// What can be said of an account.
#[derive(Args, Clone, Debug, Serialize)]
pub struct AccountFields {
    /// The account: letters, digits, dots, hyphens and underscores
    #[arg(value_name = "ID")]
    pub id: String,
    /// Its SMTP server
    #[arg(long, value_name = "HOST")]
    pub host: String,
    /// The server's port; on 465 TLS begins with the first byte, elsewhere by STARTTLS
    #[arg(long, value_name = "PORT", default_value_t = 587, value_parser = number::whole::<u16>)]
    pub port: u16,
    /// Sends in clear, without TLS
    #[arg(long = "no-tls", action = clap::ArgAction::SetFalse)]
    pub use_tls: bool,
    /// The name to log in with; without it there is no login
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// File with the password, `-` for standard input; asked for at a terminal when there is a user
    #[arg(long, value_name = "FILE", requires = "user")]
    #[serde(skip)]
    pub password_file: Option<PathBuf>,
    /// Messages a minute
    #[arg(long, value_name = "N", value_parser = number::whole::<u32>)]
    pub limit_per_minute: Option<u32>,
    /// Messages an hour
    #[arg(long, value_name = "N", value_parser = number::whole::<u32>)]
    pub limit_per_hour: Option<u32>,
    /// Messages a day
    #[arg(long, value_name = "N", value_parser = number::whole::<u32>)]
    pub limit_per_day: Option<u32>,
    /// What happens to a message beyond a limit [default: defer]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub limit_behavior: Option<LimitBehavior>,
    /// How long an idle connection is kept, in seconds [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = number::whole::<u32>)]
    pub ttl: Option<u32>,
    /// Messages of this account that are sent at once, at most
    #[arg(long, value_name = "N", value_parser = number::whole::<u32>)]
    pub batch_size: Option<u32>,
    #[command(flatten)]
    #[serde(flatten)]
    pub inbox: Inbox,
}

/// The mailbox of an account.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Inbox {
    /// The IMAP server of its mailbox, where receipts arrive
    #[arg(long, value_name = "HOST")]
    pub imap_host: Option<String>,
    /// The port of that server [default: 993]
    #[arg(long, value_name = "PORT", requires = "imap_host", value_parser = number::whole::<u16>)]
    pub imap_port: Option<u16>,
    /// The name to log in there with [default: --user, with its password]
    #[arg(long, value_name = "NAME", requires = "imap_host")]
    pub imap_user: Option<String>,
    /// File with the password for there, `-` for standard input
    #[arg(long, value_name = "FILE", requires = "imap_host")]
    #[serde(skip)]
    pub imap_password_file: Option<PathBuf>,
    /// The folder to read there [default: INBOX]
    #[arg(long, value_name = "NAME", requires = "imap_host")]
    pub imap_folder: Option<String>,
}

/// What happens to a message beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LimitBehavior {
    /// It waits.
    Defer,
    /// It fails.
    Reject,
}
