//! Every route with everything that can be wrong about a request.

use axum::http::{Method, StatusCode};
use console::ROUTES;
use model::Stage;
use serde_json::json;

use crate::run::every_kind;
use crate::world::World;

const HOSTILE: [&str; 18] = [
    "",
    "0",
    "1",
    "-1",
    "1001",
    "9223372036854775806",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999",
    "NaN",
    "end",
    "%00",
    "%ff%fe",
    "%27%3B--",
    "..%2F..",
    "%F0%9F%92%A9",
    "a%0d%0aSet-Cookie:x=1",
    "<script>",
];

const PARAMETERS: [&str; 9] = [
    "limit", "after", "before", "search", "status", "domain", "code", "other", "limit[]",
];

/// The paths of every route, of the page, and of nothing at all.
fn routes(job: &str, id: &str) -> Vec<String> {
    let filled_in = |path: &str| path.replace("{job}", job).replace("{id}", id);
    let own = ROUTES.iter().map(|route| route.path);
    let others = ["/", "/assets/{id}", "/{job}/{id}"];
    own.chain(others).map(filled_in).collect()
}

/// Asks, and expects an answer that is one: never an error of ours, and every refusal is JSON with words.
async fn assert_answered(world: &World, method: Method, path: &str) {
    if path.parse::<axum::http::Uri>().is_err() {
        return;
    }
    let answer = world
        .ask(method.clone(), path, "{\"action\":\"%00\"}")
        .await;
    let is_refused = answer.status.is_client_error();
    assert!(
        is_refused || answer.status.is_success(),
        "{method} {path}: {} {}",
        answer.status,
        answer.text()
    );
    if is_refused && method != Method::HEAD {
        let words = &answer.json()["error"]["message"];
        assert!(
            words.as_str().is_some_and(|words| !words.is_empty()),
            "{path}: {words}"
        );
    }
}

#[tokio::test]
async fn no_request_is_answered_by_an_error_of_ours() {
    let (world, seqs) = every_kind().await;
    world.live.set_stage(Stage::Sending);
    // The stream ends after its first update, so that it can be read to its end.
    world.stop.cancel();
    let id = world
        .store
        .message(seqs[0])
        .await
        .unwrap()
        .unwrap()
        .id
        .to_string();
    let mut paths = Vec::new();
    for value in HOSTILE {
        let in_paths = routes(value, &id)
            .into_iter()
            .chain(routes("mailgrid-1", value));
        paths.extend(in_paths);
    }
    for route in routes("mailgrid-1", &id) {
        for name in PARAMETERS {
            paths.extend(HOSTILE.map(|value| format!("{route}?{name}={value}")));
        }
        for query in ["&&&", "====", "%", "limit=1&limit=2", "after=1&before=2"] {
            paths.push(format!("{route}?{query}"));
        }
    }
    for path in paths {
        assert_answered(&world, Method::GET, &path).await;
        assert_answered(&world, Method::HEAD, &path).await;
        assert_answered(&world, Method::POST, &path).await;
    }
}

#[tokio::test]
async fn every_route_takes_its_own_method_and_no_other() {
    let (world, seqs) = every_kind().await;
    world.live.set_stage(Stage::Sending);
    world.stop.cancel();
    let id = world.store.message(seqs[0]).await.unwrap().unwrap().id;
    for route in &ROUTES {
        let path = route.path.replace("{job}", "mailgrid-1");
        let path = path.replace("{id}", &id.to_string());
        let answer = world
            .ask(route.method.clone(), &path, r#"{"action":"pause"}"#)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let others = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
        for other in others.into_iter().filter(|other| *other != route.method) {
            let answer = world.ask(other.clone(), &path, "{}").await;
            assert_eq!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{other} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_at_either_end_of_all_places_has_no_neighbour_there() {
    let (world, seqs) = every_kind().await;
    let page = async |query: &str| world.json(&world.path(&format!("/messages?{query}"))).await;
    for filter in ["", "&search=ada", "&status=sending"] {
        let first = page(&format!("before=0{filter}")).await;
        assert_eq!(first["messages"], json!([]), "{filter}");
        let neighbours = [&first["previous"], &first["next"]];
        assert_eq!(neighbours, [&json!(null), &json!(null)], "{filter}");
        let last = page(&format!("after={}{filter}", i64::MAX - 1)).await;
        assert_eq!(last["messages"], json!([]), "{filter}");
        let neighbours = [&last["previous"], &last["next"]];
        assert_eq!(neighbours, [&json!(null), &json!(null)], "{filter}");
    }
    let beyond = page(&format!("after={}", i64::MAX - 2)).await;
    assert_eq!(beyond["previous"], json!(i64::MAX - 1));
    let all = page(&format!("before={}", beyond["previous"])).await;
    assert_eq!(
        all["messages"].as_array().unwrap().len(),
        seqs.len() + 3,
        "the way back leads to everybody"
    );
    for name in ["after", "before"] {
        let answer = world
            .get(&world.path(&format!("/messages?{name}={}", i64::MAX)))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_named() {
    let (world, _) = every_kind().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=x", "after"),
        ("before=-3", "before"),
        ("after=1&before=2", "before"),
        ("status=bounced", "status"),
        ("code=99", "code"),
        ("code=600", "code"),
        ("code=abc", "code"),
        ("page=2", "page"),
        ("search=a&search=b", "search"),
    ] {
        for path in [world.path("/messages"), "/api/recipients".to_owned()] {
            let answer = world.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
            assert_eq!(answer.json()["error"]["field"], field, "{query}");
        }
    }
    let long = "ü".repeat(201);
    let long: String = url::form_urlencoded::byte_serialize(long.as_bytes()).collect();
    let answer = world
        .get(&world.path(&format!("/messages?search={long}")))
        .await;
    assert_eq!(
        answer.json(),
        json!({ "error": { "field": "search", "message": "longer than 200 characters" } })
    );
}

#[tokio::test]
async fn an_id_of_another_store_or_run_leads_nowhere() {
    let (world, seqs) = every_kind().await;
    let message = world.store.message(seqs[0]).await.unwrap().unwrap();
    crate::run::begin(&*world.store, "other").await;
    let foreign = model::MessageId::new(message.accepted_at, message.id.store() ^ 1, message.seq);
    for path in [
        format!("/api/campaigns/other/messages/{}", message.id),
        world.path(&format!("/messages/{foreign}")),
        world.path("/messages/7"),
        "/api/campaigns/nobody/messages".to_owned(),
    ] {
        assert_eq!(
            world.get(&path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}
