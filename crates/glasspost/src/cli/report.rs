//! `glasspost report` and `glasspost campaigns`.

use clap::{Args, ValueEnum};

use super::{DataFlags, LogFlags, StoreFlags, number};

/// Flags of `glasspost report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Which run: its job id, as `glasspost campaigns` shows it, or `latest`
    #[arg(value_name = "JOB_ID", default_value = "latest")]
    pub job: String,
    /// How it is written; csv is one line a recipient
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// List every recipient: address, status, attempts, code and the server's words
    #[arg(long)]
    pub recipients: bool,
    #[command(flatten)]
    pub store: StoreFlags,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub logs: LogFlags,
}

/// Flags of `glasspost campaigns`.
#[derive(Args, Clone, Debug)]
pub struct CampaignsArgs {
    /// Runs that are listed at most, newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = number::whole::<u32>)]
    pub limit: u32,
    #[command(flatten)]
    pub store: StoreFlags,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub logs: LogFlags,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}
