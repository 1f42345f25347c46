//! Files that go along with a message: from every place that they may come from, and from none that they may not.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::harness::mailboxes::Attached;
use crate::harness::{Application, Caller, Folder, Home, Hook, Post, Service, Sink};

const REPORT: &[u8] = b"%PDF-1.4 \x00\x01\xff a report\r\n.\r\nthat goes on";

/// A message with one attachment.
fn message(shop: &Application, id: &str, attachment: Value) -> Value {
    let mut message = shop.message(id, "bob@example.org");
    message["attachments"] = json!([attachment]);
    message
}

/// Why a message with one attachment failed for good, at its first try.
#[track_caller]
fn refusal(shop: &Application, id: &str, attachment: Value) -> String {
    shop.send(&[message(shop, id, attachment)]);
    let record = shop.ended(id);
    assert_eq!(record["history"].as_array().unwrap().len(), 1, "{record}");
    let error = record["error"]
        .as_str()
        .unwrap_or_else(|| panic!("{record}"));
    let begin = "Attachment fetch failed for report.pdf: ";
    let reason = error.strip_prefix(begin);
    reason.unwrap_or_else(|| panic!("{error}")).to_owned()
}

/// That a message with one attachment arrives with the report.
#[track_caller]
fn arrives(shop: &Application, sink: &Sink, id: &str, attachment: Value) {
    shop.send(&[message(shop, id, attachment)]);
    let record = shop.ended(id);
    assert!(record["sent_ts"].is_number(), "{record}");
    let letter = sink.letter(&format!("About {id}"));
    let report = Attached::of("report.pdf", "application/pdf", REPORT);
    assert_eq!(letter.attachments, [report]);
    assert_eq!(letter.defects, Vec::<String>::new());
    assert_eq!(letter.bodies["text/plain"], "Hello.\n");
}

fn report_at(path: &str) -> Value {
    json!({"filename": "report.pdf", "storage_path": path})
}

/// An application that gives the report to whoever asks.
fn giving_the_report() -> Hook {
    Hook::replying(|_, _| (200, REPORT.to_vec()))
}

fn requests_for_files(hook: &Hook) -> Vec<Post> {
    let mut posts = hook.posts();
    posts.retain(|post| !post.line.contains("/sync"));
    posts
}

