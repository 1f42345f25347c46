//! Rows that another hand, or a failing disk, made unreadable: each costs one message, not its lane.

use std::sync::Arc;

use model::account::AccountPk;
use model::{EventKind, Seq};
use store::{Due, Lease};

use crate::service::{Service, lease, mail, seqs, settle};
use crate::support::directory::tenant_id;
use crate::support::{accept, begin, second, whole_log};
use crate::{Place, on_each_backend};

const HOUR_S: u64 = 60 * 60;

fn damage(place: &dyn Place, seq: Seq, change: &str) {
    place.alter(&format!(
        "UPDATE messages SET {change} WHERE seq = {}",
        seq.get()
    ));
}

async fn due(service: &dyn Service, lease: &Lease, limit: usize) -> Due {
    crate::service::due(service, lease, second(9), limit).await
}

/// A service with an account and mail to so many people, in one submission each.
async fn filled(place: &dyn Place, count: usize) -> (Arc<dyn Service>, AccountPk, Lease, Vec<Seq>) {
    let service = place.service().await;
    let account = settle(&*service, "acme").await;
    let batch = (0..count).map(|number| mail("acme", &format!("m{number}"), &["ada@example.org"]));
    service.submit(batch.collect()).await.unwrap();
    let lease = lease(&*service, account).await;
    let all = seqs(&due(&*service, &lease, count).await.messages);
    (service, account, lease, all)
}

async fn assert_balanced(service: &dyn Service, lease: &Lease) {
    let books = service.books(lease.lane).await.unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!(books, service.count_books(lease.lane).await.unwrap());
}

#[test]
fn a_damaged_row_costs_its_message_and_not_its_lane() {
    on_each_backend(async |place| {
        let damages = place.damages();
        let count = damages.len() + 2;
        let (service, account, lease, all) = filled(place, count).await;
        for (seq, (change, _)) in all.iter().zip(damages) {
            damage(place, *seq, change);
        }
        let sound = &all[damages.len()..];
        assert_eq!(seqs(&due(&*service, &lease, count).await.messages), sound);
        // Readers of the log stumble over none of them.
        let log = whole_log(&*service).await;
        for (seq, (_, what)) in all.iter().zip(damages) {
            let last = log.iter().rfind(|logged| logged.event.message == *seq);
            let event = &last.unwrap().event;
            assert_eq!(event.kind, EventKind::Dropped);
            let reason = event.reason.as_deref().unwrap();
            let start = format!("damaged: message {}: ", seq.get());
            assert!(reason.starts_with(&start), "{reason}");
            assert!(reason.contains(what), "{reason} says {what}");
        }
        assert_balanced(&*service, &lease).await;
        let dropped = damages.len() as u64;
        let books = service.books(lease.lane).await.unwrap();
        assert_eq!((books.dropped, books.queued), (dropped, 2));
        let counts = service.account_counts().await.unwrap();
        let counts = counts.iter().find(|one| one.account == account).unwrap();
        assert_eq!((counts.errors, counts.pending()), (dropped, 2));
        assert_eq!(service.pending(&tenant_id("acme"), None).await.unwrap(), 2);
    });
}

#[test]
fn what_is_behind_many_damaged_rows_is_due() {
    on_each_backend(async |place| {
        let (service, _, lease, all) = filled(place, 20).await;
        for seq in &all[..17] {
            damage(place, *seq, "address = ''");
        }
        for limit in [1, 2] {
            let found = seqs(&due(&*service, &lease, limit).await.messages);
            assert_eq!(found, all[17..17 + limit]);
        }
        assert_eq!(service.books(lease.lane).await.unwrap().dropped, 17);
        assert_balanced(&*service, &lease).await;
    });
}

/// A message that is of no submission any more: its end cannot be counted anywhere.
#[test]
fn a_row_that_nothing_can_be_recorded_of_is_left_alone_for_an_hour() {
    on_each_backend(async |place| {
        let (service, _, lease, all) = filled(place, 3).await;
        damage(place, all[0], "submission = NULL, address = 'x'");
        for _ in 0..2 {
            let found = due(&*service, &lease, 3).await;
            assert_eq!(seqs(&found.messages), all[1..]);
            assert_eq!(found.next_at, Some(second(9 + HOUR_S)));
        }
        assert_eq!(service.books(lease.lane).await.unwrap().queued, 3);
        assert_balanced(&*service, &lease).await;
        // Until it can be read again.
        let change = format!("submission = {}, address = 'x@y.org'", all[0].get());
        damage(place, all[0], &change);
        let found = crate::service::due(&*service, &lease, second(9 + HOUR_S), 3).await;
        assert_eq!(found.messages.len(), 3);
    });
}

#[test]
fn a_message_without_its_template_is_dropped() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let campaign = begin(&*service, "spring").await;
        let lease = service.lease(campaign.lane_key()).await.unwrap();
        let all = accept(&*service, &campaign, "ada", 4).await;
        damage(place, all[1], "content = 77");
        let found = due(&*service, &lease, 9).await;
        assert_eq!(seqs(&found.messages), [all[0], all[2], all[3]]);
        let dropped = service.message(all[1]).await.unwrap().unwrap();
        assert_eq!(dropped.state, model::MessageState::Dropped);
        assert_balanced(&*service, &lease).await;
    });
}
