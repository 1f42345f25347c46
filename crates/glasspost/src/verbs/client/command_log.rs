//! `glasspost command-log` as requests.

use serde_json::Value;

use super::call::{Ask, Call, Desk};
use super::table::Shape;
use crate::cli::CommandLogVerb;
use crate::exit::Failure;

const COLUMNS: &[&str] = &[
    "id",
    "command_ts",
    "tenant_id",
    "response_status",
    "endpoint",
    "payload",
];

impl Ask for CommandLogVerb {
    fn call(self, _: &Desk<'_>) -> Result<Call, Failure> {
        Ok(match self {
            Self::List(filter) => {
                Call::get("/command-log", &filter).shown_as(Shape::List("commands", COLUMNS))
            }
            Self::Get(entry) => Call::get("/command_log/get", &entry).about_service(),
            Self::Export(filter) => {
                Call::get("/command-log/export", &filter).shown_as(Shape::Told(lines))
            }
            Self::Purge(old) => Call::post("/command_log/purge", &old).about_service(),
        })
    }
}

/// Each request as a line of JSON.
fn lines(answer: &Value) -> String {
    let commands = answer["commands"].as_array().into_iter().flatten();
    commands.map(|command| format!("{command}\n")).collect()
}
