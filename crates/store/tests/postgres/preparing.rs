//! Preparing ahead: who gets a submission, for how long, and what becomes of what was prepared.

use std::collections::HashSet;
use std::sync::Arc;

use model::account::AccountPk;
use model::{EventKind, Priority, Secret, SubmissionId, Timestamp};
use store::postgres::Settings;
use store::preparation::{Claim, Claimed, Claims, PREPARED_BYTES_MAX, PREPARED_WITHIN, Unprepared};
use store::submissions::SubmissionFilter;
use store::{
    Directory, KeySource, LaneKey, NewSubmission, Nodes, Parts, Payload, PostgresStore,
    Preparation, Store, Submissions, Submitted,
};

use crate::cluster::{Cluster, Database};
use crate::support::directory::{given_key, tenant_id};
use crate::support::submissions::{mail, settle};
use crate::support::{START, event, second, stored};
use crate::{open_with_key, runtime};

/// A moment after [`START`] at which nothing is handed over by itself.
const SOON: Timestamp = Timestamp::from_millis(START.as_millis() + 5_000);

/// So many, whosever they are.
fn any(limit: usize) -> Claim {
    Claim {
        limit,
        tenant_limit: 999,
        under_way: Vec::new(),
    }
}

async fn claimed(store: &PostgresStore, claim: Claim, now: Timestamp) -> Vec<Claimed> {
    match store.claim(claim, now).await.unwrap() {
        Claims::Claimed(claimed) => claimed,
        Claims::HandedOver(accounts) => panic!("{accounts:?}"),
    }
}

async fn claim(store: &PostgresStore, limit: usize, now: Timestamp) -> Vec<SubmissionId> {
    let claimed = claimed(store, any(limit), now).await;
    claimed.into_iter().map(|claimed| claimed.id).collect()
}

struct Shop<'d> {
    database: &'d Database<'static>,
    store: PostgresStore,
    account: AccountPk,
}

async fn open(database: &Database<'_>, key: &KeySource) -> PostgresStore {
    open_with_key(database, key, Settings::default()).await
}

impl<'d> Shop<'d> {
    async fn new(database: &'d Database<'static>) -> Self {
        let store = open(database, &given_key()).await;
        Self {
            account: settle(&store, "acme").await,
            store,
            database,
        }
    }

    async fn submit(&self, new: NewSubmission) -> SubmissionId {
        let answers = self.store.submit(vec![new]).await.unwrap();
        match answers[..] {
            [Submitted::New(id) | Submitted::Replaced(id)] => id,
            _ => panic!("{answers:?}"),
        }
    }

    /// The messages that are due at a moment.
    async fn due(&self, at: Timestamp) -> usize {
        let lease = self.store.lease(LaneKey::account(self.account)).await;
        let lease = lease.unwrap();
        let due = self.store.due(&lease, at, 99, &HashSet::new()).await;
        self.store.release(lease).await.unwrap();
        due.unwrap().messages.len()
    }

    async fn claim(&self, limit: usize) -> Vec<SubmissionId> {
        claim(&self.store, limit, SOON).await
    }

    /// Claims the one submission that waits.
    async fn claim_one(&self) -> Unprepared {
        let claimed = self.claim(9).await;
        let [id] = claimed[..] else {
            panic!("{claimed:?}");
        };
        self.store.unprepared(id).await.unwrap().unwrap()
    }

    async fn hand_over(&self, claimed: &Unprepared, text: Option<&str>) -> bool {
        let prepared = text.map(|text| match claimed.payload {
            Payload::Open(_) => Payload::Open(text.into()),
            Payload::Secret(_) => Payload::Secret(Secret::new(text)),
        });
        let prepared = prepared.map(Arc::new);
        let handed = self.store.hand_over(claimed, prepared, SOON).await;
        handed.unwrap()
    }

    async fn source(&self, id: SubmissionId) -> String {
        let (_, text) = self.store.source(id).await.unwrap().unwrap();
        text.into_string()
    }

    async fn record(&self, id: SubmissionId, kind: EventKind) {
        let lease = self.store.lease(LaneKey::account(self.account)).await;
        let lease = lease.unwrap();
        let outcome = event(&stored(&self.store, id.0).await, kind);
        assert_eq!(self.store.record(&lease, vec![outcome]).await.unwrap(), 0);
        self.store.release(lease).await.unwrap();
    }

