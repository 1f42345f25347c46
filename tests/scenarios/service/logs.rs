//! The service's log: in the words that people search for, as text or as JSON, and without its recipients' addresses.

use serde_json::{Value, json};

use crate::harness::{Finished, Home, Service, Sink};

/// Hands over one message of every outcome, and gives what the service said.
fn said(variables: &[(&str, &str)]) -> Finished {
    said_by(Service::start_with, variables)
}

/// The same of a service that is started like that.
fn said_by(start: fn(&Home, &[(&str, &str)]) -> Service, variables: &[(&str, &str)]) -> Finished {
    let home = Home::new();
    let sink = Sink::start(&[
        "--rule",
        "bad@*: refuse 550 \"Mailbox not found\"",
        "--rule",
        "known@*: refuse 550 \"5.1.1 <known@example.org>: unknown; ask postmaster@example.org\"",
        "--rule",
        "late@*: defer 451 4.7.1 \"later\" times 1",
    ]);
    let service = start(&home, &[&[("GMP_RETRY_DELAYS", "1")], variables].concat());
    let shop = service.tenant_with("shop", json!({}));
    shop.account("primary-smtp", sink.port(), json!({}));
    shop.account("bulk-smtp", sink.port(), json!({"limit_per_day": 1}));
    let message = |id: &str, account: &str, to: &str| {
        let mut message = shop.message(id, to);
        message["account_id"] = json!(account);
        message
    };
    let mut fetched = message("msg-5", "primary-smtp", "fetched@example.org");
    fetched["attachments"] = json!([{"filename": "x", "storage_path": "/etc/hostname"}]);
    shop.send(&[
        message("msg-123", "primary-smtp", "good@example.org"),
        message("msg-789", "primary-smtp", "bad@example.org"),
        message("msg-4", "primary-smtp", "known@example.org"),
        message("msg-6", "primary-smtp", "late@example.org"),
        fetched,
        message("msg-455", "bulk-smtp", "first@example.org"),
    ]);
    shop.ended("msg-455");
    shop.send(&[message("msg-456", "bulk-smtp", "second@example.org")]);
    for id in ["msg-123", "msg-789", "msg-4", "msg-5", "msg-6"] {
        shop.ended(id);
    }
    crate::harness::until("the limit", || {
        (service.count("gmp_rate_limited_total", "bulk-smtp") == 1.0).then_some(())
    });
    let finished = service.stop();
    assert_eq!(finished.stderr, "", "the log is on standard output");
    finished
}

/// The lines with this text.
fn with<'a>(lines: &'a [Value], text: &str) -> Vec<&'a Value> {
    let matches = |line: &&Value| line["message"] == text;
    lines.iter().filter(matches).collect()
}

#[test]
fn json_lines_say_what_happened_in_the_words_of_the_manual() {
    let finished = said(&[("LOG_FORMAT", "json")]);
    let lines: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    for line in &lines {
        let at = line["timestamp"].as_str().unwrap();
        assert!(at.len() == 24 && at.ends_with('Z'), "{line}");
    }
    for (level, account, text) in [
        (
            "INFO",
            "primary-smtp",
            "Message msg-123 sent via primary-smtp",
        ),
        (
            "INFO",
            "primary-smtp",
            "Message msg-6 sent via primary-smtp",
        ),
        (
            "WARNING",
            "bulk-smtp",
            "Rate limit reached for bulk-smtp, deferring msg-456",
        ),
        (
            "ERROR",
            "primary-smtp",
            "SMTP error for msg-789: 550 Mailbox not found",
        ),
    ] {
        let [line] = with(&lines, text).try_into().unwrap_or_else(|found| {
            panic!("{text}: {found:?} in {finished}");
        });
        assert_eq!(
            (&line["level"], &line["account_id"]),
            (&json!(level), &json!(account))
        );
        assert_eq!(line["tenant_id"], "shop");
    }
    for (level, begin) in [
        ("INFO", "Service started"),
        ("INFO", "The operator's token is in /"),
        ("INFO", "Listening on http://127.0.0.1:"),
        ("INFO", "stopping"),
        ("INFO", "Service stopped"),
        (
            "WARNING",
            "Temporary SMTP error for msg-6: 451 4.7.1 later, retry scheduled in ",
        ),
        (
            "ERROR",
            "Message msg-5 cannot be sent: Attachment fetch failed for x: ",
        ),
        ("ERROR", "SMTP error for msg-4: 550 5.1.1 "),
    ] {
        let is_it = |line: &&Value| {
            line["level"] == level && line["message"].as_str().unwrap().starts_with(begin)
        };
        assert_eq!(
            lines.iter().filter(is_it).count(),
            1,
            "{begin} in {finished}"
        );
    }
}

#[test]
fn text_lines_have_their_time_and_level_and_nobodys_address() {
    let finished = said(&[]);
    for line in finished.stdout.lines() {
        let (time, rest) = line
            .split_at_checked(23)
            .unwrap_or_else(|| panic!("{line}"));
        let shape: String = time
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(shape, "0000-00-00 00:00:00,000", "{line}");
        let levels = ["INFO", "WARN", "ERROR"];
        assert!(
            levels
                .iter()
                .any(|level| rest.trim_start().starts_with(level)),
            "{line}"
        );
    }
    assert!(
        finished
            .stdout
            .contains(" ERROR    SMTP error for msg-789: 550 Mailbox not found"),
        "{finished}"
    );
    // Neither what was handed over nor what servers repeat names a recipient.
    assert!(!finished.output().contains("@example.org"), "{finished}");
    assert!(!finished.stdout.contains("ada@sender.test"), "{finished}");
}

#[test]
fn the_level_leaves_out_what_matters_less() {
    let errors = said_by(Service::start_quiet, &[("LOG_LEVEL", "ERROR")]).stdout;
    assert_eq!(errors.lines().count(), 3, "{errors}");
    assert!(
        errors.lines().all(|line| line.contains(" ERROR ")),
        "{errors}"
    );
    let debug = said(&[("GMP_LOG_LEVEL", "debug")]).stdout;
    let accepted = "Message msg-123 accepted for primary-smtp";
    assert!(debug.contains(accepted), "{debug}");
    let info = said(&[("LOG_LEVEL", "info"), ("GMP_LOG_LEVEL", "debug")]).stdout;
    assert!(!info.contains(accepted), "{info}");
}
