//! Accounts.

use std::collections::HashSet;

use model::account::{Account, AccountPk, port};
use model::{Secret, Timestamp};
use store::directory::KnownAccount;
use store::{LaneKey, StoreError};

use crate::on_each_backend;
use crate::support::directory::{account, account_id, tenant, tenant_id};
use crate::support::second;

/// Everything of an account, its secrets as well.
fn parts(account: &Account) -> (String, Option<&str>, Option<&str>, [Timestamp; 2]) {
    let inbox = account.inbox.as_ref();
    (
        format!("{account:?}"),
        account.password.as_ref().map(Secret::expose),
        inbox
            .and_then(|inbox| inbox.password.as_ref())
            .map(Secret::expose),
        [account.created_at, account.updated_at],
    )
}

fn pks(accounts: &[KnownAccount]) -> Vec<AccountPk> {
    accounts.iter().map(|known| known.pk).collect()
}

#[test]
fn an_account_comes_back_as_it_was_put() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        directory.put_tenant(tenant("acme")).await.unwrap();
        let full = account("acme", "primary-smtp");
        let mut bare = Account::new(
            tenant_id("acme"),
            account_id("bare"),
            full.host.clone(),
            full.port,
            second(2),
        );
        bare.ttl_s = 0;
        let again = place.directory().await;
        for account in [full, bare] {
            let pk = directory.put_account(account.clone()).await.unwrap();
            let found = again.account(&account.tenant, &account.id).await.unwrap();
            let found = found.unwrap();
            assert_eq!(found.pk, pk);
            assert_eq!(parts(&found.account), parts(&account));
            let by_pk = again.account_by_pk(pk).await.unwrap().unwrap();
            assert_eq!(parts(&by_pk.account), parts(&account));
        }
    });
}

#[test]
fn an_account_that_is_put_again_keeps_its_number_and_its_age() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        directory.put_tenant(tenant("acme")).await.unwrap();
        let pk = directory.put_account(account("acme", "a")).await.unwrap();
        let mut changed = account("acme", "a");
        changed.port = port("port", 465).unwrap();
        changed.password = Some(Secret::new("canary-new"));
        changed.inbox = None;
        changed.user = None;
        (changed.created_at, changed.updated_at) = (second(7), second(8));
        assert_eq!(directory.put_account(changed.clone()).await.unwrap(), pk);
        changed.created_at = account("acme", "a").created_at;
        let found = directory.account_by_pk(pk).await.unwrap().unwrap();
        assert_eq!(parts(&found.account), parts(&changed));
        changed.password = None;
        directory.put_account(changed.clone()).await.unwrap();
        let found = directory.account_by_pk(pk).await.unwrap().unwrap();
        assert_eq!(parts(&found.account), parts(&changed));
        let all = directory.accounts(None, None, 9).await.unwrap();
        assert_eq!(pks(&all), [pk]);
    });
}

#[test]
fn a_number_is_never_given_again() {
    on_each_backend(async |place| {
        let (acme, a) = (tenant_id("acme"), account_id("a"));
        let mut seen = HashSet::new();
        let mut lanes = HashSet::new();
        for _ in 0..5 {
            // Opened anew, since a number may be remembered only while it is open.
            let directory = place.directory().await;
            directory.put_tenant(tenant("acme")).await.unwrap();
            let pk = directory.put_account(account("acme", "a")).await.unwrap();
            assert!(seen.insert(pk), "{pk:?}");
            lanes.insert(LaneKey::account(pk));
            assert!(directory.delete_account(&acme, &a).await.unwrap());
            assert!(!directory.delete_account(&acme, &a).await.unwrap());
            assert!(directory.account_by_pk(pk).await.unwrap().is_none());
            let pk = directory.put_account(account("acme", "a")).await.unwrap();
            assert!(seen.insert(pk), "{pk:?}");
            lanes.insert(LaneKey::account(pk));
            directory.delete_tenant(&acme).await.unwrap();
        }
        assert_eq!(lanes.len(), seen.len());
    });
}

#[test]
fn accounts_are_listed_by_number_in_pages() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let mut expected = Vec::new();
        for id in ["acme", "other"] {
            directory.put_tenant(tenant(id)).await.unwrap();
        }
        for (number, id) in ["d", "c", "b", "a"].into_iter().enumerate() {
            let owner = ["acme", "other"][number % 2];
            expected.push(directory.put_account(account(owner, id)).await.unwrap());
        }
        let all = directory.accounts(None, None, 9).await.unwrap();
        assert_eq!(pks(&all), expected);
        let page = directory.accounts(None, Some(expected[1]), 1).await;
        assert_eq!(pks(&page.unwrap()), [expected[2]]);
        let other = tenant_id("other");
        let own = directory.accounts(Some(&other), None, 9).await.unwrap();
        assert_eq!(pks(&own), [expected[1], expected[3]]);
        let page = directory
            .accounts(Some(&other), Some(expected[1]), 9)
            .await
            .unwrap();
        assert_eq!(pks(&page), [expected[3]]);
        let last = directory.accounts(None, Some(expected[3]), 9).await;
        assert!(last.unwrap().is_empty());
    });
}

#[test]
fn an_account_of_nobody_is_refused() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let error = directory.put_account(account("nobody", "a")).await;
        let error = error.unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
        assert_eq!(error.to_string(), "tenant nobody is not in the store");
        let all = directory.accounts(None, None, 9).await.unwrap();
        assert!(all.is_empty());
    });
}

#[test]
fn two_who_put_one_account_at_once_mean_the_same_one() {
    on_each_backend(async |place| {
        let directories = [place.directory().await, place.directory().await];
        directories[0].put_tenant(tenant("acme")).await.unwrap();
        let mut puts = tokio::task::JoinSet::new();
        for number in 0..40 {
            let directory = directories[number % 2].clone();
            puts.spawn(async move {
                let mut wished = account("acme", "a");
                // Each is whole: its password goes with its user.
                let word = format!("word-{number}");
                wished.user = Some(model::Line::parse("user", &word).unwrap());
                wished.password = Some(Secret::new(word));
                directory.put_account(wished).await.unwrap()
            });
        }
        let given: HashSet<AccountPk> = puts.join_all().await.into_iter().collect();
        assert_eq!(given.len(), 1);
        let all = directories[1].accounts(None, None, 9).await.unwrap();
        assert_eq!(all.len(), 1);
        let found = &all[0].account;
        assert_eq!(
            found.user.as_ref().map(model::Line::as_str),
            found.password.as_ref().map(Secret::expose)
        );
    });
}
