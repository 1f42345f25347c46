//! Runs of campaigns.

use model::ContentHash;
use store::{Campaign, LaneKey, NewCampaign, Progress, Store, StoreError};

use crate::support::{START, begin_as_holder, second};
use crate::{lease_soon, on_each_backend};

async fn new(store: &dyn Store, job_id: &str, identity: &str) -> NewCampaign {
    NewCampaign {
        job_id: job_id.to_owned(),
        identity: identity.to_owned(),
        name: Some("Spring \"news\"".to_owned()),
        content: store.put_content(b"Hello".to_vec()).await.unwrap(),
        settings: r#"{"retries":3}"#.to_owned(),
        at: START,
    }
}

async fn begin(store: &dyn Store, job_id: &str, identity: &str) -> Campaign {
    let new = new(store, job_id, identity).await;
    begin_as_holder(store, new).await.unwrap()
}

fn job_ids(campaigns: &[Campaign]) -> Vec<&str> {
    campaigns
        .iter()
        .map(|campaign| campaign.job_id.as_str())
        .collect()
}

#[test]
fn a_run_comes_back_as_it_was_begun() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "mailgrid-1", "spring").await;
        let asked = new(&*store, "mailgrid-1", "spring").await;
        assert_eq!(campaign.job_id, asked.job_id);
        assert_eq!(
            (&campaign.identity, &campaign.name),
            (&asked.identity, &asked.name)
        );
        assert_eq!(
            (campaign.content, &campaign.settings),
            (asked.content, &asked.settings)
        );
        assert_eq!(campaign.started_at, START);
        assert_eq!((campaign.listed_at, campaign.finished_at), (None, None));
        let again = place.open().await;
        assert_eq!(again.campaign("mailgrid-1").await.unwrap(), Some(campaign));
        assert_eq!(again.campaign("mailgrid-2").await.unwrap(), None);
    });
}

#[test]
fn a_job_id_that_is_taken_gets_a_number() {
    on_each_backend(async |place| {
        let (store, other) = (place.open().await, place.open().await);
        let mut given = Vec::new();
        for round in 0..3 {
            given.push(
                begin(&*store, "mailgrid-1", &format!("{round}"))
                    .await
                    .job_id,
            );
            given.push(
                begin(&*other, "mailgrid-1", &format!("{round}"))
                    .await
                    .job_id,
            );
        }
        let expected =
            ["", "-2", "-3", "-4", "-5", "-6"].map(|suffix| format!("mailgrid-1{suffix}"));
        assert_eq!(given, expected);
        assert_eq!(
            begin(&*store, "mailgrid-1-2", "x").await.job_id,
            "mailgrid-1-2-2"
        );
    });
}

#[test]
fn runs_are_listed_newest_first_and_by_identity() {
    on_each_backend(async |place| {
        let store = place.open().await;
        for (job_id, identity) in [
            ("a", "spring"),
            ("b", "autumn"),
            ("c", "spring"),
            ("d", "Spring"),
        ] {
            begin(&*store, job_id, identity).await;
        }
        let all = store.campaigns(None, 10).await.unwrap();
        assert_eq!(job_ids(&all), ["d", "c", "b", "a"]);
        assert_eq!(
            job_ids(&store.campaigns(None, 2).await.unwrap()),
            ["d", "c"]
        );
        let spring = store.campaigns(Some("spring"), 10).await.unwrap();
        assert_eq!(job_ids(&spring), ["c", "a"]);
        assert_eq!(
            job_ids(&store.campaigns(Some("spring"), 1).await.unwrap()),
            ["c"]
        );
        assert!(
            store
                .campaigns(Some("winter"), 10)
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn progress_is_noted_and_taken_back_when_the_list_is_read_again() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "a", "spring").await;
        let other = begin(&*store, "b", "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let steps = [
            (Progress::Listed(second(1)), Some(second(1)), None),
            (
                Progress::Finished(second(2)),
                Some(second(1)),
                Some(second(2)),
            ),
            (Progress::Listing, None, None),
            (Progress::Listed(second(3)), Some(second(3)), None),
        ];
        for (progress, listed_at, finished_at) in steps {
            store.mark_campaign(&lease, progress).await.unwrap();
            let found = store.campaign("a").await.unwrap().unwrap();
            assert_eq!(
                (found.listed_at, found.finished_at),
                (listed_at, finished_at),
                "{progress:?}"
            );
        }
        assert_eq!(store.campaign("b").await.unwrap(), Some(other));
    });
}

#[test]
fn what_is_not_there_is_missing() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let mut without = new(&*store, "a", "spring").await;
        without.content = ContentHash([1; 32]);
        let error = begin_as_holder(&*store, without).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
        assert_eq!(store.campaign("a").await.unwrap(), None);
    });
}

#[test]
fn who_is_about_to_begin_one_campaign_begins_no_other() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let spring = store.lease(LaneKey::beginning("spring")).await.unwrap();
        let autumn = new(&*store, "a", "autumn").await;
        let error = store.begin_campaign(&spring, autumn).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        assert!(store.campaigns(None, 10).await.unwrap().is_empty());
    });
}

/// Of two who are about to begin a campaign, the one who slept begins no second run of it: it would mail everybody twice.
#[test]
fn who_lost_the_right_to_begin_a_run_begins_none() {
    on_each_backend(async |place| {
        let (first, other) = (place.open().await, place.open().await);
        let lost = other.lease(LaneKey::beginning("spring")).await.unwrap();
        drop(other);
        let taken = lease_soon(&*first, LaneKey::beginning("spring")).await;
        for _ in 0..2 {
            let late = new(&*first, "late", "spring").await;
            let refused = first.begin_campaign(&lost, late).await;
            assert!(
                matches!(refused, Err(StoreError::LeaseLost { .. })),
                "{refused:?}"
            );
        }
        let own = new(&*first, "own", "spring").await;
        first.begin_campaign(&taken, own).await.unwrap();
        let runs = first.campaigns(Some("spring"), 10).await.unwrap();
        assert_eq!(job_ids(&runs), ["own"]);
    });
}
