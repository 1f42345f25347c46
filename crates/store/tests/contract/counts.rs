//! The counters of accounts, and what a lane sent in which second.

use std::sync::Arc;

use model::{EventKind, Seq};
use store::LaneKey;
use store::submissions::{AccountCounts, Channel};

use crate::on_each_backend;
use crate::service::{Service, due, followed, lease, mail, outcome, record, seqs, settle, submit};
use crate::support::directory::{account, account_id, tenant_id};
use crate::support::{second, stored};

/// Accepted, sent, errors, cancelled, deferred, rate limited.
fn figures(counts: &AccountCounts) -> [u64; 6] {
    [
        counts.accepted,
        counts.sent,
        counts.errors,
        counts.cancelled,
        counts.deferred,
        counts.rate_limited,
    ]
}

async fn first(service: &dyn Service) -> [u64; 6] {
    figures(&service.account_counts().await.unwrap()[0])
}

#[test]
fn every_account_counts_from_its_beginning_to_its_end() {
    on_each_backend(async |place| {
        let service = place.service().await;
        assert!(service.account_counts().await.unwrap().is_empty());
        let pk = settle(&*service, "acme").await;
        let other = settle(&*service, "other").await;
        let counts = service.account_counts().await.unwrap();
        assert_eq!(
            counts
                .iter()
                .map(|counts| counts.account)
                .collect::<Vec<_>>(),
            [pk, other]
        );
        assert!(counts.iter().all(|counts| figures(counts) == [0; 6]));
        assert_eq!(counts[0].account_id, account_id("main"));
        assert_eq!(counts[0].tenant, tenant_id("acme"));
        assert_eq!(counts[0].tenant_name.as_deref(), Some("Acme \u{e4} Sons"));

        submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        service.put_account(account("acme", "main")).await.unwrap();
        assert_eq!(
            first(&*service).await,
            [1, 0, 0, 0, 0, 0],
            "put again, it counts on"
        );
        service
            .delete_account(&tenant_id("acme"), &account_id("main"))
            .await
            .unwrap();
        let counts = service.account_counts().await.unwrap();
        assert_eq!(counts.len(), 1);
        assert_eq!(counts[0].account, other);
        let next = service.put_account(account("acme", "main")).await.unwrap();
        assert!(next > other);
        let counts = service.account_counts().await.unwrap();
        assert_eq!((counts[1].account, figures(&counts[1])), (next, [0; 6]));
    });
}

#[test]
fn a_submission_counts_once_whatever_its_recipients() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let to = ["ada@example.org", "bob@example.org"];
        let cases = [
            (
                [EventKind::Delivered, EventKind::Delivered],
                [1, 1, 0, 0, 0, 0],
            ),
            (
                [EventKind::Delivered, EventKind::Bounced],
                [2, 1, 1, 0, 0, 0],
            ),
            (
                [EventKind::Expired, EventKind::Delivered],
                [3, 1, 2, 0, 0, 0],
            ),
            ([EventKind::Dropped, EventKind::Dropped], [4, 1, 3, 0, 0, 0]),
            (
                [EventKind::Delivered, EventKind::Cancelled],
                [5, 1, 3, 1, 0, 0],
            ),
        ];
        for (number, (kinds, expected)) in cases.into_iter().enumerate() {
            let id = submit(&*service, mail("acme", &number.to_string(), &to)).await;
            record(&*service, &lease, id.0, kinds[0], 1).await;
            let counts = &service.account_counts().await.unwrap()[0];
            assert_eq!(counts.pending(), 1, "one of two is no end");
            record(&*service, &lease, id.0.next(), kinds[1], 2).await;
            assert_eq!(first(&*service).await, expected);
            assert_eq!(service.pending(&tenant_id("acme"), None).await.unwrap(), 0);
        }
    });
}

#[test]
fn outcomes_of_one_batch_count_as_if_they_came_one_by_one() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let to = ["ada@example.org", "bob@example.org", "cy@example.org"];
        let one = submit(&*service, mail("acme", "1", &to)).await.0;
        let two = submit(&*service, mail("acme", "2", &to[..2])).await.0;
        let three = submit(&*service, mail("acme", "3", &to[..2])).await.0;
        let mut batch = Vec::new();
        for (message, kind, at) in [
            (one.next(), EventKind::Bounced, 9),
            (two, EventKind::Deferred, 3),
            (three, EventKind::Bounced, 4),
            (one, EventKind::RateLimited, 4),
            (two, EventKind::Delivered, 5),
            (one, EventKind::Delivered, 6),
            (three.next(), EventKind::Cancelled, 7),
            (one.next().next(), EventKind::Delivered, 8),
        ] {
            let message = Arc::new(service.message(message).await.unwrap().unwrap());
            batch.push(outcome(&message, kind, at));
        }
        let before = service.end_of_log().await.unwrap().get();
        assert_eq!(service.record(&lease, batch).await.unwrap(), 0);
        assert_eq!(first(&*service).await, [3, 0, 1, 1, 2, 1]);
        let acme = tenant_id("acme");
        let reports = service.reports(&acme, Channel::Sync, Seq::START, 10).await;
        let told = reports.unwrap().into_iter();
        let told: Vec<_> = told
            .map(|report| (report.seq.get() - before, report.submission.id.0))
            .collect();
        // What is put off, and of each submission the event that left none of its messages open.
        assert_eq!(told, [(2, two), (4, one), (7, three), (8, one)]);
        let of_one = followed(&*service, &acme, "1").await.submission;
        assert_eq!((of_one.open, of_one.failed), (0, 1));
        assert_eq!(of_one.updated_at, second(9), "it never goes back");
        let of_two = followed(&*service, &acme, "2").await.submission;
        assert_eq!((of_two.open, of_two.failed), (1, 0));
        let sent = service.sends(lease.lane, second(0)).await.unwrap();
        let start = second(0).as_secs();
        assert_eq!(sent, [5, 6, 8].map(|after| (start + after, 1)));
    });
}

