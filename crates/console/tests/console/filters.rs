//! Every filter finds what a plain look at all messages finds, page by page, forwards and backwards.

use model::{Category, EventKind, Live, Seq};
use serde_json::Value;

use crate::run::{accept, attempt, begin, record, reply, stored};
use crate::world::{World, store};

const COUNT: usize = 150;
const LIMIT: usize = 7;

/// What a filter finds, said about a row.
type Fits = fn(&Value) -> bool;

/// A run with messages of every standing, domain and code in all mixtures; some of them are being sent.
async fn mixed() -> (World, Vec<model::live::Sending>) {
    let (folder, store) = store();
    let s = &*store;
    let run = begin(s, "mixed").await;
    let domains = ["gmail.com", "example.org", "outlook.com"];
    let addresses: Vec<String> = (0..COUNT)
        .map(|number| {
            format!(
                "{}{number}@{}",
                ["Ada", "bob"][number / 3 % 2],
                domains[number % 3]
            )
        })
        .collect();
    let seqs = accept(s, &run, addresses.iter().map(String::as_str)).await;
    let lease = s.lease(run.lane_key()).await.unwrap();
    for (number, seq) in seqs.iter().copied().enumerate() {
        let code = [250, 421, 451, 550, 552][number % 5];
        let category = (code != 250).then_some(Category::Other);
        let answered = Some(attempt(reply(code, None, "words"), category));
        match number % 11 {
            0..=2 => record(s, &lease, seq, EventKind::Delivered, answered).await,
            3 => record(s, &lease, seq, EventKind::Bounced, answered).await,
            4 => record(s, &lease, seq, EventKind::Expired, answered).await,
            5 | 6 => record(s, &lease, seq, EventKind::Deferred, answered).await,
            7 => {
                let silent = Some(attempt(None, Some(Category::Timeout)));
                record(s, &lease, seq, EventKind::Deferred, silent).await;
            }
            8 => drop(
                s.cancel(&lease, vec![seq], "why", crate::world::second(9))
                    .await
                    .unwrap(),
            ),
            _ => {}
        }
    }
    store.release(lease).await.unwrap();
    let world = World::watching(folder, store, run).await;
    let mut sending = Vec::new();
    for seq in seqs.iter().copied().skip(5).step_by(13) {
        let message = stored(&*world.store, seq).await;
        sending.push(Live::begin_sending(&world.live, &message));
    }
    (world, sending)
}

async fn rows(world: &World, query: &str) -> (Vec<Value>, Value) {
    let page = world
        .json(&world.path(&format!("/messages?limit={LIMIT}&{query}")))
        .await;
    let rows = page["messages"].as_array().unwrap().clone();
    assert!(rows.len() <= LIMIT);
    (rows, page)
}

/// All rows that a filter finds, forwards.
async fn forwards(world: &World, filter: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), Value::from(0));
    while !cursor.is_null() {
        let (rows, page) = rows(world, &format!("{filter}&after={cursor}")).await;
        all.extend(rows);
        cursor = page["next"].clone();
    }
    all
}

/// All rows that a filter finds, backwards from the end.
async fn backwards(world: &World, filter: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), "end".to_owned());
    loop {
        let (rows, page) = rows(world, &format!("{filter}&before={cursor}")).await;
        all.splice(0..0, rows);
        match &page["previous"] {
            Value::Null => return all,
            place => cursor = place.to_string(),
        }
    }
}

#[tokio::test]
async fn every_filter_agrees_with_a_plain_look_at_all() {
    let (world, _sending) = mixed().await;
    let all = forwards(&world, "").await;
    assert_eq!(all.len(), COUNT);
    let filters: [(&str, Fits); 14] = [
        ("status=pending", |row| row["status"] == "pending"),
        ("status=sending", |row| row["status"] == "sending"),
        ("status=sent", |row| row["status"] == "sent"),
        ("status=failed", |row| row["status"] == "failed"),
        ("status=retry", |row| row["status"] == "retry"),
        ("status=cancelled", |row| row["status"] == "cancelled"),
        ("domain=Example.org", |row| {
            email(row).ends_with("@example.org")
        }),
        ("domain=example", |_| false),
        ("search=aDA", |row| {
            email(row).to_lowercase().contains("ada")
        }),
        ("search=1%40g", |row| email(row).contains("1@g")),
        ("code=0", |row| row["code"] == 0),
        ("code=421", |row| row["code"] == 421),
        ("status=sending&domain=gmail.com&search=ada", |row| {
            row["status"] == "sending"
                && email(row).starts_with("Ada")
                && email(row).ends_with("@gmail.com")
        }),
        ("status=failed&code=550&search=bob", |row| {
            row["status"] == "failed" && row["code"] == 550 && email(row).starts_with("bob")
        }),
    ];
    for (filter, fits) in filters {
        let expected: Vec<Value> = all.iter().filter(|row| fits(row)).cloned().collect();
        assert!(
            !expected.is_empty() || filter == "domain=example",
            "{filter} finds nothing"
        );
        assert_eq!(forwards(&world, filter).await, expected, "{filter}");
        assert_eq!(
            backwards(&world, filter).await,
            expected,
            "{filter}, backwards"
        );
    }
}

