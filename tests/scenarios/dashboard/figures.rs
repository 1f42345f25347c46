//! The figures that a dashboard shows, under MailGrid's names.

use serde::Deserialize;
use serde_json::Value;

/// What became of the recipients until one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Figures {
    #[serde(rename = "total_recipients")]
    pub total: u64,
    #[serde(rename = "pending_count")]
    pub pending: u64,
    #[serde(rename = "sending_count")]
    pub sending: u64,
    #[serde(rename = "sent_count")]
    pub sent: u64,
    #[serde(rename = "failed_count")]
    pub failed: u64,
    #[serde(rename = "retry_count")]
    pub retry: u64,
}

impl Figures {
    /// Those of an answer or an update, having checked that they add up.
    #[track_caller]
    pub fn of(json: &Value) -> Self {
        let figures: Self = serde_json::from_value(json.clone()).unwrap();
        let Self {
            total,
            pending,
            sending,
            sent,
            failed,
            retry,
        } = figures;
        assert_eq!(
            pending + sending + sent + failed + retry,
            total,
            "{figures:?}"
        );
        figures
    }

    /// Those of a run that is over.
    pub fn of_the_end(sent: u64, failed: u64) -> Self {
        Self {
            total: sent + failed,
            sent,
            failed,
            ..Self::default()
        }
    }
}
