//! Debian's Prometheus with the files of `deploy/`: every expression has something to say, and every alert fires when it
//! should and is silent when it should be.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Application, Caller, Home, Prometheus, Service, Sink, until, until_within};

const CONFIGURATION: &str = include_str!("../../../deploy/prometheus/prometheus.yml");
const ALERTS: &str = include_str!("../../../deploy/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../../deploy/grafana/glasspost-service.json");

/// Messages over a limit: more than the alert needs.
const OVER_LIMIT: usize = 200;
/// How long all that has to come before an alert fires may take beside other work.
const ALERTED: Duration = Duration::from_secs(180);
/// Messages that wait: more than the alert needs.
const WAITING: usize = 1_000;

/// Prometheus as in `deploy/`, but for the target and for how long it waits.
fn prometheus(service: &Service) -> Prometheus {
    let configuration = replaced(
        CONFIGURATION,
        "mail-proxy:8000",
        &service.address.to_string(),
    );
    let configuration = replaced(&configuration, "15s", "250ms");
    let mut alerts = ALERTS.to_owned();
    for pause in ["1m", "5m", "10m"] {
        alerts = replaced(&alerts, &format!("for: {pause}\n"), "for: 1s\n");
    }
    Prometheus::start(&configuration, &[("alerts.yml", &alerts)])
}

#[track_caller]
fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old} is not in {text}");
    text.replace(old, new)
}

/// Every rule: its alert, its expression, its state.
fn rules(prometheus: &Prometheus) -> Option<Vec<[String; 3]>> {
    let data = prometheus.ask("/api/v1/rules")?;
    let rules = data["groups"][0]["rules"].as_array()?;
    let text = |rule: &Value, name: &str| rule[name].as_str().unwrap_or_default().to_owned();
    let rule = |rule| ["name", "query", "state"].map(|name| text(rule, name));
    Some(rules.iter().map(rule).collect())
}

/// The alerts that fire now.
fn firing(prometheus: &Prometheus) -> Vec<String> {
    let rules = rules(prometheus).unwrap_or_default().into_iter();
    rules
        .filter(|[_, _, state]| state == "firing")
        .map(|[name, _, _]| name)
        .collect()
}

/// Every expression of the dashboard, for all accounts and tenants.
fn panels() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array());
    let expressions = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap());
    expressions
        .map(|expression| {
            let expression = expression.replace("$account_name", ".*");
            expression.replace("$tenant_name", ".*")
        })
        .collect()
}

/// Messages of every outcome: sent, failed, put off, over a limit, and many that wait.
fn traffic(shop: &Application) {
    let to = |prefix: &str, count: usize| -> Vec<Value> {
        let message = |n| {
            let id = format!("{prefix}{n}");
            shop.message(&id, &format!("{id}@example.org"))
        };
        (0..count).map(message).collect()
    };
    shop.send(&to("good", 40));
    shop.send(&to("bad", 20));
    shop.send(&to("late", 5));
    let mut limited = to("limited", OVER_LIMIT);
    for message in &mut limited {
        message["account_id"] = json!("limited");
    }
    shop.send(&limited);
    shop.post("/commands/suspend?tenant_id=shop&batch_code=b", &json!({}))
        .expect(200);
    let mut waiting = to("waiting", WAITING);
    for message in &mut waiting {
        message["batch_code"] = json!("b");
    }
    shop.send(&waiting);
}

#[test]
fn every_expression_answers_and_every_alert_fires_in_its_time() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "bad*@*: refuse", "--rule", "late*@*: defer"]);
    let service = Service::start_quiet(&home, &[("LOG_LEVEL", "off")]);
    let shop = service.tenant("shop", sink.port());
    shop.account("limited", sink.port(), json!({"limit_per_day": 1}));
    service.tenant("idle", sink.port());
    let prometheus = prometheus(&service);
    // The accounts' series begin at zero, so that their first messages count.
    until("a scrape", || {
        (prometheus.value("sum(gmp_sent_total)") == Some(0.0)).then_some(())
    });
    assert_eq!(prometheus.value("up{job=\"mail-proxy\"}"), Some(1.0));
    traffic(&shop);
    let quiet = "MailProxyDown";
    let all = until_within(ALERTED, "all alerts but one", || {
        let firing = firing(&prometheus);
        assert!(!firing.iter().any(|name| name == quiet), "{firing:?}");
        (firing.len() == 3).then_some(firing)
    });
    assert_eq!(
        all,
        [
            "MailProxyHighErrorRate",
            "MailProxyQueueBacklog",
            "MailProxyRateLimited"
        ]
    );
    let rules = rules(&prometheus).unwrap();
    assert_eq!(rules.len(), 4);
    let panels = panels();
    assert!(panels.len() >= 10, "{panels:?}");
    let of_alerts = rules.iter().filter(|[name, _, _]| name != quiet);
    let of_alerts = of_alerts.map(|[_, expression, _]| expression);
    for expression in of_alerts.chain(&panels) {
        let series = prometheus
            .query(expression)
            .unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert!(!series.is_empty(), "{expression} gives nothing");
        let has_number = |one: &Value| one["value"][1].as_str().is_some_and(|text| text != "NaN");
        assert!(series.iter().any(has_number), "{expression}: {series:?}");
    }
    // Who is idle is no trouble.
    let [_, errors, _] = rules
        .iter()
        .find(|[name, _, _]| name == all[0].as_str())
        .unwrap();
    let series = prometheus.query(errors).unwrap();
    let tenants: Vec<&Value> = series
        .iter()
        .map(|one| &one["metric"]["tenant_id"])
        .collect();
    assert_eq!(tenants, ["shop"]);

    service.stop();
    until("the alert of a service that is gone", || {
        firing(&prometheus)
            .iter()
            .any(|name| name == quiet)
            .then_some(())
    });
    let [_, down, _] = rules.iter().find(|[name, _, _]| name == quiet).unwrap();
    assert_eq!(prometheus.query(down).unwrap().len(), 1);
}

#[test]
fn a_service_that_does_well_fires_nothing() {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "bad@*: refuse"]));
    let service = Service::start_quiet(&home, &[("LOG_LEVEL", "off")]);
    let shop = service.tenant("shop", sink.port());
    let prometheus = prometheus(&service);
    until("a scrape", || {
        (prometheus.value("gmp_sent_total") == Some(0.0)).then_some(())
    });
    let mut messages: Vec<Value> = (0..99)
        .map(|n| shop.message(&format!("m{n}"), &format!("p{n}@example.org")))
        .collect();
    messages.push(shop.message("bad", "bad@example.org"));
    shop.send(&messages);
    until("the rate of errors", || {
        let rate = prometheus.value("rate(gmp_errors_total{tenant_id=\"shop\"}[5m])");
        rate.filter(|rate| *rate > 0.0)
    });
    // Rules were evaluated several times since then.
    let scrapes = "count_over_time(up{job=\"mail-proxy\"}[1m])";
    let before = prometheus.value(scrapes).unwrap();
    until("eight more scrapes", || {
        (prometheus.value(scrapes)? >= before + 8.0).then_some(())
    });
    let states: Vec<String> = rules(&prometheus)
        .unwrap()
        .into_iter()
        .map(|[_, _, state]| state)
        .collect();
    assert_eq!(states, ["inactive"; 4]);
}
