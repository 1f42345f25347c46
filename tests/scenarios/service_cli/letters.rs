//! A finished letter is handed over as it is, and is sent once however often that is done.

use super::cli::{Cli, has};
use crate::harness::{Home, Relay, Service};

const LETTER: &str = "From: =?utf-8?q?Ad=C3=A8le?= <ada@sender.test>\r\n\
    To: Bob <bob@example.org>, carol@example.org\r\n\
    Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\
    Message-ID: <letter-1@sender.test>\r\n\
    References: <a@x>\r\n\
    Received: from nowhere\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=m\r\n\r\n\
    --m\r\nContent-Type: text/plain\r\n\r\nHello, both.\r\n\
    --m\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--m--\r\n";

#[test]
fn a_letter_arrives_as_it_was_written() {
    let (home, relay) = (Home::new(), Relay::start(|_| None));
    let service = Service::start(&home);
    service.tenant("shop", relay.port());
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "shop");
    home.write("letter.eml", LETTER);
    let sent = cli.json(&["messages", "send", "letter.eml", "--account", "main"]);
    assert_eq!(sent["id"], "letter-1@sender.test");
    service.until_done();
    let mut recipients = relay.recipients();
    recipients.sort();
    assert_eq!(recipients, ["bob@example.org", "carol@example.org"]);
    let raw = String::from_utf8(relay.taken()[0].raw.clone()).unwrap();
    has(
        &raw,
        &[
            "<letter-1@sender.test>",
            "References: <a@x>",
            "Hello, both.",
            "a.pdf",
            "JVBERi0=",
        ],
    );
    assert!(!raw.contains("from nowhere"), "{raw}");
    has(
        &cli.ok(&["messages", "events", "letter-1@sender.test"]),
        &["sent", "carol@example.org"],
    );
    let again = cli.error(1, &["messages", "send", "letter.eml", "--account", "main"]);
    has(&again, &["already sent"]);
    assert_eq!(relay.taken().len(), 2);
}

#[test]
fn a_letter_of_standard_input_goes_to_whom_the_command_says() {
    let (home, relay) = (Home::new(), Relay::start(|_| None));
    let service = Service::start(&home);
    service.tenant("shop", relay.port());
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "shop");
    let send = [
        "messages",
        "send",
        "-",
        "--account",
        "main",
        "--to",
        "dan@example.org",
        "--id",
        "other",
    ];
    assert_eq!(cli.fed(LETTER, &send).expect(0).stderr, "");
    service.until_done();
    assert_eq!(relay.recipients(), ["dan@example.org"]);
    let broken = cli.fed(
        "To: a@b.c\n\nx",
        &["messages", "send", "-", "--account", "main"],
    );
    has(&broken.expect(1).stderr, &["the field From names nobody"]);
    let missing = cli.error(1, &["messages", "send", "no.eml", "--account", "main"]);
    has(&missing, &["cannot read no.eml"]);
}