    fn rows(&self) -> (String, String) {
        let count = |table: &str| {
            let rows = self.database.sql(&format!("SELECT count(*) FROM {table}"));
            rows.trim().to_owned()
        };
        (count("unprepared"), count("prepared"))
    }
}

fn counts(unprepared: &str, prepared: &str) -> (String, String) {
    (unprepared.to_owned(), prepared.to_owned())
}

/// Mail with something to fetch.
fn with_files(id: &str) -> NewSubmission {
    NewSubmission {
        parts: Parts::Outside,
        ..mail("acme", id, &["ada@example.org"])
    }
}

#[test]
fn it_is_due_when_it_is_prepared_or_else_by_itself() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let (one, two) = (with_files("one"), with_files("two"));
        let (one, two) = (shop.submit(one).await, shop.submit(two).await);
        shop.submit(mail("acme", "plain", &["bob@example.org"]))
            .await;
        assert_eq!(shop.due(SOON).await, 1, "only what is whole");
        let by_itself = START + PREPARED_WITHIN;
        assert_eq!(shop.due(by_itself).await, 3);
        assert_eq!(shop.claim(9).await, [one, two]);
        let unprepared = shop.store.unprepared(one).await.unwrap().unwrap();
        assert_eq!(unprepared.submission.client_id.as_str(), "one");
        assert_eq!(unprepared.payload.expose(), r#"{"subject":"one"}"#);
        assert!(
            shop.hand_over(&unprepared, Some(r#"{"with":"files"}"#))
                .await
        );
        assert_eq!(shop.due(SOON).await, 2);
        assert_eq!(shop.due(START).await, 2, "as if it had not waited");
        assert_eq!(shop.source(one).await, r#"{"with":"files"}"#);
        // What its client sees is what it handed over.
        let (_, said) = shop.store.payload(one).await.unwrap().unwrap();
        assert_eq!(&*said, r#"{"subject":"one"}"#);
        let all = SubmissionFilter {
            limit: 9,
            ..SubmissionFilter::default()
        };
        let listed = shop.store.submissions(all).await.unwrap();
        assert_eq!(&*listed[0].payload, r#"{"subject":"one"}"#);
        // The other goes as it is.
        let unprepared = shop.store.unprepared(two).await.unwrap().unwrap();
        assert!(shop.hand_over(&unprepared, None).await);
        assert_eq!(shop.due(SOON).await, 3);
        assert_eq!(shop.source(two).await, r#"{"subject":"two"}"#);
        assert!(!shop.hand_over(&unprepared, None).await, "it is done");
        assert_eq!(shop.rows(), counts("0", "1"));
    });
}

#[test]
fn the_messages_of_all_recipients_go_on_but_those_that_were_tried() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let people = ["ada@example.org", "bob@example.org", "cleo@example.org"];
        let new = NewSubmission {
            parts: Parts::Outside,
            ..mail("acme", "all", &people)
        };
        let id = shop.submit(new).await;
        let unprepared = shop.claim_one().await;
        // One was tried meanwhile: it was time for that.
        let mut tried = event(&stored(&shop.store, id.0).await, EventKind::Deferred);
        tried.due_at = Some(second(3_600));
        let lease = shop.store.lease(LaneKey::account(shop.account)).await;
        let lease = lease.unwrap();
        assert_eq!(shop.store.record(&lease, vec![tried]).await.unwrap(), 0);
        shop.store.release(lease).await.unwrap();
        assert!(shop.hand_over(&unprepared, Some("{}")).await);
        assert_eq!(shop.due(SOON).await, 2);
        assert_eq!(shop.due(second(3_600)).await, 3);
    });
}

#[test]
fn a_claim_is_one_process_s_until_it_ends_or_is_let_go() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let other = open(&database, &given_key()).await;
        let mut all = HashSet::new();
        for number in 0..20 {
            all.insert(shop.submit(with_files(&number.to_string())).await);
        }
        // Both at once, again and again.
        let mut claimed = Vec::new();
        while claimed.len() < 20 {
            let (here, there) = tokio::join!(shop.claim(3), claim(&other, 3, SOON));
            claimed.extend(here);
            claimed.extend(there);
        }
        assert_eq!(claimed.len(), 20);
        assert_eq!(claimed.iter().copied().collect::<HashSet<_>>(), all);
        assert!(shop.claim(9).await.is_empty());
        let first = shop.store.unprepared(claimed[0]).await.unwrap().unwrap();
        assert!(
            !other.hand_over(&first, None, SOON).await.unwrap(),
            "it is not its own"
        );
        // What is let go is anybody's, and what another has is not let go.
        other.let_go(vec![claimed[0]]).await.unwrap();
        assert!(claim(&other, 9, SOON).await.is_empty());
        shop.store.let_go(vec![claimed[0]]).await.unwrap();
        assert_eq!(claim(&other, 9, SOON).await, [claimed[0]]);
        assert!(
            !shop.hand_over(&first, Some("{}")).await,
            "it came too late"
        );
        assert_eq!(shop.rows(), counts("20", "0"));
        // One who died has it no longer when the claim has ended.
        database.sql("UPDATE unprepared SET claimed_until = now() - interval '1 second'");
        assert_eq!(shop.claim(99).await.len(), 20);
        assert!(shop.hand_over(&first, Some("{}")).await);
    });
}

