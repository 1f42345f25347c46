//! Whichever process is asked, it shows all of them and what they do together; and the figures of all are exposed once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::{
    Caller, Finished, Home, Installation, Service, Sink, ready, until, until_within,
};

/// Messages that are handed over: enough to keep both processes that deliver busy for some seconds.
const MESSAGES: usize = 400;
/// How soon the figures of all are exposed again by another process.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(30);

/// The processes as one of them shows them.
fn nodes(service: &Service) -> Vec<Value> {
    let nodes = service.get("/api/nodes")["nodes"].clone();
    nodes.as_array().unwrap().clone()
}

/// The processes that expose the figures of all.
fn exposing(installation: &Installation<'_>) -> Vec<usize> {
    (0..installation.count())
        .filter(|number| {
            let metrics = installation.node(*number).metrics();
            metrics.contains_key("gmp_pending_messages")
        })
        .collect()
}

#[test]
fn every_process_shows_all_of_them_and_what_they_do_together() {
    // Each connection is slow, so that what goes on is seen.
    let sink = Sink::start(&["--rule", "*: stall 100ms at end"]);
    let installation = Installation::start(Cluster::shared(), &["api,worker", "smtp", "smtp"]);
    let api = installation.node(0);
    let all = until("all processes to know each other", || {
        let all: Vec<Vec<Value>> = (0..3).map(|n| nodes(installation.node(n))).collect();
        all.iter().all(|nodes| nodes.len() == 3).then_some(all)
    });
    for (number, nodes) in all.iter().enumerate() {
        let address = installation.node(number).address().to_string();
        assert_eq!(nodes[0]["this"], true);
        assert_eq!(nodes[0]["address"], address, "it shows itself first");
        let mut roles: Vec<&Value> = nodes.iter().map(|node| &node["roles"]).collect();
        roles.sort_by_key(|roles| roles.to_string());
        assert_eq!(
            roles,
            [
                &json!(["api", "worker"]),
                &json!(["smtp"]),
                &json!(["smtp"])
            ]
        );
        assert!(
            nodes.iter().all(|node| node["state"] == "active"),
            "{nodes:?}"
        );
    }

    let shop = api.tenant("shop", sink.port());
    assert_eq!(
        shop.ask("GET", "/api/nodes").send(api.address()).status,
        403
    );
    let messages: Vec<Value> = (0..MESSAGES)
        .map(|n| shop.message(&format!("m{n}"), &format!("p{n}@example.org")))
        .collect();
    shop.send(&messages);
    // Both deliver, and the process that does not shows what they do together.
    until("both to deliver", || {
        let nodes = nodes(api);
        let busy = nodes.iter().filter(|node| node["sending"] != 0);
        let busy: Vec<&Value> = busy.collect();
        (busy.len() == 2).then(|| {
            assert!(busy.iter().all(|node| node["this"] == false), "{nodes:?}");
            assert_eq!(busy[0]["accounts"][0]["account_id"], "main");
            assert_eq!(busy[0]["accounts"][0]["tenant_id"], "shop");
        })
    });
    let traffic = api.get("/api/traffic");
    assert_eq!(traffic["delivering"], true);
    assert!(
        traffic["totals"]["connections"].as_u64().unwrap() >= 2,
        "{traffic}"
    );
    assert_eq!(traffic["queues"][1]["queue"], "smtp:deliver");
    assert!(
        traffic["queues"][1]["depth"].as_u64().unwrap() > 0,
        "{traffic}"
    );
    let status = api.get("/status");
    assert_eq!(status["queues"][1]["queue"], "smtp:deliver");

    for number in 0..3 {
        let (status, answer, _) = ready(installation.node(number));
        assert_eq!((status, &answer["status"]), (200, &json!("ready")));
        let has_dispatcher = answer["checks"]["dispatcher"].is_string();
        assert_eq!(has_dispatcher, number > 0, "{answer}");
    }
    until_within(Duration::from_secs(60), "everything to be sent", || {
        (installation.sql("SELECT sum(open) FROM submissions").trim() == "0").then_some(())
    });
    let totals = until("the same figures everywhere", || {
        let all: Vec<Value> = (0..3)
            .map(|n| installation.node(n).get("/api/traffic")["totals"]["sent"].clone())
            .collect();
        all.iter()
            .all(|sent| *sent == all[0])
            .then(|| all[0].clone())
    });
    assert_eq!(totals, MESSAGES);
    assert_eq!(exposing(&installation), [0], "who keeps house");
    let sum: f64 = (0..3)
        .map(|n| installation.node(n).count("gmp_sent_total", "main"))
        .sum();
    assert!((sum - MESSAGES as f64).abs() < f64::EPSILON, "{sum}");
}

#[test]
fn the_figures_of_all_are_exposed_once_also_after_their_process_is_gone() {
    let mut installation = Installation::start(Cluster::shared(), &["worker", "worker", "api"]);
    let first = until("one to expose them", || {
        let exposing = exposing(&installation);
        assert!(exposing.len() <= 1, "{exposing:?}");
        exposing.first().copied()
    });
    // With nobody who delivers, that is said, and each process is as ready as it can be.
    let api = installation.node(2);
    assert_eq!(api.get("/api/traffic")["delivering"], false);
    assert_eq!(ready(api).0, 200);
    installation.kill(first);
    let next = until_within(TAKEN_OVER_WITHIN, "another to expose them", || {
        exposing(&installation).first().copied()
    });
    assert!(next < 2, "it is one that keeps house");
    assert_eq!(exposing(&installation).len(), 1);
}

#[test]
fn a_process_that_ends_says_so_while_it_answers() {
    let installation = Installation::start(Cluster::shared(), &["api,worker", "api"]);
    let (leaving, other) = (installation.node(1), installation.node(0));
    assert_eq!(ready(leaving).0, 200);
    leaving.process.signal("TERM");
    let began = Instant::now();
    until("it to be not ready", || {
        let (status, answer, _) = ready(leaving);
        (status == 503).then(|| assert_eq!(answer["checks"]["draining"], "yes"))
    });
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    leaving.get("/status");
    until("the other to see it", || {
        let nodes = nodes(other);
        nodes
            .iter()
            .any(|node| node["state"] == "draining")
            .then_some(())
    });
    until("it to be gone", || (nodes(other).len() == 1).then_some(()));
}

#[test]
fn the_command_line_lists_the_processes() {
    let installation = Installation::start(Cluster::shared(), &["api,worker", "smtp"]);
    let api = installation.node(0);
    until("both", || (nodes(api).len() == 2).then_some(()));
    let home = Home::new();
    let url = format!("http://{}", api.address());
    let ask = |arguments: &[&str]| -> Finished {
        let variables = [
            ("GLASSPOST_URL", url.as_str()),
            ("GLASSPOST_ADMIN_TOKEN", api.token()),
        ];
        home.glasspost_with(&variables, arguments)
            .wait()
            .expect_code(0)
    };
    let table = ask(&["nodes"]).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[1].starts_with("yes") && lines[1].contains("api, worker"),
        "{table}"
    );
    assert!(
        lines[2].starts_with("no") && lines[2].contains("smtp"),
        "{table}"
    );
    let json: Value = serde_json::from_str(&ask(&["nodes", "--json"]).stdout).unwrap();
    assert_eq!(json["nodes"].as_array().unwrap().len(), 2);
}
