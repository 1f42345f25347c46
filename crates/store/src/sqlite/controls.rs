//! Interventions by hand, in the log among the events.

use model::{Control, ControlAction, LaneId, Seq, Timestamp};
use rusqlite::{Connection, Row, params};

use super::transaction::WriteTx;
use super::{lanes, row};
use crate::{NewControl, Result, StoreError};

pub(super) fn control(tx: &mut WriteTx<'_>, new: NewControl) -> Result<Control> {
    lanes::check_exists(tx.connection, new.lane)?;
    new.check()?;
    let control = Control {
        seq: tx.next_seq(),
        lane: new.lane,
        at: new.at,
        action: new.action,
        by: new.by,
    };
    tx.connection
        .prepare_cached(
            "INSERT INTO controls (seq, lane, at, action, by) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            control.seq.get(),
            control.lane.0,
            control.at.as_millis(),
            control.action.code(),
            &*control.by,
        ])?;
    tx.append_control(&control);
    Ok(control)
}

/// The interventions in a run from after `cursor`.
pub(super) fn after(
    connection: &Connection,
    cursor: Seq,
    lane: LaneId,
    limit: usize,
) -> Result<Vec<Control>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, lane, at, action, by FROM controls \
         WHERE lane = ?2 AND seq > ?1 ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = statement.query(params![cursor.get(), lane.0, row::at_most(limit)])?;
    let mut controls = Vec::new();
    while let Some(row) = rows.next()? {
        controls.push(to_control(row)?);
    }
    Ok(controls)
}

fn to_control(row: &Row<'_>) -> Result<Control> {
    let seq: i64 = row.get(0)?;
    let action = ControlAction::from_code(row.get(3)?)
        .ok_or_else(|| StoreError::Damaged(format!("control {seq}: its action is not known")))?;
    Ok(Control {
        seq: Seq::new(seq),
        lane: LaneId(row.get(1)?),
        at: Timestamp::from_millis(row.get(2)?),
        action,
        by: row.get(4)?,
    })
}
