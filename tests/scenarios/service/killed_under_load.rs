//! Killed again and again while applications hand mail over: nothing that was answered is lost (promise: P-01, P-03).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Home, Service, Sink, amount};

const CLIENTS: usize = 4;
const BATCH: usize = 20;
/// Connections of one account, and outcomes that may wait for their commit (promise: P-03).
const COPIES_A_KILL_MAX: usize = 8 + 64;

#[test]
fn nothing_that_was_answered_is_lost() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let kills = amount(6, 100);
    let mut service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let answered: Mutex<Vec<String>> = Mutex::default();
    for kill in 0..kills {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (address, key, answered, is_over) =
                    (service.address, &shop.key, &answered, &is_over);
                scope.spawn(move || {
                    for call in 0.. {
                        if is_over.load(Ordering::Relaxed) {
                            break;
                        }
                        let ids: Vec<String> = (0..BATCH)
                            .map(|number| format!("{kill}-{client}-{call}-{number}"))
                            .collect();
                        let messages: Vec<Value> = ids.iter().map(|id| shop_message(id)).collect();
                        let request =
                            crate::harness::Request::new("POST", "/commands/add-messages")
                                .header("Host", &address.to_string())
                                .header("X-API-Token", key)
                                .json(&json!({"messages": messages}));
                        let Ok(answer) = request.try_send(address) else {
                            break;
                        };
                        if answer.status == 200 {
                            answered.lock().unwrap().extend(ids);
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(300));
            service.process.signal("KILL");
            is_over.store(true, Ordering::Relaxed);
        });
        service = Service::start(&home);
    }
    service.until_done();
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for address in sink.recipients() {
        *copies.entry(address).or_default() += 1;
    }
    let answered = answered.into_inner().unwrap();
    assert!(
        answered.len() > kills * BATCH,
        "{} were answered",
        answered.len()
    );
    let lost: Vec<&String> = answered
        .iter()
        .filter(|id| !copies.contains_key(&format!("{id}@example.org")))
        .collect();
    assert_eq!(lost, Vec::<&String>::new());
    let twice: usize = copies.values().map(|count| count - 1).sum();
    assert!(
        twice <= kills * COPIES_A_KILL_MAX,
        "{twice} copies after {kills} kills"
    );
}

fn shop_message(id: &str) -> Value {
    json!({
        "id": id, "account_id": "main", "from": "ada@sender.test", "to": format!("{id}@example.org"), "subject": "x",
        "body": "x",
    })
}