#[test]
fn the_more_urgent_is_claimed_first_and_nothing_before_its_time() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let with = |id: &str, priority, at: u64| NewSubmission {
            priority,
            at: second(at),
            ..with_files(id)
        };
        let low = shop.submit(with("low", Priority::Low, 0)).await;
        let later = shop.submit(with("later", Priority::Medium, 2)).await;
        let sooner = shop.submit(with("sooner", Priority::Medium, 1)).await;
        let urgent = shop.submit(with("urgent", Priority::Immediate, 3)).await;
        let mut tomorrow = with("tomorrow", Priority::Immediate, 0);
        tomorrow.deferred_until = Some(second(86_400));
        let tomorrow = shop.submit(tomorrow).await;
        let waiting = shop.store.waiting_unprepared(SOON).await.unwrap();
        assert_eq!((waiting.count, waiting.first_due_at), (4, Some(START)));
        assert_eq!(shop.claim(2).await, [urgent, sooner]);
        assert_eq!(shop.claim(9).await, [later, low]);
        let waiting = shop.store.waiting_unprepared(SOON).await.unwrap();
        assert_eq!(waiting.count, 4, "those that somebody is at as well");
        let then = second(86_401);
        assert_eq!(claim(&shop.store, 9, then).await, [tomorrow]);
        let waiting = shop.store.waiting_unprepared(then).await.unwrap();
        assert_eq!(
            waiting.count, 1,
            "the others were handed over by themselves"
        );
        assert_eq!(shop.due(then).await, 4);
        assert_eq!(shop.due(then + PREPARED_WITHIN).await, 5);
        let unprepared = shop.store.unprepared(tomorrow).await.unwrap().unwrap();
        assert!(shop.hand_over(&unprepared, None).await);
        assert_eq!(shop.due(second(86_399)).await, 4, "not before its time");
        assert_eq!(shop.due(then).await, 5);
    });
}

