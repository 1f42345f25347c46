//! `glasspost statistics`.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::client::ClientFlags;
use super::number;
use super::serve::{ConfigFlags, StoreFlags};

const HELP: &str = "\
Hours, days and months are those of UTC, and whole. Each recipient of a message counts, and an event in the hour that it \
happened in. What was counted stays when messages, accounts and tenants are gone, for statistics.retention.

Examples:
  glasspost statistics --by hour
  glasspost statistics --by month --from 2026-01-01 --each tenant
  glasspost statistics --tenant acme --account main --json
  glasspost statistics rebuild --month 2026-11";

const REBUILD_HELP: &str = "\
Counts anew from what the log holds and from what was noted of what it held, and corrects what differs, all of it at once. It \
works on the store itself, also while the service runs: nobody who sends waits for it.

Examples:
  glasspost statistics rebuild
  glasspost statistics rebuild --month 2026-11 --store postgres://glasspost@db.example/mail

Exit status: 0 it was counted, whether anything differed or not; 1 an error; 2 invalid arguments.";

/// Flags of `glasspost statistics`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, after_help = HELP)]
pub struct StatisticsArgs {
    /// What to do instead of showing them.
    #[command(subcommand)]
    pub verb: Option<StatisticsVerb>,
    #[command(flatten)]
    pub wanted: WantedStatistics,
    #[command(flatten)]
    pub client: ClientFlags,
}

/// What to do with the statistics.
#[derive(Clone, Debug, Subcommand)]
pub enum StatisticsVerb {
    /// Count what happened anew, and correct what differs
    #[command(after_help = REBUILD_HELP)]
    Rebuild(RebuildArgs),
}

/// Which statistics are shown; with `--tenant`, those of one tenant.
#[derive(Args, Clone, Debug, Serialize)]
pub struct WantedStatistics {
    /// What hours are summed up to [default: day]
    #[arg(long, value_name = "SPAN")]
    pub by: Option<By>,
    /// From the span on that this moment is in, as in 2027-01-31 or 2027-01-31T12:00:00Z
    /// [default: 24 hours, 7 days or 12 months ago]
    #[arg(long, value_name = "TIME", value_parser = number::moment_or_day)]
    pub from: Option<i64>,
    /// Up to this moment, or the end of the span that it is in [default: now]
    #[arg(long, value_name = "TIME", value_parser = number::moment_or_day)]
    pub until: Option<i64>,
    /// Only what went through accounts of this id
    #[arg(long = "account", value_name = "ID")]
    pub account_id: Option<String>,
    /// How far rows are told apart [default: total]
    #[arg(long, value_name = "WHAT")]
    pub each: Option<Each>,
}

/// Spans of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A row an hour.
    Hour,
    /// A row a day.
    Day,
    /// A row a month.
    Month,
}

/// How far rows are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Each {
    /// Not at all.
    Total,
    /// A row a tenant.
    Tenant,
    /// A row an account.
    Account,
}

/// Flags of `glasspost statistics rebuild`.
#[derive(Args, Clone, Debug)]
pub struct RebuildArgs {
    /// Only this month, as in 2026-11 [default: everything]
    #[arg(long, value_name = "MONTH", value_parser = month)]
    pub month: Option<Month>,
    #[command(flatten)]
    pub store: StoreFlags,
    #[command(flatten)]
    pub config: ConfigFlags,
}

/// A month, by its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month(pub jiff::civil::Date);

fn month(text: &str) -> Result<Month, String> {
    let is_month = text.len() == "2026-11".len() && text.is_ascii();
    let first = format!("{text}-01").parse();
    match first {
        Ok(first) if is_month => Ok(Month(first)),
        _ => Err("expected a month such as 2026-11".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_year_and_a_month() {
        let first = jiff::civil::date(2026, 11, 1);
        assert_eq!(month("2026-11"), Ok(Month(first)));
        for bad in [
            "",
            "2026",
            "2026-13",
            "2026-1",
            "2026-11-01",
            "11-2026",
            "2026-Nov",
        ] {
            assert!(month(bad).unwrap_err().contains("such as 2026-11"), "{bad}");
        }
    }
}
