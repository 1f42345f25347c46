//! Visits to a real Dovecot.

use std::collections::BTreeSet;

use intake::bounce::Learned;
use intake::bounce::mailbox::{BadSettings, Batch, Cursor, Error, Mailbox, Security, Settings};

use super::dovecot::{Dovecot, PASSWORD};

/// A bounce of the message with this number.
pub fn bounce(number: usize) -> Vec<u8> {
    let template = include_str!("../corpus/bounces/dsn-postfix-hard.eml");
    template
        .replace("gp-7001", &format!("gp-{number}"))
        .into_bytes()
}

const ORDINARY: &[u8] = include_bytes!("../corpus/bounces/ordinary-mail.eml");

/// Everything that is new, in one batch.
pub async fn visit(settings: &Settings, after: Option<Cursor>) -> Result<Option<Batch>, Error> {
    let mut mailbox = Mailbox::new(settings.clone()).unwrap();
    let mut visit = mailbox.visit(after).await?;
    let batch = visit.next().await?;
    assert_eq!(visit.next().await?, None);
    visit.leave().await;
    Ok(batch)
}

/// Our ids of the messages that a batch is about.
pub fn ids(batch: &Batch) -> Vec<String> {
    let news = batch.found.iter().flat_map(|found| match &found.learned {
        Learned::Report(news) => news.as_slice(),
        other => panic!("no report: {other:?}"),
    });
    let ids = news.map(|news| {
        news.about
            .as_ref()
            .unwrap()
            .mail_id
            .as_deref()
            .unwrap()
            .to_owned()
    });
    ids.collect()
}

#[tokio::test]
async fn new_bounces_are_found_once_and_a_restart_goes_on_behind_them() {
    let mut dovecot = Dovecot::start();
    let settings = dovecot.settings();
    dovecot.deliver(&bounce(1));
    dovecot.deliver(ORDINARY);
    dovecot.deliver(&bounce(2));

    let first = visit(&settings, None).await.unwrap().unwrap();
    assert_eq!(ids(&first), ["gp-1", "gp-2"]);
    assert_eq!(
        (first.looked_at, first.skipped, first.was_reset),
        (3, 0, false)
    );
    assert_eq!(first.cursor.last_uid, 3);
    assert_eq!(visit(&settings, Some(first.cursor)).await.unwrap(), None);

    dovecot.deliver(&bounce(3));
    let second = visit(&settings, Some(first.cursor)).await.unwrap().unwrap();
    assert_eq!(ids(&second), ["gp-3"]);
    assert_eq!(second.looked_at, 1);
}

#[tokio::test]
async fn nothing_in_the_mailbox_is_marked_moved_or_deleted() {
    let mut dovecot = Dovecot::start();
    dovecot.deliver(&bounce(1));
    visit(&dovecot.settings(), None).await.unwrap();
    let names = dovecot.names();
    assert_eq!(names.len(), 1);
    // The flag of a message that was read.
    assert!(!names[0].contains(":2,S"), "{names:?}");
}

#[tokio::test]
async fn a_folder_that_was_made_anew_is_read_from_its_beginning() {
    let mut dovecot = Dovecot::start();
    let settings = dovecot.settings();
    dovecot.deliver(&bounce(1));
    dovecot.deliver(&bounce(2));
    let before = visit(&settings, None).await.unwrap().unwrap();
    let other = (before.cursor.uid_validity + 7).to_string();
    dovecot.doveadm(&[
        "mailbox",
        "update",
        "-u",
        "bounces",
        "--uid-validity",
        &other,
        "INBOX",
    ]);

    let after = visit(&settings, Some(before.cursor))
        .await
        .unwrap()
        .unwrap();
    assert!(after.was_reset);
    assert_eq!(after.cursor.uid_validity.to_string(), other);
    assert_eq!(ids(&after), ["gp-1", "gp-2"]);
    assert_eq!(visit(&settings, Some(after.cursor)).await.unwrap(), None);
}

#[tokio::test]
async fn deleted_messages_leave_gaps_that_stop_nothing() {
    let mut dovecot = Dovecot::start();
    let settings = dovecot.settings();
    for number in 1..=4 {
        dovecot.deliver(&bounce(number));
    }
    visit(&settings, None).await.unwrap();
    dovecot.doveadm(&[
        "expunge", "-u", "bounces", "mailbox", "INBOX", "uid", "1,3,4",
    ]);
    let batch = visit(&settings, None).await.unwrap().unwrap();
    assert_eq!(ids(&batch), ["gp-2"]);
    // The UIDs of those that are gone are never given again.
    assert_eq!(batch.cursor.last_uid, 4);
}

