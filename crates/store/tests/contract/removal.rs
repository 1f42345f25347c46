//! What a client takes back: it is gone, and the counters know it.

use std::sync::Arc;
use store::submissions::Channel;

use model::{EventKind, Seq};

use crate::on_each_backend;
use crate::service::{client_id, lease, mail, record, settle, submit};
use crate::support::directory::tenant_id;
use crate::support::{START, event, facts, second, whole_log};

#[test]
fn a_removed_submission_is_gone_and_its_place_in_the_log_is_not_given_again() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let owner = tenant_id("acme");
        let first = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        let id = submit(
            &*service,
            mail("acme", "2", &["ada@example.org", "bob@example.org"]),
        )
        .await;
        let lease = lease(&*service, pk).await;
        record(&*service, &lease, id.0, EventKind::Deferred, 1).await;
        record(&*service, &lease, id.0.next(), EventKind::Bounced, 2).await;
        let end = service.end_of_log().await.unwrap();
        let under_way = service.message(id.0).await.unwrap().unwrap();

        let ids = vec![client_id("2"), client_id("never"), client_id("2")];
        let removed = service.remove(&owner, ids, second(3)).await.unwrap();
        assert_eq!(removed, [true, false, false]);
        assert!(
            service
                .submission(&owner, &client_id("2"))
                .await
                .unwrap()
                .is_none()
        );
        assert!(service.payload(id).await.unwrap().is_none());
        assert!(service.history(id).await.unwrap().is_empty());
        assert!(service.message(id.0).await.unwrap().is_none());
        assert!(service.timeline(id.0).await.unwrap().is_none());
        assert!(
            service
                .reports(&owner, Channel::Sync, Seq::START, 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(service.report_backlog().await.unwrap().is_empty());
        let log = facts(&whole_log(&*service).await);
        assert_eq!(log, [(first.0, first.0, EventKind::Accepted)]);

        // Its outcome comes too late, and holds up nothing else.
        let late = event(&Arc::new(under_way), EventKind::Delivered);
        let kept = service.message(first.0).await.unwrap().unwrap();
        let other = event(&Arc::new(kept), EventKind::Delivered);
        assert_eq!(service.record(&lease, vec![late, other]).await.unwrap(), 1);

        let again = submit(
            &*place.service().await,
            mail("acme", "2", &["ada@example.org"]),
        )
        .await;
        assert!(again.0 > end, "{again:?} after {end:?}");
        let books = service.books(lease.lane).await.unwrap();
        assert_eq!((books.accepted, books.cancelled, books.bounced), (4, 1, 1));
        assert_eq!(service.count_books(lease.lane).await.unwrap(), books);
        let counts = &service.account_counts().await.unwrap()[0];
        assert_eq!((counts.accepted, counts.sent, counts.cancelled), (3, 1, 1));
        assert_eq!(counts.pending(), 1);
    });
}

#[test]
fn what_is_removed_after_it_was_final_counts_as_what_it_was() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        for (id, kind) in [("1", EventKind::Delivered), ("2", EventKind::Bounced)] {
            let new = submit(&*service, mail("acme", id, &["ada@example.org"])).await;
            record(&*service, &lease, new.0, kind, 1).await;
        }
        let ids = vec![client_id("1"), client_id("2")];
        service
            .remove(&tenant_id("acme"), ids, second(3))
            .await
            .unwrap();
        let counts = &service.account_counts().await.unwrap()[0];
        assert_eq!((counts.accepted, counts.sent, counts.errors), (2, 1, 1));
        assert_eq!((counts.cancelled, counts.pending()), (0, 0));
        assert_eq!(
            service.sends(lease.lane, START).await.unwrap(),
            [(second(1).as_secs(), 1)]
        );
    });
}
