//! There, a text without a template is empty, `{{.email}}` in a subject skips everyone, and a display name in `from`
//! breaks the envelope.

use std::collections::BTreeMap;

use serde_json::json;

use crate::harness::{Home, Relay};

/// Sends to one list and gives what came, by recipient.
fn sent(home: &Home, relay: &Relay, args: &[&str]) -> BTreeMap<String, String> {
    home.relay(relay.port());
    home.send(&[&["-f", "list.csv"], args].concat())
        .expect_code(0);
    let letters = relay.taken().into_iter();
    letters
        .map(|one| {
            (
                one.recipients[0].clone(),
                String::from_utf8(one.raw).unwrap(),
            )
        })
        .collect()
}

fn scene() -> (Home, Relay) {
    let (home, relay) = (Home::new(), Relay::start(|_| None));
    home.write(
        "list.csv",
        "email,name\nada@x.example,Ada\nbob@x.example,Bob\n",
    );
    (home, relay)
}

#[test]
fn text_without_template_has_its_body() {
    let (home, relay) = scene();
    let letters = sent(&home, &relay, &["--text", "Hello {{.name}}, it is us."]);
    assert!(
        letters["ada@x.example"].ends_with("\r\n\r\nHello Ada, it is us.\r\n"),
        "{letters:?}"
    );
    assert!(
        letters["bob@x.example"].contains("Content-Type: text/plain"),
        "{letters:?}"
    );
}

#[test]
fn text_is_read_from_a_file_of_that_name() {
    let (home, relay) = scene();
    home.write("hello.txt", "From a file: {{.name}}");
    let letters = sent(&home, &relay, &["--text", "hello.txt"]);
    assert!(
        letters["ada@x.example"].contains("From a file: Ada"),
        "{letters:?}"
    );
}

#[test]
fn text_and_template_are_alternatives() {
    let (home, relay) = scene();
    home.write("letter.html", "<b>{{.name}}</b>");
    let letters = sent(
        &home,
        &relay,
        &["--text", "plain {{.name}}", "-t", "letter.html"],
    );
    let letter = &letters["bob@x.example"];
    assert!(
        letter.contains("Content-Type: multipart/alternative"),
        "{letter}"
    );
    let (text, html) = (
        letter.find("plain Bob").unwrap(),
        letter.find("<b>Bob</b>").unwrap(),
    );
    assert!(text < html, "{letter}");
}

#[test]
fn email_works_in_the_subject() {
    let (home, relay) = scene();
    let letters = sent(&home, &relay, &["-s", "For {{.email}}", "--text", "x"]);
    assert_eq!(letters.len(), 2);
    for (address, letter) in &letters {
        assert!(
            letter.contains(&format!("Subject: For {address}\r\n")),
            "{letter}"
        );
    }
}

#[test]
fn from_with_display_name() {
    let (home, sink) = (Home::new(), crate::harness::Sink::start(&[]));
    home.write_list("list.csv", ["ada@x.example"]);
    for from in [
        "You <me@sender.test>",
        "\"Grace B. Hopper\" <me@sender.test>",
        "me@sender.test",
    ] {
        home.relay_with(sink.port(), json!({"from": from}));
        home.send(&["-f", "list.csv", "--text", from])
            .expect_code(0);
    }
    let senders: Vec<String> = sink.accepted().into_iter().map(|one| one.sender).collect();
    assert_eq!(senders, ["me@sender.test"; 3]);
    let (home, relay) = scene();
    let letters = sent(&home, &relay, &["--text", "x"]);
    let from = "From: Ada Lovelace <ada@sender.test>\r\n";
    assert!(letters["ada@x.example"].contains(from), "{letters:?}");
}

#[test]
fn messages_have_date_and_id_and_their_encoding() {
    let (home, relay) = scene();
    let letters = sent(&home, &relay, &["--text", "Grüße an {{.name}}"]);
    let letter = &letters["ada@x.example"];
    for field in [
        "Date: ",
        "Message-ID: <",
        "Content-Transfer-Encoding: ",
        "MIME-Version: 1.0",
    ] {
        assert!(
            letter.lines().any(|line| line.starts_with(field)),
            "{field} in {letter}"
        );
    }
    let id = |letter: &str| {
        letter
            .lines()
            .find(|line| line.starts_with("Message-ID"))
            .map(str::to_owned)
    };
    assert_ne!(id(letter), id(&letters["bob@x.example"]));
}

