//! What a letter makes of its source and of recipients.

use model::{Content, ContentHash, LaneId, MessageId, MessageState, Priority, Seq};

use super::*;
use crate::mime::{Attachment, LinkError, MediaType};

const DATE: Timestamp = Timestamp::from_millis(1_795_356_819_000);

fn source() -> LetterSource {
    LetterSource {
        from: "Ada <ada@example.org>".to_owned(),
        subject: "Hi {{.name}}".to_owned(),
        text: Some("Dear {{.name}} from {{.city}}\n".to_owned()),
        ..LetterSource::default()
    }
}

fn compile(source: &LetterSource) -> Letter {
    Letter::compile(source, &[]).unwrap()
}

fn refused(source: LetterSource) -> LetterError {
    Letter::compile(&source, &[]).unwrap_err()
}

fn message(address: &str, data: &str) -> Message {
    Message {
        seq: Seq::new(1),
        id: MessageId::new(DATE, 7, Seq::new(1)),
        lane: LaneId(1),
        content: Content::Letter(ContentHash([0; 32])),
        priority: Priority::Medium,
        address: Address::parse(address).unwrap(),
        data: data.into(),
        accepted_at: DATE,
        attempts: 0,
        state: MessageState::Queued,
        retry_of: None,
    }
}

fn compose(letter: &Letter, message: &Message) -> Result<(Composed, String), ComposeError> {
    let mut out = Vec::new();
    let composed = letter.compose(message, DATE, &mut Scratch::default(), &mut out)?;
    Ok((composed, String::from_utf8(out).unwrap()))
}

fn attachment(name: &str) -> Attachment {
    Attachment {
        file_name: HeaderText::parse(name).unwrap(),
        media_type: MediaType::default(),
        bytes: b"abc".to_vec(),
    }
}

