//! A process killed in the middle of its work (promise: P-01).

use std::collections::HashMap;
use std::time::Duration;

use model::Seq;
use store::submissions::SubmissionFilter;
use store::{Campaign, LaneKey, Lease, SqliteStore, Store, Submissions};

use crate::support::directory::{given_key, tenant_id};
use crate::support::submissions::settle;
use crate::support::{Child, START, begin, player};
use crate::{assert_sound, runtime};

/// Messages in a child's batch.
pub const BATCH: usize = 15;
const ROUNDS: usize = 10;

#[test]
fn nothing_acknowledged_is_lost_and_no_batch_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let campaign = runtime.block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        begin(&store, "spring").await
    });
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let prefix = format!("round{round}");
        let words = [
            "accept",
            folder.path().to_str().unwrap(),
            "spring",
            &prefix,
            "1000000",
        ];
        let mut child = Child::start(player(&words));
        for _ in 0..=round {
            child.hear().expect("it accepts");
        }
        // Some rounds are killed at once, some in the middle of what follows.
        std::thread::sleep(Duration::from_micros(700 * round as u64));
        child.kill();
        let mut batches = round + 1;
        while child.hear().is_some() {
            batches += 1;
        }
        assert_sound(folder.path());
        let kept = runtime.block_on(async {
            let store = SqliteStore::open(folder.path()).unwrap();
            kept_batches(&store, &campaign, &prefix).await
        });
        assert!(
            kept >= batches,
            "round {round}: {batches} batches were acknowledged, {kept} kept"
        );
        assert!(kept <= batches + 1, "one batch at most was under way");
        acknowledged += batches;
    }
    println!("{ROUNDS} kills, {acknowledged} batches acknowledged, none lost");
}

/// How many whole batches a round left; the books must say the same as the messages.
async fn kept_batches(store: &SqliteStore, campaign: &Campaign, prefix: &str) -> usize {
    let mut batches: HashMap<String, usize> = HashMap::new();
    let rows = store
        .messages(campaign.lane, Seq::START, usize::MAX)
        .await
        .unwrap();
    for row in &rows {
        let (batch, _) = row.message.address.local_part().rsplit_once('-').unwrap();
        *batches.entry(batch.to_owned()).or_default() += 1;
    }
    assert!(
        batches.values().all(|&messages| messages == BATCH),
        "a batch is half there"
    );
    let books = store.books(campaign.lane).await.unwrap();
    assert_eq!(books.queued, rows.len() as u64);
    assert_eq!(books, store.count_books(campaign.lane).await.unwrap());
    let of_round = format!("{prefix}-");
    batches
        .keys()
        .filter(|batch| batch.starts_with(&of_round))
        .count()
}

#[test]
fn what_was_answered_of_submissions_is_there_and_every_figure_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let account = runtime.block_on(async {
        let store = SqliteStore::open_with_key(folder.path(), &given_key()).unwrap();
        settle(&store, "acme").await
    });
    let mut all = 0;
    for round in 0..ROUNDS {
        let prefix = format!("round{round}");
        let words = ["submit", folder.path().to_str().unwrap(), &prefix];
        let mut child = Child::start(player(&words));
        for _ in 0..=round {
            child.hear().expect("it hands over");
        }
        std::thread::sleep(Duration::from_micros(700 * round as u64));
        child.kill();
        let mut batches = round + 1;
        while child.hear().is_some() {
            batches += 1;
        }
        assert_sound(folder.path());
        let kept = runtime.block_on(async {
            let store = SqliteStore::open_with_key(folder.path(), &given_key()).unwrap();
            let lease = store.lease(LaneKey::account(account)).await.unwrap();
            assert_figures_agree(&store, &lease).await
        });
        let of_round = kept - all;
        assert!(
            of_round >= batches * BATCH,
            "round {round}: {batches} batches were answered, {of_round} submissions kept"
        );
        assert!(of_round <= (batches + 1) * BATCH && of_round.is_multiple_of(BATCH));
        all = kept;
    }
    println!("{ROUNDS} kills, {all} submissions kept, none lost");
}

/// The submissions themselves, the account's counts, the lane's books, the sends and the reports say the same; gives how
/// many submissions there are.
async fn assert_figures_agree(store: &SqliteStore, lease: &Lease) -> usize {
    let mut filter = SubmissionFilter {
        limit: 1_000,
        ..SubmissionFilter::default()
    };
    let (mut all, mut sent) = (0, 0);
    loop {
        let page = store.submissions(filter.clone()).await.unwrap();
        let Some(last) = page.last() else {
            break;
        };
        filter.after = Some(last.submission.id);
        all += page.len();
        sent += page
            .iter()
            .filter(|found| found.submission.open == 0)
            .count();
    }
    let counts = &store.account_counts().await.unwrap()[0];
    assert_eq!((counts.accepted, counts.sent), (all as u64, sent as u64));
    let books = store.books(lease.lane).await.unwrap();
    assert_eq!((books.accepted, books.delivered), (all as u64, sent as u64));
    assert_eq!(books, store.count_books(lease.lane).await.unwrap());
    let owner = tenant_id("acme");
    let pending = store.pending(&owner, None).await.unwrap();
    assert_eq!(pending, (all - sent) as u64);
    let backlog = store.report_backlog().await.unwrap();
    assert_eq!(
        backlog.iter().map(|backlog| backlog.count).sum::<u64>(),
        sent as u64
    );
    let sends = store.sends(lease.lane, START).await.unwrap();
    assert_eq!(
        sends
            .iter()
            .map(|(_, count)| *count as usize)
            .sum::<usize>(),
        sent
    );
    all
}
