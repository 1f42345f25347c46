//! Runs with something in them.

use std::sync::Arc;

use compose::letter::{AttachmentSource, LetterSource};
use compose::mime::{Attachment, MediaType};
use model::{
    Address, Attempt, Category, ControlAction, EnhancedCode, EventKind, HeaderText, Message, Phase,
    PhaseTimes, Reply, Seq,
};
use store::{
    Accepted, Campaign, LaneKey, Lease, NewCampaign, NewControl, NewEvent, NewMessage, Progress,
    Store,
};

use crate::world::{START, World, second, store};

/// The places of the messages of [`every_kind`].
pub const DELIVERED: usize = 0;
pub const BOUNCED: usize = 1;
pub const EXPIRED: usize = 2;
pub const DROPPED: usize = 3;
pub const CANCELLED: usize = 4;
pub const DEFERRED: usize = 5;
pub const UNANSWERED: usize = 6;
pub const PENDING: usize = 7;

const ADDRESSES: [&str; 8] = [
    "Ada@gmail.com",
    "nobody@example.org",
    "slow@outlook.com",
    "unmade@example.org",
    "taken.back@yahoo.com",
    "later@icloud.com",
    "silent@example.net",
    "waiting@example.org",
];

const SETTINGS: &str = r#"{"csv_file":"list.csv","sheet_url":null,"template_file":"hello.html",
    "concurrent_workers":4,"batch_size":1,"retry_limit":2,"filter_expression":null}"#;

/// A run with a letter of every part.
pub async fn begin(store: &dyn Store, job_id: &str) -> Campaign {
    let attachment = Attachment {
        file_name: HeaderText::parse("Größe & Preis.txt").unwrap(),
        media_type: MediaType::parse("text/plain").unwrap(),
        bytes: b"seven bytes\n".repeat(10),
    };
    let source = LetterSource {
        from: "Grace Hopper <grace@example.com>".to_owned(),
        subject: "Grüße, {{.name}}".to_owned(),
        html: Some("<p>Hello <b>{{.name}}</b>, ümläute.</p>".to_owned()),
        text: Some("Hello {{.name}},\n.leading dot and ümläute.\n".to_owned()),
        attachments: vec![AttachmentSource::of(&attachment)],
        ..LetterSource::default()
    };
    store.put_content(attachment.bytes).await.unwrap();
    begin_with(store, job_id, &source).await
}

/// A run with this letter.
pub async fn begin_with(store: &dyn Store, job_id: &str, source: &LetterSource) -> Campaign {
    let content = store
        .put_content(serde_json::to_vec(source).unwrap())
        .await
        .unwrap();
    let new = NewCampaign {
        job_id: job_id.to_owned(),
        identity: job_id.to_owned(),
        name: Some("Spring <news>".to_owned()),
        content,
        settings: SETTINGS.to_owned(),
        at: START,
    };
    let lease = store.lease(LaneKey::beginning(job_id)).await.unwrap();
    let begun = store.begin_campaign(&lease, new).await.unwrap();
    store.release(lease).await.unwrap();
    begun
}

/// A message that is due at once.
pub fn message(campaign: &Campaign, address: &str) -> NewMessage {
    NewMessage {
        lane: campaign.lane,
        content: campaign.content,
        address: Address::parse(address).unwrap(),
        data: r#"{"name":"Ada"}"#.into(),
        at: second(1),
        due_at: second(1),
    }
}

/// Accepts messages to these addresses; gives their places.
pub async fn accept<'a>(
    store: &dyn Store,
    campaign: &Campaign,
    addresses: impl IntoIterator<Item = &'a str>,
) -> Vec<Seq> {
    let batch = addresses
        .into_iter()
        .map(|address| message(campaign, address))
        .collect();
    let lease = store.lease(campaign.lane_key()).await.unwrap();
    let accepted = store.accept(&lease, batch).await.unwrap();
    store.release(lease).await.unwrap();
    accepted.into_iter().map(Accepted::seq).collect()
}

/// A reply as servers give it.
pub fn reply(code: u16, enhanced: Option<EnhancedCode>, text: &str) -> Option<Reply> {
    Some(Reply {
        code,
        enhanced,
        text: text.into(),
    })
}

