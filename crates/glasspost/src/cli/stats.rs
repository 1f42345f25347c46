//! `glasspost stats`, `glasspost nodes` and `glasspost run-now`.

use std::num::NonZeroU16;

use clap::Args;

use super::client::ClientFlags;

/// Flags of `glasspost stats`.
#[derive(Args, Clone, Debug)]
pub struct StatsArgs {
    /// Show it again and again, every so many seconds, until Ctrl-C
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2"
    )]
    pub watch: Option<NonZeroU16>,
    #[command(flatten)]
    pub client: ClientFlags,
}

/// Flags of `glasspost nodes`.
#[derive(Args, Clone, Debug)]
pub struct NodesArgs {
    #[command(flatten)]
    pub client: ClientFlags,
}

/// Flags of `glasspost run-now`.
#[derive(Args, Clone, Debug)]
pub struct RunNowArgs {
    #[command(flatten)]
    pub client: ClientFlags,
}
