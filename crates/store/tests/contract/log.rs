//! The log read back: one order, without gap or double, however it is paged.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::{EventKind, LaneId, Seq};
use store::find::From;
use store::{Campaign, Find, Logged, Store};

use crate::on_each_backend;
use crate::support::{accept, assert_same, begin, event, facts, messages, stored, whole_log};

/// Sizes of pages, in an order that repeats late.
const PAGES: [usize; 7] = [1, 3, 2, 17, 5, 64, 11];

#[test]
fn messages_and_events_are_one_sequence() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        assert_eq!(store.end_of_log().await.unwrap(), Seq::START);
        let expected = write_some(&*store, &campaign, "ada", 20).await;
        let log = whole_log(&*store).await;
        assert_same(&facts(&log), &expected);
        assert!(log.iter().all(|logged| logged.event.lane == campaign.lane));
        assert!(
            log.iter()
                .all(|logged| logged.event.message == logged.message.seq)
        );
        let end = store.end_of_log().await.unwrap();
        assert_eq!(end, expected.last().unwrap().0);
        assert!(store.events_after(end, None, 10).await.unwrap().is_empty());
        assert!(
            store
                .events_after(Seq::START, None, 0)
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn a_run_reads_only_its_own_part() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaigns = [begin(&*store, "one").await, begin(&*store, "two").await];
        for round in 0..6 {
            for campaign in &campaigns {
                write_some(&*store, campaign, &format!("round{round}-"), 3).await;
            }
        }
        let log = whole_log(&*store).await;
        for campaign in &campaigns {
            let expected: Vec<_> = log
                .iter()
                .filter(|logged| logged.event.lane == campaign.lane)
                .cloned()
                .collect();
            let mut part = Vec::new();
            let mut cursor = Seq::START;
            for size in PAGES.iter().cycle() {
                let page = store
                    .events_after(cursor, Some(campaign.lane), *size)
                    .await
                    .unwrap();
                let Some(last) = page.last() else {
                    break;
                };
                cursor = last.event.seq;
                part.extend(page);
            }
            assert_same(&facts(&part), &facts(&expected));
        }
    });
}

#[test]
fn paging_while_others_write_misses_and_repeats_nothing() {
    on_each_backend(async |place| {
        let stores = [place.open().await, place.open().await];
        let done = Arc::new(AtomicBool::new(false));
        let mut writers = Vec::new();
        for number in 0..4 {
            let store = Arc::clone(&stores[number % 2]);
            writers.push(tokio::spawn(async move {
                let campaign = begin(&*store, &format!("run{number}")).await;
                let mut facts = Vec::new();
                for round in 0..25 {
                    facts
                        .extend(write_some(&*store, &campaign, &format!("round{round}-"), 4).await);
                }
                facts
            }));
        }
        let readers: Vec<_> = (0..3)
            .map(|number| {
                tokio::spawn(read_pages(
                    Arc::clone(&stores[number % 2]),
                    number,
                    Arc::clone(&done),
                ))
            })
            .collect();
        let mut expected = Vec::new();
        for writer in writers {
            expected.extend(writer.await.unwrap());
        }
        done.store(true, Ordering::SeqCst);
        expected.sort_unstable_by_key(|fact| fact.0);
        for reader in readers {
            assert_same(&facts(&reader.await.unwrap()), &expected);
        }
        assert!(
            expected.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "no place is given twice"
        );
    });
}

#[test]
fn a_page_is_of_one_moment_though_messages_and_events_are_kept_apart() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let mut last = stored(&*store, accept(&*store, &campaign, "first", 1).await[0]).await;
        let done = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..2)
            .map(|_| tokio::spawn(read_pages(Arc::clone(&store), 5, Arc::clone(&done))))
            .collect();
        for round in 0..600 {
            // A message and an event after it, in one commit: who sees the event has to see the message.
            let batch = messages(&campaign, &format!("round{round}-"), 1);
            let outcome = vec![event(&last, EventKind::Delivered)];
            let (accepted, recorded) =
                tokio::join!(store.accept(&lease, batch), store.record(&lease, outcome));
            assert_eq!(recorded.unwrap(), 0);
            last = stored(&*store, accepted.unwrap()[0].seq()).await;
        }
        done.store(true, Ordering::SeqCst);
        let expected = facts(&whole_log(&*store).await);
        for reader in readers {
            assert_same(&facts(&reader.await.unwrap()), &expected);
        }
    });
}

/// Reads the log page by page as it grows, until it is done and read to its end.
async fn read_pages(store: Arc<dyn Store>, skip: usize, done: Arc<AtomicBool>) -> Vec<Logged> {
    let mut log: Vec<Logged> = Vec::new();
    for size in PAGES.iter().cycle().skip(skip) {
        let is_done = done.load(Ordering::SeqCst);
        let cursor = log.last().map_or(Seq::START, |last| last.event.seq);
        let page = store.events_after(cursor, None, *size).await.unwrap();
        if page.is_empty() && is_done {
            break;
        }
        log.extend(page);
    }
    log
}

