//! Submissions listed, their history, and the lanes that they wait in.

use model::account::AccountPk;
use model::{EventKind, Seq, SubmissionId};
use store::submissions::{SubmissionFilter, SubmissionState};

use crate::on_each_backend;
use crate::service::{followed, lease, mail, record, settle, submit};
use crate::support::directory::{account, account_id, tenant_id};

fn filter(limit: usize) -> SubmissionFilter {
    SubmissionFilter {
        limit,
        ..SubmissionFilter::default()
    }
}

#[test]
fn submissions_are_listed_in_the_order_of_acceptance_page_by_page() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let mut accounts: Vec<AccountPk> = Vec::new();
        for owner in ["acme", "other"] {
            accounts.push(settle(&*service, owner).await);
        }
        let second_account = service
            .put_account(account("acme", "second"))
            .await
            .unwrap();
        let mut all: Vec<(SubmissionId, &str, AccountPk)> = Vec::new();
        for number in 0..12 {
            let owner = ["acme", "other", "acme"][number % 3];
            let to: &[&str] = &["ada@example.org", "bob@example.org"][..1 + number % 2];
            let mut new = mail(owner, &number.to_string(), to);
            let mut pk = accounts[number % 3 % 2];
            if number % 3 == 2 {
                (new.account, pk) = (account_id("second"), second_account);
            }
            all.push((submit(&*service, new).await, owner, pk));
        }
        let done = all[4].0;
        let its_lease = lease(&*service, all[4].2).await;
        record(&*service, &its_lease, done.0, EventKind::Delivered, 1).await;
        for owner in [None, Some("acme"), Some("other"), Some("nobody")] {
            for account in [None, Some(accounts[0]), Some(second_account)] {
                for is_open in [false, true] {
                    let fits = |(id, of, pk): &&(SubmissionId, &str, AccountPk)| {
                        owner.is_none_or(|owner| owner == *of)
                            && account.is_none_or(|account| account == *pk)
                            && !(is_open && *id == done)
                    };
                    let expected: Vec<_> = all.iter().filter(fits).map(|known| known.0).collect();
                    let mut wanted = filter(2);
                    (wanted.tenant, wanted.account) = (owner.map(tenant_id), account);
                    wanted.is_open = is_open;
                    let mut listed = Vec::new();
                    loop {
                        let page = service.submissions(wanted.clone()).await.unwrap();
                        let Some(last) = page.last() else {
                            break;
                        };
                        assert!(page.len() <= 2);
                        wanted.after = Some(last.submission.id);
                        listed.extend(page.iter().map(|found| found.submission.id));
                    }
                    assert_eq!(listed, expected, "{wanted:?}");
                }
            }
        }
        assert!(service.submissions(filter(0)).await.unwrap().is_empty());
    });
}

#[test]
fn the_history_of_a_submission_is_that_of_all_its_messages() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let id = submit(
            &*service,
            mail("acme", "1", &["ada@example.org", "bob@example.org"]),
        )
        .await;
        submit(&*service, mail("acme", "2", &["ada@example.org"])).await;
        let (first, second_) = (id.0, id.0.next());
        let lease = lease(&*service, pk).await;
        for (message, kind) in [
            (first, EventKind::Deferred),
            (second_, EventKind::RateLimited),
            (second_, EventKind::Delivered),
            (first, EventKind::Expired),
        ] {
            record(&*service, &lease, message, kind, 1).await;
        }
        let history = service.history(id).await.unwrap();
        let of: Vec<_> = history
            .iter()
            .map(|logged| (logged.event.message, logged.event.kind))
            .collect();
        assert_eq!(
            of,
            [
                (first, EventKind::Accepted),
                (second_, EventKind::Accepted),
                (first, EventKind::Deferred),
                (second_, EventKind::RateLimited),
                (second_, EventKind::Delivered),
                (first, EventKind::Expired),
            ]
        );
        let found = followed(&*service, &tenant_id("acme"), "1").await;
        assert_eq!(found.messages[0].last, history[5].event);
        assert_eq!(found.messages[1].last, history[4].event);
        assert_eq!(found.submission.state(), SubmissionState::Failed);
        assert!(
            service
                .history(SubmissionId(Seq::new(99)))
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn lanes_of_accounts_are_found_while_mail_waits() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        settle(&*service, "idle").await;
        let campaign = crate::support::begin(&*service, "spring").await;
        crate::support::accept(&*service, &campaign, "ada", 1).await;
        assert!(service.waiting_lanes().await.unwrap().is_empty());
        let id = submit(&*service, mail("acme", "1", &["ada@example.org"])).await;
        let waiting = service.waiting_lanes().await.unwrap();
        let lease = lease(&*service, pk).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!((waiting[0].lane, waiting[0].account), (lease.lane, pk));
        assert_eq!(service.lane_account(lease.lane).await.unwrap(), Some(pk));
        assert_eq!(service.lane_account(campaign.lane).await.unwrap(), None);
        record(&*service, &lease, id.0, EventKind::Delivered, 1).await;
        assert!(service.waiting_lanes().await.unwrap().is_empty());
    });
}
