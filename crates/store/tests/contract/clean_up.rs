//! Retention, and the end of accounts and tenants: what is forgotten leaves nothing behind, and the books stay.

use model::{EventKind, MessageState, News, Permanence, Seq, SubmissionId};
use store::directory::REMOVED_WITH_ACCOUNT_MAX;
use store::submissions::{Channel, NewNews};
use store::{LaneKey, StoreError};

use crate::on_each_backend;
use crate::service::{Service, followed, lease, mail, record, settle, submit};
use crate::support::directory::{account, account_id, tenant_id};
use crate::support::{START, second, whole_log};

async fn acknowledge_all(service: &dyn Service, owner: &str) {
    let owner = tenant_id(owner);
    let reports = service
        .reports(&owner, Channel::Sync, Seq::START, 1_000)
        .await
        .unwrap();
    let seqs = reports.iter().map(|report| report.seq).collect();
    service
        .acknowledge(&owner, Channel::Sync, seqs)
        .await
        .unwrap();
}

/// One submission that is final at a second, put off before, with news.
async fn finished(service: &dyn Service, owner: &str, id: &str, at: u64) -> SubmissionId {
    let new = submit(
        service,
        mail(owner, id, &["ada@example.org", "bob@example.org"]),
    )
    .await;
    let pk = followed(service, &tenant_id(owner), id)
        .await
        .submission
        .account;
    let lease = lease(service, pk).await;
    for (message, kind) in [
        (new.0, EventKind::Deferred),
        (new.0, EventKind::Delivered),
        (new.0.next(), EventKind::Bounced),
    ] {
        record(service, &lease, message, kind, at).await;
    }
    service.release(lease).await.unwrap();
    let news = NewNews {
        message: new.0,
        kind: EventKind::Returned,
        at: second(at + 1),
        news: News::Bounce {
            permanence: Permanence::Soft,
            code: None,
        },
        reason: "later".into(),
    };
    assert_eq!(service.note_news(vec![news], None).await.unwrap(), 1);
    new
}

#[test]
fn what_is_final_told_and_old_is_forgotten() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let owner = tenant_id("acme");
        let pk = settle(&*service, "acme").await;
        let old = finished(&*service, "acme", "old", 10).await;
        let new = finished(&*service, "acme", "new", 20).await;
        let open = submit(&*service, mail("acme", "open", &["ada@example.org"])).await;
        let books = {
            let lease = lease(&*service, pk).await;
            record(&*service, &lease, open.0, EventKind::Deferred, 5).await;
            service.books(lease.lane).await.unwrap()
        };
        let clean_up = async |before| service.clean_up(Some(&owner), before, 10).await.unwrap();
        assert_eq!(clean_up(second(1_000)).await, 0, "nothing was told");
        acknowledge_all(&*service, "acme").await;
        assert_eq!(clean_up(second(10)).await, 0);
        let counts = service.account_counts().await.unwrap();
        assert_eq!(clean_up(second(11)).await, 1);
        assert!(service.payload(old).await.unwrap().is_none());
        assert!(service.timeline(old.0.next()).await.unwrap().is_none());
        let kept = [new.0, new.0.next(), open.0];
        let log = whole_log(&*service).await;
        assert!(
            log.iter()
                .all(|logged| kept.contains(&logged.event.message))
        );
        assert_eq!(log.len(), 2 + 4 + 2);

        let end = service.end_of_log().await.unwrap();
        assert_eq!(service.clean_up(None, second(1_000), 10).await.unwrap(), 1);
        assert_eq!(
            clean_up(second(1_000)).await,
            0,
            "the last one is not final"
        );
        assert_eq!(service.end_of_log().await.unwrap(), end);
        let lane = service.waiting_lanes().await.unwrap()[0].lane;
        assert_eq!(service.books(lane).await.unwrap(), books);
        assert_eq!(service.count_books(lane).await.unwrap(), books);
        assert_eq!(service.account_counts().await.unwrap(), counts);
        let again = submit(&*service, mail("acme", "old", &["ada@example.org"])).await;
        assert!(again.0 > end, "its id is free, its place is not");
    });
}