#[test]
fn copies_are_in_the_envelope_once_and_hidden_ones_in_no_header() {
    let (home, relay) = scene();
    home.write("hidden.txt", "secret@x.example\nCC@x.example\n");
    home.write_list("list.csv", ["ada@x.example"]);
    home.relay(relay.port());
    let copies = ["--cc", "cc@x.example,ada@x.example", "--bcc", "hidden.txt"];
    home.send(&[&["-f", "list.csv", "--text", "x"][..], &copies].concat())
        .expect_code(0);
    let taken = relay.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(
        taken[0].recipients,
        ["ada@x.example", "cc@x.example", "secret@x.example"]
    );
    let letter = String::from_utf8(taken[0].raw.clone()).unwrap();
    assert!(
        !letter.contains("secret") && !letter.contains("Bcc"),
        "{letter}"
    );
    assert!(
        letter.to_lowercase().contains("\r\ncc: cc@x.example"),
        "{letter}"
    );
}

#[test]
fn attachments_too_large_are_refused_before_anything_is_sent() {
    let (home, relay) = scene();
    home.relay(relay.port());
    home.write("large.bin", vec![0; (10 << 20) + 1]);
    let finished = home
        .send(&["-f", "list.csv", "--text", "x", "-a", "large.bin"])
        .expect_code(1);
    assert!(finished.stderr.contains("large.bin"), "{finished}");
    assert_eq!(relay.connections(), 0);
}

#[test]
fn attachments_come_with_their_names_and_in_lines() {
    let (home, relay) = scene();
    home.write("a \"b\".txt", "one");
    home.write("two.pdf", vec![7; 3_000]);
    let letters = sent(&home, &relay, &["--text", "x", "-a", "a \"b\".txt,two.pdf"]);
    let letter = &letters["ada@x.example"];
    assert!(letter.contains("multipart/mixed"), "{letter}");
    assert!(letter.contains("application/pdf"), "{letter}");
    assert!(
        letter.split("\r\n").all(|line| line.len() <= 78),
        "{letter}"
    );
    assert_eq!(
        letter.matches("Content-Disposition: attachment").count(),
        2,
        "{letter}"
    );
}

#[test]
fn a_field_missing_in_a_body_is_empty_and_said_once() {
    let (home, relay) = scene();
    home.relay(relay.port());
    let finished = home
        .send(&["-f", "list.csv", "--text", "Dear {{.title}} {{.name}}"])
        .expect_code(0);
    assert_eq!(finished.stderr.matches("title").count(), 1, "{finished}");
    let letter = String::from_utf8(relay.taken()[0].raw.clone()).unwrap();
    assert!(
        letter.contains("Dear  Ada") || letter.contains("Dear  Bob"),
        "{letter}"
    );
}

#[test]
fn a_field_missing_in_the_subject_fails_who_lacks_it_by_row_and_field() {
    let (home, relay) = scene();
    home.relay(relay.port());
    let subject = "{{if eq .name \"Bob\"}}{{.title}}{{else}}Hi{{end}}";
    let finished = home
        .send(&["-f", "list.csv", "-s", subject, "--text", "x"])
        .expect_code(0);
    assert_eq!(relay.recipients(), ["ada@x.example"]);
    let statuses = home.exact_account();
    assert_eq!(statuses["bob@x.example"], "dropped");
    assert!(
        finished.stderr.contains("row 3") && finished.stderr.contains("title"),
        "{finished}"
    );
}

#[test]
fn strict_refuses_the_whole_run_naming_rows_and_fields() {
    let (home, relay) = scene();
    home.relay(relay.port());
    let args = [
        "-f",
        "list.csv",
        "-s",
        "Hi {{.nickname}}",
        "--text",
        "Dear {{.title}}",
        "--strict",
    ];
    let finished = home.send(&args).expect_code(1);
    for words in ["nickname", "title", "ada@x.example", "2 recipients"] {
        assert!(finished.stderr.contains(words), "{words} in {finished}");
    }
    assert_eq!(relay.connections(), 0);
}