#[test]
fn what_was_prepared_of_another_content_is_never_sent() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let said = |text: &str| NewSubmission {
            payload: text.into(),
            ..with_files("m")
        };
        let id = shop.submit(said(r#"{"n":1}"#)).await;
        let first = shop.claim_one().await;
        assert_eq!(shop.submit(said(r#"{"n":2}"#)).await, id);
        assert!(!shop.hand_over(&first, Some("first")).await);
        let second_claim = shop.claim_one().await;
        assert!(
            !shop.hand_over(&first, Some("first")).await,
            "it is the same holder's"
        );
        assert!(!shop.hand_over(&first, None).await);
        assert_eq!(shop.source(id).await, r#"{"n":2}"#);
        assert!(shop.hand_over(&second_claim, Some("second")).await);
        assert_eq!(shop.source(id).await, "second");
        // Also what was put there a moment ago is not used after it.
        shop.submit(said(r#"{"n":3}"#)).await;
        assert_eq!(shop.source(id).await, r#"{"n":3}"#);
        assert_eq!(shop.rows(), counts("1", "1"));
        shop.store.keep_house().await.unwrap();
        assert_eq!(shop.rows().1, "0", "it is cleared away");
        assert_eq!(shop.due(SOON).await, 0);
        // What needs nothing any more does not wait.
        let whole = NewSubmission {
            parts: Parts::Inside,
            ..said(r#"{"n":4}"#)
        };
        shop.submit(whole).await;
        assert_eq!(shop.rows(), counts("0", "0"));
        assert_eq!(shop.due(SOON).await, 1);
        // Other recipients are another submission.
        let mut other = said(r#"{"n":5}"#);
        other.recipients = mail("acme", "x", &["bob@example.org"]).recipients;
        let new = shop.submit(other).await;
        assert_ne!(new, id);
        assert_eq!(shop.claim(9).await, [new]);
    });
}

#[test]
fn text_that_was_put_for_another_content_is_passed_over() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let id = shop.submit(with_files("m")).await;
        let unprepared = shop.claim_one().await;
        assert!(shop.hand_over(&unprepared, Some("prepared")).await);
        // As if it was written in the moment after it was replaced.
        database.sql("UPDATE payloads SET digest = sha256('other')");
        assert_eq!(shop.source(id).await, r#"{"subject":"m"}"#);
    });
}

#[test]
fn what_is_removed_meanwhile_leaves_nothing() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let new = with_files("m");
        let client_id = new.client_id.clone();
        shop.submit(new).await;
        let unprepared = shop.claim_one().await;
        let remove = async || {
            let owner = tenant_id("acme");
            let removed = shop.store.remove(&owner, vec![client_id.clone()], SOON);
            assert_eq!(removed.await.unwrap(), [true]);
            assert_eq!(shop.rows().0, "0");
            // What may be long is cleared away beside the log.
            shop.store.keep_house().await.unwrap();
            assert_eq!(shop.rows(), counts("0", "0"));
        };
        remove().await;
        assert!(!shop.hand_over(&unprepared, Some("too late")).await);
        let gone = shop.store.unprepared(unprepared.submission.id).await;
        assert!(gone.unwrap().is_none());
        assert_eq!(shop.rows(), counts("0", "0"));
        shop.submit(with_files("m")).await;
        let unprepared = shop.claim_one().await;
        assert!(shop.hand_over(&unprepared, Some("prepared")).await);
        remove().await;
    });
}

#[test]
fn what_is_needed_no_more_is_cleared_away() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let mut ids = Vec::new();
        for number in 0..120 {
            ids.push(shop.submit(with_files(&number.to_string())).await);
        }
        shop.claim(999).await;
        for id in &ids {
            let unprepared = shop.store.unprepared(*id).await.unwrap().unwrap();
            assert!(shop.hand_over(&unprepared, Some("prepared")).await);
        }
        // Its time is when the test was written, and not that of the database.
        database.sql("UPDATE prepared SET prepared_at = extract(epoch FROM now()) * 1000");
        shop.store.keep_house().await.unwrap();
        assert_eq!(shop.rows(), counts("0", "120"));
        for id in &ids[10..] {
            shop.record(*id, EventKind::Delivered).await;
        }
        shop.store.keep_house().await.unwrap();
        assert_eq!(shop.rows(), counts("0", "10"));
        // Links do not work for ever, and an old process leaves behind what it knows nothing of.
        database.sql(&format!(
            "UPDATE prepared SET prepared_at = prepared_at - 86400000 WHERE submission = {}; \
             DELETE FROM submissions WHERE id = {}",
            ids[0].0.get(),
            ids[1].0.get()
        ));
        shop.store.keep_house().await.unwrap();
        assert_eq!(shop.rows(), counts("0", "8"));
        // What was handed over by itself does not stay on the list.
        shop.submit(with_files("unprepared")).await;
        assert_eq!(shop.rows(), counts("1", "8"));
        database.sql("UPDATE unprepared SET due_at = extract(epoch FROM now()) * 1000 - 239000");
        shop.store.keep_house().await.unwrap();
        assert_eq!(shop.rows(), counts("1", "8"));
        database.sql("UPDATE unprepared SET due_at = due_at - 2000");
        shop.store.keep_house().await.unwrap();
        assert_eq!(shop.rows(), counts("0", "8"));
    });
}

