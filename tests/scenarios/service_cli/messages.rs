//! Messages from flags and from JSON: handed over, listed, followed, counted, taken back, forgotten.

use serde_json::json;

use super::cli::{Cli, has};
use crate::harness::{Home, Hook, Service, Sink, until};

#[test]
fn a_message_of_flags_is_sent_and_followed() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let _shop = service.tenant("shop", sink.port());
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "shop");
    home.write("page.html", "<p>Hi</p>");
    home.write("report.txt", "figures");
    let added = cli.json(&[
        "messages",
        "add",
        "--account",
        "main",
        "--from",
        "Ada <ada@sender.test>",
        "--to",
        "bob@example.org",
        "--to",
        "carol@example.org",
        "--subject",
        "Hello",
        "--text",
        "Hi",
        "--html-file",
        "page.html",
        "--header",
        "X-Campaign: spring",
        "--attach",
        "report.txt",
        "--id",
        "m-1",
        "--priority",
        "high",
        "--batch",
        "spring",
    ]);
    assert_eq!(added["id"], "m-1");
    service.until_done();
    assert_eq!(sink.count(), 2);
    let list = cli.ok(&["messages", "list"]);
    has(
        &list,
        &[
            "SUBJECT",
            "m-1",
            "sent",
            "spring",
            "Hello",
            "carol@example.org",
        ],
    );
    let shown = cli.ok(&["messages", "get", "m-1"]);
    has(
        &shown,
        &[
            "status",
            "recipients\n",
            "bob@example.org",
            "history\n",
            "report.txt",
        ],
    );
    let record = cli.json(&["messages", "get", "m-1"]);
    assert_eq!(
        record["message"]["headers"],
        json!({"X-Campaign": "spring"})
    );
    has(
        &cli.ok(&["messages", "events", "m-1"]),
        &["EVENT TYPE", "sent", "bob@example.org", "250"],
    );
    assert_eq!(cli.ok(&["messages", "count"]), "0\n");
    let again = cli.error(
        1,
        &[
            "messages",
            "add",
            "--account",
            "main",
            "--from",
            "ada@sender.test",
            "--to",
            "bob@example.org",
            "--subject",
            "x",
            "--id",
            "m-1",
        ],
    );
    has(&again, &["already sent"]);
}

#[test]
fn messages_of_json_are_taken_one_by_one_and_what_is_left_out_is_said() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "shop");
    let mut unnamed = shop.message("j-1", "bob@example.org");
    unnamed.as_object_mut().unwrap().remove("tenant_id");
    let batch = json!([unnamed, {"id": "j-2", "subject": "x"}]).to_string();
    let said = cli.fed(&batch, &["messages", "add", "-"]).expect(1);
    has(&said.stdout, &["queued  1", "j-2", "missing"]);
    has(&said.stderr, &["1 of them were left out"]);
    home.write(
        "one.json",
        shop.message("j-3", "bob@example.org").to_string(),
    );
    has(&cli.ok(&["messages", "add", "one.json"]), &["j-3"]);
    let wrapped = json!({"messages": [shop.message("j-4", "bob@example.org")]}).to_string();
    let said = cli
        .fed(&wrapped, &["messages", "add", "-", "--json"])
        .expect(0);
    assert_eq!(
        said.json(),
        json!({"ok": true, "queued": 1, "rejected": []})
    );
    service.until_done();
    assert_eq!(sink.count(), 3);
    has(
        &cli.fed("{", &["messages", "add", "-"]).expect(1).stderr,
        &["no JSON"],
    );
    has(
        &cli.fed("3", &["messages", "add", "-"]).expect(1).stderr,
        &["neither a message"],
    );
    let all = cli.fed("[{}]", &["messages", "add", "-"]).expect(1).stderr;
    has(&all, &["no message was queued", "message 0: missing id"]);
    has(
        &cli.error(2, &["messages", "add", "one.json", "--subject", "x"]),
        &["cannot be used with"],
    );
}

#[test]
fn what_waits_is_counted_and_deleted_and_what_is_done_is_forgotten() {
    let (home, sink, hook) = (Home::new(), Sink::start(&[]), Hook::answering(&[200]));
    let open = [("GLASSPOST_ALLOW_PRIVATE_TARGETS", "127.0.0.1")];
    let service = Service::start_with(&home, &open);
    let shop = service.tenant_with("shop", json!({"client_base_url": hook.base()}));
    shop.account("main", sink.port(), json!({}));
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "shop");
    shop.send(&[shop.message("sent", "bob@example.org")]);
    service.until_done();
    cli.ok(&["tenants", "suspend"]);
    for id in ["w-1", "w-2", "w-3"] {
        shop.send(&[shop.message(id, "bob@example.org")]);
    }
    assert_eq!(cli.ok(&["messages", "count"]), "3\n");
    let page = cli
        .run(&["messages", "list", "--active-only", "--limit", "2"])
        .expect(0);
    assert_eq!(page.stdout.lines().count(), 3, "{page:?}");
    let after = page.stderr.rsplit(' ').next().unwrap().trim();
    let rest = cli.ok(&["messages", "list", "--active-only", "--after", after]);
    has(&rest, &["w-3", "suspended"]);
    assert!(!rest.contains("w-2"), "{rest}");
    has(
        &cli.ok(&["messages", "delete", "w-1", "w-2"]),
        &["removed       2"],
    );
    let said = cli.run(&["messages", "delete", "w-3", "never"]).expect(1);
    has(&said.stdout, &["never"]);
    assert_eq!(cli.ok(&["messages", "count"]), "0\n");
    let removed = until("something to forget", || {
        let cleaned = cli.json(&["messages", "cleanup", "--older-than", "0s"]);
        cleaned["removed"].as_u64().filter(|removed| *removed > 0)
    });
    assert!(removed >= 1);
}
