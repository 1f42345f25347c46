//! Two processes take mail at the same time: an id is one message, and what one of them learned is known to the other at
//! once.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::{Application, Caller, Installation, Sink, amount};

const CLIENTS: usize = 16;
const IDS: usize = 20;

fn messages(shop: &Application, round: usize) -> Vec<Value> {
    (0..IDS)
        .map(|number| {
            let id = format!("{round}-{number}");
            shop.message(&id, &format!("{id}@example.org"))
        })
        .collect()
}

#[test]
fn an_id_is_one_message_whoever_takes_it() {
    let installation = Installation::start(Cluster::shared(), &["api", "api", "worker,smtp"]);
    let sink = Sink::start(&[]);
    let shop = installation.node(0).tenant("shop", sink.port());
    let rounds = amount(10, 100);
    let together = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let shop = shop.at(installation.node(client % 2));
            let together = &together;
            scope.spawn(move || {
                for round in 0..rounds {
                    together.wait();
                    let answer = shop.post(
                        "/commands/add-messages",
                        &json!({"messages": messages(&shop, round)}),
                    );
                    // Who comes later may find some of it sent.
                    let answer = answer.expect(200).json();
                    let rejected = answer["rejected"].as_array().unwrap();
                    for one in rejected {
                        let reason = one["reason"].as_str().unwrap();
                        assert!(["already sent", "being sent"].contains(&reason), "{one}");
                    }
                    let queued = answer["queued"].as_u64().unwrap() as usize;
                    assert_eq!(queued + rejected.len(), IDS);
                }
            });
        }
    });
    installation.until_sent();
    let all = sink.recipients();
    assert_eq!(all.len(), rounds * IDS, "each once");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    let counts = installation.sql("SELECT sum(accepted), sum(sent) FROM account_counts");
    assert_eq!(counts.trim(), format!("{0}|{0}", rounds * IDS));
}

#[test]
fn what_is_made_or_taken_away_at_one_is_known_at_the_other() {
    let installation = Installation::start(Cluster::shared(), &["api", "api", "worker,smtp"]);
    let (one, other) = (installation.node(0), installation.node(1));
    let sink = Sink::start(&[]);
    for round in 0..amount(5, 50) {
        let id = format!("shop{round}");
        let here = one.tenant_with(&id, json!({}));
        let there = here.at(other);
        here.account("main", sink.port(), json!({}));
        let message = |id: &str| there.message(id, &format!("{id}@{}.test", there.tenant));
        there.send(&[message("a")]);
        here.send(&[message("b")]);
        // Another key, made at the other.
        let answer = other.post(&format!("/tenant/{id}/api-key"), &json!({}));
        let key = answer.expect(200).json()["api_key"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut keyed = here.clone();
        keyed.key = key;
        assert_eq!(status(&keyed), 200);
        installation.until_sent();
        // An account that is gone takes no mail.
        let gone = there.ask("DELETE", &format!("/account/main?tenant_id={id}"));
        gone.send(there.address()).expect(200);
        let refused = here.post(
            "/commands/add-messages",
            &json!({"messages": [message("c")]}),
        );
        refused.expect(400);
        // Nor do keys open anything that were taken back, or a tenant that is gone.
        let revoked = one.ask("DELETE", &format!("/tenant/{id}/api-key"));
        revoked.send(one.address()).expect(200);
        assert_eq!(status(&keyed.at(other)), 401);
        assert_eq!(status(&there), 401);
        let gone = one.ask("DELETE", &format!("/tenant/{id}"));
        gone.send(one.address()).expect(200);
        let unknown = other.ask("GET", &format!("/tenant/{id}"));
        unknown.send(other.address()).expect(404);
    }
    assert_eq!(sink.count(), 2 * amount(5, 50));
}

/// What an application is answered that asks for its accounts.
fn status(application: &Application) -> u16 {
    let asked = application.ask("GET", "/accounts");
    asked.send(application.address()).status
}