#[test]
fn what_is_made_of_a_secret_is_sealed_for_its_own_place() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let secret = |id: &str| NewSubmission {
            payload: Payload::Secret(Secret::new(format!("canary {id}"))),
            ..with_files(id)
        };
        let (one, two) = (shop.submit(secret("one")).await, shop.submit(secret("two")).await);
        shop.claim(9).await;
        for (id, text) in [(one, "canary with files"), (two, "canary of two")] {
            let unprepared = shop.store.unprepared(id).await.unwrap().unwrap();
            assert!(matches!(unprepared.payload, Payload::Secret(_)));
            assert!(shop.hand_over(&unprepared, Some(text)).await);
        }
        assert_eq!(shop.source(one).await, "canary with files");
        let all = database.sql("SELECT t::text FROM prepared t; SELECT t::text FROM payloads t");
        assert!(all.contains("ENC:") && !all.contains("canary"), "{all}");
        // What was sealed elsewhere does not open here.
        let swaps = [
            format!(
                "UPDATE prepared SET payload = (SELECT payload FROM payloads WHERE submission = {0}) \
                 WHERE submission = {0}",
                one.0.get()
            ),
            format!(
                "UPDATE prepared SET payload = (SELECT payload FROM prepared WHERE submission = {}) \
                 WHERE submission = {}",
                two.0.get(),
                one.0.get()
            ),
        ];
        for swap in swaps {
            database.sql(&swap);
            assert!(shop.store.source(one).await.is_err(), "{swap}");
        }
    });
}

#[test]
fn what_is_too_long_is_handed_over_as_it_is() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let id = shop.submit(with_files("m")).await;
        let unprepared = shop.claim_one().await;
        let long = "x".repeat(PREPARED_BYTES_MAX + 1);
        assert!(shop.hand_over(&unprepared, Some(&long)).await);
        assert_eq!(shop.source(id).await, r#"{"subject":"m"}"#);
        assert_eq!(shop.due(SOON).await, 1);
        // The longest there is comes back whole.
        let id = shop.submit(with_files("other")).await;
        let unprepared = shop.claim_one().await;
        assert!(shop.hand_over(&unprepared, Some(&long[1..])).await);
        assert!(shop.source(id).await == long[1..]);
    });
}

#[test]
fn while_too_much_is_kept_nobody_waits_for_more() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        for number in 0..30 {
            shop.submit(with_files(&number.to_string())).await;
        }
        let claimed = shop.claim(1).await;
        let unprepared = shop.store.unprepared(claimed[0]).await.unwrap().unwrap();
        assert!(shop.hand_over(&unprepared, Some("prepared")).await);
        database.sql("UPDATE prepared SET bytes = 8::bigint << 30");
        // A piece at a time, and it is said whose mail goes on.
        let mut pieces = Vec::new();
        while let Claims::HandedOver(accounts) = shop.store.claim(any(8), SOON).await.unwrap() {
            assert!(accounts.iter().all(|account| *account == shop.account));
            pieces.push(accounts.len());
        }
        assert_eq!(pieces, [8, 8, 8, 5]);
        assert_eq!(shop.rows(), counts("0", "1"));
        assert_eq!(shop.due(SOON).await, 30);
        database.sql("UPDATE prepared SET bytes = (8::bigint << 30) - 1");
        shop.submit(with_files("more")).await;
        assert_eq!(shop.claim(8).await.len(), 1);
    });
}

#[test]
fn what_is_held_back_is_not_fetched_ahead() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let owner = tenant_id("acme");
        let suspend = |tenant: &mut model::Tenant| tenant.suspension.suspend(None);
        let changed = shop.store.change_tenant(&owner, Box::new(suspend), START);
        changed.await.unwrap().unwrap();
        shop.submit(with_files("m")).await;
        assert!(shop.claim(9).await.is_empty());
        let release = |tenant: &mut model::Tenant| tenant.suspension.activate(None);
        let changed = shop.store.change_tenant(&owner, Box::new(release), START);
        changed.await.unwrap().unwrap();
        while shop.store.align_suspension(&owner, 9).await.unwrap() > 0 {}
        assert_eq!(shop.due(SOON).await, 1);
    });
}

