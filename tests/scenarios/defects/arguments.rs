//! The table of exit codes, a dry run that sends nothing, and the name under which the flags are known.

use std::os::unix::fs::symlink;

use crate::harness::{Finished, Home, Process, Relay, free_port, program};

fn scene() -> (Home, Relay) {
    let (home, relay) = (Home::new(), Relay::start(|_| None));
    home.relay(relay.port());
    home.write("list.csv", "email,name\na@x.example,Ada\nb@x.example,Bob\n");
    home.write("letter.html", "<p>{{.name}} &amp; {{.email}}</p>");
    (home, relay)
}

#[test]
fn exit_codes_are_those_of_the_table() {
    let (home, relay) = scene();
    home.write("broken.json", "{\"smtp\": {");
    home.write("empty.json", "{\"smtp\": {}}");
    home.write("empty.csv", "email\n");
    let cases: [(i32, &[&str]); 22] = [
        (0, &["send", "--help"]),
        (0, &["send", "--version"]),
        (
            1,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "empty.csv",
                "--text",
                "x",
            ],
        ),
        (
            1,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "--text",
                "x",
                "-F",
                "age >",
            ],
        ),
        (
            1,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "--text",
                "{{.name",
            ],
        ),
        (1, &["send", "--jobs-cancel", "none-such"]),
        (2, &["send", "--no-such-flag"]),
        (2, &["send", "-f", "list.csv", "--text", "x"]),
        (2, &["send", "-e", "config.json", "--text", "x"]),
        (2, &["send", "-e", "config.json", "-f", "list.csv"]),
        (
            2,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "--to",
                "a@x.example",
                "--text",
                "x",
            ],
        ),
        (
            2,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "--text",
                "x",
                "-c",
                "0",
            ],
        ),
        (
            2,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "--text",
                "x",
                "-w",
                "ftp://x/",
            ],
        ),
        (
            2,
            &["send", "-e", "config.json", "--to", "nobody", "--text", "x"],
        ),
        (
            2,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "--text",
                "x",
                "--unsubscribe",
                "foo",
            ],
        ),
        (
            2,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "--text",
                "x",
                "--header",
                "X-Note: one\nBcc: b@x.example",
            ],
        ),
        (
            3,
            &["send", "-e", "broken.json", "-f", "list.csv", "--text", "x"],
        ),
        (
            3,
            &["send", "-e", "empty.json", "-f", "list.csv", "--text", "x"],
        ),
        (
            4,
            &[
                "send",
                "-e",
                "missing.json",
                "-f",
                "list.csv",
                "--text",
                "x",
            ],
        ),
        (
            4,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "missing.csv",
                "--text",
                "x",
            ],
        ),
        (
            4,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "-t",
                "missing.html",
            ],
        ),
        (
            4,
            &[
                "send",
                "-e",
                "config.json",
                "-f",
                "list.csv",
                "--text",
                "x",
                "-a",
                "missing.pdf",
            ],
        ),
    ];
    for (code, args) in cases {
        let finished = home.glasspost(args).wait().expect_code(code);
        assert!(!finished.output().is_empty(), "{finished}");
    }
    assert_eq!(relay.connections(), 0);
    home.relay(free_port());
    home.send(&["--to", "a@x.example", "--text", "x", "--retries", "0"])
        .expect_code(5);
    home.relay(relay.port());
    home.send(&["--to", "a@x.example", "--text", "x"])
        .expect_code(0);
    assert_eq!(relay.recipients(), ["a@x.example"]);
}

#[test]
fn a_finished_campaign_with_failures_is_a_success() {
    let sink = crate::harness::Sink::start(&["--rule", "*: refuse"]);
    let (home, _relay) = scene();
    home.relay(sink.port());
    home.send(&["-f", "list.csv", "--text", "x"]).expect_code(0);
    assert_eq!(home.account().failed.len(), 2);
}

#[test]
fn a_dry_run_prints_everything_and_sends_nothing() {
    let (home, relay) = scene();
    home.write("note.txt", "attached");
    let args = [
        "-f",
        "list.csv",
        "-s",
        "Hi {{.name}}",
        "-t",
        "letter.html",
        "-a",
        "note.txt",
        "--dry-run",
    ];
    let finished = home.send(&args).expect_code(0);
    let expected = "\
Email #1 → a@x.example
Subject: Hi Ada
Attachments: [note.txt]
<p>Ada &amp; a@x.example</p>

Email #2 → b@x.example
Subject: Hi Bob
Attachments: [note.txt]
<p>Bob &amp; b@x.example</p>

Dry-run complete: 2 emails rendered
";
    assert_eq!(finished.stdout, expected);
    assert_eq!(relay.connections(), 0);
    assert!(!home.path().join("success.csv").exists() && !home.data().exists());
}

/// Runs the program under another name.
fn mailgrid(home: &Home, args: &[&str]) -> Finished {
    let name = home.path().join("mailgrid");
    if !name.exists() {
        symlink(env!("CARGO_BIN_EXE_glasspost"), &name).unwrap();
    }
    let mut command = program(name);
    command
        .args(args)
        .current_dir(home.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("MAILGRID_DB", home.path().join("mailgrid.db"));
    Process::start("mailgrid", &mut command).wait()
}

#[test]
fn called_mailgrid_it_behaves_as_mailgrid() {
    let (home, relay) = scene();
    let args = [
        "--env",
        "config.json",
        "--csv",
        "list.csv",
        "-t",
        "letter.html",
        "-s",
        "Hi",
        "-c",
        "2",
    ];
    let finished = mailgrid(
        &home,
        &[&args[..], &["-b", "10", "--resume=false"]].concat(),
    )
    .expect_code(0);
    assert!(finished.stdout.contains("Completed in "), "{finished}");
    assert!(finished.stdout.contains(" using 2 workers"), "{finished}");
    assert_eq!(relay.taken().len(), 2);
    assert_eq!(home.account().success.len(), 2);
    assert_eq!(
        mailgrid(&home, &["--jobs-list"]).expect_code(0).stdout,
        "No scheduled jobs found.\n"
    );
    mailgrid(&home, &["-X", "none"]).expect_code(1);
    mailgrid(&home, &["--unknown"]).expect_code(2);
}