/// An attempt that came to this answer.
pub fn attempt(reply: Option<Reply>, category: Option<Category>) -> Attempt {
    let is_answered = reply.is_some();
    Attempt {
        remote: "mx.example.org:25".into(),
        tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384".into()),
        phase: if is_answered {
            Phase::Recipient
        } else {
            Phase::Connect
        },
        reply,
        category,
        error: (!is_answered).then(|| "no answer within 10 s".into()),
        times: PhaseTimes {
            connect_us: 1_250,
            hello_us: 300,
            tls_us: 2_000,
            authenticate_us: 0,
            transaction_us: 4_321,
        },
        refused_copies: vec!["boss@example.org: 550 not here".into()],
        dialogue: Some("C: MAIL FROM:<grace@example.com>\nS: 250 OK".into()),
    }
}

/// Records that this happened to a message; gives how it stands then.
pub async fn record(
    store: &dyn Store,
    lease: &Lease,
    seq: Seq,
    kind: EventKind,
    attempt: Option<Attempt>,
) {
    let message = Arc::new(stored(store, seq).await);
    let tries = u32::from(attempt.is_some() && kind != EventKind::Dropped);
    let event = NewEvent {
        attempts: message.attempts + tries,
        at: second(10) + std::time::Duration::from_millis(seq.get().unsigned_abs()),
        due_at: (kind == EventKind::Deferred).then(|| second(600)),
        message,
        kind,
        attempt,
        reason: None,
    };
    store.record(lease, vec![event]).await.unwrap();
}

/// A message as the store has it.
pub async fn stored(store: &dyn Store, seq: Seq) -> Message {
    store.message(seq).await.unwrap().unwrap()
}

/// A run in which everything happened that can: a message for each of the constants above, a retry of each of the
/// three that failed, two interventions, and a message that is being sent.
pub async fn every_kind() -> (World, Vec<Seq>) {
    let (folder, store) = store();
    let run = begin(&*store, "mailgrid-1").await;
    let seqs = accept(&*store, &run, ADDRESSES).await;
    let lease = store.lease(run.lane_key()).await.unwrap();
    store
        .mark_campaign(&lease, Progress::Listed(second(2)))
        .await
        .unwrap();
    let s = &*store;
    let ok = reply(250, Some(EnhancedCode(2, 0, 0)), "queued");
    let delivered = Attempt {
        phase: Phase::Final,
        ..attempt(ok, None)
    };
    record(
        s,
        &lease,
        seqs[DELIVERED],
        EventKind::Delivered,
        Some(delivered),
    )
    .await;
    let unknown = reply(
        550,
        Some(EnhancedCode(5, 1, 1)),
        "<b>no</b> such user\nreally",
    );
    let bounced = attempt(unknown, Some(Category::UnknownRecipient));
    record(s, &lease, seqs[BOUNCED], EventKind::Bounced, Some(bounced)).await;
    for kind in [EventKind::Deferred, EventKind::Expired] {
        let busy = attempt(reply(451, None, "later"), Some(Category::Server));
        record(s, &lease, seqs[EXPIRED], kind, Some(busy)).await;
    }
    let unmade = Attempt {
        error: Some("field name is missing".into()),
        phase: Phase::Compose,
        remote: "".into(),
        tls: None,
        times: PhaseTimes::default(),
        refused_copies: Vec::new(),
        dialogue: None,
        ..attempt(None, Some(Category::Composition))
    };
    record(s, &lease, seqs[DROPPED], EventKind::Dropped, Some(unmade)).await;
    s.cancel(&lease, vec![seqs[CANCELLED]], "not any more", second(20))
        .await
        .unwrap();
    let limited = attempt(reply(421, None, "slow down"), Some(Category::RateLimited));
    record(
        s,
        &lease,
        seqs[DEFERRED],
        EventKind::Deferred,
        Some(limited),
    )
    .await;
    let silent = attempt(None, Some(Category::Timeout));
    record(
        s,
        &lease,
        seqs[UNANSWERED],
        EventKind::Deferred,
        Some(silent),
    )
    .await;
    for action in [ControlAction::Pause, ControlAction::Resume] {
        let new = NewControl {
            lane: run.lane,
            at: second(30),
            action,
            by: "dashboard 127.0.0.1".into(),
        };
        s.control(new).await.unwrap();
    }
    let end = s.end_of_log().await.unwrap();
    assert_eq!(
        s.retry_failed(&lease, end, 10, second(40)).await.unwrap(),
        3
    );
    let run = s.campaign("mailgrid-1").await.unwrap().unwrap();
    s.release(lease).await.unwrap();
    (World::watching(folder, store, run).await, seqs)
}