#[test]
fn a_message_is_the_same_at_every_attempt() {
    let letter = compile(&source());
    let message = message("bob@x.org", r#"{"name":"Bob","city":"Bern"}"#);
    let (composed, wire) = compose(&letter, &message).unwrap();
    let expected = format!(
        "Date: Sun, 22 Nov 2026 14:13:39 +0000\r\n\
         From: Ada <ada@example.org>\r\n\
         To: bob@x.org\r\n\
         Subject: Hi Bob\r\n\
         Message-ID: <{}@example.org>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 7bit\r\n\r\n\
         Dear Bob from Bern\r\n",
        message.id
    );
    assert_eq!(wire, expected);
    assert_eq!(composed.subject.as_str(), "Hi Bob");
    let again = Message {
        attempts: 3,
        ..message
    };
    assert_eq!(compose(&letter, &again).unwrap().1, wire);
}

#[test]
fn workers_share_a_letter() {
    fn shared<T: Send + Sync>() {}
    shared::<Letter>();
}

#[test]
fn a_field_missing_in_a_body_is_counted_or_refused_in_a_subject_always_refused() {
    let letter = compile(&source());
    let nobody = message("bob@x.org", "{}");
    let error = compose(&letter, &nobody).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the subject uses the field \"name\", which the recipient's data lacks"
    );
    let homeless = message("bob@x.org", r#"{"name":"Bob"}"#);
    let (composed, wire) = compose(&letter, &homeless).unwrap();
    assert_eq!(composed.missing_fields, 1);
    assert!(wire.ends_with("Dear Bob from \r\n"));
    let strict = compile(&LetterSource {
        missing_fields: MissingFields::Refuse,
        ..source()
    });
    let error = compose(&strict, &homeless).unwrap_err();
    assert!(
        matches!(
            error,
            ComposeError::MissingField {
                part: Part::Text,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_message_that_cannot_be_made_leaves_the_buffer_as_it_was() {
    let letter = compile(&source());
    let mut out = b"before".to_vec();
    for data in ["{}", "no json", "[]"] {
        let message = message("bob@x.org", data);
        let made = letter.compose(&message, DATE, &mut Scratch::default(), &mut out);
        assert!(made.is_err(), "{data}");
        assert_eq!(out, b"before");
    }
}

#[test]
fn missing_fields_are_named_by_part_wherever_they_are_used() {
    let letter = compile(&LetterSource {
        text: Some("{{if .vip}}{{.tier}}{{end}} {{$all := .}}{{$all.town}}{{.email}}".to_owned()),
        html: Some("<b>{{.name}}</b>".to_owned()),
        unsubscribe: Some(Unsubscribe {
            links: vec!["https://x.org/{{.code}}".to_owned()],
            one_click: false,
        }),
        ..source()
    });
    let address = Address::parse("bob@x.org").unwrap();
    let named = |data| {
        let recipient = Recipient {
            address: &address,
            data,
        };
        let missing = letter.missing_fields(recipient).unwrap();
        let words = missing.iter().map(|it| format!("{} {}", it.part, it.field));
        words.collect::<Vec<_>>()
    };
    assert_eq!(
        named(r#"{"vip":""}"#),
        [
            "subject name",
            "text tier",
            "text town",
            "html name",
            "unsubscribe code"
        ]
    );
    assert!(named(r#"{"vip":"","tier":"","town":"","name":"","code":""}"#).is_empty());
}

#[test]
fn an_envelope_has_each_address_once() {
    let letter = compile(&LetterSource {
        cc: vec!["C <c@x.org>".to_owned(), "BOB@x.org".to_owned()],
        bcc: vec!["d@x.org".to_owned(), "C@X.org".to_owned()],
        ..source()
    });
    let envelope = letter.envelope(&Address::parse("bob@x.org").unwrap());
    let recipients: Vec<_> = envelope.recipients.iter().map(Address::as_str).collect();
    assert_eq!(recipients, ["bob@x.org", "c@x.org", "d@x.org"]);
    assert_eq!(envelope.sender.unwrap().as_str(), "ada@example.org");
}

#[test]
fn copies_in_secret_stay_out_of_the_message() {
    let letter = compile(&LetterSource {
        bcc: vec!["secret@x.org".to_owned()],
        ..source()
    });
    let message = message("bob@x.org", r#"{"name":"Bob"}"#);
    let (_, wire) = compose(&letter, &message).unwrap();
    assert!(!wire.to_ascii_lowercase().contains("bcc") && !wire.contains("secret"));
}

#[test]
fn an_address_in_utf8_is_written_as_it_is_and_its_envelope_says_so() {
    let letter = compile(&source());
    let message = message("jörg@bücher.example", r#"{"name":"Jörg"}"#);
    let (_, wire) = compose(&letter, &message).unwrap();
    assert!(
        wire.contains("\r\nTo: jörg@xn--bcher-kva.example\r\n"),
        "{wire}"
    );
    assert!(letter.envelope(&message.address).needs_smtputf8());
}

#[test]
fn a_link_that_is_wrong_for_everybody_is_refused_before_the_first_message() {
    let with = |links: &[&str]| LetterSource {
        unsubscribe: Some(Unsubscribe {
            links: links.iter().map(ToString::to_string).collect(),
            one_click: false,
        }),
        ..source()
    };
    let long = format!("https://x.org/{}", "u".repeat(900));
    for (link, reason) in [
        ("foo", LinkError::Scheme),
        ("", LinkError::Scheme),
        (long.as_str(), LinkError::TooLong),
    ] {
        let expected = LetterError::UnsubscribeLink {
            link: link.to_owned(),
            source: reason,
        };
        assert_eq!(refused(with(&["https://x.org/u", link])), expected);
    }
    compile(&with(&[" mailto:out@x.org", "foo{{.name}}"]));
}

#[test]
fn unsubscribing_needs_links_that_work() {
    let with = |links: &[&str], one_click| LetterSource {
        unsubscribe: Some(Unsubscribe {
            links: links.iter().map(ToString::to_string).collect(),
            one_click,
        }),
        ..source()
    };
    assert_eq!(refused(with(&[], false)), LetterError::UnsubscribeLinks);
    assert_eq!(
        refused(with(&["mailto:out@x.org"], true)),
        LetterError::OneClickNeedsHttps
    );
    let letter = compile(&with(&["{{.link}}", "mailto:out@x.org"], true));
    let out = |data| compose(&letter, &message("bob@x.org", data));
    let (_, wire) = out(r#"{"name":"Bob","link":"https://x.org/u?e=b b"}"#).unwrap();
    assert!(wire.contains(
        "\r\nList-Unsubscribe: <https://x.org/u?e=b%20b>, <mailto:out@x.org>\r\n\
         List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    ));
    let plain = out(r#"{"name":"Bob","link":"http://x.org/u"}"#);
    assert_eq!(plain.unwrap_err(), ComposeError::OneClickNeedsHttps);
    let script = out(r#"{"name":"Bob","link":"javascript:x"}"#);
    assert_eq!(script.unwrap_err(), ComposeError::Link(LinkError::Scheme));
    assert!(matches!(
        out(r#"{"name":"Bob"}"#).unwrap_err(),
        ComposeError::MissingField {
            part: Part::Unsubscribe,
            ..
        }
    ));
}

#[test]
fn attachments_have_to_be_those_of_the_source() {
    let (one, other) = (attachment("one.pdf"), attachment("other.pdf"));
    let source = LetterSource {
        text: None,
        attachments: vec![AttachmentSource::of(&one)],
        ..source()
    };
    assert!(Letter::compile(&source, std::slice::from_ref(&one)).is_ok());
    let changed = Attachment {
        bytes: b"abd".to_vec(),
        ..one.clone()
    };
    for given in [vec![], vec![changed], vec![other.clone()], vec![one, other]] {
        let error = Letter::compile(&source, &given).unwrap_err();
        assert!(
            matches!(error, LetterError::AttachmentChanged(_)),
            "{error}"
        );
    }
}

#[test]
fn a_letter_needs_a_body_that_parses() {
    let nothing = LetterSource {
        text: None,
        ..source()
    };
    assert_eq!(refused(nothing), LetterError::NoBody);
    let broken = LetterSource {
        text: Some("\n{{.name".to_owned()),
        ..source()
    };
    let error = refused(broken).to_string();
    assert!(error.starts_with("template text, line 2"), "{error}");
}

#[test]
fn a_preview_is_what_the_recipient_reads() {
    let letter = compile(&LetterSource {
        html: Some("<p>{{.name}}</p>".to_owned()),
        ..source()
    });
    let address = Address::parse("bob@x.org").unwrap();
    let recipient = Recipient {
        address: &address,
        data: r#"{"name":"B & B\r\nBcc: x@y.z"}"#,
    };
    let preview = letter.preview(recipient).unwrap();
    assert_eq!(preview.subject.as_str(), "Hi B & B Bcc: x@y.z");
    assert_eq!(preview.html.unwrap(), "<p>B &amp; B\r\nBcc: x@y.z</p>");
    assert!(preview.missing_fields.iter().eq(["city"]));
    assert_eq!(letter.render_subject(recipient).unwrap(), preview.subject);
}
