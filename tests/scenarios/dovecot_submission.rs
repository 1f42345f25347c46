//! Dovecot's submission service takes mail with a login and hands it on to Postfix; its refusals are Postfix's words.

use serde_json::{Value, json};

use crate::harness::{Authority, Dovecot, Entrance, Home, Postfix, Residents};

const USER: &str = "ada";
const PASSWORD: &str = "a secret, €50 worth";
const RECIPIENTS: [&str; 6] = [
    "one@example.test",
    "stranger@example.test",
    "two@example.test",
    "busy@example.test",
    "jörg@example.test",
    "three@example.test",
];

fn residents() -> Residents {
    let [one, _, two, busy, joerg, three] = RECIPIENTS;
    Residents {
        busy: vec![busy.to_owned()],
        ..Residents::with_mailboxes([one, two, joerg, three])
    }
}

#[test]
fn dovecot_submission() {
    let authority = Authority::new();
    let certificate = authority.certificate("DNS:localhost,IP:127.0.0.1");
    let postfix = Postfix::start(&residents(), &certificate);
    let relay = postfix.port(Entrance::Clear);
    let dovecot = Dovecot::relaying(&[(USER, PASSWORD)], &certificate, relay);
    let home = Home::new();
    home.relay_with(
        dovecot.port(),
        json!({
            "tls": "required", "tls_cert_file": authority.file(),
            "username": USER, "password": PASSWORD,
        }),
    );
    home.write_list("list.csv", RECIPIENTS);
    home.send(&[
        "--csv",
        "list.csv",
        "--subject",
        "Hi",
        "--text",
        "Grüße",
        "--retries",
        "1",
    ])
    .expect_code(0);

    let [one, stranger, two, busy, joerg, three] = RECIPIENTS;
    let mut delivered: Vec<String> = postfix
        .letters()
        .into_iter()
        .map(|letter| letter.delivered_to)
        .collect();
    delivered.sort();
    assert_eq!(delivered, [one, three, two]);
    let report = home.report(&["--recipients"]);
    let of = |who: &str| find(&report, who);
    assert_eq!(of(one)["status"], "delivered");
    assert_eq!(
        (&of(stranger)["status"], &of(stranger)["code"]),
        (&json!("bounced"), &json!(550))
    );
    assert!(
        of(stranger)["reply"]
            .as_str()
            .unwrap()
            .contains("User unknown in virtual mailbox")
    );
    assert_eq!(
        (&of(busy)["status"], &of(busy)["code"]),
        (&json!("expired"), &json!(450))
    );
    // Dovecot does not offer SMTPUTF8, which this address needs: we do not even try, and the others get theirs.
    assert_eq!(of(joerg)["status"], "dropped");
    assert!(
        of(joerg)["reply"].as_str().unwrap().contains("SMTPUTF8"),
        "{}",
        of(joerg)
    );
}

fn find<'a>(report: &'a Value, who: &str) -> &'a Value {
    let mut rows = report["recipients"].as_array().unwrap().iter();
    rows.find(|row| row["email"] == who).unwrap()
}
