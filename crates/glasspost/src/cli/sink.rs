//! `glasspost sink`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{LogFlags, number};

/// What `--help` ends with.
const AFTER_HELP: &str = "\
Rules, one a line, the first that matches wins; without a match the mail is accepted:
  WHO: ACTION [at PHASE] [times N]

  WHO      a pattern of the address with * for anything, or of the domain alone:
           *@slow.example, slow.example, nobody@*
           or a share of all addresses, the same ones in every run: 1%, 0.5%
           or both: 5% *@gmail.com
  ACTION   accept
           defer [CODE] [\"text\"]      a 4xx, default 451 4.3.0 \"try again later\"
           refuse [CODE] [\"text\"]     a 5xx, default 550 5.1.1 \"no such user\",
                                     at connect 554 5.3.2 \"no mail is taken here\"
           refuse-after-data [CODE] [\"text\"]   default 554 5.6.0, at end
           stall DURATION             say nothing for so long, then go on
           drop                       close the connection without a word
           garbage                    answer what is no SMTP
  PHASE    rcpt (default), data, end (after the final dot)
           or connect, where WHO is * or a share of the connections
  times N  only the first N times for each address

  *@slow.example: stall 5s at data
  1%: defer 451 4.7.1 \"try later\" times 1
  nobody@*: refuse 550 5.1.1 \"no such user\"

On Ctrl-C or SIGTERM the counts are printed; on SIGUSR1 --report is written at once.";

/// Flags of `glasspost sink`.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct SinkArgs {
    /// Address to listen on; port 0 takes a free one, which is printed
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2525")]
    pub listen: SocketAddr,
    /// File of rules, see below
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    pub rules: Option<PathBuf>,
    /// One rule, before those of the file; repeatable
    #[arg(long, value_name = "RULE", help_heading = "Rules")]
    pub rule: Vec<String>,
    /// Certificate chain for STARTTLS, PEM
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        help_heading = "Security"
    )]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        help_heading = "Security"
    )]
    pub tls_key: Option<PathBuf>,
    /// Make a certificate for localhost and 127.0.0.1, and write it to FILE when one is given
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with = "tls_cert",
        help_heading = "Security"
    )]
    pub self_signed: Option<Option<PathBuf>>,
    /// TLS from the first byte instead of STARTTLS
    #[arg(long, help_heading = "Security")]
    pub implicit_tls: bool,
    /// Ask for this login before any mail
    #[arg(long, value_name = "USER:PASSWORD", help_heading = "Security")]
    pub auth: Option<String>,
    /// Append one JSON line for each accepted message, before it is acknowledged
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub record: Option<PathBuf>,
    /// Keep each accepted message as a file
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub store_dir: Option<PathBuf>,
    /// Write the counts to a file as JSON, at the end and on SIGUSR1
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Print a line of counts after every so many messages
    #[arg(long, value_name = "N", value_parser = number::whole::<u64>, help_heading = "Output")]
    pub count_every: Option<u64>,
    #[command(flatten)]
    pub logs: LogFlags,
}
