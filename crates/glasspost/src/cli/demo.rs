//! `glasspost demo`.

use std::path::PathBuf;

use clap::Args;

use super::{LogFlags, number};

/// Flags of `glasspost demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Recipients of the sample list
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = number::sample_size)]
    pub recipients: u32,
    /// As fast as it goes, without a dashboard and a pace that people can watch
    #[arg(long)]
    pub fast: bool,
    /// Folder for the sample's files; made when it is not there [default: a new temporary folder]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    #[command(flatten)]
    pub logs: LogFlags,
}
