//! What is noted of events that the log holds no more, by whoever forgets them and in the same transaction: statistics are
//! counted from that anew.

use std::collections::BTreeMap;

use model::AccountPk;
use rusqlite::params;

use super::count::upto;
use crate::Result;
use crate::sqlite::transaction::WriteTx;

/// Events of one account that are forgotten: how many of which place (0 for those that were counted), hour and kind.
pub(in crate::sqlite) struct Forgotten {
    upto: i64,
    counts: BTreeMap<(i64, i64, i64), i64>,
}

impl Forgotten {
    pub(in crate::sqlite) fn begin(tx: &WriteTx<'_>) -> Result<Self> {
        Ok(Self {
            upto: upto(tx.connection)?,
            counts: BTreeMap::new(),
        })
    }

    /// Adds one by its place, the beginning of its hour, and its kind's code.
    pub(in crate::sqlite) fn add(&mut self, seq: i64, hour: i64, kind: i64) {
        let place = match seq > self.upto {
            true => seq,
            false => 0,
        };
        *self.counts.entry((place, hour, kind)).or_default() += 1;
    }

    /// Notes them, while the account is still there.
    pub(in crate::sqlite) fn note(&self, tx: &WriteTx<'_>, account: AccountPk) -> Result<()> {
        for (&(place, hour, kind), count) in &self.counts {
            tx.connection
                .prepare_cached(
                    "INSERT INTO forgotten_events (seq, hour, tenant, account, kind, count) \
                     SELECT ?1, ?2, tenant, id, ?3, ?4 FROM accounts WHERE pk = ?5 \
                     ON CONFLICT (hour, tenant, account, kind) WHERE seq = 0 \
                     DO UPDATE SET count = count + excluded.count",
                )?
                .execute(params![place, hour, kind, count, account.0])?;
        }
        Ok(())
    }
}
