//! Scheduled jobs.

use model::Timestamp;
use rusqlite::{Connection, Row, params};

use super::lanes;
use super::transaction::WriteTx;
use crate::schedule::{check_is_its_lane, from_millis, to_millis};
use crate::{Job, JobState, Lease, Result, StoreError};

const COLUMNS: &str = "id, request, state, next_run_at, cron, interval_ms, attempts, attempts_max, backoff_ms, \
     created_at, updated_at, last_run_at, last_error";

pub(super) fn add(tx: &WriteTx<'_>, job: &Job) -> Result<()> {
    write(
        tx,
        job,
        &format!(
            "INSERT INTO jobs ({COLUMNS}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        ),
    )?;
    Ok(())
}

pub(super) fn save(tx: &WriteTx<'_>, lease: &Lease, job: &Job) -> Result<bool> {
    check_is_its_lane(lease, job)?;
    lanes::check(tx, lease)?;
    let changed = write(
        tx,
        job,
        "UPDATE jobs SET request = ?2, state = ?3, next_run_at = ?4, cron = ?5, interval_ms = ?6, attempts = ?7, \
         attempts_max = ?8, backoff_ms = ?9, created_at = ?10, updated_at = ?11, \
         last_run_at = ?12, last_error = ?13 WHERE id = ?1 AND state <> 'cancelled'",
    )?;
    Ok(changed == 1)
}

fn write(tx: &WriteTx<'_>, job: &Job, statement: &str) -> Result<usize> {
    Ok(tx.connection.prepare_cached(statement)?.execute(params![
        job.id,
        job.request,
        job.state.as_str(),
        job.next_run_at.map(Timestamp::as_millis),
        job.cron,
        job.interval.map(to_millis),
        job.attempts,
        job.attempts_max,
        to_millis(job.backoff),
        job.created_at.as_millis(),
        job.updated_at.as_millis(),
        job.last_run_at.map(Timestamp::as_millis),
        job.last_error,
    ])?)
}

pub(super) fn cancel(tx: &WriteTx<'_>, id: &str, at: Timestamp) -> Result<bool> {
    let changed = tx
        .connection
        .prepare_cached(
            "UPDATE jobs SET state = 'cancelled', next_run_at = NULL, updated_at = ?2 \
             WHERE id = ?1 AND state IN ('pending', 'running')",
        )?
        .execute(params![id, at.as_millis()])?;
    Ok(changed == 1)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Job>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM jobs ORDER BY created_at, id"
    ))?;
    let mut rows = statement.query([])?;
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        jobs.push(to_job(row)?);
    }
    Ok(jobs)
}

fn to_job(row: &Row<'_>) -> Result<Job> {
    let id: String = row.get(0)?;
    let word: String = row.get(2)?;
    let state = JobState::from_word(&word)
        .ok_or_else(|| StoreError::Damaged(format!("job {id} has the state {word}")))?;
    let moment = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    Ok(Job {
        id,
        request: row.get(1)?,
        state,
        next_run_at: moment(row.get(3)?),
        cron: row.get(4)?,
        interval: row.get::<_, Option<i64>>(5)?.map(from_millis),
        attempts: row.get(6)?,
        attempts_max: row.get(7)?,
        backoff: from_millis(row.get(8)?),
        created_at: Timestamp::from_millis(row.get(9)?),
        updated_at: Timestamp::from_millis(row.get(10)?),
        last_run_at: moment(row.get(11)?),
        last_error: row.get(12)?,
    })
}
