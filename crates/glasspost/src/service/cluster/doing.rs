//! What a process tells of itself.

use deliver::dispatch::Dispatch;
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// Accounts that a process names at most; the busiest.
const LANES_MAX: usize = 200;
/// Messages under way that a process names at most: what its connections can carry, and more.
const SENDING_MAX: usize = 2_000;

/// What a process is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Doing {
    /// Whether it begins messages.
    pub is_active: bool,
    /// Whether it is ending.
    pub is_draining: bool,
    /// What it does for all.
    pub duties: Vec<String>,
    /// The latest order that it did.
    pub done: u64,
    /// The accounts whose mail it delivers.
    pub lanes: Vec<LaneDoing>,
    /// The messages that it is sending, by their places in the log.
    pub sending: Vec<i64>,
}

/// An account's mail as a process delivers it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneDoing {
    /// The account's number.
    pub account: i64,
    /// Open connections.
    pub connections: u64,
    /// Messages under way.
    pub sending: u64,
    /// What keeps it from going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Box<str>>,
    /// Until when a limit holds it back, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_until: Option<i64>,
}

impl Doing {
    /// What a dispatcher is doing.
    pub fn of(dispatch: &Dispatch) -> Self {
        let mut lanes: Vec<LaneDoing> = dispatch
            .lanes()
            .into_iter()
            .map(|lane| LaneDoing {
                account: lane.account.0,
                connections: lane.connections,
                sending: lane.sending,
                trouble: lane.trouble,
                limited_until: lane.limited_until.map(Timestamp::as_millis),
            })
            .collect();
        if lanes.len() > LANES_MAX {
            lanes.sort_by_key(|lane| std::cmp::Reverse((lane.sending, lane.connections)));
            lanes.truncate(LANES_MAX);
        }
        let sending = dispatch.sending().into_iter().take(SENDING_MAX);
        Self {
            lanes,
            sending: sending.map(|seq| seq.get()).collect(),
            ..Self::default()
        }
    }

    /// What a process said. Words of another version's are passed over.
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// As it is told.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}
