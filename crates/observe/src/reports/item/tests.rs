//! Reports as their applications get them.

use std::sync::Arc;

use model::account::{AccountId, AccountPk};
use model::{MessageId, Permanence, Priority, ReceiptKind, Seq, SubmissionId, TenantId};
use store::Logged;
use store::submissions::{ClientId, FollowedMessage};

use super::*;
use crate::monitor::sample::{event, logged};

const PK: &str = "01a20384-40c8-7000-8000-040000000001";

fn submission(recipients: u32, open: u32, failed: u32) -> Submission {
    let at = Timestamp::from_millis(1_795_355_000_000);
    Submission {
        id: SubmissionId(Seq::new(1)),
        message_id: MessageId::new(at, 1, Seq::new(1)),
        tenant: TenantId::parse("acme").unwrap(),
        client_id: ClientId::parse("id", "msg-1").unwrap(),
        account: AccountPk(1),
        account_id: AccountId::parse("primary-smtp").unwrap(),
        priority: Priority::Medium,
        batch: None,
        deferred_until: None,
        recipients,
        open,
        failed,
        is_held: false,
        created_at: at,
        updated_at: at,
    }
}

fn report(submission: Submission, event: Event) -> Report {
    let message = logged(event.kind, 1, "ada@example.org", 1).message;
    Report {
        seq: event.seq,
        submission,
        logged: Logged { event, message },
    }
}

/// What a report about the only recipient says, without the ids.
fn said(event: Event) -> Value {
    let mut item = item(&report(submission(1, 0, 0), event), None);
    let fields = item.as_object_mut().unwrap();
    let ids = ["id", "tenant_id", "pk"].map(|name| fields.remove(name).unwrap());
    assert_eq!(ids[0], "msg-1");
    assert_eq!(ids[1], "acme");
    assert_eq!(ids[2].as_str().unwrap().len(), PK.len());
    item
}

#[test]
fn each_kind_of_event_has_its_fields() {
    let mut deferred = event(EventKind::Deferred, 2_500);
    deferred.due_at = Some(Timestamp::from_millis(62_500));
    let mut limited = event(EventKind::RateLimited, 1_000);
    limited.due_at = Some(Timestamp::from_millis(60_000));
    let mut dropped = event(EventKind::Dropped, 1_000);
    dropped.attempt = None;
    dropped.reason = Some("Attachment fetch failed for a.pdf: status 404".into());
    let cases = [
        (event(EventKind::Delivered, 1_250), json!({"sent_ts": 1.25})),
        (
            event(EventKind::Bounced, 1_000),
            json!({"error_ts": 1.0, "error": "550 so it is"}),
        ),
        (
            dropped,
            json!({"error_ts": 1.0, "error": "Attachment fetch failed for a.pdf: status 404"}),
        ),
        (
            event(EventKind::Cancelled, 1_000),
            json!({"error_ts": 1.0, "error": "cancelled"}),
        ),
        (
            deferred,
            json!({"deferred_ts": 2.5, "deferred_reason": "451 so it is", "retry_ts": 62.5}),
        ),
        (
            limited,
            json!({"deferred_ts": 1.0, "deferred_reason": "rate_limit", "retry_ts": 60.0}),
        ),
    ];
    for (event, expected) in cases {
        assert_eq!(said(event), expected);
    }
}

#[test]
fn news_have_their_own_fields() {
    let mut returned = event(EventKind::Returned, 1_000);
    returned.reason = Some("no such user".into());
    returned.news = Some(News::Bounce {
        permanence: Permanence::Hard,
        code: Some("511".into()),
    });
    let expected = json!({
        "bounce_ts": 1.0, "bounce_type": "hard", "bounce_code": "511", "bounce_reason": "no such user"
    });
    assert_eq!(said(returned), expected);
    let mut receipt = event(EventKind::Receipt, 2_000);
    receipt.reason = Some("consegnato".into());
    receipt.news = Some(News::Receipt(ReceiptKind::Delivery));
    let expected = json!({"pec_ts": 2.0, "pec_event": "pec_delivery", "pec_details": "consegnato"});
    assert_eq!(said(receipt), expected);
}

#[test]
fn exhausted_retries_say_how_many_they_were() {
    let mut expired = event(EventKind::Expired, 1_000);
    expired.attempts = 6;
    assert_eq!(failure(&expired), "Max retries (5) exceeded: 451 so it is");
    expired.reason = Some("Max retries (3) exceeded: 421 busy".into());
    assert_eq!(failure(&expired), "Max retries (3) exceeded: 421 busy");
}

#[test]
fn a_report_for_several_recipients_names_what_became_of_each() {
    let followed = |kinds: [EventKind; 2]| Followed {
        submission: submission(2, 0, 1),
        payload: "{}".into(),
        messages: kinds
            .into_iter()
            .zip(["ada@example.org", "bob@example.org"])
            .map(|(kind, email)| {
                let Logged { event, message } = logged(kind, 1, email, 1_000);
                FollowedMessage {
                    message: Arc::unwrap_or_clone(message),
                    due_at: None,
                    last: event,
                }
            })
            .collect(),
    };
    let mixed = followed([EventKind::Delivered, EventKind::Bounced]);
    let last = report(submission(2, 0, 1), event(EventKind::Delivered, 1_000));
    assert!(speaks_for_all(&last));
    let item = item(&last, Some(&mixed));
    assert_eq!(item["error_ts"], 1.0);
    assert_eq!(
        item["error"],
        "1 of 2 recipients failed: bob@example.org: 550 so it is"
    );
    assert!(item.get("sent_ts").is_none(), "{item}");
    let recipients = json!([
        {"address": "ada@example.org", "status": "sent", "sent_ts": 1.0},
        {"address": "bob@example.org", "status": "error", "error_ts": 1.0, "error": "550 so it is"},
    ]);
    assert_eq!(item["recipients"], recipients);
}

#[test]
fn several_recipients_are_sent_when_all_are() {
    let last = report(submission(2, 0, 0), event(EventKind::Delivered, 1_000));
    let item = item(&last, None);
    assert_eq!(item["sent_ts"], 1.0);
    assert!(item.get("error").is_none(), "{item}");
}

#[test]
fn what_concerns_one_of_several_recipients_says_whom() {
    let deferred = report(submission(2, 2, 0), event(EventKind::Deferred, 1_000));
    assert!(!speaks_for_all(&deferred));
    let item = item(&deferred, None);
    assert_eq!(item["deferred_ts"], 1.0);
    let one = json!([{
        "address": "ada@example.org", "status": "deferred", "deferred_ts": 1.0,
        "deferred_reason": "451 so it is"
    }]);
    assert_eq!(item["recipients"], one);
}

#[test]
fn a_servers_endless_words_are_cut_and_stay_on_their_line() {
    let mut bounced = event(EventKind::Bounced, 1_000);
    let reply = bounced.attempt.as_mut().unwrap().reply.as_mut().unwrap();
    reply.text = "é\r\n".repeat(30_000).into();
    let said = said(bounced);
    let error = said["error"].as_str().unwrap();
    assert!(error.len() <= TEXT_BYTES_MAX && !error.contains(['\r', '\n']));
}
