//! Files that are too large for mail: mailed with a warning, refused, or linked to.

use std::fs;

use serde_json::{Value, json};

use crate::harness::mailboxes::Attached;
use crate::harness::{Answer, Application, Folder, Home, Request, Service, Sink};

const MIB: usize = 1 << 20;

/// A message with a file of 2 MiB and a small one.
fn message(shop: &Application, id: &str) -> Value {
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut message = shop.message(id, "bob@example.org");
    message["attachments"] = json!([
        {"filename": "big <1>.bin", "storage_path": format!("base64:{}", encode(&big()))},
        {"filename": "small.txt", "storage_path": "base64:SGk="},
    ]);
    message
}

fn big() -> Vec<u8> {
    (0..=250).cycle().take(2 * MIB).collect()
}

fn tenant(service: &Service, sink: &Sink, mut config: Value) -> Application {
    config["enabled"] = json!(true);
    config["max_size_mb"] = json!(1);
    let shop = service.tenant_with("shop", json!({"large_file_config": config}));
    shop.account("main", sink.port(), json!({}));
    shop
}

fn get(service: &Service, target: &str) -> Answer {
    Request::new("GET", target)
        .header("Host", &service.address.to_string())
        .send(service.address)
}

/// The path of the one link of a text.
fn link<'a>(text: &'a str, base: &str) -> &'a str {
    let begin = text
        .find(base)
        .unwrap_or_else(|| panic!("no link in {text}"));
    let rest = &text[begin + base.len()..];
    let end = rest.find(['"', '\n', '<', ' ']).unwrap_or(rest.len());
    &rest[..end]
}

#[test]
fn by_default_a_large_file_is_mailed_and_the_log_says_so() {
    let (home, sink) = (Home::new(), Sink::keeping(&[]));
    let service = Service::start(&home);
    let shop = tenant(&service, &sink, json!({}));
    shop.send(&[message(&shop, "m")]);
    shop.ended("m");
    let letter = sink.letter("About m");
    let names: Vec<&str> = letter.attachments.iter().map(|file| &*file.name).collect();
    assert_eq!(names, ["big <1>.bin", "small.txt"]);
    let big = Attached::of("big <1>.bin", "application/octet-stream", &big());
    assert!(letter.attachments[0] == big, "other bytes arrived");
    let log = service.process.stdout();
    assert!(
        log.contains("a large attachment is mailed as it is"),
        "{log}"
    );
}

#[test]
fn a_tenant_may_refuse_large_files() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = tenant(&service, &sink, json!({"action": "reject"}));
    shop.send(&[message(&shop, "m")]);
    let record = shop.ended("m");
    let expected = "Attachment 'big <1>.bin' (2.0 MB) exceeds limit (1 MB)";
    assert_eq!(record["error"], expected);
    assert_eq!(service.count("gmp_errors_total", "main"), 1.0);
    assert_eq!(sink.count(), 0);
}

#[test]
fn a_link_in_place_of_a_large_file_gives_it_and_no_other_does() {
    let (home, sink, folder) = (Home::new(), Sink::keeping(&[]), Folder::new());
    let shelf = folder.path().to_str().unwrap();
    let service = Service::start_with(&home, &[("GLASSPOST_LARGE_FILES_FOLDER", shelf)]);
    let base = format!("http://{}", service.address);
    let shop = tenant(
        &service,
        &sink,
        json!({"action": "rewrite", "storage_url": format!("file://{shelf}/shop"), "public_base_url": base}),
    );
    let mut html = message(&shop, "html");
    html["content_type"] = json!("html");
    html["body"] = json!("<html><body><p>Hello</p></BODY></html>");
    shop.send(&[message(&shop, "text"), html]);
    service.until_done();

    let (text, html) = (sink.letter("About text"), sink.letter("About html"));
    for letter in [&text, &html] {
        let names: Vec<&str> = letter.attachments.iter().map(|file| &*file.name).collect();
        assert_eq!(names, ["small.txt"]);
    }
    let (text, html) = (&text.bodies["text/plain"], &html.bodies["text/html"]);
    assert!(
        text.contains("Hello.\n") && text.contains("big <1>.bin (2.0 MB, until "),
        "{text}"
    );
    assert!(
        html.contains("big &lt;1&gt;.bin</a> (2.0 MB, until "),
        "{html}"
    );
    assert!(
        html.ends_with("</ul></BODY></html>\n") || html.ends_with("</ul></BODY></html>"),
        "{html}"
    );

    let (text, html) = (link(text, &base), link(html, &base));
    assert_ne!(text, html, "each message has a link of its own");
    for path in [text, html] {
        let file = get(&service, path).expect(200);
        assert!(file.body == big(), "other bytes came");
        assert_eq!(file.header("content-disposition"), Some("attachment"));
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    }
    forged_links_lead_nowhere(&service, text, html);
    // A restart keeps the key.
    service.stop();
    let service = Service::start_with(&home, &[("GLASSPOST_LARGE_FILES_FOLDER", shelf)]);
    assert!(get(&service, text).expect(200).body == big());
    // A file that its operator took away is gone, and nothing else is told.
    for entry in fs::read_dir(folder.join("shop")).unwrap() {
        fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
    get(&service, text).expect(410);
}

fn forged_links_lead_nowhere(service: &Service, link: &str, other: &str) {
    let parts = |link: &str| -> Vec<String> { link.split('/').map(str::to_owned).collect() };
    let (own, other) = (parts(link), parts(other));
    let [.., token, name] = own.as_slice() else {
        panic!("{link}")
    };
    let other_token = &other[other.len() - 2];
    let (claims, seal) = token.rsplit_once('-').unwrap();
    let flipped = match seal.strip_prefix('0') {
        Some(rest) => format!("1{rest}"),
        None => format!("0{}", &seal[1..]),
    };
    let (id, expires) = claims.split_once('-').unwrap();
    let later = expires.parse::<u64>().unwrap() + 1;
    let other_seal = other_token.rsplit_once('-').unwrap().1;
    for token in [
        format!("{claims}-{flipped}"),
        format!("{id}-{later}-{seal}"),
        format!("{claims}-{other_seal}"),
        format!("{claims}-{}", &seal[..16]),
        claims.to_owned(),
        id.to_owned(),
    ] {
        get(service, &format!("/download/shop/{token}/{name}")).expect(404);
    }
    get(service, &format!("/download/shop/{token}/other.bin")).expect(404);
    get(service, &format!("/download/{token}/{name}")).expect(404);
    get(service, &format!("/download/shop/../shop/{token}/{name}")).expect(404);
}