/// Who copies the log elsewhere says how far that has come.
#[test]
fn nothing_is_forgotten_of_which_something_happened_after_a_place() {
    on_each_backend(async |place| {
        let service = place.service().await;
        settle(&*service, "acme").await;
        let mut ids = Vec::new();
        for id in ["1", "2", "3"] {
            ids.push(finished(&*service, "acme", id, 10).await);
        }
        acknowledge_all(&*service, "acme").await;
        let log = whole_log(&*service).await;
        let last_of = |id: SubmissionId| {
            let about = [id.0, id.0.next()];
            let of = log
                .iter()
                .filter(|logged| about.contains(&logged.event.message));
            of.map(|logged| logged.event.seq).max().unwrap()
        };
        let clean_up_to = async |place, before| {
            let cleaned = service.clean_up_to(place, second(before), 9).await;
            cleaned.unwrap()
        };
        // Its news are the last of it.
        let almost = Seq::new(last_of(ids[0]).get() - 1);
        assert_eq!(clean_up_to(almost, 100).await, 0);
        assert_eq!(clean_up_to(last_of(ids[1]), 10).await, 0);
        assert_eq!(clean_up_to(last_of(ids[1]), 100).await, 2);
        let left = service.summaries(ids.clone()).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].id, left[0].client_id.as_str()), (ids[2], "3"));
        assert_eq!(clean_up_to(last_of(ids[2]), 100).await, 1);
        assert!(service.summaries(ids).await.unwrap().is_empty());
        assert!(whole_log(&*service).await.is_empty());
    });
}

#[test]
fn it_is_forgotten_some_at_a_time_and_the_oldest_first() {
    on_each_backend(async |place| {
        let service = place.service().await;
        for owner in ["acme", "other"] {
            settle(&*service, owner).await;
            for number in 0..5 {
                finished(&*service, owner, &number.to_string(), 50 - number * 10).await;
            }
            acknowledge_all(&*service, owner).await;
        }
        let acme = tenant_id("acme");
        assert_eq!(
            service.clean_up(Some(&acme), second(100), 2).await.unwrap(),
            2
        );
        let rest = service.submissions(store::submissions::SubmissionFilter {
            tenant: Some(acme.clone()),
            limit: 10,
            ..Default::default()
        });
        let rest = rest.await.unwrap();
        let ids: Vec<&str> = rest
            .iter()
            .map(|found| found.submission.client_id.as_str())
            .collect();
        assert_eq!(ids, ["0", "1", "2"]);
        let mut forgotten = 0;
        for _ in 0..3 {
            forgotten += service.clean_up(None, second(100), 3).await.unwrap();
        }
        assert_eq!(forgotten, 8);
        assert!(whole_log(&*service).await.is_empty());
    });
}

#[test]
fn news_hold_up_the_end_until_they_are_told() {
    on_each_backend(async |place| {
        let service = place.service().await;
        settle(&*service, "acme").await;
        let id = finished(&*service, "acme", "1", 10).await;
        acknowledge_all(&*service, "acme").await;
        let news = NewNews {
            message: id.0,
            kind: EventKind::Returned,
            at: second(60),
            news: News::Bounce {
                permanence: Permanence::Hard,
                code: None,
            },
            reason: "later still".into(),
        };
        service.note_news(vec![news], None).await.unwrap();
        assert_eq!(service.clean_up(None, second(100), 9).await.unwrap(), 0);
        acknowledge_all(&*service, "acme").await;
        assert_eq!(service.clean_up(None, second(100), 9).await.unwrap(), 1);
    });
}

