//! News of delivered messages: they change no state and are in the whole story.

use model::{EventKind, MessageState, News, Permanence, ReceiptKind, Seq};
use store::submissions::{Channel, NEWS_MAX, NewNews, Place as ReaderPlace};
use store::{Find, StoreError};

use crate::on_each_backend;
use crate::service::{self, client_id, followed, lease, mail, record, settle, submit};
use crate::support::directory::tenant_id;
use crate::support::{accept, begin, event, facts, second, stored, whole_log};

fn bounce(message: Seq) -> NewNews {
    NewNews {
        message,
        kind: EventKind::Returned,
        at: second(50),
        news: News::Bounce {
            permanence: Permanence::Hard,
            code: Some("511".into()),
        },
        reason: "550 5.1.1 no such user".into(),
    }
}

fn receipt(message: Seq) -> NewNews {
    NewNews {
        kind: EventKind::Receipt,
        news: News::Receipt(ReceiptKind::Acceptance),
        at: second(40),
        reason: "accepted".into(),
        ..bounce(message)
    }
}

fn place_of(place: &str) -> Option<ReaderPlace> {
    Some(ReaderPlace {
        reader: "bounces".to_owned(),
        place: place.to_owned(),
    })
}

#[test]
fn a_returned_message_stays_delivered_and_tells_its_whole_story() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let owner = tenant_id("acme");
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        record(&*service, &lease, id.0, EventKind::Deferred, 1).await;
        record(&*service, &lease, id.0, EventKind::Delivered, 2).await;
        let before = followed(&*service, &owner, "1").await;
        let counts = service.account_counts().await.unwrap();
        let mut tail = service.tail();
        let news = vec![receipt(id.0), bounce(id.0)];
        assert_eq!(service.note_news(news, place_of("1:77")).await.unwrap(), 2);

        assert_eq!(
            service.cursor("bounces").await.unwrap().as_deref(),
            Some("1:77")
        );
        let kinds = [
            EventKind::Accepted,
            EventKind::Deferred,
            EventKind::Delivered,
            EventKind::Receipt,
            EventKind::Returned,
        ];
        let timeline = service.timeline(id.0).await.unwrap().unwrap();
        let of: Vec<EventKind> = timeline.events.iter().map(|event| event.kind).collect();
        assert_eq!(of, kinds);
        let returned = timeline.events.last().unwrap();
        assert_eq!(returned.news, Some(bounce(id.0).news));
        assert_eq!(returned.reason.as_deref(), Some("550 5.1.1 no such user"));
        assert_eq!(
            (returned.at, returned.attempts, returned.lane),
            (second(50), 2, lease.lane)
        );
        let history = service.history(id).await.unwrap();
        assert!(
            history
                .iter()
                .map(|logged| &logged.event)
                .eq(&timeline.events)
        );
        let log = facts(&whole_log(&*service).await);
        assert_eq!(log.iter().map(|fact| fact.2).collect::<Vec<_>>(), kinds);
        let seen = tail.next().await.unwrap();
        assert_eq!(seen.events[1].event, *returned);

        assert_eq!(stored(&*service, id.0).await.state, MessageState::Delivered);
        let latest = service.messages(lease.lane, Seq::START, 10).await.unwrap();
        assert_eq!(
            latest[0].event, timeline.events[2],
            "the outcome is what it was"
        );
        let query = Find {
            limit: 10,
            look_at_max: 10,
            ..Find::default()
        };
        let found = service.find(lease.lane, query).await.unwrap();
        assert_eq!(found.messages[0].event, timeline.events[2]);
        let after = followed(&*service, &owner, "1").await;
        assert_eq!(after.messages[0].last, *returned);
        assert_eq!(after.submission.updated_at, second(50));
        assert_eq!(after.submission.state(), before.submission.state());
        assert_eq!(service.account_counts().await.unwrap(), counts);
        assert_eq!(service.books(lease.lane).await.unwrap().delivered, 1);
        let reports = service
            .reports(&owner, Channel::Sync, Seq::START, 10)
            .await
            .unwrap();
        let of: Vec<EventKind> = reports
            .iter()
            .map(|report| report.logged.event.kind)
            .collect();
        assert_eq!(of, kinds[1..]);
    });
}

