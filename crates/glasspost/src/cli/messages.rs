//! `glasspost messages`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::number;

const SEND_HELP: &str = "\
What goes along are From, To, Cc, Bcc, Reply-To, Subject, Message-ID, Return-Path, the text, the HTML, the \
attachments and further header fields; what servers on the way wrote does not. The message's id is its Message-ID, \
unless --id is given: sending the same file again sends nothing twice.

Examples:
  glasspost messages send letter.eml --tenant acme --account main
  cat letter.eml | glasspost messages send - --account main --priority high";

const ADD_HELP: &str = "\
FILE is JSON: a message, a list of messages, or {\"messages\": […]}, in the fields of the service's API (see /docs). \
Without FILE, the message is made of the flags.

Examples:
  glasspost messages add --tenant acme --account main --from ada@example.org --to bob@example.com \\
      --subject Hello --text 'Hello, Bob.' --attach report.pdf
  jq -c . batch.json | glasspost messages add - --tenant acme";

/// What a message is made of when there is no file with it.
const FLAGS: [&str; 17] = [
    "account_id",
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "return_path",
    "subject",
    "text",
    "text_file",
    "html_file",
    "headers",
    "attachments",
    "id",
    "priority",
    "batch_code",
    "deferred_ts",
];

/// What to do with messages.
#[derive(Clone, Debug, Subcommand)]
pub enum MessagesVerb {
    /// List a tenant's messages
    List(ListMessages),
    /// Show a message: how it stands with each recipient, and what happened to it
    Get(NamedMessage),
    /// Hand over a finished letter: a file in the form that mail has (RFC 5322, .eml)
    #[command(after_help = SEND_HELP)]
    Send(SendLetter),
    /// Hand over messages from JSON, or one from flags
    #[command(after_help = ADD_HELP)]
    Add(Box<AddMessages>),
    /// Delete messages; those that wait are not sent any more
    Delete(DeleteMessages),
    /// Delete messages that are done and reported
    Cleanup(CleanUp),
    /// Show what happened to a message
    Events(OneMessage),
    /// Say how many messages wait
    Count(Batch),
}

/// Flags of `glasspost messages list`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct ListMessages {
    /// Only those that wait
    #[arg(long)]
    pub active_only: bool,
    /// With everything that happened to each; see it with --json
    #[arg(long = "history")]
    pub include_history: bool,
    /// How many at most, up to 10000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = number::whole::<u32>)]
    pub limit: u32,
    /// Go on after this one, as the list before said
    #[arg(long, value_name = "PK")]
    pub after: Option<String>,
}

/// The message that is meant.
#[derive(Args, Clone, Debug, Serialize)]
pub struct NamedMessage {
    /// The message's id
    #[arg(value_name = "ID")]
    pub message_id: String,
}

/// The message that is meant, by either name.
#[derive(Args, Clone, Debug)]
pub struct OneMessage {
    /// The message's id, or its pk
    #[arg(value_name = "ID")]
    pub id: String,
}

/// Flags of `glasspost messages send`.
#[derive(Args, Clone, Debug)]
pub struct SendLetter {
    /// The letter; `-` reads it from standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The account that it leaves through
    #[arg(long, value_name = "ID")]
    pub account: String,
    /// Sends it to this address, whomever its header names; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub to: Vec<String>,
    #[command(flatten)]
    pub terms: Terms,
}

/// How a message is sent, whatever it says.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Terms {
    /// The message's id: a second one with it replaces the first while that waits
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// immediate, high, medium or low, or 0 to 3
    #[arg(long, value_name = "WHICH")]
    pub priority: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub batch: Batch,
    /// Not before this moment, as in 2027-01-31T12:00:00Z or seconds since 1970
    #[arg(long = "not-before", value_name = "TIME", value_parser = number::moment)]
    pub deferred_ts: Option<i64>,
}

/// A batch of messages.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Batch {
    /// The batch, by which messages can be held back together
    #[arg(long = "batch", value_name = "CODE")]
    pub batch_code: Option<String>,
}

/// Flags of `glasspost messages add`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct AddMessages {
    /// JSON with messages; `-` reads it from standard input
    #[arg(value_name = "FILE", conflicts_with_all = FLAGS)]
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The account that it leaves through
    #[arg(long = "account", value_name = "ID", required_unless_present = "file")]
    pub account_id: Option<String>,
    /// Who wrote it: a@b.c or 'Name <a@b.c>'
    #[arg(long, value_name = "ADDRESS", required_unless_present = "file")]
    pub from: Option<String>,
    /// Whom it is for; may be given several times
    #[arg(long, value_name = "ADDRESS", required_unless_present = "file")]
    pub to: Vec<String>,
    /// Who gets a copy; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub cc: Vec<String>,
    /// Who gets a copy without the others seeing it; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub bcc: Vec<String>,
    /// Where answers go
    #[arg(long, value_name = "ADDRESS")]
    pub reply_to: Option<String>,
    /// Where bounces go
    #[arg(long, value_name = "ADDRESS")]
    pub return_path: Option<String>,
    /// What it is about
    #[arg(long, value_name = "TEXT", required_unless_present = "file")]
    pub subject: Option<String>,
    #[command(flatten)]
    #[serde(skip)]
    pub content: Content,
    #[command(flatten)]
    #[serde(flatten)]
    pub terms: Terms,
}

/// What a message says.
#[derive(Args, Clone, Debug)]
pub struct Content {
    /// Its text
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// File with its text, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub text_file: Option<PathBuf>,
    /// File with its HTML; readers show it, or the text, as they can
    #[arg(long, value_name = "FILE")]
    pub html_file: Option<PathBuf>,
    /// One more header field, as in 'X-Campaign: spring'; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// A file that goes along; may be given several times
    #[arg(long = "attach", value_name = "FILE")]
    pub attachments: Vec<PathBuf>,
}

/// Flags of `glasspost messages delete`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct DeleteMessages {
    /// The messages' ids
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
}

/// Flags of `glasspost messages cleanup`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct CleanUp {
    /// Only those that were done so long ago, as in 36h or 90m [default: the service's retention]
    #[arg(long = "older-than", value_name = "DURATION", value_parser = number::seconds)]
    pub older_than_seconds: Option<u64>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("expected a name and a value, such as 'X-Campaign: spring'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
