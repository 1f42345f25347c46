//! `glasspost command-log`.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::number;

/// What to do with the log of commands.
#[derive(Clone, Debug, Subcommand)]
pub enum CommandLogVerb {
    /// List who asked for what
    List(LogFilter),
    /// Show one entry
    Get(NamedEntry),
    /// Print the requests in a form that can be sent again, as JSON
    Export(LogFilter),
    /// Delete old entries
    Purge(PurgeLog),
}

/// Which entries are meant; with `--tenant`, those of one tenant.
#[derive(Args, Clone, Debug, Serialize)]
pub struct LogFilter {
    /// Not before this moment, as in 2027-01-31T12:00:00Z or seconds since 1970
    #[arg(long = "since", value_name = "TIME", value_parser = number::moment)]
    pub since_ts: Option<i64>,
    /// Not after this moment
    #[arg(long = "until", value_name = "TIME", value_parser = number::moment)]
    pub until_ts: Option<i64>,
    /// Only requests to this route, as in 'POST /tenant'
    #[arg(long = "endpoint", value_name = "ROUTE")]
    pub endpoint_filter: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", value_parser = number::whole::<u32>)]
    pub limit: Option<u32>,
    /// How many to leave out
    #[arg(long, value_name = "N", value_parser = number::whole::<u32>)]
    pub offset: Option<u32>,
}

/// The entry that is meant.
#[derive(Args, Clone, Debug, Serialize)]
pub struct NamedEntry {
    /// Its number
    #[arg(value_name = "NUMBER", value_parser = number::whole::<u64>)]
    pub command_id: u64,
}

/// Flags of `glasspost command-log purge`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct PurgeLog {
    /// Entries before this moment, as in 2027-01-31T12:00:00Z or seconds since 1970
    #[arg(long = "before", value_name = "TIME", value_parser = number::moment)]
    pub threshold_ts: i64,
}
