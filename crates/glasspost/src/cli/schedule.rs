//! `glasspost schedule`.

use clap::{Args, Subcommand};

use super::{DataFlags, LogFlags, StoreFlags};

/// Flags of `glasspost schedule`.
#[derive(Args, Clone, Debug)]
pub struct ScheduleArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: ScheduleVerb,
    #[command(flatten)]
    pub store: StoreFlags,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub logs: LogFlags,
}

/// What to do with the schedules.
#[derive(Clone, Debug, Subcommand)]
pub enum ScheduleVerb {
    /// Keep the schedules until Ctrl-C, as `glasspost serve` does; several may do so on one store
    Run,
    /// List the scheduled jobs
    List,
    /// Cancel a job that has not ended
    Cancel {
        /// The job, as `glasspost schedule list` shows it
        id: String,
    },
}
