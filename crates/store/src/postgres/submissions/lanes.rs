//! The lanes of accounts. One that has no limits has several, so that several processes can send for it.

use model::account::AccountPk;
use model::{LaneId, MessageState, SubmissionId};
use tokio_postgres::Row;

use crate::postgres::session::Session;
use crate::submissions::WaitingLane;
use crate::{LaneKey, Result, StoreError};

/// Numbers that stay together: what is handed over at once can be sent at once.
const TOGETHER: u64 = 16;
/// 2^64 divided by the golden ratio: multiplied by it, evenly spaced numbers of any step are spread evenly
/// (Knuth, The Art of Computer Programming 3, 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Which of an account's lanes a new submission waits in.
pub(super) fn shard(id: SubmissionId, count: u16) -> u16 {
    let spread = (id.0.get().unsigned_abs() / TOGETHER).wrapping_mul(SPREAD);
    // The upper half of it, as a part of the count: less than that.
    let shard = ((spread >> 32) * u64::from(count)) >> 32;
    u16::try_from(shard).unwrap_or(0)
}

/// Makes a lane that is not there.
pub(super) async fn make(session: &Session, account: AccountPk, shard: u16) -> Result<LaneId> {
    let key = LaneKey::account_shard(account, shard);
    // Whoever leases a lane makes it as well, and holds no end of the log for it.
    crate::postgres::lanes::id(session, &key).await
}

/// A lane's shard and number from the columns that begin at `first`; `None` where they are null.
pub(super) fn of_row(row: &Row, first: usize) -> Result<Option<(u16, LaneId)>> {
    let Some(shard) = row.try_get::<_, Option<i64>>(first)? else {
        return Ok(None);
    };
    let lane = LaneId(row.try_get(first + 1)?);
    let shard = u16::try_from(shard);
    let shard = shard.map_err(|error| StoreError::Damaged(format!("lane {}: {error}", lane.0)))?;
    Ok(Some((shard, lane)))
}

/// The accounts' lanes with queued mail, held back or not.
pub(super) async fn waiting(session: &Session) -> Result<Vec<WaitingLane>> {
    let rows = session
        .rows(
            "SELECT l.shard, l.id, l.account FROM lanes l JOIN books b ON b.lane = l.id AND b.state = $1 \
             WHERE l.account IS NOT NULL AND b.count > 0 ORDER BY l.account, l.shard",
            &[&MessageState::Queued.code()],
        )
        .await?;
    let mut waiting = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some((shard, lane)) = of_row(row, 0)? {
            waiting.push(WaitingLane {
                lane,
                account: AccountPk(row.try_get(2)?),
                shard,
            });
        }
    }
    Ok(waiting)
}

/// The account of a lane.
pub(super) async fn account(session: &Session, lane: LaneId) -> Result<Option<AccountPk>> {
    let row = session
        .row_if_any("SELECT account FROM lanes WHERE id = $1", &[&lane.0])
        .await?;
    let account = row
        .map(|row| row.try_get::<_, Option<i64>>(0))
        .transpose()?;
    Ok(account.flatten().map(AccountPk))
}

#[cfg(test)]
mod tests {
    use model::Seq;

    use super::*;

    #[test]
    fn whatever_the_step_of_numbers_lanes_share_evenly() {
        for step in [1, 2, 3, 7, 16, 17, 64, 100, 256, 1_000, 4_096] {
            let mut shares = [0_u32; 4];
            for number in 0..40_000 {
                let id = SubmissionId(Seq::new(1 + number * step));
                shares[usize::from(shard(id, 4))] += 1;
            }
            let even = |share: &u32| (9_000..11_000).contains(share);
            assert!(shares.iter().all(even), "step {step}: {shares:?}");
        }
    }

    #[test]
    fn the_only_lane_takes_all() {
        let number = |number| SubmissionId(Seq::new(number));
        assert!((0..1_000).all(|id| shard(number(id * 37), 1) == 0));
        assert_eq!(shard(number(i64::MAX), 1), 0);
    }
}
