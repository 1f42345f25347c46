//! Scheduled jobs.

use model::Timestamp;
use tokio_postgres::Row;

use super::lanes;
use super::row::storable;
use super::session::Session;
use super::transaction::WriteTx;
use crate::schedule::{check_is_its_lane, from_millis, to_millis};
use crate::{Job, JobState, Lease, Result, StoreError};

const COLUMNS: &str = "id, request, state, next_run_at, cron, interval_ms, attempts, attempts_max, backoff_ms, \
     created_at, updated_at, last_run_at, last_error";

pub(super) async fn add(tx: &WriteTx, job: &Job) -> Result<()> {
    let statement = format!(
        "INSERT INTO jobs ({COLUMNS}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    write(tx, job, &statement).await?;
    Ok(())
}

pub(super) async fn save(tx: &WriteTx, lease: &Lease, job: &Job) -> Result<bool> {
    check_is_its_lane(lease, job)?;
    lanes::check(tx, lease).await?;
    let changed = write(
        tx,
        job,
        "UPDATE jobs SET request = $2, state = $3, next_run_at = $4, cron = $5, interval_ms = $6, attempts = $7, \
         attempts_max = $8, backoff_ms = $9, created_at = $10, updated_at = $11, \
         last_run_at = $12, last_error = $13 WHERE id = $1 AND state <> 'cancelled'",
    );
    Ok(changed.await? == 1)
}

async fn write(tx: &WriteTx, job: &Job, statement: &str) -> Result<u64> {
    tx.session
        .execute(
            statement,
            &[
                &storable(&job.id),
                &job.request,
                &job.state.as_str(),
                &job.next_run_at.map(Timestamp::as_millis),
                &job.cron.as_deref().map(storable),
                &job.interval.map(to_millis),
                &i64::from(job.attempts),
                &i64::from(job.attempts_max),
                &to_millis(job.backoff),
                &job.created_at.as_millis(),
                &job.updated_at.as_millis(),
                &job.last_run_at.map(Timestamp::as_millis),
                &job.last_error.as_deref().map(storable),
            ],
        )
        .await
}

pub(super) async fn cancel(tx: &WriteTx, id: &str, at: Timestamp) -> Result<bool> {
    let changed = tx
        .session
        .execute(
            "UPDATE jobs SET state = 'cancelled', next_run_at = NULL, updated_at = $2 \
             WHERE id = $1 AND state IN ('pending', 'running')",
            &[&storable(id), &at.as_millis()],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn all(session: &Session) -> Result<Vec<Job>> {
    let rows = session
        .rows(
            &format!("SELECT {COLUMNS} FROM jobs ORDER BY created_at, id"),
            &[],
        )
        .await?;
    rows.iter().map(to_job).collect()
}

fn to_job(row: &Row) -> Result<Job> {
    let id: String = row.try_get(0)?;
    let word: &str = row.try_get(2)?;
    let state = JobState::from_word(word)
        .ok_or_else(|| StoreError::Damaged(format!("job {id} has the state {word}")))?;
    let attempts = |number: i64| {
        u32::try_from(number)
            .map_err(|_| StoreError::Damaged(format!("job {id} has {number} attempts")))
    };
    let moment = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    Ok(Job {
        request: row.try_get(1)?,
        state,
        next_run_at: moment(row.try_get(3)?),
        cron: row.try_get(4)?,
        interval: row.try_get::<_, Option<i64>>(5)?.map(from_millis),
        attempts: attempts(row.try_get(6)?)?,
        attempts_max: attempts(row.try_get(7)?)?,
        backoff: from_millis(row.try_get(8)?),
        created_at: Timestamp::from_millis(row.try_get(9)?),
        updated_at: Timestamp::from_millis(row.try_get(10)?),
        last_run_at: moment(row.try_get(11)?),
        last_error: row.try_get(12)?,
        id,
    })
}