#[test]
fn what_stands_in_the_request_arrives_byte_by_byte() {
    let (home, sink) = (Home::new(), Sink::keeping(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut message = shop.message("m", "bob@example.org");
    message["attachments"] = json!([
        {"filename": "all{MD5:0}.bin", "storage_path": format!("base64:{}", base64(&bytes))},
        {"filename": "Grüße.txt", "storage_path": "base64:SGk=", "mime_type": "text/plain"},
    ]);
    shop.send(&[message]);
    shop.ended("m");
    let letter = sink.letter("About m");
    let expected = [
        Attached::of("all.bin", "application/octet-stream", &bytes),
        Attached::of("Grüße.txt", "text/plain", b"Hi"),
    ];
    assert!(letter.attachments == expected, "other bytes arrived");
    let reason = refusal(&shop, "broken", report_at("base64:SG=k"));
    assert!(reason.contains("not base64"), "{reason}");
}

#[test]
fn addresses_of_this_machine_are_closed_until_the_operator_opens_them() {
    let (home, sink, hook) = (Home::new(), Sink::keeping(&[]), giving_the_report());
    let url = format!("{}/report.pdf?key=s3cret", hook.base());
    let mut attachment = report_at(&url);
    attachment["auth"] = json!({"method": "bearer", "token": "for-files"});
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let reason = refusal(&shop, "closed", attachment.clone());
    assert!(
        reason.contains("GLASSPOST_ALLOW_PRIVATE_TARGETS"),
        "{reason}"
    );
    assert!(!reason.contains("s3cret"), "{reason}");
    assert_eq!(hook.posts().len(), 0, "it was asked all the same");
    service.stop();

    let service = Service::start_with(&home, &[("GLASSPOST_ALLOW_PRIVATE_TARGETS", "127.0.0.1")]);
    let shop = shop.at(&service);
    arrives(&shop, &sink, "open", attachment);
    let [asked] = hook.posts().try_into().unwrap();
    assert_eq!(asked.line, "GET /report.pdf?key=s3cret HTTP/1.1");
    assert_eq!(asked.fields["authorization"], "Bearer for-files");
}

#[test]
fn the_tenants_own_application_gives_files_to_who_proves_who_asks() {
    let (home, sink, hook) = (Home::new(), Sink::keeping(&[]), giving_the_report());
    let service = Service::start_with(&home, &[("GLASSPOST_ALLOW_PRIVATE_TARGETS", "127.0.0.1")]);
    let client = json!({
        "client_base_url": hook.base(), "client_attachment_path": "/files",
        "client_auth": {"method": "basic", "user": "glasspost", "password": "pass:word"},
    });
    let shop = service.tenant_with("shop", client);
    shop.account("main", sink.port(), json!({}));
    arrives(&shop, &sink, "m", report_at("doc_id=123&v=1"));
    let [asked] = requests_for_files(&hook).try_into().unwrap();
    assert_eq!(asked.line, "POST /files HTTP/1.1");
    assert_eq!(asked.json(), json!({"storage_path": "doc_id=123&v=1"}));
    let expected = format!("Basic {}", base64(b"glasspost:pass:word"));
    assert_eq!(asked.fields["authorization"], expected);

    let other = service.tenant("other", sink.port());
    let reason = refusal(&other, "m", report_at("doc_id=123"));
    assert!(reason.contains("client_base_url"), "{reason}");
}

#[test]
fn files_of_this_machine_are_closed_until_the_operator_opens_a_folder() {
    let (home, sink, folder) = (Home::new(), Sink::keeping(&[]), Folder::new());
    let open = folder.write("open/2026/report.pdf", REPORT);
    folder.write("secret.txt", "secret");
    symlink(folder.join("secret.txt"), folder.join("open/link.pdf")).unwrap();
    symlink(folder.path(), folder.join("open/way-out")).unwrap();
    let service = Service::start(&home);
    let (shop, other) = (
        service.tenant("shop", sink.port()),
        service.tenant("other", sink.port()),
    );
    let open = open.to_str().unwrap();
    for (id, path) in [("closed", open), ("hostname", "/etc/hostname")] {
        let reason = refusal(&shop, id, report_at(path));
        assert!(
            reason.contains("no folder that the operator opened"),
            "{reason}"
        );
    }
    service.stop();

    let root = folder.join("open").to_str().unwrap().to_owned();
    let roots = format!("shop:{root}");
    let service = Service::start_with(&home, &[("GLASSPOST_ATTACHMENT_ROOTS", &roots)]);
    let (shop, other) = (shop.at(&service), other.at(&service));
    arrives(&shop, &sink, "open", report_at(open));
    let ways_out = [
        format!("{root}/../secret.txt"),
        format!("{root}/2026/../../secret.txt"),
        format!("{root}/link.pdf"),
        format!("{root}/way-out/secret.txt"),
        format!("{root}/2026"),
        format!("{root}-beside/x"),
    ];
    for (number, path) in ways_out.iter().enumerate() {
        refusal(&shop, &format!("out-{number}"), report_at(path));
    }
    let reason = refusal(&other, "of-shop", report_at(open));
    assert!(
        reason.contains("no folder that the operator opened"),
        "{reason}"
    );
    assert_eq!(sink.count(), 1, "only what was open arrived");
}

#[test]
fn a_storage_has_names_for_folders_that_the_operator_opened() {
    let (home, sink, folder) = (Home::new(), Sink::keeping(&[]), Folder::new());
    folder.write("open/docs/2026/report.pdf", REPORT);
    folder.write("open/secret.txt", "secret");
    folder.write("closed/report.pdf", REPORT);
    let root = folder.join("open").to_str().unwrap().to_owned();
    let service = Service::start_with(&home, &[("GLASSPOST_ATTACHMENT_ROOTS", &root)]);
    let shop = service.tenant("shop", sink.port());
    for (name, path) in [("docs", "open/docs"), ("closed", "closed")] {
        let storage = json!({
            "tenant_id": "shop", "name": name, "protocol": "local",
            "config": {"base_path": folder.join(path)},
        });
        shop.post("/storages/add", &storage).expect(200);
    }
    arrives(&shop, &sink, "m", report_at("docs:2026/report.pdf"));
    for (id, path) in [
        ("up", "docs:../secret.txt"),
        ("closed", "closed:report.pdf"),
        ("unknown", "nowhere:report.pdf"),
        ("missing", "docs:2027/report.pdf"),
    ] {
        refusal(&shop, id, report_at(path));
    }
    let other = service.tenant("other", sink.port());
    refusal(&other, "of-shop", report_at("docs:2026/report.pdf"));
    assert_eq!(sink.count(), 1);
}

#[test]
fn what_cannot_be_had_is_an_error_and_what_may_come_is_waited_for() {
    let (home, sink) = (Home::new(), Sink::keeping(&[]));
    let hook = Hook::replying(|post, count| match post.line.contains("/gone") {
        true => (404, b"no such file".to_vec()),
        false if count < 2 => (503, Vec::new()),
        false => (200, REPORT.to_vec()),
    });
    let service = Service::start_with(
        &home,
        &[
            ("GLASSPOST_ALLOW_PRIVATE_TARGETS", "localhost,127.0.0.0/8"),
            ("GMP_RETRY_DELAYS", "1,1,1"),
        ],
    );
    let shop = service.tenant("shop", sink.port());
    let gone = format!("{}/gone.pdf", hook.base());
    let reason = refusal(&shop, "gone", report_at(&gone));
    assert_eq!(reason, "127.0.0.1 answered with status 404");
    assert_eq!(service.count("gmp_errors_total", "main"), 1.0);
    let busy = format!("{}/busy.pdf", hook.base());
    arrives(&shop, &sink, "busy", report_at(&busy));
    assert_eq!(service.count("gmp_deferred_total", "main"), 1.0);
    // Nothing of what failed was left behind.
    let temporary = fs::read_dir(home.data()).unwrap().flatten();
    let names: Vec<_> = temporary.map(|entry| entry.file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().contains("pdf")),
        "{names:?}"
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
