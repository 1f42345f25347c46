//! What happened is counted by the hour, exactly, whatever is forgotten and whoever counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{EventKind, News, Permanence, Seq, SubmissionId, Timestamp};
use store::statistics::{Each, KindCounts, PLACES_MAX, ROWS_MAX, Rebuilt, Span};
use store::submissions::{Channel, NewNews};
use store::{Lease, NewEvent, StatisticsQuery, StatisticsRow, StoreError};

use crate::service::{Service, client_id, lease, mail, outcome, record, settle, submit};
use crate::support::directory::{account, account_id, tenant_id};
use crate::support::{START, accept, begin, second};
use crate::{ALWAYS, OUTCOMES, on_each_backend};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Before everything.
const NEVER: Timestamp = Timestamp::from_millis(0);

/// When the hour began that every test begins in.
fn first_hour() -> Timestamp {
    hour(0)
}

/// When an hour began, by how many hours after the first.
fn hour(number: u32) -> Timestamp {
    let past = START.as_millis() % 3_600_000;
    Timestamp::from_millis(START.as_millis() - past) + HOUR * number
}

/// Of all time and all mail, as far as is said.
pub fn query(by: Span, each: Each) -> StatisticsQuery {
    StatisticsQuery {
        from: NEVER,
        until: ALWAYS,
        by,
        tenant: None,
        account: None,
        each,
    }
}

/// Counts to the end of the log.
pub async fn roll_up(service: &dyn Service) -> Seq {
    loop {
        let rolled = service.roll_up(PLACES_MAX).await.unwrap();
        if !rolled.is_behind {
            return rolled.to;
        }
    }
}

/// The one row of all time.
async fn total(service: &dyn Service) -> KindCounts {
    let mut sum = KindCounts::default();
    for row in rows(service, query(Span::Month, Each::Total)).await {
        row.counts
            .iter()
            .for_each(|(kind, count)| sum.add(kind, count));
    }
    sum
}

async fn rows(service: &dyn Service, query: StatisticsQuery) -> Vec<StatisticsRow> {
    service.statistics(query).await.unwrap()
}

fn counts(list: &[(EventKind, u64)]) -> KindCounts {
    let mut counts = KindCounts::default();
    list.iter()
        .for_each(|&(kind, count)| counts.add(kind, count));
    counts
}

/// Records one event at a time of its own.
async fn happens(service: &dyn Service, lease: &Lease, id: Seq, kind: EventKind, at: Timestamp) {
    let message = Arc::new(service.message(id).await.unwrap().unwrap());
    let new = NewEvent {
        at,
        ..outcome(&message, kind, 0)
    };
    assert_eq!(service.record(lease, vec![new]).await.unwrap(), 0);
}

fn returned(id: SubmissionId, at: Timestamp) -> NewNews {
    NewNews {
        message: id.0,
        kind: EventKind::Returned,
        at,
        news: News::Bounce {
            permanence: Permanence::Hard,
            code: None,
        },
        reason: "no".into(),
    }
}

/// Counting all anew finds nothing wrong; gives how many events it counted.
async fn rebuild(service: &dyn Service) -> u64 {
    let Rebuilt { counted, corrected } = service.rebuild(NEVER, ALWAYS).await.unwrap();
    assert_eq!(corrected, 0);
    counted
}

