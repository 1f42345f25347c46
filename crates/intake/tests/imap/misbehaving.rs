//! Visits to servers that do what no real one should.

use std::time::{Duration, Instant};

use intake::bounce::mailbox::{Batch, Error, Mailbox, Security, Settings};
use model::Secret;

use super::mailbox::{ids, visit};
use super::scripted::{Deed, Script, Scripted, command_of, fetched, say, usual};

/// How long a visit with deadlines of one second may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a visit to such a server ends with.
async fn outcome(script: Script) -> Result<Option<Batch>, Error> {
    let started = Instant::now();
    let outcome = visit(&Scripted::start(script).await.settings(), None).await;
    assert!(started.elapsed() < PATIENCE);
    outcome
}

#[tokio::test]
async fn the_script_of_a_usual_server_is_one() {
    let batch = outcome(usual).await.unwrap().unwrap();
    assert_eq!(ids(&batch), ["gp-7", "gp-7"]);
}

#[tokio::test]
async fn a_server_that_hangs_is_left_at_the_deadline() {
    let silent: [Script; 4] = [
        |_| Deed::Hang,
        |line| {
            if line.contains("CAPABILITY") {
                Deed::Hang
            } else {
                usual(line)
            }
        },
        |line| {
            if line.contains("EXAMINE") {
                say("* OK [UIDNEXT 3]")
            } else {
                usual(line)
            }
        },
        |line| {
            if line.contains("SEARCH") {
                Deed::Hang
            } else {
                usual(line)
            }
        },
    ];
    for script in silent {
        let outcome = outcome(script).await;
        assert!(matches!(outcome, Err(Error::Timeout(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_stops_is_left() {
    let endless: [Script; 4] = [
        |_| Deed::Repeat(b"x".repeat(60_000)),
        |line| {
            if line.contains("CAPABILITY") {
                Deed::Repeat(b"* OK still\r\n".repeat(5_000))
            } else {
                usual(line)
            }
        },
        |line| {
            if line.contains("SEARCH") {
                Deed::Repeat(b" 1 2 3".repeat(10_000))
            } else {
                usual(line)
            }
        },
        |line| {
            if line.contains("FETCH") {
                Deed::Repeat(b"{1}\r\nx".repeat(10_000))
            } else {
                usual(line)
            }
        },
    ];
    for script in endless {
        let outcome = outcome(script).await;
        assert!(matches!(outcome, Err(Error::Protocol(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn answers_without_sense_are_errors() {
    let odd: [Script; 5] = [
        |_| say("220 mx.example ESMTP\r\n"),
        |_| say("* BYE too busy\r\n"),
        |line| {
            if line.contains("EXAMINE") {
                say("* OK [UIDNEXT 3] x\r\nTAG OK\r\n")
            } else {
                usual(line)
            }
        },
        |line| {
            if line.contains("EXAMINE") {
                say("* OK [UIDVALIDITY 9] x\r\nTAG OK\r\n")
            } else {
                usual(line)
            }
        },
        |line| {
            if line.contains("SEARCH") {
                say("TAG BAD what?\r\n")
            } else {
                usual(line)
            }
        },
    ];
    for script in odd {
        assert!(outcome(script).await.is_err());
    }
}

#[tokio::test]
async fn messages_that_nobody_asked_for_are_not_taken() {
    let batch = outcome(|line| match command_of(line) {
        command if command.starts_with("UID SEARCH") => {
            say("* SEARCH 4294967295 0 17 2 2\r\nTAG OK\r\n")
        }
        command if command.starts_with("UID FETCH 2") => {
            say("* 1 FETCH (UID 9 BODY[]<0> NIL)\r\nTAG OK\r\n")
        }
        _ => usual(line),
    });
    let batch = batch.await.unwrap().unwrap();
    assert_eq!(
        (batch.looked_at, batch.found.len(), batch.cursor.last_uid),
        (1, 0, 2)
    );
}

#[tokio::test]
async fn a_message_on_which_the_connection_breaks_again_and_again_is_left_out() {
    let server = Scripted::start(|line| match command_of(line) {
        command if command.starts_with("UID FETCH 2") => Deed::Die,
        command if command.starts_with("UID SEARCH") => say("* SEARCH 1 2 3\r\nTAG OK\r\n"),
        command if command.starts_with("EXAMINE") => {
            say("* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 4] x\r\nTAG OK\r\n")
        }
        _ => usual(line),
    });
    let mut mailbox = Mailbox::new(server.await.settings()).unwrap();
    let (mut cursor, mut found, mut skipped, mut broken) = (None, 0, 0, 0);
    loop {
        let mut visit = mailbox.visit(cursor).await.unwrap();
        match visit.next().await {
            Ok(Some(batch)) => {
                cursor = Some(batch.cursor);
                found += batch.found.len();
                skipped += batch.skipped;
            }
            Ok(None) => break,
            Err(_) => {}
        }
        broken += usize::from(visit.next().await.is_err());
    }
    assert_eq!((found, skipped), (2, 1));
    assert!((1..=3).contains(&broken), "{broken}");
    assert_eq!(cursor.unwrap().last_uid, 3);
}

#[tokio::test]
async fn a_server_that_ignores_the_part_that_was_asked_for_costs_no_memory() {
    let batch = outcome(|line| match command_of(line).starts_with("UID FETCH") {
        true => {
            let mut message = super::mailbox::bounce(8);
            message.resize(3 * 1024 * 1024, b'x');
            fetched(line, &message)
        }
        false => usual(line),
    });
    assert_eq!(ids(&batch.await.unwrap().unwrap()), ["gp-8", "gp-8"]);
}

#[tokio::test]
async fn the_password_is_not_shown_where_it_is_not_safe() {
    let unsafe_servers: [Script; 4] = [
        // Takes STARTTLS out of what the server offers.
        |line| {
            if line.contains("CAPABILITY") {
                say("* CAPABILITY IMAP4rev1\r\nTAG OK\r\n")
            } else {
                usual(line)
            }
        },
        // Lets everybody in, so that STARTTLS comes too late.
        |_| say("* PREAUTH welcome\r\n"),
        // Puts an answer in front of TLS, to be believed behind it.
        |line| match command_of(line) {
            "CAPABILITY" => say("* CAPABILITY IMAP4rev1 STARTTLS\r\nTAG OK\r\n"),
            "STARTTLS" => say("TAG OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"),
            _ => usual(line),
        },
        // Refuses.
        |line| match command_of(line) {
            "CAPABILITY" => say("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\nTAG OK\r\n"),
            "STARTTLS" => say("TAG NO not today\r\n"),
            _ => usual(line),
        },
    ];
    for script in unsafe_servers {
        let mut server = Scripted::start(script).await;
        let settings = Settings {
            security: Security::StartTls,
            ..server.settings()
        };
        let outcome = visit(&settings, None).await;
        assert!(
            matches!(outcome, Err(Error::Insecure(_) | Error::Refused { .. })),
            "{outcome:?}"
        );
        let heard = server.heard().join("\n");
        assert!(
            !heard.contains("LOGIN") && !heard.contains("AUTHENTICATE"),
            "{heard}"
        );
    }
}

#[tokio::test]
async fn login_is_used_where_there_is_nothing_better() {
    let script: Script = |line| match command_of(line) {
        "CAPABILITY" => say("* CAPABILITY IMAP4rev1\r\nTAG OK\r\n"),
        command if command.starts_with("LOGIN") => say("+ go ahead\r\n"),
        _ if line.starts_with("pässwort") => say("A2 OK\r\n"),
        _ => usual(line),
    };
    let mut server = Scripted::start(script).await;
    let settings = Settings {
        user: "a\"b".into(),
        password: Secret::new("pässwort"),
        ..server.settings()
    };
    visit(&settings, None).await.unwrap();
    let heard = server.heard();
    assert_eq!(heard[1..3], ["A2 LOGIN \"a\\\"b\" {9}", "pässwort"]);
}

#[tokio::test]
async fn login_is_not_tried_where_it_is_off_and_a_refusal_is_told_from_other_troubles() {
    let off = outcome(|line| match command_of(line) {
        "CAPABILITY" => say("* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK\r\n"),
        _ => usual(line),
    });
    assert!(matches!(off.await, Err(Error::Insecure(_))));
    let refused = outcome(|line| match command_of(line) {
        command if command.starts_with("AUTHENTICATE") => say("TAG NO \x1b[31mwrong\r\n"),
        _ => usual(line),
    });
    let refused = refused.await.unwrap_err();
    assert!(matches!(refused, Error::Login(_)), "{refused}");
    assert!(!refused.to_string().contains('\x1b'));
}

#[tokio::test]
async fn without_initial_response_the_credentials_wait_for_the_server() {
    let script: Script = |line| match command_of(line) {
        "CAPABILITY" => say("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK\r\n"),
        "AUTHENTICATE PLAIN" => say("+ \r\n"),
        _ if line == "AGFkYQBzZWNyZXQtMQ==" => say("A2 OK\r\n"),
        _ => usual(line),
    };
    let mut server = Scripted::start(script).await;
    visit(&server.settings(), None).await.unwrap();
    assert_eq!(server.heard()[1], "A2 AUTHENTICATE PLAIN");
}

#[tokio::test]
async fn a_server_that_repeats_the_password_does_not_get_it_into_the_log() {
    let repeating: [Script; 3] = [
        |line| match command_of(line).starts_with("AUTHENTICATE") {
            true => say(format!(
                "TAG BAD cannot read {}\r\n",
                line.replace("TAG ", "")
            )),
            false => usual(line),
        },
        |line| match command_of(line).starts_with("AUTHENTICATE") {
            true => say("TAG NO [AUTHENTICATIONFAILED] \"secret-1\" is wrong\r\n"),
            false => usual(line),
        },
        |line| match command_of(line).starts_with("AUTHENTICATE") {
            true => say("* BYE secret-1\r\n"),
            false => usual(line),
        },
    ];
    for script in repeating {
        let error = outcome(script).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("secret-1") && !shown.contains("AGFkYQBz"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_login_that_is_out_of_order_for_a_while_is_no_wrong_password() {
    let outcome = outcome(|line| match command_of(line).starts_with("AUTHENTICATE") {
        true => say("TAG NO [UNAVAILABLE] the directory is down\r\n"),
        false => usual(line),
    });
    let error = outcome.await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}
