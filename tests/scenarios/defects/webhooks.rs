//! There, the webhook is sent by a task that nobody waits for, once, in one of two modes without its signature, and
//! always says `completed`.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Folder, Home, Hook, Post, Process, Sink, free_port, program, until};

const SECRET: &str = "a key with = and spaces";

fn scene() -> (Home, Sink) {
    let (home, sink) = (
        Home::new(),
        Sink::start(&["--rule", "*@refused.example: refuse"]),
    );
    home.relay(sink.port());
    home.write_list(
        "list.csv",
        ["a@good.example", "b@refused.example", "c@good.example"],
    );
    (home, sink)
}

/// The HMAC as OpenSSL makes it.
fn signature(body: &[u8]) -> String {
    let folder = Folder::new();
    let mut command = program("openssl");
    command
        .args(["dgst", "-sha256", "-hmac", SECRET])
        .arg(folder.write("body", body));
    let said = Process::start("openssl", &mut command)
        .wait()
        .expect_code(0)
        .stdout;
    format!("sha256={}", said.trim().rsplit(' ').next().unwrap())
}

#[track_caller]
fn only(hook: &Hook) -> Post {
    let mut posts = hook.posts();
    assert_eq!(posts.len(), 1, "{posts:?}");
    posts.remove(0)
}

#[test]
fn the_webhook_arrives_before_the_end() {
    for _ in 0..10 {
        let ((home, _sink), hook) = (scene(), Hook::answering(&[200]));
        home.send(&[
            "-f",
            "list.csv",
            "--text",
            "Hello",
            "--webhook",
            &hook.url(),
        ])
        .expect_code(0);
        let post = only(&hook);
        assert_eq!(post.line, "POST /hook HTTP/1.1");
        assert_eq!(post.fields["content-type"], "application/json");
        assert_eq!(post.fields["user-agent"], "Mailgrid-Webhook/1.0");
        assert!(!post.fields.contains_key("x-mailgrid-signature"));
        let body = post.json();
        let counts = json!([
            body["total_recipients"],
            body["successful_deliveries"],
            body["failed_deliveries"]
        ]);
        assert_eq!(counts, json!([3, 2, 1]));
        assert_eq!(body["status"], "completed");
        assert_eq!(body["csv_file"], "list.csv");
        assert!(body["job_id"].as_str().unwrap().starts_with("mailgrid-"));
        for key in [
            "start_time",
            "end_time",
            "duration_seconds",
            "concurrent_workers",
        ] {
            assert!(!body[key].is_null(), "{key}");
        }
    }
}

#[test]
fn the_webhook_is_tried_again() {
    let ((home, _sink), hook) = (scene(), Hook::answering(&[503, 500, 204]));
    home.send(&[
        "-f",
        "list.csv",
        "--text",
        "Hello",
        "--webhook",
        &hook.url(),
    ])
    .expect_code(0);
    let posts = hook.posts();
    assert_eq!(posts.len(), 3);
    assert!(
        posts.iter().all(|post| post.body == posts[0].body),
        "each try says the same"
    );
}

#[test]
fn a_webhook_that_is_refused_is_said_and_fails_no_campaign() {
    let ((home, _sink), hook) = (scene(), Hook::answering(&[410]));
    let finished = home
        .send(&[
            "-f",
            "list.csv",
            "--text",
            "Hello",
            "--webhook",
            &hook.url(),
        ])
        .expect_code(0);
    assert!(
        finished.stderr.contains("the webhook was not delivered"),
        "{finished}"
    );
    only(&hook);
}

#[test]
fn the_webhook_is_signed_in_bulk_and_single_mode() {
    for target in [["-f", "list.csv"], ["--to", "a@good.example"]] {
        let ((home, _sink), hook) = (scene(), Hook::answering(&[200]));
        let args = [
            "--text",
            "Hello",
            "--webhook",
            &hook.url(),
            "--webhook-secret",
            SECRET,
        ];
        home.send(&[&target[..], &args].concat()).expect_code(0);
        let post = only(&hook);
        assert_eq!(post.fields["x-mailgrid-signature"], signature(&post.body));
        let job_id = post.json()["job_id"].as_str().unwrap().to_owned();
        assert_eq!(
            job_id.starts_with("mailgrid-single-"),
            target[0] == "--to",
            "{job_id}"
        );
    }
}

#[test]
fn an_interrupted_run_says_interrupted() {
    let ((home, sink), hook) = (scene(), Hook::answering(&[200]));
    let list: Vec<String> = (0..100)
        .map(|n| format!("person{n}@good.example"))
        .collect();
    home.write_list("list.csv", list.iter().map(String::as_str));
    let args = [
        "-f",
        "list.csv",
        "--text",
        "Hello",
        "--rate",
        "40",
        "--webhook",
        &hook.url(),
    ];
    let process = home.start_send(&args);
    until("some messages", || (sink.count() >= 10).then_some(()));
    process.signal("INT");
    process.wait().expect_code(1);
    let body = only(&hook).json();
    assert_eq!(body["status"], "interrupted");
    let parts = [
        "successful_deliveries",
        "failed_deliveries",
        "pending_deliveries",
    ];
    let sum: u64 = parts.iter().map(|part| body[part].as_u64().unwrap()).sum();
    assert_eq!(body["total_recipients"], sum);
    assert_eq!(body["successful_deliveries"], sink.count());
    assert!(
        body["error_message"]
            .as_str()
            .unwrap()
            .contains("interrupted")
    );
}

#[test]
fn a_run_without_a_relay_says_failed() {
    let ((home, _sink), hook) = (scene(), Hook::answering(&[200]));
    home.relay(free_port());
    let args = [
        "-f",
        "list.csv",
        "--text",
        "Hello",
        "--retries",
        "0",
        "--webhook",
        &hook.url(),
    ];
    home.send(&args).expect_code(5);
    let body = only(&hook).json();
    assert_eq!(
        (&body["status"], &body["successful_deliveries"]),
        (&json!("failed"), &json!(0))
    );
    assert_eq!(
        (&body["failed_deliveries"], &body["pending_deliveries"]),
        (&json!(0), &json!(3))
    );
}

#[test]
fn a_webhook_that_hangs_does_not_hold_a_stop_beyond_its_grace() {
    let (home, sink) = scene();
    let list: Vec<String> = (0..100)
        .map(|n| format!("person{n}@good.example"))
        .collect();
    home.write_list("list.csv", list.iter().map(String::as_str));
    // Connections are made, and nobody ever reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let args = [
        "-f",
        "list.csv",
        "--text",
        "Hello",
        "--rate",
        "40",
        "--webhook",
        &url,
    ];
    let process = home.start_send(&args);
    until("some messages", || (sink.count() >= 10).then_some(()));
    let asked = Instant::now();
    process.signal("TERM");
    let finished = process.wait().expect_code(1);
    assert!(asked.elapsed() < Duration::from_secs(30), "{finished}");
    assert!(
        finished.stderr.contains("the webhook was not delivered"),
        "{finished}"
    );
}
