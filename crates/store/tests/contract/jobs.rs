//! Scheduled jobs.

use std::time::Duration;

use store::{Job, JobState, LaneKey, Lease, Store, StoreError};

use crate::on_each_backend;
use crate::support::second;

fn job(id: &str, created: u64) -> Job {
    Job {
        id: id.to_owned(),
        request: r#"{"template":"news.html"}"#.to_owned(),
        state: JobState::Pending,
        next_run_at: Some(second(created + 60)),
        cron: Some("0 9 * * 1".to_owned()),
        interval: Some(Duration::from_millis(90_500)),
        attempts: 0,
        attempts_max: 3,
        backoff: Duration::from_secs(2),
        created_at: second(created),
        updated_at: second(created),
        last_run_at: None,
        last_error: None,
    }
}

async fn lease(store: &dyn Store, id: &str) -> Lease {
    store.lease(LaneKey::job(id)).await.unwrap()
}

async fn only(store: &dyn Store) -> Job {
    let mut jobs = store.jobs().await.unwrap();
    assert_eq!(jobs.len(), 1);
    jobs.remove(0)
}

#[test]
fn jobs_come_back_as_registered_by_creation() {
    on_each_backend(async |place| {
        let store = place.open().await;
        assert!(store.jobs().await.unwrap().is_empty());
        let mut plain = job("a", 9);
        (plain.cron, plain.interval, plain.next_run_at) = (None, None, None);
        let jobs = [job("c", 1), job("b", 5), plain];
        for job in jobs.iter().rev() {
            store.add_job(job.clone()).await.unwrap();
        }
        assert_eq!(place.open().await.jobs().await.unwrap(), jobs);
        store.add_job(job("b", 7)).await.unwrap_err();
        assert_eq!(
            store.jobs().await.unwrap(),
            jobs,
            "an id is registered once"
        );
    });
}

#[test]
fn a_job_s_new_state_is_saved() {
    on_each_backend(async |place| {
        let store = place.open().await;
        store.add_job(job("a", 1)).await.unwrap();
        let lease = lease(&*store, "a").await;
        for state in JobState::ALL {
            if state == JobState::Cancelled {
                continue;
            }
            let mut changed = job("a", 1);
            changed.state = state;
            changed.attempts = 2;
            changed.next_run_at = None;
            (changed.updated_at, changed.last_run_at) = (second(8), Some(second(7)));
            changed.last_error = Some("no route".to_owned());
            assert!(store.save_job(&lease, changed.clone()).await.unwrap());
            assert_eq!(only(&*store).await, changed);
        }
    });
}

#[test]
fn a_job_cancelled_meanwhile_is_not_overwritten() {
    on_each_backend(async |place| {
        let (runner, person) = (place.open().await, place.open().await);
        runner.add_job(job("a", 1)).await.unwrap();
        let lane = lease(&*runner, "a").await;
        let mut running = only(&*runner).await;
        running.state = JobState::Running;
        assert!(runner.save_job(&lane, running.clone()).await.unwrap());
        assert!(person.cancel_job("a", second(5)).await.unwrap());
        running.state = JobState::Pending;
        assert!(!runner.save_job(&lane, running).await.unwrap());
        let found = only(&*runner).await;
        assert_eq!(found.state, JobState::Cancelled);
        assert_eq!((found.next_run_at, found.updated_at), (None, second(5)));
        assert!(
            !person.cancel_job("a", second(6)).await.unwrap(),
            "it was cancelled before"
        );
        let lane = lease(&*runner, "gone").await;
        assert!(!runner.save_job(&lane, job("gone", 1)).await.unwrap());
        assert!(!person.cancel_job("gone", second(6)).await.unwrap());
    });
}

#[test]
fn a_job_that_has_ended_cannot_be_cancelled() {
    on_each_backend(async |place| {
        let store = place.open().await;
        store.add_job(job("a", 1)).await.unwrap();
        let lease = lease(&*store, "a").await;
        for state in [JobState::Done, JobState::Failed] {
            let mut ended = job("a", 1);
            ended.state = state;
            assert!(store.save_job(&lease, ended.clone()).await.unwrap());
            assert!(!store.cancel_job("a", second(5)).await.unwrap());
            assert_eq!(only(&*store).await, ended);
        }
    });
}

#[test]
fn only_who_holds_a_job_writes_its_state() {
    on_each_backend(async |place| {
        let (first, second) = (place.open().await, place.open().await);
        first.add_job(job("a", 1)).await.unwrap();
        let lost = lease(&*first, "a").await;
        first.release(lost.clone()).await.unwrap();
        let refused = first.save_job(&lost, job("a", 1)).await;
        assert!(matches!(refused, Err(StoreError::LeaseLost { .. })));
        let held = lease(&*second, "a").await;
        let mut done = job("a", 1);
        done.state = JobState::Done;
        assert!(second.save_job(&held, done.clone()).await.unwrap());
        let late = first.save_job(&lost, job("a", 1)).await;
        assert!(matches!(late, Err(StoreError::LeaseLost { .. })));
        assert_eq!(only(&*first).await, done);
        let other = second.save_job(&held, job("b", 1)).await;
        assert!(matches!(other, Err(StoreError::Invalid(_))));
    });
}