#[tokio::test]
async fn a_folder_may_be_empty_or_have_a_name_outside_of_ascii() {
    let mut dovecot = Dovecot::start();
    let folder = "Rückläufer & Ähnliches".into();
    let settings = Settings {
        folder,
        ..dovecot.settings()
    };
    dovecot.doveadm(&["mailbox", "create", "-u", "bounces", &settings.folder]);
    let empty = visit(&settings, None).await.unwrap().unwrap();
    assert_eq!((empty.looked_at, empty.cursor.last_uid), (0, 0));
    dovecot.deliver_to("mail/.R&APw-ckl&AOQ-ufer &- &AMQ-hnliches", &bounce(1));
    let batch = visit(&settings, Some(empty.cursor)).await.unwrap().unwrap();
    assert_eq!(ids(&batch), ["gp-1"]);
}

#[tokio::test]
async fn tls_from_the_first_byte_or_by_starttls_needs_a_believed_certificate() {
    let mut dovecot = Dovecot::start();
    dovecot.deliver(&bounce(1));
    for security in [Security::Implicit, Security::StartTls] {
        let settings = dovecot.secure_settings(security);
        let batch = visit(&settings, None).await.unwrap().unwrap();
        assert_eq!(ids(&batch), ["gp-1"]);

        let distrusting = Settings {
            trust: dovecot.settings().trust,
            ..settings.clone()
        };
        let refused = visit(&distrusting, None).await;
        assert!(matches!(refused, Err(Error::Tls(_))), "{refused:?}");

        // The certificate names 127.0.0.1 only.
        let misnamed = Settings {
            host: "localhost".into(),
            ..settings
        };
        let refused = visit(&misnamed, None).await;
        assert!(matches!(refused, Err(Error::Tls(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_or_folder_is_named_and_the_password_is_not() {
    let dovecot = Dovecot::start();
    let wrong = Settings {
        password: model::Secret::new("guess-8812"),
        ..dovecot.settings()
    };
    let error = visit(&wrong, None).await.unwrap_err();
    assert!(matches!(error, Error::Login(_)), "{error}");
    assert!(!format!("{error} {error:?} {wrong:?}").contains("guess-8812"));

    let absent = Settings {
        folder: "Nowhere".into(),
        ..dovecot.settings()
    };
    let error = visit(&absent, None).await.unwrap_err();
    assert!(matches!(error, Error::Folder { .. }), "{error}");
    assert!(!format!("{error:?} {absent:?}").contains(PASSWORD));
}

#[tokio::test]
async fn without_tls_only_this_machine_is_spoken_to() {
    let dovecot = Dovecot::start();
    let elsewhere = Settings {
        host: "192.0.2.7".into(),
        ..dovecot.settings()
    };
    let refused = Mailbox::new(elsewhere).err();
    assert_eq!(
        refused,
        Some(BadSettings::PlainToOthers("192.0.2.7".into()))
    );
    let split = Settings {
        folder: "a\r\nA9 DELETE INBOX".into(),
        ..dovecot.settings()
    };
    assert_eq!(
        Mailbox::new(split).err(),
        Some(BadSettings::LineBreak("imap_folder"))
    );
}

#[tokio::test]
async fn a_bounce_of_any_size_is_read_by_its_beginning() {
    let mut dovecot = Dovecot::start();
    let mut large = bounce(1);
    large.resize(20 * 1024 * 1024, b'x');
    dovecot.deliver(&large);
    dovecot.deliver(&bounce(2));
    let batch = visit(&dovecot.settings(), None).await.unwrap().unwrap();
    assert_eq!(ids(&batch), ["gp-1", "gp-2"]);
}

#[tokio::test]
async fn of_a_thousand_messages_each_is_found_once_though_the_server_dies_in_between() {
    const MESSAGES: usize = 1_000;
    let mut dovecot = Dovecot::start();
    // Built to cost time, and refused.
    let bomb = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\n\n".repeat(1_500)
    );
    for number in 1..=MESSAGES {
        match number % 100 {
            50 => dovecot.deliver(bomb.as_bytes()),
            _ => dovecot.deliver(&bounce(number)),
        }
    }
    let mut mailbox = Mailbox::new(dovecot.settings()).unwrap();
    let (mut cursor, mut found, mut looked_at, mut skipped, mut deaths) =
        (None, Vec::new(), 0, 0, 0);
    loop {
        let mut visit = mailbox.visit(cursor).await.unwrap();
        let mut batches = 0;
        let ended = loop {
            let batch = match visit.next().await {
                Ok(Some(batch)) => batch,
                other => break other,
            };
            cursor = Some(batch.cursor);
            found.extend(ids(&batch));
            looked_at += batch.looked_at;
            skipped += batch.skipped;
            batches += 1;
            if batches == 2 && deaths < 3 {
                dovecot.kill();
            }
        };
        if ended.is_ok() {
            break;
        }
        deaths += 1;
        dovecot.run();
    }
    assert_eq!(deaths, 3);
    assert_eq!((looked_at, skipped), (MESSAGES, MESSAGES / 100));
    assert_eq!(found.len(), MESSAGES - MESSAGES / 100);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
}
