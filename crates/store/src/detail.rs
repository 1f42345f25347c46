//! What an event says beside its columns, as every backend keeps it.

use model::{Attempt, News, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Result, StoreError};

/// What an event's `detail` column holds, as JSON. Absent when there is nothing to say.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Detail {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) attempt: Option<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) due_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) news: Option<News>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) reason: Option<Box<str>>,
}

/// The text to keep; `None` when there is nothing to say.
pub(crate) fn encode(detail: &Detail) -> Result<Option<String>> {
    let Detail {
        attempt,
        due_at,
        news,
        reason,
    } = detail;
    if attempt.is_none() && due_at.is_none() && news.is_none() && reason.is_none() {
        return Ok(None);
    }
    serde_json::to_string(detail)
        .map(Some)
        .map_err(|error| StoreError::Backend(error.to_string()))
}