/// Accepts messages and records an event for each; gives what the log must have of it. The run's lane is held
/// only meanwhile.
async fn write_some(
    store: &dyn Store,
    campaign: &Campaign,
    prefix: &str,
    count: usize,
) -> Vec<(Seq, Seq, EventKind)> {
    let lease = store.lease(campaign.lane_key()).await.unwrap();
    let seqs = accept(store, campaign, prefix, count).await;
    let mut expected: Vec<_> = seqs
        .iter()
        .map(|&seq| (seq, seq, EventKind::Accepted))
        .collect();
    for (number, &seq) in seqs.iter().enumerate() {
        let kind = [
            EventKind::Deferred,
            EventKind::Delivered,
            EventKind::Bounced,
        ][number % 3];
        let message = stored(store, seq).await;
        store
            .record(&lease, vec![event(&message, kind)])
            .await
            .unwrap();
        let latest = store
            .messages(campaign.lane, Seq::new(seq.get() - 1), 1)
            .await
            .unwrap();
        assert_eq!(latest[0].event.kind, kind);
        expected.push((latest[0].event.seq, seq, kind));
    }
    store.release(lease).await.unwrap();
    expected
}

#[test]
fn messages_of_a_run_come_with_their_latest_event() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        accept(&*store, &other, "eve", 3).await;
        let mut expected: Vec<_> = write_some(&*store, &campaign, "ada", 30).await;
        expected.extend(write_some(&*store, &campaign, "bob", 30).await);
        let waiting = accept(&*store, &campaign, "zoe", 5).await;
        expected.extend(
            waiting
                .into_iter()
                .map(|seq| (seq, seq, EventKind::Accepted)),
        );
        // Later facts replace earlier ones.
        let latest: HashMap<Seq, _> = expected.into_iter().map(|fact| (fact.1, fact)).collect();
        let mut rows = Vec::new();
        let mut cursor = Seq::START;
        for size in PAGES.iter().cycle() {
            let page = store.messages(campaign.lane, cursor, *size).await.unwrap();
            let Some(last) = page.last() else {
                break;
            };
            cursor = last.message.seq;
            rows.extend(page);
        }
        assert!(
            rows.windows(2)
                .all(|pair| pair[0].message.seq < pair[1].message.seq)
        );
        assert_eq!(rows.len(), latest.len());
        for (row, fact) in rows.iter().zip(facts(&rows)) {
            assert_eq!(fact, latest[&row.message.seq]);
            assert_eq!(row.message.state, row.event.kind.state());
            assert_eq!(row.message.attempts, row.event.attempts);
        }
    });
}

#[test]
fn a_page_costs_what_it_gives_and_not_what_the_run_holds() {
    on_each_backend(async |place| {
        const MESSAGES: usize = 20_000;
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        accept(&*store, &other, "eve", MESSAGES).await;
        accept(&*store, &campaign, "ada", MESSAGES).await;
        let pages: [(&str, AsyncPage); 4] = [
            ("found", |store, id, cursor, limit| {
                Box::pin(async move {
                    let query = Find {
                        from: From::After(cursor),
                        limit,
                        look_at_max: usize::MAX,
                        ..Find::default()
                    };
                    last(&store.find(id, query).await.unwrap().messages)
                })
            }),
            ("messages", |store, id, cursor, limit| {
                Box::pin(async move { last(&store.messages(id, cursor, limit).await.unwrap()) })
            }),
            ("events", |store, id, cursor, limit| {
                Box::pin(async move {
                    last(&store.events_after(cursor, Some(id), limit).await.unwrap())
                })
            }),
            ("queued", |store, id, cursor, limit| {
                Box::pin(async move {
                    store
                        .queued(id, cursor, limit)
                        .await
                        .unwrap()
                        .last()
                        .map(|queued| queued.seq)
                })
            }),
        ];
        for (name, page) in pages {
            let began = Instant::now();
            page(&*store, campaign.lane, Seq::START, MESSAGES)
                .await
                .unwrap();
            let whole = began.elapsed();
            let began = Instant::now();
            let mut cursor = Seq::START;
            while let Some(last) = page(&*store, campaign.lane, cursor, 100).await {
                cursor = last;
            }
            let paged = began.elapsed();
            // Some cost a call is fine; a sort of the whole run a page is many times as much.
            let most = whole * 5 + Duration::from_millis(200);
            assert!(
                paged < most,
                "{name}: {paged:?} in pages, {whole:?} at once"
            );
        }
    });
}

/// The last place of one page.
type AsyncPage = for<'a> fn(
    &'a dyn Store,
    LaneId,
    Seq,
    usize,
) -> Pin<Box<dyn Future<Output = Option<Seq>> + 'a>>;

fn last(page: &[Logged]) -> Option<Seq> {
    page.last().map(|logged| logged.event.seq)
}
