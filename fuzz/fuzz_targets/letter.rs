//! A whole letter from hostile texts: no header, no line and no part more than meant.
#![no_main]

use compose::letter::{AttachmentSource, CustomHeader, Letter, LetterSource, Scratch, Unsubscribe};
use compose::mime::{Attachment, LINE_BYTES_MAX, MediaType};
use glasspost_fuzz::parts;
use libfuzzer_sys::fuzz_target;
use model::{
    Address, Content, ContentHash, HeaderText, LaneId, Message, MessageId, MessageState, Priority,
    Seq, Timestamp,
};
use smtp::wire::dot::check_line_breaks;

/// 2026-11-22T14:13:39Z
const DATE: Timestamp = Timestamp::from_millis(1_795_356_819_000);

/// The header fields that a letter of ours may have, once each.
const FIELDS: [&str; 13] = [
    "Date",
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Message-ID",
    "MIME-Version",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "X-Note",
    "Content-Type",
    "Content-Transfer-Encoding",
];

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn attachments(file_name: &str) -> Vec<Attachment> {
    let attachment = |file_name| Attachment {
        file_name,
        media_type: MediaType::default(),
        bytes: b"\r\n.\r\nQUIT\r\n".to_vec(),
    };
    match file_name {
        "" => Vec::new(),
        _ => HeaderText::parse(file_name)
            .map(attachment)
            .into_iter()
            .collect(),
    }
}

fn letter(input: &[&str; 9]) -> Option<Letter> {
    let [
        from,
        reply_to,
        cc,
        subject,
        text,
        html,
        link,
        note,
        file_name,
    ] = input;
    let attachments = attachments(file_name);
    let source = LetterSource {
        from: (*from).to_owned(),
        reply_to: some(reply_to),
        cc: some(cc).into_iter().collect(),
        subject: (*subject).to_owned(),
        text: some(text),
        html: some(html),
        unsubscribe: some(link).map(|link| Unsubscribe {
            links: vec![link],
            one_click: false,
        }),
        headers: vec![CustomHeader {
            name: "X-Note".to_owned(),
            value: (*note).to_owned(),
        }],
        attachments: attachments.iter().map(AttachmentSource::of).collect(),
        ..LetterSource::default()
    };
    Letter::compile(&source, &attachments).ok()
}

fn message(name: &str) -> Option<Message> {
    Some(Message {
        seq: Seq::new(1),
        id: MessageId::new(DATE, 7, Seq::new(1)),
        lane: LaneId(1),
        content: Content::Letter(ContentHash([0; 32])),
        priority: Priority::Medium,
        address: Address::parse("eve@example.org").ok()?,
        data: serde_json::json!({ "name": name })
            .to_string()
            .into_boxed_str(),
        accepted_at: DATE,
        attempts: 0,
        state: MessageState::Queued,
        retry_of: None,
    })
}

/// The names of the header fields; a folded line belongs to the one before it.
fn field_names(wire: &[u8]) -> Vec<String> {
    let end = wire
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("an end of the headers");
    let head = String::from_utf8_lossy(&wire[..end]).into_owned();
    let lines = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']));
    lines
        .map(|line| line.split(':').next().unwrap_or_default().to_owned())
        .collect()
}

fn check(wire: &[u8]) {
    assert!(check_line_breaks(wire).is_ok() && wire.ends_with(b"\r\n"));
    let longest = wire.split(|&byte| byte == b'\n').map(<[u8]>::len).max();
    // Each still has its CR.
    assert!(longest <= Some(LINE_BYTES_MAX + 1), "{longest:?}");
    let names = field_names(wire);
    for (place, name) in names.iter().enumerate() {
        assert!(
            FIELDS.contains(&name.as_str()),
            "a header that nobody meant: {name:?}"
        );
        assert!(!names[..place].contains(name), "twice: {name}");
    }
}

fuzz_target!(|input: &str| {
    let [texts @ .., name] = parts::<10>(input);
    let (Some(letter), Some(message)) = (letter(&texts), message(name)) else {
        return;
    };
    let (mut wire, mut scratch) = (b"before".to_vec(), Scratch::default());
    match letter.compose(&message, DATE, &mut scratch, &mut wire) {
        Err(_) => assert_eq!(wire, b"before", "a failed letter left something"),
        Ok(_) => {
            let first = wire.split_off(b"before".len());
            check(&first);
            let mut again = Vec::new();
            assert!(
                letter
                    .compose(&message, DATE, &mut scratch, &mut again)
                    .is_ok()
            );
            assert_eq!(first, again, "the same letter came out differently");
        }
    }
});