#[test]
fn what_happens_is_counted_in_its_own_hour_by_tenant_account_and_kind() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        settle(&*service, "other").await;
        service
            .put_account(account("acme", "second"))
            .await
            .unwrap();
        let ids = ["1", "2", "3", "4", "5", "6", "7", "8"];
        let mut seqs = Vec::new();
        for id in ids {
            seqs.push(submit(&*service, mail("acme", id, &["ada@example.org"])).await);
        }
        let lease = lease(&*service, pk).await;
        // Not in the order of time: an event counts in the hour of its own time.
        for (number, (id, kind)) in (1..).zip(seqs.iter().zip(OUTCOMES)) {
            happens(&*service, &lease, id.0, kind, hour(9 - number)).await;
        }
        happens(
            &*service,
            &lease,
            seqs[6].0,
            EventKind::RateLimited,
            hour(2),
        )
        .await;
        let news = returned(seqs[0], hour(30));
        assert_eq!(service.note_news(vec![news], None).await.unwrap(), 1);
        let mut other = mail("acme", "9", &["ada@example.org", "bob@example.org"]);
        other.account = account_id("second");
        submit(&*service, other).await;
        submit(&*service, mail("other", "1", &["ada@example.org"])).await;
        // Nothing is seen before it was counted.
        assert!(
            rows(&*service, query(Span::Hour, Each::Total))
                .await
                .is_empty()
        );
        assert!(service.counted_to().await.unwrap().is_behind());
        let to = roll_up(&*service).await;

        let row = |number, tenant: &str, account: &str, list: &[(EventKind, u64)]| StatisticsRow {
            from: hour(number),
            tenant: Some(tenant_id(tenant)),
            account: Some(account_id(account)),
            counts: counts(list),
        };
        let mut expected = vec![
            row(0, "acme", "main", &[(EventKind::Accepted, 8)]),
            row(0, "acme", "second", &[(EventKind::Accepted, 2)]),
            row(0, "other", "main", &[(EventKind::Accepted, 1)]),
            row(2, "acme", "main", &[(EventKind::RateLimited, 1)]),
        ];
        for (number, kind) in (3..9).zip(OUTCOMES.into_iter().rev()) {
            expected.push(row(number, "acme", "main", &[(kind, 1)]));
        }
        expected.push(row(30, "acme", "main", &[(EventKind::Returned, 1)]));
        let found = rows(&*service, query(Span::Hour, Each::Account)).await;
        assert_eq!(found, expected);

        let counted = service.counted_to().await.unwrap();
        assert_eq!((counted.place, counted.end), (to, to));
        assert!(!counted.is_behind());
        assert_eq!(counted.at, Some(hour(30)));
        assert_eq!(rebuild(&*service).await, to.get().unsigned_abs());
    });
}

#[test]
fn hours_are_summed_up_to_days_and_months_in_utc_and_told_apart_as_asked() {
    on_each_backend(async |place| {
        let service = place.service().await;
        for owner in ["acme", "other"] {
            settle(&*service, owner).await;
            service.put_account(account(owner, "second")).await.unwrap();
        }
        // The last hour of a month that ends a year, and the first of the next; a leap day, and another month.
        let times = [
            "2027-12-31T23:59:59.999Z",
            "2028-01-01T00:00:00Z",
            "2028-02-29T12:30:00Z",
            "2028-03-01T00:30:00Z",
        ];
        let millis = [
            1_830_297_599_999,
            1_830_297_600_000,
            1_835_440_200_000,
            1_835_483_400_000,
        ];
        for (number, at) in millis.into_iter().enumerate() {
            for owner in ["acme", "other"] {
                for name in ["main", "second"] {
                    let id = format!("{number}-{name}");
                    let mut new = mail(owner, &id, &["ada@example.org"]);
                    (new.at, new.account) = (Timestamp::from_millis(at), account_id(name));
                    submit(&*service, new).await;
                }
            }
        }
        roll_up(&*service).await;
        let begins = |by| {
            let service = Arc::clone(&service);
            async move {
                let rows = rows(&*service, query(by, Each::Total)).await;
                let four = counts(&[(EventKind::Accepted, 4)]);
                assert!(
                    rows.iter().all(|row| row.counts == four),
                    "{rows:?} {times:?}"
                );
                rows.iter()
                    .map(|row| row.from.as_millis())
                    .collect::<Vec<_>>()
            }
        };
        let hours = [
            1_830_294_000_000,
            1_830_297_600_000,
            1_835_438_400_000,
            1_835_481_600_000,
        ];
        assert_eq!(begins(Span::Hour).await, hours);
        let days = [
            1_830_211_200_000,
            1_830_297_600_000,
            1_835_395_200_000,
            1_835_481_600_000,
        ];
        assert_eq!(begins(Span::Day).await, days);
        let months = [
            1_827_619_200_000,
            1_830_297_600_000,
            1_832_976_000_000,
            1_835_481_600_000,
        ];
        assert_eq!(begins(Span::Month).await, months);

        let per_tenant = rows(&*service, query(Span::Month, Each::Tenant)).await;
        assert_eq!(per_tenant.len(), 8);
        assert_eq!(per_tenant[1].tenant, Some(tenant_id("other")));
        assert_eq!(per_tenant[1].account, None);
        let only = StatisticsQuery {
            tenant: Some(tenant_id("other")),
            account: Some(account_id("second")),
            ..query(Span::Month, Each::Account)
        };
        let only = rows(&*service, only).await;
        let accounts: Vec<_> = only.iter().map(|row| row.account.clone()).collect();
        assert_eq!(accounts, vec![Some(account_id("second")); 4]);
        let of_account = StatisticsQuery {
            account: Some(account_id("second")),
            ..query(Span::Month, Each::Total)
        };
        let two = counts(&[(EventKind::Accepted, 2)]);
        let found = rows(&*service, of_account).await;
        assert!(found.iter().all(|row| row.counts == two), "{found:?}");

        // An hour is of the time that it begins in.
        let within = StatisticsQuery {
            from: Timestamp::from_millis(hours[1] + 1),
            until: Timestamp::from_millis(hours[3]),
            ..query(Span::Hour, Each::Total)
        };
        let found = rows(&*service, within.clone()).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].from.as_millis(), hours[2]);
        let until = Timestamp::from_millis(hours[3] + 1);
        assert_eq!(
            rows(&*service, StatisticsQuery { until, ..within })
                .await
                .len(),
            2
        );
    });
}