#[test]
fn reports_that_nobody_fetched_expire_and_let_go() {
    on_each_backend(async |place| {
        let service = place.service().await;
        settle(&*service, "acme").await;
        finished(&*service, "acme", "1", 10).await;
        assert_eq!(service.clean_up(None, second(100), 9).await.unwrap(), 0);
        assert_eq!(service.expire_reports(second(100), 9).await.unwrap(), 3);
        assert_eq!(service.clean_up(None, second(100), 9).await.unwrap(), 1);
    });
}

#[test]
fn an_account_takes_with_it_what_was_handed_over_to_it() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let owner = tenant_id("acme");
        let pk = settle(&*service, "acme").await;
        service.put_account(account("acme", "kept")).await.unwrap();
        for number in 0..6 {
            finished(&*service, "acme", &format!("final {number}"), 10).await;
            submit(
                &*service,
                mail("acme", &format!("open {number}"), &["ada@example.org"]),
            )
            .await;
        }
        let mut kept = mail("acme", "kept", &["ada@example.org"]);
        kept.account = account_id("kept");
        let kept = submit(&*service, kept).await;
        let mut tail = service.tail();
        assert_eq!(
            service.remove_of_account(pk, second(30), 5).await.unwrap(),
            5
        );
        let seen = tail.next().await.unwrap();
        assert!(
            seen.events
                .iter()
                .all(|logged| logged.event.kind == EventKind::Cancelled
                    && logged.event.at == second(30)
                    && logged.message.state == MessageState::Queued)
        );
        assert_eq!(
            service.remove_of_account(pk, second(30), 4).await.unwrap(),
            4
        );
        let held = lease(&*service, pk).await;
        let under_way = service.waiting_lanes().await.unwrap();
        assert_eq!(under_way.len(), 2);
        let last = service.queued(held.lane, Seq::START, 10).await.unwrap();
        let last = service.message(last[0].seq).await.unwrap().unwrap();
        assert!(
            service
                .delete_account(&owner, &account_id("main"))
                .await
                .unwrap()
        );
        assert!(
            !service
                .delete_account(&owner, &account_id("main"))
                .await
                .unwrap()
        );

        let log = whole_log(&*service).await;
        assert_eq!(log.len(), 1);
        assert_eq!(log[0].message.seq, kept.0);
        assert!(service.report_backlog().await.unwrap().is_empty());
        assert!(service.sends(held.lane, START).await.unwrap().is_empty());
        assert_eq!(service.waiting_lanes().await.unwrap().len(), 1);
        assert_eq!(
            service.count_books(held.lane).await.unwrap(),
            service.books(held.lane).await.unwrap()
        );
        let late = crate::support::event(&std::sync::Arc::new(last), EventKind::Delivered);
        assert_eq!(
            service.record(&held, vec![late]).await.unwrap(),
            1,
            "left out"
        );
        assert_eq!(
            service.remove_of_account(pk, second(30), 5).await.unwrap(),
            0
        );
    });
}

#[test]
fn an_account_with_much_mail_left_is_not_deleted_in_one_breath() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let owner = tenant_id("acme");
        let pk = settle(&*service, "acme").await;
        let batch = (0..=REMOVED_WITH_ACCOUNT_MAX)
            .map(|number| mail("acme", &number.to_string(), &["ada@example.org"]))
            .collect();
        service.submit(batch).await.unwrap();
        let refused = service
            .delete_account(&owner, &account_id("main"))
            .await
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "account_id: has more than 1000 messages left: remove them first"
        );
        let refused = service.delete_tenant(&owner).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)), "{refused:?}");
        assert_eq!(service.account_counts().await.unwrap()[0].pending(), 1_001);
        assert_eq!(
            service.remove_of_account(pk, second(9), 1).await.unwrap(),
            1
        );
        assert!(service.delete_tenant(&owner).await.unwrap());
        assert!(service.tenant(&owner).await.unwrap().is_none());
        assert!(whole_log(&*service).await.is_empty());
        let lane = service.lease(LaneKey::account(pk)).await.unwrap().lane;
        assert_eq!(service.books(lane).await.unwrap().cancelled, 1_001);
    });
}
