//! Reports: each fact is told until it arrived.

use model::{EventKind, Seq};
use store::submissions::{ReportBacklog, SubmissionState};

use crate::on_each_backend;
use crate::service::{Service, client_id, lease, mail, record, settle, submit};
use crate::support::directory::tenant_id;
use crate::support::second;

/// A tenant's reports: of which message what.
async fn told(service: &dyn Service, owner: &str) -> Vec<(Seq, EventKind)> {
    let owner = tenant_id(owner);
    let reports = service.reports(&owner, Seq::START, 100);
    let of = |report: &store::submissions::Report| {
        assert_eq!(report.seq, report.logged.event.seq);
        (report.logged.message.seq, report.logged.event.kind)
    };
    reports.await.unwrap().iter().map(of).collect()
}

#[test]
fn each_delay_and_each_end_is_reported_once() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let id = submit(
            &*service,
            mail("acme", "1", &["ada@example.org", "bob@example.org"]),
        )
        .await;
        let (ada, bob) = (id.0, id.0.next());
        assert!(
            told(&*service, "acme").await.is_empty(),
            "acceptance was answered"
        );
        record(&*service, &lease, ada, EventKind::Deferred, 1).await;
        record(&*service, &lease, bob, EventKind::RateLimited, 2).await;
        record(&*service, &lease, bob, EventKind::Delivered, 3).await;
        let delays = [(ada, EventKind::Deferred), (bob, EventKind::RateLimited)];
        assert_eq!(told(&*service, "acme").await, delays);
        record(&*service, &lease, ada, EventKind::Bounced, 4).await;
        let all = [delays[0], delays[1], (ada, EventKind::Bounced)];
        assert_eq!(told(&*service, "acme").await, all);

        let reports = service
            .reports(&tenant_id("acme"), Seq::START, 100)
            .await
            .unwrap();
        let last = &reports[2];
        assert_eq!(last.submission.client_id, client_id("1"));
        assert_eq!(last.submission.state(), SubmissionState::Failed);
        assert_eq!((last.submission.recipients, last.submission.failed), (2, 1));
        let history = service.history(id).await.unwrap();
        assert_eq!(last.logged.event, history.last().unwrap().event);
        let again = place.service().await;
        assert_eq!(told(&*again, "acme").await, all, "they outlive the process");
    });
}

#[test]
fn what_arrived_is_told_no_more() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let owner = tenant_id("acme");
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let mut all = Vec::new();
        for number in 0..5 {
            let id = submit(
                &*service,
                mail("acme", &number.to_string(), &["ada@example.org"]),
            )
            .await;
            record(&*service, &lease, id.0, EventKind::Delivered, 10 + number).await;
            all.push((id.0, EventKind::Delivered));
        }
        let backlog = |count, at| ReportBacklog {
            tenant: tenant_id("acme"),
            count,
            oldest_at: second(at),
        };
        assert_eq!(service.report_backlog().await.unwrap(), [backlog(5, 10)]);
        let page = service.reports(&owner, Seq::START, 2).await.unwrap();
        assert_eq!(page.len(), 2);
        let next = service.reports(&owner, page[1].seq, 2).await.unwrap();
        let arrived = vec![page[0].seq, next[0].seq, page[0].seq, Seq::new(999)];
        assert_eq!(
            service.acknowledge(&owner, arrived.clone()).await.unwrap(),
            2
        );
        assert_eq!(service.acknowledge(&owner, arrived).await.unwrap(), 0);
        assert_eq!(told(&*service, "acme").await, [all[1], all[3], all[4]]);
        assert_eq!(service.report_backlog().await.unwrap(), [backlog(3, 11)]);
        let rest: Vec<Seq> = service
            .reports(&owner, Seq::START, 9)
            .await
            .unwrap()
            .iter()
            .map(|report| report.seq)
            .collect();
        assert_eq!(service.acknowledge(&owner, rest).await.unwrap(), 3);
        assert!(service.report_backlog().await.unwrap().is_empty());
        assert!(told(&*service, "acme").await.is_empty());
    });
}

#[test]
fn old_reports_are_forgotten_some_at_a_time() {
    on_each_backend(async |place| {
        let service = place.service().await;
        for owner in ["acme", "other"] {
            let pk = settle(&*service, owner).await;
            let lease = lease(&*service, pk).await;
            for number in 0..4 {
                let id = submit(
                    &*service,
                    mail(owner, &number.to_string(), &["ada@example.org"]),
                )
                .await;
                record(&*service, &lease, id.0, EventKind::Delivered, 10 + number).await;
            }
        }
        let mut forgotten = Vec::new();
        loop {
            let some = service.expire_reports(second(13), 2).await.unwrap();
            if some == 0 {
                break;
            }
            forgotten.push(some);
        }
        assert_eq!(forgotten, [2, 2, 2]);
        for owner in ["acme", "other"] {
            assert_eq!(told(&*service, owner).await.len(), 1);
        }
        let counts: Vec<u64> = service
            .report_backlog()
            .await
            .unwrap()
            .iter()
            .map(|backlog| backlog.count)
            .collect();
        assert_eq!(counts, [1, 1]);
    });
}

#[test]
fn what_its_client_took_back_is_not_reported() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        record(&*service, &lease, id.0, EventKind::Deferred, 1).await;
        let owner = tenant_id("acme");
        let removed = service.remove(&owner, vec![client_id("1")], second(2));
        assert_eq!(removed.await.unwrap(), [true]);
        assert!(told(&*service, "acme").await.is_empty());
        assert!(service.report_backlog().await.unwrap().is_empty());
        // What somebody else cancelled, it is told.
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        let cancelled = service.cancel(&lease, vec![id.0], "by hand", second(3));
        assert_eq!(cancelled.await.unwrap(), 1);
        assert_eq!(
            told(&*service, "acme").await,
            [(id.0, EventKind::Cancelled)]
        );
    });
}
