//! Drafts that are read, and drafts that are not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A draft that is fine, with some fields more.
fn message(more: Value) -> Value {
    let mut message = json!({"id": "m1", "tenant_id": "acme", "account_id": "relay", "priority": 2,
        "from": "Ada <ada@example.org>", "to": "bob@example.net", "subject": "Hi", "body": "Hello"});
    let fields = message.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    message
}

fn read(more: Value) -> Result<Draft, DraftError> {
    Draft::read(&message(more))
}

fn problem(more: Value) -> String {
    read(more).unwrap_err().to_string()
}

fn addresses(more: Value) -> Vec<String> {
    let recipients = read(more).unwrap().recipients();
    recipients.iter().map(ToString::to_string).collect()
}

#[test]
fn recipients_are_texts_or_lists_and_each_counts_once() {
    let more = json!({"to": "\"B, Bob\" <bob@example.net>, c@x.org,",
        "cc": ["BOB@example.net", "Doe, Jane <jane@x.org>"], "bcc": "Hidden <h@x.org>"});
    assert_eq!(
        addresses(more),
        ["bob@example.net", "c@x.org", "jane@x.org", "h@x.org"]
    );
    let nothing = json!({"cc": "", "bcc": null, "reply_to": [], "return_path": " "});
    assert_eq!(addresses(nothing), ["bob@example.net"]);
}

#[test]
fn the_author_gets_the_bounces_unless_told_otherwise() {
    let sender = |more| read(more).unwrap().sender().map(ToString::to_string);
    let of = |text: &str| Some(text.to_owned());
    assert_eq!(sender(json!({})), of("ada@example.org"));
    let other = json!({"return_path": "<bounces@example.org>"});
    assert_eq!(sender(other), of("bounces@example.org"));
    assert_eq!(sender(json!({"return_path": "<>"})), None);
    let alias = json!({"from": null, "from_addr": "x@y.org"});
    assert_eq!(sender(alias), of("x@y.org"));
}