#[test]
fn each_time_that_mail_is_put_off_counts_and_each_time_that_a_limit_is_met() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        record(&*service, &lease, id.0, EventKind::Deferred, 1).await;
        assert_eq!(first(&*service).await, [1, 0, 0, 0, 1, 0]);
        record(&*service, &lease, id.0, EventKind::RateLimited, 2).await;
        assert_eq!(first(&*service).await, [1, 0, 0, 0, 2, 1]);
        let mut rejected = outcome(&stored(&*service, id.0).await, EventKind::Dropped, 3);
        rejected.reason = Some("rate_limit_exceeded".into());
        let again = rejected.clone();
        let left_out = service.record(&lease, vec![rejected, again]).await.unwrap();
        assert_eq!(left_out, 1);
        assert_eq!(first(&*service).await, [1, 0, 1, 0, 2, 2]);
        let late = outcome(&stored(&*service, id.0).await, EventKind::Deferred, 4);
        assert_eq!(service.record(&lease, vec![late]).await.unwrap(), 1);
        assert_eq!(
            first(&*service).await,
            [1, 0, 1, 0, 2, 2],
            "what is left out counts nothing"
        );
    });
}

#[test]
fn a_limited_message_keeps_its_place_and_its_attempts() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        record(&*service, &lease, id.0, EventKind::Deferred, 5).await;
        let before = service.timeline(id.0).await.unwrap().unwrap();
        let mut limited = outcome(&stored(&*service, id.0).await, EventKind::RateLimited, 6);
        (limited.due_at, limited.attempts) = (Some(second(3_600)), 77);
        service.record(&lease, vec![limited]).await.unwrap();
        let after = service.timeline(id.0).await.unwrap().unwrap();
        assert_eq!(after.message, before.message);
        let place = due(&*service, &lease, second(5), 10).await;
        assert_eq!(seqs(&place.messages), [id.0], "it is due when it was");
        let event = after.events.last().unwrap();
        assert_eq!(
            (event.kind, event.due_at),
            (EventKind::RateLimited, Some(second(3_600)))
        );
    });
}

#[test]
fn it_is_known_what_was_sent_in_each_second_of_a_day() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let day = 24 * 60 * 60;
        let mut batch = Vec::new();
        for (number, at) in [10, 11, 10, 9, day + 10].into_iter().enumerate() {
            let id = submit(
                &*service,
                mail("acme", &number.to_string(), &["ada@example.org"]),
            )
            .await;
            batch.push(outcome(
                &stored(&*service, id.0).await,
                EventKind::Delivered,
                at,
            ));
        }
        let bounced = submit(&*service, mail("acme", "bounced", &["ada@example.org"])).await;
        batch.push(outcome(
            &stored(&*service, bounced.0).await,
            EventKind::Bounced,
            11,
        ));
        let latest = batch.remove(4);
        service.record(&lease, batch).await.unwrap();
        let at = |number: u64| second(number).as_secs();
        let sent = service.sends(lease.lane, second(0)).await.unwrap();
        assert_eq!(sent, [(at(9), 1), (at(10), 2), (at(11), 1)]);
        assert_eq!(
            service.sends(lease.lane, second(11)).await.unwrap(),
            [(at(11), 1)]
        );
        service.record(&lease, vec![latest]).await.unwrap();
        let sent = service.sends(lease.lane, second(0)).await.unwrap();
        assert_eq!(
            sent,
            [(at(10), 2), (at(11), 1), (at(day + 10), 1)],
            "older ones are gone"
        );
        assert_eq!(
            place
                .service()
                .await
                .sends(lease.lane, second(0))
                .await
                .unwrap(),
            sent
        );
    });
}

#[test]
fn an_account_s_mail_is_only_handed_over_by_its_client() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let campaign = crate::support::begin(&*service, "spring").await;
        let mut stray = crate::support::message(&campaign, "ada@example.org");
        stray.lane = lease.lane;
        let error = service.accept(&lease, vec![stray]).await.unwrap_err();
        assert!(matches!(error, store::StoreError::Invalid(_)), "{error:?}");
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        record(&*service, &lease, id.0, EventKind::Bounced, 1).await;
        let end = service.end_of_log().await.unwrap();
        let error = service
            .retry_failed(&lease, end, 10, second(2))
            .await
            .unwrap_err();
        assert!(matches!(error, store::StoreError::Invalid(_)), "{error:?}");
        assert_eq!(service.end_of_log().await.unwrap(), end);
    });
}

#[test]
fn who_holds_another_account_s_lane_changes_nothing_here() {
    on_each_backend(async |place| {
        let service = place.service().await;
        settle(&*service, "acme").await;
        let other = settle(&*service, "other").await;
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        let theirs = lease(&*service, other).await;
        let message = stored(&*service, id.0).await;
        let stray = outcome(&message, EventKind::Delivered, 1);
        service.record(&theirs, vec![stray]).await.unwrap_err();
        let mut lied = (*message).clone();
        lied.lane = theirs.lane;
        let stray = outcome(&Arc::new(lied), EventKind::Delivered, 1);
        service.record(&theirs, vec![stray]).await.unwrap_err();
        assert_eq!(first(&*service).await, [1, 0, 0, 0, 0, 0]);
        let lane = service.lease(LaneKey::account(other)).await;
        assert!(lane.is_err(), "it is held");
    });
}