#[test]
fn news_of_what_is_not_delivered_are_left_out_and_the_place_is_kept() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let queued = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        let failed = submit(&*service, mail("acme", "2", &["ada@example.org"])).await;
        record(&*service, &lease, failed.0, EventKind::Bounced, 1).await;
        let log = whole_log(&*service).await.len();
        let news = vec![bounce(queued.0), bounce(failed.0), bounce(Seq::new(999))];
        assert_eq!(service.note_news(news, place_of("1:78")).await.unwrap(), 0);
        assert_eq!(
            service.cursor("bounces").await.unwrap().as_deref(),
            Some("1:78")
        );
        assert_eq!(
            service
                .note_news(Vec::new(), place_of("1:79"))
                .await
                .unwrap(),
            0
        );
        assert_eq!(
            service.cursor("bounces").await.unwrap().as_deref(),
            Some("1:79")
        );
        assert_eq!(whole_log(&*service).await.len(), log);
    });
}

#[test]
fn an_outcome_is_no_news_and_news_are_no_outcome() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        for kind in EventKind::ALL {
            let is_news = matches!(kind, EventKind::Returned | EventKind::Receipt);
            let mut news = bounce(id.0);
            news.kind = kind;
            let noted = service.note_news(vec![news], place_of("never")).await;
            assert_eq!(noted.is_ok(), is_news, "{kind:?}: {noted:?}");
            if is_news {
                let outcome = event(&stored(&*service, id.0).await, kind);
                let error = service.record(&lease, vec![outcome]).await.unwrap_err();
                assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
            }
        }
        assert_eq!(stored(&*service, id.0).await.state, MessageState::Queued);
    });
}

#[test]
fn a_mailbox_that_names_one_message_without_an_end_is_heard_so_often() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        record(&*service, &lease, id.0, EventKind::Delivered, 1).await;
        let flood = vec![bounce(id.0); NEWS_MAX as usize + 5];
        assert_eq!(
            service.note_news(flood, None).await.unwrap(),
            NEWS_MAX as usize
        );
        assert_eq!(
            service.note_news(vec![bounce(id.0)], None).await.unwrap(),
            0
        );
        let timeline = service.timeline(id.0).await.unwrap().unwrap();
        assert_eq!(timeline.events.len(), 2 + NEWS_MAX as usize);
    });
}

#[test]
fn a_campaign_s_message_can_come_back_as_well() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let campaign = begin(&*service, "spring").await;
        let lease = service.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*service, &campaign, "ada", 1).await[0];
        let delivered = event(&stored(&*service, seq).await, EventKind::Delivered);
        service.record(&lease, vec![delivered]).await.unwrap();
        assert_eq!(service.note_news(vec![bounce(seq)], None).await.unwrap(), 1);
        let timeline = service.timeline(seq).await.unwrap().unwrap();
        assert_eq!(timeline.events.len(), 3);
        assert!(service.report_backlog().await.unwrap().is_empty());
    });
}

#[test]
fn what_a_certified_mailbox_delivered_is_unanswered_until_something_is_learned() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let ordinary = settle(&*service, "plain").await;
        let pk = settle(&*service, "acme").await;
        for (of, is_pec) in [(ordinary, false), (pk, true)] {
            let mut account = service.account_by_pk(of).await.unwrap().unwrap().account;
            account.is_pec = is_pec;
            assert_eq!(service.put_account(account).await.unwrap(), of);
        }
        let unanswered = async |before| {
            let seqs = service.unanswered(pk, second(before), 10);
            seqs.await.unwrap()
        };
        let lease = lease(&*service, pk).await;
        let recipients = ["ada@example.org", "bob@example.org"];
        let id = submit(&*service, mail("acme", "1", &recipients)).await;
        let (first, other) = (id.0, Seq::new(id.0.get() + 1));
        let failed = submit(&*service, mail("acme", "2", &["ada@example.org"])).await;
        record(&*service, &lease, failed.0, EventKind::Bounced, 3).await;
        record(&*service, &lease, other, EventKind::Delivered, 4).await;
        record(&*service, &lease, first, EventKind::Delivered, 5).await;
        assert_eq!(unanswered(4).await, []);
        assert_eq!(unanswered(5).await, [other]);
        assert_eq!(unanswered(99).await, [other, first]);

        service.note_news(vec![receipt(other)], None).await.unwrap();
        assert_eq!(unanswered(99).await, [first]);
        let (owner, id) = (tenant_id("acme"), client_id("1"));
        service.remove(&owner, vec![id], second(9)).await.unwrap();
        assert_eq!(unanswered(99).await, []);

        let plain = service::lease(&*service, ordinary).await;
        let id = submit(&*service, mail("plain", "1", &["ada@example.org"])).await;
        record(&*service, &plain, id.0, EventKind::Delivered, 1).await;
        let of_other = service.unanswered(ordinary, second(99), 10);
        assert_eq!(of_other.await.unwrap(), []);
    });
}
