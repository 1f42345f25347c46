//! Runs of campaigns.

use model::{ContentHash, LaneId};
use store::{Campaign, NewCampaign, Progress, Store, StoreError};

use crate::on_each_backend;
use crate::support::{START, second};

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
    store.begin_campaign(new).await.unwrap()
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
            store.mark_campaign(campaign.lane, progress).await.unwrap();
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
        let error = store.begin_campaign(without).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
        assert_eq!(store.campaign("a").await.unwrap(), None);
        let error = store
            .mark_campaign(LaneId(77), Progress::Listing)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "lane 77 is not in the store");
    });
}
