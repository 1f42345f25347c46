//! What every route says, word for word.

use axum::http::{Method, StatusCode};
use console::ControlError;
use model::{Live, Stage};
use serde_json::{Value, json};

use crate::run::{BOUNCED, DEFERRED, DELIVERED, PENDING, every_kind, stored};
use crate::world::{World, pretty};

#[tokio::test]
async fn the_figures_are_in_the_shapes_of_either_mailgrid() {
    let (world, _) = every_kind().await;
    world.live.set_stage(Stage::Sending);
    let flat = world.json("/api/status").await;
    insta::assert_snapshot!("status", pretty(flat.clone()));
    let mut both = world.json("/api/stats").await;
    assert_eq!(both["campaignStats"], flat);
    insta::assert_snapshot!("real_time_metrics", pretty(both["realTimeMetrics"].take()));
    let keys = both.as_object_mut().unwrap();
    keys.remove("campaignStats");
    keys.remove("realTimeMetrics");
    assert_eq!(both, flat, "the flat figures stand beside the wrapped ones");
}

#[tokio::test]
async fn recipients_are_a_bare_array() {
    let (world, _) = every_kind().await;
    insta::assert_snapshot!("recipients", pretty(world.json("/api/recipients").await));
}

#[tokio::test]
async fn runs_are_listed_with_their_settings_and_books() {
    let (world, _) = every_kind().await;
    crate::run::begin(&*world.store, "mailgrid-2").await;
    insta::assert_snapshot!("campaigns", pretty(world.json("/api/campaigns").await));
    let one = world.json(&world.path("")).await;
    assert_eq!(one["watched"], true);
    assert_eq!(one, world.json("/api/campaigns").await["campaigns"][1]);
}

#[tokio::test]
async fn messages_of_every_standing_are_rows() {
    let (world, seqs) = every_kind().await;
    let sending = stored(&*world.store, seqs[PENDING]).await;
    let _sending = Live::begin_sending(&world.live, &sending);
    insta::assert_snapshot!(
        "messages",
        pretty(world.json(&world.path("/messages")).await)
    );
}

#[tokio::test]
async fn a_message_has_its_history() {
    let (world, seqs) = every_kind().await;
    for (name, place) in [
        ("delivered", DELIVERED),
        ("bounced", BOUNCED),
        ("deferred", DEFERRED),
    ] {
        let timeline = world.json(&world.message_path(seqs[place], "").await).await;
        insta::assert_snapshot!(format!("timeline_{name}"), pretty(timeline));
    }
    let bounced = world
        .json(&world.message_path(seqs[BOUNCED], "").await)
        .await;
    let repeat = bounced["retried_as"].as_str().unwrap();
    let repeat = world
        .json(&world.path(&format!("/messages/{repeat}")))
        .await;
    assert_eq!(repeat["retry_of"], bounced["message"]["id"]);
    assert_eq!(repeat["message"]["retry_of"], bounced["message"]["id"]);
}

#[tokio::test]
async fn domains_are_listed_with_a_rest() {
    let (world, _) = every_kind().await;
    insta::assert_snapshot!("domains", pretty(world.json("/api/domains").await));
    let two = world.json("/api/domains?limit=2").await;
    let rows = two["domains"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    // The rest together is nobody's own.
    assert_eq!(rows[2]["domain"], Value::Null);
    assert_eq!(rows[2]["provider"], Value::Null);
    let total: u64 = rows.iter().map(|row| row["total"].as_u64().unwrap()).sum();
    let books = world.store.books(world.run.lane).await.unwrap();
    assert_eq!(total, books.accepted - books.cancelled);
}

#[tokio::test]
async fn an_intervention_is_passed_on_with_who_asked() {
    let (world, _) = every_kind().await;
    let path = world.path("/controls");
    let done = world
        .ask(Method::POST, &path, r#"{"action":"pause"}"#)
        .await;
    assert_eq!(done.status, StatusCode::OK);
    insta::assert_snapshot!("control", pretty(done.json()));

    let refusals = [
        (
            ControlError::NotNow("it is over".to_owned()),
            StatusCode::CONFLICT,
            "it is over",
        ),
        (
            ControlError::Failed("full".to_owned()),
            StatusCode::SERVICE_UNAVAILABLE,
            "full",
        ),
    ];
    for (refusal, status, words) in refusals {
        *world.controls.refusal.lock().unwrap() = Some(refusal);
        let refused = world
            .ask(Method::POST, &path, r#"{"action":"pause"}"#)
            .await;
        assert_eq!(refused.status, status);
        assert_eq!(refused.json(), json!({ "error": { "message": words } }));
    }
}

#[tokio::test]
async fn interventions_that_are_not_understood_reach_nobody() {
    let (world, _) = every_kind().await;
    crate::run::begin(&*world.store, "mailgrid-2").await;
    *world.controls.refusal.lock().unwrap() = Some(ControlError::Failed("reached".to_owned()));
    let path = world.path("/controls");
    let unknown = world
        .ask(Method::POST, &path, r#"{"action":"explode"}"#)
        .await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    insta::assert_snapshot!("control_unknown", pretty(unknown.json()));
    let other = "/api/campaigns/mailgrid-2/controls";
    let other = world
        .ask(Method::POST, other, r#"{"action":"pause"}"#)
        .await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    let large = format!(r#"{{"action":"pause"{}}}"#, " ".repeat(2_000));
    let large = world.ask(Method::POST, &path, &large).await;
    assert_eq!(large.status, StatusCode::BAD_REQUEST);
    assert_eq!(large.json()["error"]["field"], "body");
}

#[tokio::test]
async fn health_and_readiness() {
    let (world, _) = every_kind().await;
    insta::assert_snapshot!("health", pretty(world.json("/health").await));
    let early = world.get("/ready").await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE);
    insta::assert_snapshot!("ready_not", pretty(early.json()));
    for stage in [Stage::Sending, Stage::Paused, Stage::Completed] {
        world.live.set_stage(stage);
        let ready = world.json("/ready").await;
        assert_eq!(ready["status"], "ready", "{stage:?}");
    }
}

#[tokio::test]
async fn metrics_are_in_the_format_that_is_asked_for() {
    let (world, _) = every_kind().await;
    let answer = metrics(&world, "*/*").await;
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert!(
        answer.text().contains("mailgrid_emails_sent_total 1\n"),
        "{}",
        answer.text()
    );
    let open = metrics(&world, "application/openmetrics-text; version=1.0.0").await;
    assert!(
        open.header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert!(open.text().ends_with("# EOF\n"));
}

async fn metrics(world: &World, accept: &str) -> crate::world::Answer {
    let request = axum::http::Request::builder()
        .uri("/metrics")
        .header("accept", accept)
        .body(axum::body::Body::empty())
        .unwrap();
    crate::world::Answer::of(world.begin(request).await).await
}
