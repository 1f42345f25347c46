//! What a process tells of itself.

use console::service::Making;
use deliver::dispatch::{Dispatch, LaneNow};
use model::account::AccountPk;
use model::{Seq, TenantId, Timestamp};
use observe::reports::SyncStatus;
use serde::{Deserialize, Serialize};
use store::nodes::DOING_BYTES_MAX;

/// Accounts that a process names at most: those held up, then the busiest.
const LANES_MAX: usize = 200;
/// Messages under way that a process names at most: what its connections can carry, and more.
const SENDING_MAX: usize = 2_000;
/// Tenants whose reports a process tells of at most: those whose applications fail, then by id.
const REPORTING_MAX: usize = 200;
/// The longest words for a trouble, in characters.
const TROUBLE_CHARS_MAX: usize = 200;

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
    /// How many messages it is making.
    pub making: u64,
    /// When the first of them was begun, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub making_since: Option<i64>,
    /// The accounts whose mail it delivers.
    pub lanes: Vec<LaneDoing>,
    /// The messages that it is sending, by their places in the log, in order.
    pub sending: Vec<i64>,
    /// The accounts whose mail that is, by number, in order.
    pub sending_of: Vec<i64>,
    /// Whether it may be sending more than it names.
    pub more: bool,
    /// How the reports stand that it tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reporting: Vec<ReportingDoing>,
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

/// How a tenant's reports stand. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportingDoing {
    /// Whose.
    pub tenant: String,
    /// When its application last answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync_at: Option<i64>,
    /// When it is called next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_sync_at: Option<i64>,
    /// Whether it asked to be left alone.
    pub in_dnd: bool,
    /// Calls in a row that failed.
    pub failures: u32,
}

impl Doing {
    /// What a dispatcher is doing.
    pub fn of(dispatch: &Dispatch) -> Self {
        let mut lanes: Vec<LaneDoing> = dispatch.lanes().iter().map(LaneDoing::of).collect();
        let sending_of = lanes.iter().filter(|lane| lane.sending > 0);
        let sending_of = sending_of.map(|lane| lane.account).collect();
        if lanes.len() > LANES_MAX {
            lanes.sort_by_key(|lane| {
                let is_held_up = lane.trouble.is_some() || lane.limited_until.is_some();
                (
                    !is_held_up,
                    std::cmp::Reverse((lane.sending, lane.connections)),
                )
            });
            lanes.truncate(LANES_MAX);
        }
        Self {
            lanes,
            ..Self::default()
        }
        .sending(&dispatch.sending(), sending_of)
    }

    /// The same with the messages that it is sending, and their accounts.
    fn sending(mut self, messages: &[Seq], accounts: Vec<i64>) -> Self {
        self.more = messages.len() > SENDING_MAX || accounts.len() > SENDING_MAX;
        self.sending = messages.iter().map(|seq| seq.get()).collect();
        self.sending.truncate(SENDING_MAX);
        self.sending_of = accounts;
        self.sending_of.truncate(SENDING_MAX);
        self
    }

    /// The same with what is being made, and how the reports stand that this process tells.
    #[must_use]
    pub fn with(mut self, making: Making, mut reporting: Vec<SyncStatus>) -> Self {
        self.making = making.count;
        self.making_since = making.oldest_at.map(Timestamp::as_millis);
        reporting.sort_by_key(|status| status.failures == 0);
        reporting.truncate(REPORTING_MAX);
        self.reporting = reporting.into_iter().map(ReportingDoing::of).collect();
        self
    }

    /// What it is making.
    pub fn making(&self) -> Making {
        Making {
            count: self.making,
            oldest_at: self.making_since.map(Timestamp::from_millis),
        }
    }

    /// The accounts whose mail it delivers.
    pub fn lanes(&self) -> Vec<LaneNow> {
        self.lanes.iter().map(LaneDoing::to_lane).collect()
    }

    /// How the reports stand that it tells.
    pub fn reporting(&self) -> Vec<SyncStatus> {
        self.reporting
            .iter()
            .filter_map(ReportingDoing::to_status)
            .collect()
    }

    /// What a process said. Words of another version's are passed over.
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// As it is told. Where that would be too long, it is cut: that it lives has to be told in any case.
    pub fn to_json(&self) -> String {
        let mut told = self.clone();
        loop {
            let text = serde_json::to_string(&told).unwrap_or_else(|_| "{}".to_owned());
            if text.len() <= DOING_BYTES_MAX || !told.cut() {
                return text;
            }
        }
    }

    /// Halves what can best be missed; `false` when there is nothing left to cut. Words go first, and what is being sent
    /// last: that is not named in full is said.
    fn cut(&mut self) -> bool {
        let words = self
            .lanes
            .iter_mut()
            .filter_map(|lane| lane.trouble.as_mut());
        let mut are_words_cut = false;
        for words in words.filter(|words| !words.is_empty()) {
            *words = words.chars().take(words.chars().count() / 2).collect();
            are_words_cut = true;
        }
        if are_words_cut {
            return true;
        }
        if !self.reporting.is_empty() || !self.lanes.is_empty() {
            self.reporting.truncate(self.reporting.len() / 2);
            self.lanes.truncate(self.lanes.len() / 2);
            return true;
        }
        self.more = true;
        let before = self.sending.len() + self.sending_of.len();
        self.sending.truncate(self.sending.len() / 2);
        self.sending_of.truncate(self.sending_of.len() / 2);
        before > 0
    }
}

