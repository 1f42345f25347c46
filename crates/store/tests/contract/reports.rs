//! Reports: each fact is told until it arrived.

use model::account::AccountPk;
use model::{EventKind, News, Permanence, Seq};
use store::submissions::{Channel, NewNews, ReportBacklog, SubmissionState};

use crate::on_each_backend;
use crate::service::{Service, client_id, lease, mail, record, settle, submit};
use crate::support::directory::tenant_id;
use crate::support::second;

/// A tenant's reports: of which message what.
async fn told(service: &dyn Service, owner: &str) -> Vec<(Seq, EventKind)> {
    let owner = tenant_id(owner);
    let reports = service.reports(&owner, Channel::Sync, Seq::START, 100);
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
            .reports(&tenant_id("acme"), Channel::Sync, Seq::START, 100)
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
            channel: Channel::Sync,
            count,
            oldest_at: second(at),
        };
        assert_eq!(service.report_backlog().await.unwrap(), [backlog(5, 10)]);
        let page = service
            .reports(&owner, Channel::Sync, Seq::START, 2)
            .await
            .unwrap();
        assert_eq!(page.len(), 2);
        let next = service
            .reports(&owner, Channel::Sync, page[1].seq, 2)
            .await
            .unwrap();
        let arrived = vec![page[0].seq, next[0].seq, page[0].seq, Seq::new(999)];
        assert_eq!(
            service
                .acknowledge(&owner, Channel::Sync, arrived.clone())
                .await
                .unwrap(),
            2
        );
        assert_eq!(
            service
                .acknowledge(&owner, Channel::Sync, arrived)
                .await
                .unwrap(),
            0
        );
        assert_eq!(told(&*service, "acme").await, [all[1], all[3], all[4]]);
        assert_eq!(service.report_backlog().await.unwrap(), [backlog(3, 11)]);
        let rest: Vec<Seq> = service
            .reports(&owner, Channel::Sync, Seq::START, 9)
            .await
            .unwrap()
            .iter()
            .map(|report| report.seq)
            .collect();
        assert_eq!(
            service
                .acknowledge(&owner, Channel::Sync, rest)
                .await
                .unwrap(),
            3
        );
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

/// A tenant with a webhook, and an account.
async fn settle_with_webhook(service: &dyn Service, owner: &str) -> AccountPk {
    let pk = settle(service, owner).await;
    let set = |tenant: &mut model::Tenant| {
        tenant.webhook = Some(model::Webhook::new(
            "https://acme.example",
            "0123456789abcdef",
        )?);
        Ok(())
    };
    let owner = tenant_id(owner);
    let changed = service.change_tenant(&owner, Box::new(set), second(1));
    changed.await.unwrap().unwrap();
    pk
}

/// The numbers of a tenant's reports on a channel.
async fn numbers(service: &dyn Service, channel: Channel) -> Vec<Seq> {
    let acme = tenant_id("acme");
    let reports = service.reports(&acme, channel, Seq::START, 100);
    let reports = reports.await.unwrap();
    reports.iter().map(|report| report.seq).collect()
}

async fn waiting(service: &dyn Service) -> Vec<(Channel, u64)> {
    let backlog = service.report_backlog().await.unwrap().into_iter();
    backlog.map(|each| (each.channel, each.count)).collect()
}

#[test]
fn each_channel_is_acknowledged_by_itself_and_mail_goes_when_both_are() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let acme = tenant_id("acme");
        let pk = settle_with_webhook(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        record(&*service, &lease, id.0, EventKind::Deferred, 1).await;
        record(&*service, &lease, id.0, EventKind::Delivered, 2).await;
        let news = NewNews {
            message: id.0,
            kind: EventKind::Returned,
            at: second(3),
            news: News::Bounce {
                permanence: Permanence::Hard,
                code: None,
            },
            reason: "no such user".into(),
        };
        assert_eq!(service.note_news(vec![news], None).await.unwrap(), 1);
        let all = numbers(&*service, Channel::Sync).await;
        assert_eq!(all.len(), 3);
        assert_eq!(numbers(&*service, Channel::Webhook).await, all);
        let both = [(Channel::Sync, 3), (Channel::Webhook, 3)];
        assert_eq!(waiting(&*service).await, both);

        let taken = service.acknowledge(&acme, Channel::Webhook, all.clone());
        assert_eq!(taken.await.unwrap(), 3);
        assert_eq!(numbers(&*service, Channel::Sync).await, all);
        assert_eq!(waiting(&*service).await, [(Channel::Sync, 3)]);
        assert_eq!(service.clean_up(None, second(9), 9).await.unwrap(), 0);
        service
            .acknowledge(&acme, Channel::Sync, all)
            .await
            .unwrap();
        assert!(waiting(&*service).await.is_empty());
        assert_eq!(service.clean_up(None, second(9), 9).await.unwrap(), 1);
    });
}

#[test]
fn what_is_removed_or_too_old_waits_on_no_channel() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let acme = tenant_id("acme");
        let pk = settle_with_webhook(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        for number in 0..3 {
            let new = mail("acme", &number.to_string(), &["ada@example.org"]);
            let id = submit(&*service, new).await;
            record(&*service, &lease, id.0, EventKind::Delivered, number).await;
        }
        let first = numbers(&*service, Channel::Sync).await[..1].to_vec();
        service
            .acknowledge(&acme, Channel::Sync, first)
            .await
            .unwrap();
        let removed = service.remove(&acme, vec![client_id("0")], second(5));
        assert_eq!(removed.await.unwrap(), [true]);
        let both = |count| [(Channel::Sync, count), (Channel::Webhook, count)];
        assert_eq!(waiting(&*service).await, both(2));
        assert_eq!(service.expire_reports(second(2), 1).await.unwrap(), 1);
        assert_eq!(service.expire_reports(second(2), 9).await.unwrap(), 1);
        assert_eq!(waiting(&*service).await, both(1));
        service.release(lease).await.unwrap();
        assert!(service.delete_tenant(&acme).await.unwrap());
        assert!(waiting(&*service).await.is_empty());
    });
}