#[test]
fn what_is_counted_balances_with_the_books() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        for number in 0..40_usize {
            let to = ["ada@example.org", "bob@example.org"];
            let id = submit(&*service, mail("acme", &number.to_string(), &to)).await;
            if number < 24 {
                record(&*service, &lease, id.0, OUTCOMES[number % 6], 1).await;
            }
        }
        let some = (0..40)
            .step_by(5)
            .map(|number| client_id(&number.to_string()));
        let owner = tenant_id("acme");
        service
            .remove(&owner, some.collect(), second(3))
            .await
            .unwrap();
        roll_up(&*service).await;
        let (books, total) = (
            service.books(lease.lane).await.unwrap(),
            total(&*service).await,
        );
        let counted = |kind| total.of(kind);
        assert_eq!(counted(EventKind::Accepted), books.accepted);
        assert_eq!(counted(EventKind::Delivered), books.delivered);
        assert_eq!(counted(EventKind::Bounced), books.bounced);
        assert_eq!(counted(EventKind::Expired), books.expired);
        assert_eq!(counted(EventKind::Dropped), books.dropped);
        assert_eq!(counted(EventKind::Cancelled), books.cancelled);
        assert!(books.balance() && books.queued > 0 && books.cancelled > 8);
    });
}

/// What is forgotten before and after it was counted, in each of the ways.
#[test]
fn what_is_forgotten_stays_counted() {
    on_each_backend(async |place| {
        for is_counted_before in [false, true] {
            let owner = format!("acme{is_counted_before}");
            let service = place.service().await;
            let before = total(&*service).await;
            let pk = settle(&*service, &owner).await;
            let tenant = tenant_id(&owner);
            let lease = lease(&*service, pk).await;
            for (id, kind) in [("1", EventKind::Delivered), ("2", EventKind::Deferred)] {
                let id = submit(&*service, mail(&owner, id, &["ada@example.org"])).await;
                record(&*service, &lease, id.0, kind, 1).await;
            }
            submit(&*service, mail(&owner, "3", &["ada@example.org"])).await;
            if is_counted_before {
                roll_up(&*service).await;
            }
            let mut told = Vec::new();
            for report in service
                .reports(&tenant, Channel::Sync, Seq::START, 99)
                .await
                .unwrap()
            {
                told.push(report.seq);
            }
            service
                .acknowledge(&tenant, Channel::Sync, told)
                .await
                .unwrap();
            assert_eq!(service.clean_up(None, ALWAYS, 9).await.unwrap(), 1);
            let removed = service
                .remove(&tenant, vec![client_id("2")], second(3))
                .await;
            assert_eq!(removed.unwrap(), [true]);
            // Other recipients take the place of those that there were.
            let others = mail(&owner, "3", &["bob@example.org", "cleo@example.org"]);
            service.submit(vec![others]).await.unwrap();
            assert_eq!(
                service.remove_of_account(pk, second(4), 9).await.unwrap(),
                1
            );
            // Something is left for the account's own removal, and counts as taken back when it last changed.
            let mut late = mail(&owner, "4", &["ada@example.org"]);
            late.at = hour(5);
            submit(&*service, late).await;
            assert!(
                service
                    .delete_account(&tenant, &account_id("main"))
                    .await
                    .unwrap()
            );
            assert!(service.delete_tenant(&tenant).await.unwrap());
            let end = roll_up(&*service).await;
            assert_eq!(end, service.end_of_log().await.unwrap());

            let of_tenant = StatisticsQuery {
                tenant: Some(tenant),
                ..query(Span::Hour, Each::Total)
            };
            let found = rows(&*service, of_tenant).await;
            let expected = [
                counts(&[
                    (EventKind::Accepted, 5),
                    (EventKind::Delivered, 1),
                    (EventKind::Deferred, 1),
                    (EventKind::Cancelled, 4),
                ]),
                counts(&[(EventKind::Accepted, 1), (EventKind::Cancelled, 1)]),
            ];
            let found: Vec<_> = found.iter().map(|row| row.counts).collect();
            assert_eq!(found, expected);
            let all: u64 = total(&*service).await.iter().map(|(_, count)| count).sum();
            let old: u64 = before.iter().map(|(_, count)| count).sum();
            assert_eq!((all - old, rebuild(&*service).await), (13, all));
        }
    });
}