impl LaneDoing {
    fn of(lane: &LaneNow) -> Self {
        let trouble = lane.trouble.as_deref();
        Self {
            account: lane.account.0,
            connections: lane.connections,
            sending: lane.sending,
            trouble: trouble.map(|words| words.chars().take(TROUBLE_CHARS_MAX).collect()),
            limited_until: lane.limited_until.map(Timestamp::as_millis),
        }
    }

    fn to_lane(&self) -> LaneNow {
        LaneNow {
            account: AccountPk(self.account),
            connections: self.connections,
            sending: self.sending,
            trouble: self.trouble.clone(),
            limited_until: self.limited_until.map(Timestamp::from_millis),
        }
    }
}

impl ReportingDoing {
    fn of(status: SyncStatus) -> Self {
        Self {
            tenant: status.tenant.as_str().to_owned(),
            last_sync_at: status.last_sync_at.map(Timestamp::as_millis),
            next_sync_at: status.next_sync_at.map(Timestamp::as_millis),
            in_dnd: status.in_dnd,
            failures: status.failures,
        }
    }

    fn to_status(&self) -> Option<SyncStatus> {
        Some(SyncStatus {
            tenant: TenantId::parse(&self.tenant).ok()?,
            last_sync_at: self.last_sync_at.map(Timestamp::from_millis),
            next_sync_at: self.next_sync_at.map(Timestamp::from_millis),
            in_dnd: self.in_dnd,
            failures: self.failures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(tenant: &str, failures: u32) -> SyncStatus {
        SyncStatus {
            tenant: TenantId::parse(tenant).unwrap(),
            last_sync_at: Some(Timestamp::from_millis(7)),
            next_sync_at: None,
            in_dnd: failures == 1,
            failures,
        }
    }

    #[test]
    fn what_is_told_is_understood() {
        let lane = LaneNow {
            account: AccountPk(4),
            connections: 2,
            sending: 1,
            trouble: Some("535 \"no\"".into()),
            limited_until: Some(Timestamp::from_millis(99)),
        };
        let making = Making {
            count: 3,
            oldest_at: Some(Timestamp::from_millis(5)),
        };
        let doing = Doing {
            is_active: true,
            duties: vec!["reports".to_owned()],
            lanes: vec![LaneDoing::of(&lane)],
            sending: vec![11, 12],
            ..Doing::default()
        }
        .with(making, vec![status("acme", 1), status("other", 0)]);
        let heard = Doing::parse(&doing.to_json());
        assert_eq!(heard, doing);
        assert_eq!(heard.lanes(), [lane]);
        assert_eq!(heard.making(), making);
        assert_eq!(heard.reporting(), [status("acme", 1), status("other", 0)]);
        assert_eq!(Doing::parse("of another version"), Doing::default());
    }

    #[test]
    fn an_account_of_much_is_cut_and_never_too_long_to_be_told() {
        let lane = LaneNow {
            account: AccountPk(i64::MAX),
            connections: u64::MAX,
            sending: u64::MAX,
            // Each becomes six bytes.
            trouble: Some("\u{1}".repeat(10_000).into()),
            limited_until: Some(Timestamp::from_millis(i64::MAX)),
        };
        let doing = Doing {
            is_draining: true,
            lanes: vec![LaneDoing::of(&lane); LANES_MAX],
            ..Doing::default()
        }
        .sending(&[Seq::new(i64::MAX); SENDING_MAX], vec![4; LANES_MAX]);
        let failing =
            (0..1_000).map(|number| status(&format!("t{number}"), u32::from(number > 900)));
        let doing = doing.with(Making::default(), failing.collect());
        assert_eq!(doing.reporting.len(), REPORTING_MAX);
        assert_eq!(doing.reporting[0].tenant, "t901", "trouble comes first");
        let text = doing.to_json();
        assert!(text.len() <= DOING_BYTES_MAX, "{}", text.len());
        let heard = Doing::parse(&text);
        assert!(heard.is_draining && !heard.lanes.is_empty());
        let sent = (heard.sending.len(), heard.sending_of.len());
        assert_eq!(sent, (SENDING_MAX, LANES_MAX), "words go first");
        assert!(!heard.more);
    }

    #[test]
    fn what_is_sent_is_never_left_out_without_a_word() {
        let messages = vec![Seq::new(i64::MAX); SENDING_MAX + 1];
        assert!(Doing::default().sending(&messages, Vec::new()).more);
        let accounts = vec![i64::MAX; SENDING_MAX];
        let doing = Doing::default().sending(&messages[1..], accounts);
        assert!(!doing.more);
        let text = doing.to_json();
        assert!(text.len() <= DOING_BYTES_MAX, "{}", text.len());
        let heard = Doing::parse(&text);
        assert!(heard.sending.len() < SENDING_MAX && heard.more);
    }
}