#[test]
fn bodies_have_a_kind_and_may_have_both() {
    let bodies = |more| {
        let bodies = read(more).unwrap().bodies;
        (bodies.text, bodies.html)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(bodies(json!({})), (some("Hello"), None));
    for kind in ["html", "text/html", "HTML", "text/html; charset=utf-8"] {
        assert_eq!(bodies(json!({"content_type": kind})), (None, some("Hello")));
    }
    let both = json!({"content_type": "html", "body_text": "Hi"});
    assert_eq!(bodies(both), (some("Hi"), some("Hello")));
    let named = json!({"body": null, "body_text": "t", "body_html": "h"});
    assert_eq!(bodies(named), (some("t"), some("h")));
    assert_eq!(bodies(json!({"body": null})), (None, None));
    assert_eq!(
        problem(json!({"body_text": "again"})),
        "body_text: is given already, as body"
    );
}

#[test]
fn errors_name_the_field_as_the_client_wrote_it() {
    let long = "x".repeat(999);
    let cases = [
        (json!({"from": 5}), "from: must be text"),
        (json!({"from": ""}), "from: is missing"),
        (
            json!({"from": null, "from_addr": "x"}),
            "from_addr: the address has no @",
        ),
        (json!({"to": null}), "to: is missing"),
        (json!({"to": " , "}), "to: is missing"),
        (json!({"to": 7}), "to: must be text or a list of texts"),
        (
            json!({"to": ["a@x.org", "b@x.org", "c"]}),
            "to[2]: the address has no @",
        ),
        (json!({"to": ["a@x.org", 3]}), "to[1]: must be text"),
        (
            json!({"to": "a@x.org, b"}),
            "to: address 2: the address has no @",
        ),
        (json!({"cc": [""]}), "cc[0]: the address is empty"),
        (
            json!({"bcc": [format!("{long}@x.org")]}),
            "bcc[0]: is longer than 998 bytes",
        ),
        (json!({"reply_to": "a"}), "reply_to: the address has no @"),
        (
            json!({"return_path": "a"}),
            "return_path: the address has no @",
        ),
        (json!({"subject": null}), "subject: is missing"),
        (
            json!({"subject": long}),
            "subject: is longer than 998 characters",
        ),
        (json!({"subject": ["a"]}), "subject: must be text"),
        (json!({"body": {}}), "body: must be text"),
        (
            json!({"content_type": "text/markdown"}),
            "content_type: must be plain, html, text/plain or text/html",
        ),
        (
            json!({"message_id": "no at"}),
            "message_id: must be as in <part@domain>, ASCII without spaces",
        ),
        (json!({"headers": []}), "headers: must be an object"),
        (
            json!({"headers": {"X-Foo": 1}}),
            "headers.X-Foo: must be text",
        ),
        (
            json!({"headers": {"X-Foo": "a\r\nBcc: b@c.org"}}),
            "headers.X-Foo: holds a line break or another control character (U+000D at character 2)",
        ),
        (json!({"attachments": {}}), "attachments: must be a list"),
        (
            json!({"attachments": [3]}),
            "attachments[0]: must be an object",
        ),
        (
            json!({"attachments": [{"filename": "", "storage_path": "x"}]}),
            "attachments[0].filename: no name is left of it; give one such as report.pdf",
        ),
        (
            json!({"attachments": [{"filename": "a", "storage_path": "x", "fetch_mode": "ftp"}]}),
            "attachments[0].fetch_mode: is none of base64, endpoint, filesystem, http_url, storage",
        ),
        (
            json!({"attachments": [{"filename": "a", "storage_path": "b", "auth": {"method": "bearer"}}]}),
            "attachments[0].auth.token: is empty",
        ),
        (
            json!({"attachments": [{"filename": "a", "storage_path": "b", "path": "c"}]}),
            "attachments[0]: has no field \"path\"",
        ),
    ];
    for (more, expected) in cases {
        assert_eq!(problem(more.clone()), expected, "{more}");
    }
    let error = Draft::read(&json!([])).unwrap_err();
    assert_eq!(error.to_string(), "message: must be an object");
    assert!(read(json!({"to": []})).unwrap_err().is_missing());
    assert!(!read(json!({"to": "a"})).unwrap_err().is_missing());
}

#[test]
fn headers_that_others_set_or_that_forge_structure_are_refused_by_name() {
    for name in [
        "From",
        "TO",
        "cc",
        "Bcc",
        "Subject",
        "Date",
        "Message-ID",
        "Mime-Version",
        "Content-Type",
        "Content-Foo",
        "X-Genro-Mail-ID",
        "x-genro-mail-id",
        "DKIM-Signature",
        "Received",
        "Return-Path",
        "Reply-To",
        "Sender",
        "Resent-To",
    ] {
        let mut headers = serde_json::Map::new();
        headers.insert(name.to_owned(), json!("v"));
        let problem = problem(json!({"headers": headers}));
        assert!(
            problem.starts_with(&format!("headers.{name}: is set by")),
            "{problem}"
        );
    }
    for name in ["", "a b", "a:b", "ä", "X-A\r\nBcc", "a\0", &"x".repeat(65)] {
        let mut headers = serde_json::Map::new();
        headers.insert(name.to_owned(), json!("v"));
        let problem = problem(json!({"headers": headers}));
        assert!(problem.starts_with("headers: \""), "{problem}");
        assert!(!problem.contains(char::is_control), "{problem}");
    }
    let allowed =
        json!({"List-Unsubscribe": "<https://x.org/u>", "References": "<a@b>", "X-Null": null});
    assert!(read(json!({"headers": allowed})).is_ok());
}

#[test]
fn limits_hold() {
    let many = |count: usize| {
        let one = |index| json!(format!("u{index}@example.net"));
        Value::Array((0..count).map(one).collect())
    };
    assert_eq!(addresses(json!({"to": many(1000)})).len(), 1000);
    let too_many = "bcc: brings the recipients to more than 1000";
    assert_eq!(
        problem(json!({"to": many(1000), "bcc": "x@y.org"})),
        too_many
    );
    let answered = json!({"to": many(1000), "reply_to": "ada@x.org"});
    assert_eq!(addresses(answered).len(), 1000);
    let problem_of_reply = problem(json!({"reply_to": many(1001)}));
    assert_eq!(problem_of_reply, "reply_to: has more than 1000 addresses");
    assert!(problem(json!({"to": many(100_000)})).starts_with("to: brings"));
    let text = "a@x.org,".repeat(100_000);
    assert!(problem(json!({"to": text})).starts_with("to: brings"));
    let wide: Vec<_> = (0..300)
        .map(|index| format!("{index}@{}x.org", "d234567.".repeat(28)))
        .collect();
    assert_eq!(
        problem(json!({"cc": wide})),
        "cc: is longer than 65536 bytes"
    );
    assert!(read(json!({"bcc": wide})).is_ok(), "nobody sees these");
    let headers = |count: usize, bytes: usize| {
        let one = |index| (format!("X-{index}"), json!("v".repeat(bytes)));
        Value::Object((0..count).map(one).collect())
    };
    assert!(read(json!({"headers": headers(100, 100)})).is_ok());
    assert_eq!(
        problem(json!({"headers": headers(101, 1)})),
        "headers: has more than 100 fields"
    );
    assert_eq!(
        problem(json!({"headers": headers(20, 8000)})),
        "headers: is longer than 65536 bytes"
    );
    assert_eq!(
        problem(json!({"headers": headers(1, 8193)})),
        "headers.X-0: is longer than 8192 bytes"
    );
    let item = json!({"filename": "a", "storage_path": "b"});
    assert_eq!(
        problem(json!({"attachments": vec![item; 101]})),
        "attachments: more than 100"
    );
    let body = "x".repeat(BODY_BYTES_MAX);
    assert!(read(json!({"body": body})).is_ok());
    assert_eq!(
        problem(json!({"body": body + "x"})),
        "body: is longer than 26214400 bytes"
    );
}

#[test]
fn a_local_part_beyond_ascii_is_shown_only_to_its_like() {
    let refused = "has a local part beyond ASCII";
    for (more, field) in [
        (json!({"to": "jörg@x.org, bob@x.org"}), "to"),
        (json!({"cc": "jörg@x.org"}), "cc"),
        (json!({"reply_to": "jörg@x.org"}), "reply_to"),
        (
            json!({"from": "jörg@x.org", "return_path": "j@x.org"}),
            "from",
        ),
    ] {
        let problem = problem(more);
        assert!(
            problem.starts_with(&format!("{field}: {refused}")),
            "{problem}"
        );
    }
    for more in [
        json!({"to": "jörg@x.org"}),
        json!({"to": "jörg@x.org", "cc": "用户@x.org"}),
        json!({"bcc": "jörg@x.org"}),
        json!({"from": "jörg@x.org", "to": "bob@x.org", "cc": "用户@x.org"}),
    ] {
        assert!(read(more.clone()).is_ok(), "{more}");
    }
}

#[test]
fn debug_shows_nobody_and_nothing() {
    let shown = format!("{:?}", read(json!({"subject": "hunter2"})).unwrap());
    assert_eq!(shown, "Draft { recipients: 1, attachments: [], .. }");
}

/// Any JSON, of a size that a test can try often.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z<>@.,\"\\\\ \r\n]{0,30}".prop_map(Value::from),
        "[a-z]{1,8}@[a-z]{1,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let known = vec![
        "from",
        "from_addr",
        "to",
        "cc",
        "bcc",
        "reply_to",
        "return_path",
        "subject",
        "body",
        "body_text",
        "body_html",
        "content_type",
        "message_id",
        "headers",
        "attachments",
        "filename",
        "storage_path",
        "auth",
    ];
    prop_oneof![
        4 => prop::sample::select(known).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(value in any_json()) {
        if let Err(error) = Draft::read(&value) {
            prop_assert!(!error.field.is_empty() && !error.problem.is_empty());
        }
    }

    #[test]
    fn any_field_may_be_any_json(name in any_name(), value in any_json()) {
        let mut given = message(json!({}));
        given.as_object_mut().unwrap().insert(name, value);
        if let Ok(draft) = Draft::read(&given) {
            prop_assert!(!draft.recipients().is_empty());
        }
    }
}