#[test]
fn mail_of_campaigns_is_not_counted() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let campaign = begin(&*service, "spring").await;
        let lease = service.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&*service, &campaign, "ada", 3).await;
        record(&*service, &lease, seqs[0], EventKind::Delivered, 1).await;
        assert_eq!(roll_up(&*service).await, Seq::new(4));
        assert_eq!(total(&*service).await, KindCounts::default());
        assert_eq!(rebuild(&*service).await, 0);
        assert_eq!(service.counted_to().await.unwrap().at, None);
    });
}

#[test]
fn a_wrong_count_is_corrected_and_no_other() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        for number in 0..6_u32 {
            let mut new = mail("acme", &number.to_string(), &["ada@example.org"]);
            new.at = hour(number);
            let id = submit(&*service, new).await;
            happens(&*service, &lease, id.0, EventKind::Delivered, hour(number)).await;
        }
        roll_up(&*service).await;
        let right = rows(&*service, query(Span::Hour, Each::Account)).await;
        let of = |number: u32, kind: EventKind| {
            format!(
                "hour = {} AND kind = {}",
                hour(number).as_millis(),
                kind.code()
            )
        };
        let delivered = |number| of(number, EventKind::Delivered);
        place.alter(&format!(
            "UPDATE statistics SET count = 70 WHERE {}",
            delivered(1)
        ));
        place.alter(&format!("DELETE FROM statistics WHERE {}", delivered(2)));
        let invented = hour(3).as_millis();
        place.alter(&format!(
            "INSERT INTO statistics (hour, tenant, account, kind, count) VALUES ({invented}, 'nobody', 'main', 3, 5)"
        ));
        place.alter(&format!(
            "UPDATE statistics SET count = 9 WHERE {}",
            delivered(4)
        ));
        assert_ne!(
            rows(&*service, query(Span::Hour, Each::Account)).await,
            right
        );

        // Only what was asked for.
        let some = service.rebuild(hour(1), hour(4)).await.unwrap();
        assert_eq!(
            some,
            Rebuilt {
                counted: 6,
                corrected: 3
            }
        );
        let wrong = rows(&*service, query(Span::Hour, Each::Account)).await;
        let differing: Vec<_> = wrong.iter().zip(&right).filter(|(a, b)| a != b).collect();
        assert_eq!(differing.len(), 1);
        assert_eq!(differing[0].0.from, hour(4));
        let all = service.rebuild(NEVER, ALWAYS).await.unwrap();
        assert_eq!(
            all,
            Rebuilt {
                counted: 12,
                corrected: 1
            }
        );
        assert_eq!(
            rows(&*service, query(Span::Hour, Each::Account)).await,
            right
        );
    });
}

#[test]
fn those_who_count_at_once_count_nothing_twice() {
    on_each_backend(async |place| {
        let (one, other) = (place.service().await, place.service().await);
        settle(&*one, "acme").await;
        for round in 0..10_u64 {
            let new = |number| mail("acme", &format!("{round}-{number}"), &["ada@example.org"]);
            one.submit((0..20).map(new).collect()).await.unwrap();
            let mut tasks = Vec::new();
            for number in 0..6 {
                let service = Arc::clone(if number % 2 == 0 { &one } else { &other });
                tasks.push(tokio::spawn(async move { service.roll_up(7).await }));
            }
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            roll_up(&*other).await;
            let accepted = total(&*one).await.of(EventKind::Accepted);
            assert_eq!(accepted, 20 * (round + 1));
        }
    });
}

