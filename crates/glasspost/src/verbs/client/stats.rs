//! `glasspost stats`: what goes through the service.

use std::io::{self, IsTerminal};
use std::time::Duration;

use serde_json::{Value, json};

use super::call::Call;
use super::connection::Connection;
use super::show;
use super::table::{Shape, plain, table};
use crate::cli::StatsArgs;
use crate::exit::Failure;
use crate::terminal;

/// Empties the screen, and begins at its top.
const CLEAR: &str = "\x1b[2J\x1b[H";
/// What stands for those that have no row of their own.
const OTHERS: &str = "(others)";

const SUMS: [&str; 7] = [
    "accepted",
    "sent",
    "errors",
    "cancelled",
    "pending",
    "deferred",
    "rate_limited",
];
const OF_TOTALS: [&str; 3] = ["accounts", "connections", "report_backlog"];
const OF_TENANT: [&str; 3] = ["report_backlog", "report_failures", "last_sync_at"];
const OF_ACCOUNT: [&str; 3] = ["connections", "limited_until", "trouble"];

/// Runs the verb.
pub async fn run(args: &StatsArgs, service: &Connection) -> Result<(), Failure> {
    let call = Call::get("/api/traffic", &())
        .about_service()
        .shown_as(Shape::Told(tell));
    let Some(seconds) = args.watch else {
        return show(service, &call, &service.ask(&call).await?);
    };
    let pause = Duration::from_secs(seconds.get().into());
    tokio::select! {
        failed = watch(&call, service, pause) => failed,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Shows it again and again, until that fails.
async fn watch(call: &Call, service: &Connection, pause: Duration) -> Result<(), Failure> {
    let is_screen = io::stdout().is_terminal() && !service.is_for_programs;
    loop {
        let answer = service.ask(call).await?;
        if is_screen {
            terminal::print(CLEAR)?;
        }
        show(service, call, &answer)?;
        tokio::time::sleep(pause).await;
    }
}

/// Everything, then by tenant, then by account.
fn tell(traffic: &Value) -> String {
    let state = match traffic["active"].as_bool() {
        Some(false) => "sending is suspended: `glasspost instance activate` goes on",
        Some(true) | None => "sending",
    };
    let at = plain(traffic["at"].as_str().unwrap_or_default());
    let totals = [OF_TOTALS.as_slice(), &SUMS].concat();
    let tenants = [["tenant_id"].as_slice(), &SUMS, &OF_TENANT].concat();
    let accounts = [["tenant_id", "account_id"].as_slice(), &SUMS, &OF_ACCOUNT].concat();
    let mut text = format!("{at}  {state}\n\n");
    text += &table(&[&traffic["totals"]], &totals);
    text += &rows(&traffic["tenants"], &traffic["other_tenants"], &tenants);
    text += &rows(&traffic["accounts"], &traffic["other_accounts"], &accounts);
    text
}

/// The rows there are, and one for those that have none.
fn rows(rows: &Value, others: &Value, columns: &[&str]) -> String {
    let mut others = others.clone();
    if others.is_object() {
        others["tenant_id"] = json!(OTHERS);
    }
    let others = Some(&others).filter(|others| others.is_object());
    let rows: Vec<&Value> = rows
        .as_array()
        .into_iter()
        .flatten()
        .chain(others)
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n{}", table(&rows, columns)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_come_before_tenants_before_accounts_and_the_rest_has_a_row() {
        let counts = |accepted: u32| {
            json!({"accepted": accepted, "sent": 1, "errors": 0, "cancelled": 0, "pending": 2,
            "deferred": 0, "rate_limited": 0, "connections": 1})
        };
        let mut traffic = json!({"at": "2026-01-01T00:00:00Z", "active": false, "totals": counts(30),
            "tenants": [counts(20)], "accounts": [counts(10)], "other_tenants": null, "other_accounts": counts(7)});
        traffic["tenants"][0]["tenant_id"] = json!("acme");
        traffic["accounts"][0]["account_id"] = json!("main");
        traffic["accounts"][0]["trouble"] = json!("no connection");
        let text = tell(&traffic);
        assert!(
            text.starts_with("2026-01-01T00:00:00Z  sending is suspended"),
            "{text}"
        );
        let places: Vec<_> = ["30", "acme", "main", OTHERS]
            .iter()
            .map(|part| text.find(part))
            .collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{text}"
        );
        assert!(text.contains("no connection"), "{text}");
    }
}
