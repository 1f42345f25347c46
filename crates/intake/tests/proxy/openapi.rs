//! The API's document says what the API does: every route and nothing else, without a dangling name.

use std::collections::BTreeSet;

use intake::proxy::{Who, openapi, routes};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use webserver::{Access, Limits, Server};

/// Served beside the API, by who watches the service.
const WATCHING: &str = "Watching";

fn document() -> Value {
    serde_json::from_str(openapi::document()).unwrap()
}

/// Every operation, with its method and path.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'_ Value)| -> Vec<_> {
        let methods = item.as_object().unwrap().keys();
        methods
            .map(|method| (method.to_uppercase(), path.clone(), method.clone()))
            .collect()
    };
    paths
        .iter()
        .flat_map(of_path)
        .map(|(method, path, key)| {
            let operation = &document["paths"][path.as_str()][key.as_str()];
            (method, path, operation)
        })
        .collect()
}

fn who(operation: &Value) -> &'static str {
    let is_admins = operation["responses"]["403"]["$ref"] == "#/components/responses/AdminOnly";
    match (operation.get("security"), is_admins) {
        (None, _) => "anybody",
        (Some(_), true) => "admin",
        (Some(_), false) => "tenant",
    }
}

#[test]
fn the_document_has_every_route_and_nothing_else() {
    let document = document();
    let documented: BTreeSet<_> = operations(&document)
        .into_iter()
        .filter(|(_, _, operation)| operation["tags"][0] != WATCHING)
        .map(|(method, path, operation)| (method, path, who(operation)))
        .collect();
    let served: BTreeSet<_> = routes()
        .map(|route| {
            let who = match route.who {
                Who::Admin => "admin",
                Who::Tenant => "tenant",
            };
            (route.method.to_string(), route.path.to_owned(), who)
        })
        .collect();
    let missing: Vec<_> = served.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&served).collect();
    assert!(missing.is_empty(), "not in the document: {missing:?}");
    assert!(invented.is_empty(), "not served: {invented:?}");
}

#[test]
fn what_is_not_of_the_api_watches_the_service() {
    let document = document();
    let watching = operations(&document).into_iter();
    let watching: Vec<_> = watching
        .filter(|(_, _, operation)| operation["tags"][0] == WATCHING)
        .map(|(method, path, operation)| format!("{method} {path} {}", who(operation)))
        .collect();
    assert_eq!(
        watching,
        [
            "GET /health anybody",
            "GET /instance/health tenant",
            "GET /instance/status tenant",
            "GET /metrics anybody",
            "GET /ready anybody",
            "GET /status tenant",
        ]
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_is() {
    let document = document();
    let operations = operations(&document);
    let names: BTreeSet<_> = operations
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), operations.len());
    for (method, path, operation) in operations {
        let summary = operation["summary"].as_str().unwrap();
        assert!(!summary.is_empty(), "{method} {path}");
        for parameter in operation["parameters"].as_array().unwrap() {
            let about = parameter["description"].as_str();
            assert!(about.is_some(), "{method} {path}: {parameter}");
            assert!(
                parameter["schema"].get("type").is_some(),
                "{method} {path}: {parameter}"
            );
        }
    }
}

#[test]
fn every_name_is_defined_and_every_definition_used() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    let mut defined = BTreeSet::new();
    for kind in ["schemas", "responses"] {
        let names = document["components"][kind].as_object().unwrap().keys();
        defined.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    assert_eq!(used, defined);
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(name)) = fields.get("$ref") {
                found.insert(name.clone());
            }
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_page_is_there_for_anybody_and_its_parts_too() {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), "--port").await;
    let server = server.unwrap();
    let (address, stop) = (server.address(), CancellationToken::new());
    let serving = server.serve(
        openapi::router(),
        Access::loopback(),
        Limits::default(),
        stop,
    );
    tokio::spawn(serving);
    for (path, kind, words) in [
        ("/openapi.json", "application/json", "\"openapi\":\"3.1.1\""),
        ("/docs", "text/html; charset=utf-8", "docs/page.js"),
        ("/redoc", "text/html; charset=utf-8", "docs/page.js"),
        (
            "/docs/page.js",
            "text/javascript; charset=utf-8",
            "openapi.json",
        ),
        (
            "/docs/page.css",
            "text/css; charset=utf-8",
            "prefers-color-scheme",
        ),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        assert!(
            head.contains(&format!("content-type: {kind}\r\n")),
            "{path}: {head}"
        );
        assert!(
            head.contains("default-src 'none'; script-src 'self'"),
            "{path}: {head}"
        );
        assert!(body.contains(words), "{path}");
    }
}
