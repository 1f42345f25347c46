//! The walls between tenants, and before the administrator's routes: every route, every wrong token, and a long random
//! walk in which nobody may ever see a word of another.

use intake::proxy::{Who, routes};
use serde_json::{Value, json};

use crate::harness::{ADMIN, Running, key_of, message_with, start, start_with_acme};

/// Tenants of the random walk.
const TENANTS: usize = 10;
/// Its steps.
const STEPS: usize = 3_000;
const SEED: u64 = 20_261_122;

/// A route's path with ids of a tenant.
fn filled(path: &str, tenant: &str) -> String {
    let canary = format!("id-canary-{tenant}");
    let names = [
        ("{tenant_id}", tenant),
        ("{account_id}", "main"),
        ("{name}", "files"),
        ("{id}", &canary),
    ];
    names
        .iter()
        .fold(path.to_owned(), |path, (name, id)| path.replace(name, id))
}

/// A body with every field by which a route may be told whom it is about.
fn body_about(tenant: &str) -> Value {
    let id = format!("id-canary-{tenant}");
    json!({
        "tenant_id": tenant,
        "account_id": "main",
        "name": "files",
        "id": id,
        "ids": [id],
        "messages": [message_with(&id, json!({"tenant_id": tenant}))],
        "message_id": id,
        "message_pk": id,
        "protocol": "local",
        "config": {},
        "host": "smtp.example.org",
        "port": 25,
        "older_than_seconds": 0,
        "threshold_ts": 0,
    })
}

fn query_about(tenant: &str) -> String {
    format!("tenant_id={tenant}&account_id=main&name=files&message_id=id-canary-{tenant}")
}

/// A tenant with a message that is full of its own word.
async fn add_with_canary(running: &Running, tenant: &str) {
    running.add_tenant(tenant).await;
    running
        .add_account(tenant, &format!("account-canary-{tenant}"))
        .await;
    let canary = format!("canary-{tenant}");
    let id = format!("id-canary-{tenant}");
    let fields = json!({"subject": canary, "body": canary, "to": format!("{canary}@example.net"),
        "batch_code": format!("batch-{canary}")});
    let body = json!({ "messages": [message_with(&id, fields)] });
    running
        .post(&key_of(tenant), "/commands/add-messages", &body)
        .await
        .ok();
}

#[tokio::test]
async fn every_route_wants_a_token() {
    let running = start_with_acme().await;
    for route in routes() {
        let (method, target) = (route.method.as_str(), filled(route.path, "acme"));
        for token in ["", "wrong", "key-of-nobody"] {
            let body = body_about("acme").to_string();
            let reply = running.ask(method, token, &target, body.as_bytes()).await;
            // The address shows too many wrong tokens before the walk is over.
            let is_shut = matches!(reply.status, 401 | 429);
            assert!(is_shut, "{method} {target}: {reply:?}");
            assert!(reply.json()["detail"].is_string());
        }
    }
}

#[tokio::test]
async fn the_administrators_routes_are_shut_to_tenants() {
    let running = start_with_acme().await;
    let mut count = 0;
    for route in routes().filter(|route| route.who == Who::Admin) {
        let (method, target) = (route.method.as_str(), filled(route.path, "acme"));
        let body = body_about("acme").to_string();
        let reply = running
            .ask(method, &key_of("acme"), &target, body.as_bytes())
            .await;
        assert_eq!(reply.status, 403, "{method} {target}: {reply:?}");
        count += 1;
    }
    assert!(count >= 10, "{count} routes of the administrator");
}

#[tokio::test]
async fn no_route_reaches_another_tenant() {
    let running = start().await;
    add_with_canary(&running, "acme").await;
    add_with_canary(&running, "beta").await;
    let before = everything(&running, "beta").await;
    for route in routes().filter(|route| route.who == Who::Tenant) {
        let method = route.method.as_str();
        let path = filled(route.path, "beta");
        let whole = body_about("beta").to_string();
        for (target, body) in [
            (path.clone(), whole.as_str()),
            (format!("{path}?{}", query_about("beta")), ""),
            (format!("{path}?{}", query_about("beta")), whole.as_str()),
        ] {
            let reply = running
                .ask(method, &key_of("acme"), &target, body.as_bytes())
                .await;
            let names_beta = target.contains("beta") || takes_body(method);
            if names_beta {
                let is_shut = matches!(reply.status, 401 | 403 | 404);
                assert!(
                    is_shut || is_about_all(route.path),
                    "{method} {target} {body}: {reply:?}"
                );
            }
            assert!(
                !reveals(&reply.text, "beta"),
                "{method} {target}: {reply:?}"
            );
        }
    }
    assert_eq!(everything(&running, "beta").await, before);
}

fn takes_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT")
}

/// What is about no tenant in particular.
fn is_about_all(path: &str) -> bool {
    matches!(path, "/commands/run-now" | "/instance/run_now")
}

/// Whether a text holds what only a tenant can know. Ids that the asker itself named may be said again.
fn reveals(text: &str, tenant: &str) -> bool {
    let asked = text.replace(&format!("id-canary-{tenant}"), "");
    asked.contains(&format!("canary-{tenant}")) || asked.contains(&format!("Name of {tenant}"))
}

/// What the administrator sees of a tenant.
async fn everything(running: &Running, tenant: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in ["/messages", "/accounts", "/tenants/get", "/storages/list"] {
        let reply = running
            .get(ADMIN, &format!("{path}?tenant_id={tenant}"))
            .await;
        seen.push(reply.json());
    }
    seen
}

#[tokio::test]
async fn in_a_long_walk_nobody_sees_a_word_of_another() {
    let running = start().await;
    let names: Vec<String> = (0..TENANTS)
        .map(|number| format!("tenant{number}"))
        .collect();
    for name in &names {
        add_with_canary(&running, name).await;
    }
    let open: Vec<_> = routes().filter(|route| route.who == Who::Tenant).collect();
    let mut random = fastrand::Rng::with_seed(SEED);
    for step in 0..STEPS {
        let asker = &names[random.usize(..TENANTS)];
        let other = &names[random.usize(..TENANTS)];
        let route = open[random.usize(..open.len())];
        let path = filled(route.path, if random.bool() { asker } else { other });
        let query = match random.u8(..3) {
            0 => String::new(),
            1 => format!("?{}&include_history=1", query_about(other)),
            _ => format!("?message_id=id-canary-{other}"),
        };
        let mut body = body_about(other);
        if random.bool() {
            body.as_object_mut().unwrap().remove("tenant_id");
            body["messages"][0]
                .as_object_mut()
                .unwrap()
                .remove("tenant_id");
        }
        let body = if random.u8(..4) == 0 {
            String::new()
        } else {
            body.to_string()
        };
        let target = format!("{path}{query}");
        let reply = running
            .ask(
                route.method.as_str(),
                &key_of(asker),
                &target,
                body.as_bytes(),
            )
            .await;
        assert!(
            reply.status < 500,
            "step {step}: {} {target} {body}: {reply:?}",
            route.method
        );
        for name in names.iter().filter(|name| *name != asker) {
            let is_shown = reveals(&reply.text, name);
            assert!(
                !is_shown,
                "step {step}: {asker} {} {target} {body}: {reply:?}",
                route.method
            );
        }
    }
}