#[test]
fn claims_wait_for_nobody_who_writes() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let id = shop.submit(with_files("m")).await;
        let hand = crate::another_hand(&database).await;
        hand.batch_execute("BEGIN; SELECT pg_advisory_xact_lock('log'::regclass::bigint)")
            .await
            .unwrap();
        assert_eq!(shop.claim(9).await, [id]);
        shop.store.let_go(vec![id]).await.unwrap();
        assert_eq!(shop.claim(9).await, [id]);
        assert!(shop.store.unprepared(id).await.unwrap().is_some());
        hand.batch_execute("COMMIT").await.unwrap();
    });
}

#[test]
fn a_tenant_has_no_more_than_its_part_and_the_others_come_before_the_rest_of_it() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let mut of = Vec::new();
        for (owner, count) in [("acme", 8), ("beta", 2), ("corp", 1)] {
            if owner != "acme" {
                settle(&shop.store, owner).await;
            }
            for number in 0..count {
                let mut new = with_files(&number.to_string());
                new.tenant = tenant_id(owner);
                // The first tenant's are the more urgent ones.
                new.priority = if owner == "acme" {
                    Priority::High
                } else {
                    Priority::Low
                };
                of.push((owner, shop.submit(new).await));
            }
        }
        let claim = async |limit, under_way: &[(&str, usize)]| {
            let under_way = under_way.iter();
            let claim = Claim {
                limit,
                tenant_limit: 3,
                under_way: under_way
                    .map(|(owner, count)| (tenant_id(owner), *count))
                    .collect(),
            };
            let claimed = claimed(&shop.store, claim, SOON).await;
            let owners = claimed
                .iter()
                .map(|claimed| claimed.tenant.as_str().to_owned());
            assert!(
                claimed
                    .iter()
                    .all(|one| of.contains(&(one.tenant.as_str(), one.id)))
            );
            owners.collect::<Vec<_>>()
        };
        assert_eq!(claim(2, &[]).await, ["acme", "acme"]);
        let rest = claim(9, &[("acme", 2)]).await;
        assert_eq!(rest, ["acme", "beta", "beta", "corp"]);
        let full = [("acme", 3), ("beta", 2), ("corp", 1)];
        assert!(claim(9, &full).await.is_empty());
        assert_eq!(claim(9, &[("acme", 1)]).await, ["acme", "acme"]);
        assert_eq!(claim(9, &[("acme", 7)]).await, Vec::<String>::new());
        assert_eq!(claim(9, &[]).await, ["acme", "acme", "acme"]);
    });
}

#[test]
fn slow_tenants_do_not_come_before_one_that_has_nothing_under_way() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let shop = Shop::new(&database).await;
        let slow = ["slow1", "slow2", "slow3", "slow4"];
        for owner in slow.into_iter().chain(["quick"]) {
            settle(&shop.store, owner).await;
            for number in 0..8 {
                let mut new = with_files(&number.to_string());
                new.tenant = tenant_id(owner);
                // Theirs have waited longer.
                new.at = second(if owner == "quick" { 2 } else { 1 });
                shop.submit(new).await;
            }
        }
        let owners = async |limit, tenant_limit, under_way: &[usize]| {
            let claim = Claim {
                limit,
                tenant_limit,
                under_way: slow
                    .map(tenant_id)
                    .into_iter()
                    .zip(under_way.to_vec())
                    .collect(),
            };
            let claimed = claimed(&shop.store, claim, SOON).await;
            let owners = claimed.iter().map(|one| one.tenant.as_str().to_owned());
            owners.collect::<HashSet<_>>()
        };
        let of = |owners: &[&str]| owners.iter().map(|owner| (*owner).to_owned()).collect();
        // Each in its turn, and not sixteen of the first four.
        assert_eq!(owners(5, 4, &[]).await.len(), 5);
        // One place became free: it is not for those who have some under way.
        let quick: HashSet<String> = of(&["quick"]);
        assert_eq!(owners(1, 4, &[4, 4, 4, 3]).await, quick);
        // The places that are only for who has nothing under way.
        assert_eq!(owners(9, 1, &[4, 4, 4, 3]).await, quick);
        // Its second comes beside the second of another, which is older.
        assert_eq!(owners(2, 4, &[1, 2, 3, 4]).await, of(&["quick", "slow1"]));
    });
}