fn email(row: &Value) -> &str {
    row["email"].as_str().unwrap()
}

#[tokio::test]
async fn a_domain_is_found_however_it_is_written() {
    let (folder, store) = store();
    let run = begin(&*store, "idn").await;
    accept(&*store, &run, ["ada@bücher.example", "bob@example.org"]).await;
    let world = World::watching(folder, store, run).await;
    for domain in [
        "b%C3%BCcher.example",
        "B%C3%9CCHER.example",
        "xn--bcher-kva.example",
    ] {
        let (found, _) = rows(&world, &format!("domain={domain}")).await;
        assert_eq!(found.len(), 1, "{domain}");
    }
}

#[tokio::test]
async fn pages_lead_to_their_neighbours() {
    let (world, _sending) = mixed().await;
    let (first, page) = rows(&world, "").await;
    assert_eq!(
        (&page["previous"], &page["total"]),
        (&Value::Null, &Value::from(COUNT))
    );
    let (second, page) = rows(&world, &format!("after={}", page["next"])).await;
    assert_ne!(first, second);
    let (again, page) = rows(&world, &format!("before={}", page["previous"])).await;
    assert_eq!(again, first);
    assert_eq!(
        (&page["previous"], &page["next"]),
        (&Value::Null, &first[LIMIT - 1]["seq"])
    );
    let (_, filtered) = rows(&world, "status=sent").await;
    assert_eq!(filtered["total"], COUNT, "all of the run");
    let (last, page) = rows(&world, "before=end").await;
    assert_eq!((last.len(), &page["next"]), (LIMIT, &Value::Null));
}

#[tokio::test]
async fn a_page_beyond_the_end_is_empty_and_leads_back() {
    let (world, _sending) = mixed().await;
    let end = world.store.end_of_log().await.unwrap();
    let (rows_beyond, page) = rows(&world, &format!("after={}", end.get() + 5)).await;
    assert!(rows_beyond.is_empty());
    assert_eq!(
        (&page["next"], &page["looked_to"]),
        (&Value::Null, &Value::Null)
    );
    let (last, _) = rows(&world, &format!("before={}", page["previous"])).await;
    assert_eq!(last, rows(&world, "before=end").await.0);
    let (none, page) = rows(&world, "before=0").await;
    assert!(none.is_empty());
    assert_eq!(page["previous"], Value::Null);
}

#[tokio::test]
async fn a_message_that_became_final_is_not_shown_as_being_sent() {
    let (world, _sending) = mixed().await;
    let (sending, _) = rows(&world, "status=sending").await;
    let seq = Seq::new(sending[0]["seq"].as_i64().unwrap());
    let ok = Some(attempt(reply(250, None, "ok"), None));
    record(&*world.store, &world.lease, seq, EventKind::Delivered, ok).await;
    let (now, _) = rows(&world, "status=sending").await;
    assert!(now.iter().all(|row| row["seq"] != seq.get()));
    let row = world.json(&world.message_path(seq, "").await).await;
    assert_eq!(row["message"]["status"], "sent");
}

#[tokio::test]
async fn recipients_are_filtered_alike_and_name_the_next_page() {
    let (world, _sending) = mixed().await;
    let mut path = format!("/api/recipients?search=Ada&limit={LIMIT}&status=sent");
    let mut found = Vec::new();
    loop {
        let answer = world.get(&path).await;
        found.extend(answer.json().as_array().unwrap().clone());
        let link = answer.header("link");
        if link.is_empty() {
            break;
        }
        let (address, rest) = link[1..].split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"");
        path = format!("/api/recipients{address}");
    }
    let rows = forwards(&world, "search=Ada&status=sent").await;
    let emails = |values: &[Value]| {
        values
            .iter()
            .map(|row| row["email"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(emails(&found), emails(&rows));
}