/// Hours are counted and counted anew while mail comes, is sent and is forgotten: whatever is forgotten is seen either in
/// the log or among what was forgotten.
#[test]
fn counts_are_exact_at_every_moment_while_mail_comes_and_goes() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut counting = Vec::new();
        for limit in [1, 13] {
            let (service, is_over) = (place.service().await, Arc::clone(&is_over));
            counting.push(tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    service.roll_up(limit).await.unwrap();
                }
            }));
        }
        let (again, ends) = (place.service().await, Arc::clone(&is_over));
        let rebuilding = tokio::spawn(async move {
            let mut rebuilds = 0;
            while !ends.load(Ordering::Relaxed) {
                rebuild(&*again).await;
                rebuilds += 1;
            }
            rebuilds
        });
        let (tenant, mut accepted) = (tenant_id("acme"), 0);
        for round in 0..60_u64 {
            let new = |number| mail("acme", &format!("{round}-{number}"), &["ada@example.org"]);
            service.submit((0..5).map(new).collect()).await.unwrap();
            accepted += 5;
            let first = client_id(&format!("{round}-0"));
            let followed = service.submission(&tenant, &first).await.unwrap().unwrap();
            let id = followed.submission.id.0;
            record(&*service, &lease, id, EventKind::Deferred, round).await;
            record(&*service, &lease, id, EventKind::Delivered, round).await;
            let gone = (0..4).map(|number| client_id(&format!("{}-{number}", round / 2)));
            service
                .remove(&tenant, gone.collect(), second(round))
                .await
                .unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        for task in counting {
            task.await.unwrap();
        }
        assert!(rebuilding.await.unwrap() > 0);
        roll_up(&*service).await;
        let (total, books) = (
            total(&*service).await,
            service.books(lease.lane).await.unwrap(),
        );
        assert_eq!(total.of(EventKind::Accepted), accepted);
        assert_eq!(total.of(EventKind::Delivered), 60);
        assert_eq!(total.of(EventKind::Deferred), 60);
        assert_eq!(total.of(EventKind::Cancelled), books.cancelled);
        assert_eq!(
            rebuild(&*service).await,
            total.iter().map(|(_, count)| count).sum::<u64>()
        );
    });
}

#[test]
fn more_rows_than_there_may_be_are_refused() {
    on_each_backend(async |place| {
        let service = place.service().await;
        settle(&*service, "acme").await;
        let count = u32::try_from(ROWS_MAX).unwrap() + 1;
        let new = |number: u32| {
            let mut new = mail("acme", &number.to_string(), &["ada@example.org"]);
            new.at = hour(number);
            new
        };
        service.submit((0..count).map(new).collect()).await.unwrap();
        roll_up(&*service).await;
        let all = query(Span::Hour, Each::Account);
        let refused = service.statistics(all.clone()).await;
        assert!(
            matches!(refused, Err(StoreError::Refused(_))),
            "{refused:?}"
        );
        let said = refused.unwrap_err().to_string();
        assert!(
            said.contains("10000 rows: ask for a shorter time"),
            "{said}"
        );
        let from = hour(1);
        let most = rows(
            &*service,
            StatisticsQuery {
                from,
                ..all.clone()
            },
        )
        .await;
        assert_eq!(most.len(), ROWS_MAX);
        let days = rows(&*service, query(Span::Day, Each::Account)).await;
        assert!(days.len() < 420, "{}", days.len());
    });
}

#[test]
fn old_hours_are_forgotten_some_at_a_time() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        for number in 0..6_u32 {
            let mut new = mail("acme", &number.to_string(), &["ada@example.org"]);
            new.at = hour(number);
            submit(&*service, new).await;
        }
        // Some of what was counted is not in the log any more.
        roll_up(&*service).await;
        assert_eq!(service.remove_of_account(pk, hour(1), 3).await.unwrap(), 3);
        roll_up(&*service).await;
        let before = total(&*service).await;
        assert_eq!(before.of(EventKind::Cancelled), 3);
        for expected in [2, 2, 0] {
            assert_eq!(
                service.expire_statistics(hour(3), 2).await.unwrap(),
                expected
            );
        }
        let found = rows(&*service, query(Span::Hour, Each::Total)).await;
        let begins: Vec<_> = found.iter().map(|row| row.from).collect();
        assert_eq!(begins, [hour(3), hour(4), hour(5)]);
        // They come back in no way where the log does not hold them either.
        assert_eq!(rebuild(&*service).await, 3);
        assert_eq!(service.expire_statistics(first_hour(), 9).await.unwrap(), 0);
    });
}
