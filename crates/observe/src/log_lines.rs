//! One log line a change: what happened, to whom, in the server's own words.

use model::{Event, EventKind};
use store::Logged;

/// Writes an event to the log. Failures for good are warnings; the rest is information, deliveries detail.
pub fn write(logged: &Logged) {
    let (event, address) = (&logged.event, logged.message.address.as_str());
    let id = logged.message.id;
    match event.kind {
        EventKind::Accepted => tracing::trace!(message_id = %id, %address, "accepted"),
        EventKind::Delivered => {
            tracing::debug!(message_id = %id, %address, attempt = event.attempts, reply = words(event), "delivered");
        }
        EventKind::Deferred => {
            tracing::info!(message_id = %id, %address, attempt = event.attempts, reply = words(event), "will be tried again");
        }
        EventKind::RateLimited => {
            tracing::info!(message_id = %id, %address, reason = words(event), "rate limit reached, waits");
        }
        EventKind::Receipt => {
            tracing::info!(message_id = %id, %address, receipt = words(event), "receipt");
        }
        EventKind::Bounced
        | EventKind::Expired
        | EventKind::Dropped
        | EventKind::Cancelled
        | EventKind::Returned => {
            tracing::warn!(message_id = %id, %address, attempt = event.attempts, reply = words(event), "{}", event.kind.as_str());
        }
    }
}

/// The server's words, or ours where it had none.
pub fn words(event: &Event) -> String {
    let attempt = event.attempt.as_ref();
    if let Some(reply) = attempt.and_then(|attempt| attempt.reply.as_ref()) {
        return reply.to_string();
    }
    let error = attempt.and_then(|attempt| attempt.error.as_deref());
    error
        .or(event.reason.as_deref())
        .unwrap_or_default()
        .to_owned()
}
