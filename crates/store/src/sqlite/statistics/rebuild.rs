//! Hours counted anew from what the log holds and from what was forgotten of it.
//!
//! Both sides are read at one moment; then the differences are added by the writer. What is counted in between adds to the
//! same rows, so that it does not matter which comes first.

use std::collections::BTreeMap;

use model::FieldError;
use rusqlite::Connection;

use super::count::{change, upto};
use super::tally::{Key, Part, Tally};
use crate::sqlite::transaction::WriteTx;
use crate::statistics::{Hours, Rebuilt};
use crate::{Result, StoreError};

/// The most counts that are corrected at once: whoever writes mail waits for them.
const CORRECTED_MAX: usize = 50_000;

/// What was found.
pub(super) struct Compared {
    counted: u64,
    /// What has to be added to which count.
    pub(super) corrections: BTreeMap<Key, i64>,
}

impl Compared {
    pub(super) fn rebuilt(&self) -> Rebuilt {
        Rebuilt {
            counted: self.counted,
            corrected: self.corrections.len() as u64,
        }
    }
}

/// Counts the hours, and compares them with the counts that there are.
pub(super) fn compare(connection: &Connection, hours: Hours) -> Result<Compared> {
    let part = Part {
        after: -1,
        upto: upto(connection)?,
        hours: hours.from..hours.until,
    };
    let mut differences = Tally::of(connection, &part)?.counts;
    let counted: i64 = differences.values().sum();
    let mut statement = connection.prepare_cached(
        "SELECT hour, tenant, account, kind, count FROM statistics WHERE hour >= ?1 AND hour < ?2",
    )?;
    let mut rows = statement.query([hours.from, hours.until])?;
    while let Some(row) = rows.next()? {
        let key = Key {
            hour: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            kind: row.get(3)?,
        };
        let known: i64 = row.get(4)?;
        let truth = differences.remove(&key).unwrap_or(0);
        if truth != known {
            differences.insert(key, truth - known);
        }
    }
    match differences.len() > CORRECTED_MAX {
        true => Err(too_many(differences.len())),
        false => Ok(Compared {
            counted: counted.unsigned_abs(),
            corrections: differences,
        }),
    }
}

/// Adds the differences.
pub(super) fn correct(tx: &WriteTx<'_>, corrections: &BTreeMap<Key, i64>) -> Result<()> {
    for (key, difference) in corrections {
        change(tx, key, *difference)?;
        tx.connection
            .prepare_cached(
                "DELETE FROM statistics WHERE hour = ?1 AND tenant = ?2 AND account = ?3 AND kind = ?4 AND count = 0",
            )?
            .execute((key.hour, &key.tenant, &key.account, key.kind))?;
    }
    Ok(())
}

fn too_many(found: usize) -> StoreError {
    let problem = format!(
        "{found} counts are wrong, and {CORRECTED_MAX} at most are corrected at once: count a shorter time anew"
    );
    StoreError::Refused(FieldError::new("rebuild", problem))
}
