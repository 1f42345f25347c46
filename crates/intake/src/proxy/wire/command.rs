//! What was asked for in the past.

use model::{TenantId, Timestamp};
use serde_json::{Value, json};
use store::directory::{Command, CommandFilter};

use super::time;
use crate::proxy::object::Object;
use crate::proxy::problem::Problem;

/// Commands of one answer, unless another number is asked for.
const LIMIT: i64 = 100;
/// Commands of one answer at most: of 16 KiB each.
const LIMIT_MAX: i64 = 1_000;
/// The rest of the second that a moment is in, in milliseconds: commands are shown by their second.
const SECOND_REST: i64 = 999;

/// How many are given to who does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Page {
    /// A few, to be looked at.
    Some,
    /// As many as may be.
    Most,
}

/// Which commands a request asks for.
pub(in crate::proxy) fn filter(input: &Object, page: Page) -> Result<CommandFilter, Problem> {
    let usual = match page {
        Page::Some => LIMIT,
        Page::Most => LIMIT_MAX,
    };
    let limit = input.integer("limit", 1..=LIMIT_MAX)?.unwrap_or(usual);
    let offset = input
        .integer("offset", 0..=i64::from(u32::MAX))?
        .unwrap_or(0);
    let until = time::read(input, "until_ts")?;
    Ok(CommandFilter {
        tenant: input.parsed("tenant_id", TenantId::parse)?,
        since: time::read(input, "since_ts")?,
        until: until.map(to_end_of_second),
        endpoint: input.text("endpoint_filter")?.map(Box::from),
        offset: offset.try_into().unwrap_or_default(),
        limit: limit.try_into().unwrap_or_default(),
    })
}

/// A command as it was written down.
pub(in crate::proxy) fn show(command: &Command) -> Value {
    let mut shown = for_replay(command);
    shown["id"] = json!(command.id);
    shown["response_status"] = json!(command.response_status);
    shown
}

/// What of a command it takes to ask for it again, but for what was left out of its payload.
pub(in crate::proxy) fn for_replay(command: &Command) -> Value {
    let payload = serde_json::from_str(&command.payload);
    json!({
        "endpoint": command.endpoint,
        "tenant_id": command.tenant.as_ref().map(TenantId::as_str),
        "payload": payload.unwrap_or(Value::Null),
        "command_ts": command.at.as_secs(),
    })
}

fn to_end_of_second(at: Timestamp) -> Timestamp {
    match at.as_millis() % 1000 {
        0 => Timestamp::from_millis(at.as_millis() + SECOND_REST),
        _ => at,
    }
}
