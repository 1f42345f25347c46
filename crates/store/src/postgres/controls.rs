//! Interventions by hand, in the log among the events.

use model::{Control, ControlAction, LaneId, Seq, Timestamp};
use tokio_postgres::Row;

use super::session::Session;
use super::transaction::WriteTx;
use super::{lanes, row};
use crate::{NewControl, Result, StoreError};

pub(super) async fn control(tx: &mut WriteTx, new: NewControl) -> Result<Control> {
    lanes::check_exists(&tx.session, new.lane).await?;
    new.check()?;
    let control = Control {
        seq: tx.next_seq(),
        lane: new.lane,
        at: new.at,
        action: new.action,
        by: row::storable(&new.by).into(),
    };
    tx.session
        .execute(
            "INSERT INTO controls (seq, lane, at, action, by) VALUES ($1, $2, $3, $4, $5)",
            &[
                &control.seq.get(),
                &control.lane.0,
                &control.at.as_millis(),
                &control.action.code(),
                &&*control.by,
            ],
        )
        .await?;
    tx.append_control(&control);
    Ok(control)
}

/// The interventions in a run from after `cursor`.
pub(super) async fn after(
    session: &Session,
    cursor: Seq,
    lane: LaneId,
    limit: usize,
) -> Result<Vec<Control>> {
    let rows = session
        .rows(
            "SELECT seq, lane, at, action, by FROM controls \
             WHERE lane = $2 AND seq > $1 ORDER BY seq LIMIT $3",
            &[&cursor.get(), &lane.0, &row::at_most(limit)],
        )
        .await?;
    rows.iter().map(to_control).collect()
}

fn to_control(row: &Row) -> Result<Control> {
    let seq: i64 = row.try_get(0)?;
    let action = ControlAction::from_code(row.try_get(3)?)
        .ok_or_else(|| StoreError::Damaged(format!("control {seq}: its action is not known")))?;
    Ok(Control {
        seq: Seq::new(seq),
        lane: LaneId(row.try_get(1)?),
        at: Timestamp::from_millis(row.try_get(2)?),
        action,
        by: row.try_get::<_, &str>(4)?.into(),
    })
}
