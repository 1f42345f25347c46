//! Events of the log, counted as they are read: what is sorted first would have to be kept as a whole.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use rusqlite::{Connection, params};

use crate::Result;
use crate::statistics::hour_of;

/// What is counted: how often one kind of event happened to mail of one account in one hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) hour: i64,
    pub(super) tenant: String,
    pub(super) account: String,
    pub(super) kind: i64,
}

/// Which events.
pub(super) struct Part {
    /// Those after that place of the log (what was summed up has the place 0),
    pub(super) after: i64,
    /// and up to that one.
    pub(super) upto: i64,
    /// Those of the hours that begin in this time.
    pub(super) hours: Range<i64>,
}

/// What was counted.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) counts: BTreeMap<Key, i64>,
    /// The latest time of an event.
    pub(super) latest: Option<i64>,
}

impl Tally {
    /// Counts the events of a part, forgotten ones included.
    pub(super) fn of(connection: &Connection, part: &Part) -> Result<Self> {
        let mut tally = Self::default();
        tally.add_logged(connection, part)?;
        tally.add_forgotten(connection, part)?;
        Ok(tally)
    }

    fn add_logged(&mut self, connection: &Connection, part: &Part) -> Result<()> {
        let (accepted, happened) = (hour_of("accepted_at"), hour_of("at"));
        let statements = [
            format!(
                "SELECT {accepted}, lane, 0, CAST(accepted_at AS BIGINT) FROM messages \
                 WHERE seq > ?1 AND seq <= ?2 AND submission IS NOT NULL AND {accepted} >= ?3 AND {accepted} < ?4"
            ),
            format!(
                "SELECT {happened}, lane, CAST(kind AS BIGINT), CAST(at AS BIGINT) FROM events \
                 WHERE seq > ?1 AND seq <= ?2 AND {happened} >= ?3 AND {happened} < ?4"
            ),
        ];
        let owners = owners(connection)?;
        let mut counts: HashMap<(i64, i64, i64), i64> = HashMap::new();
        for statement in statements {
            let mut statement = connection.prepare_cached(&statement)?;
            let mut rows =
                statement.query([part.after, part.upto, part.hours.start, part.hours.end])?;
            while let Some(row) = rows.next()? {
                let lane = row.get(1)?;
                if owners.contains_key(&lane) {
                    *counts.entry((row.get(0)?, lane, row.get(2)?)).or_default() += 1;
                    self.latest = self.latest.max(Some(row.get(3)?));
                }
            }
        }
        for ((hour, lane, kind), count) in counts {
            if let Some((tenant, account)) = owners.get(&lane) {
                let (tenant, account) = (tenant.clone(), account.clone());
                self.add(hour, tenant, account, kind, count);
            }
        }
        Ok(())
    }

    fn add_forgotten(&mut self, connection: &Connection, part: &Part) -> Result<()> {
        let mut statement = connection.prepare_cached(
            "SELECT hour, tenant, account, kind, count FROM forgotten_events INDEXED BY forgotten_events_by_seq \
             WHERE seq > 0 AND seq > ?1 AND seq <= ?2 AND hour >= ?3 AND hour < ?4 \
             UNION ALL SELECT hour, tenant, account, kind, count FROM forgotten_events INDEXED BY forgotten_events_by_hour \
             WHERE seq = 0 AND seq > ?1 AND hour >= ?3 AND hour < ?4",
        )?;
        let mut rows = statement.query(params![
            part.after,
            part.upto,
            part.hours.start,
            part.hours.end
        ])?;
        while let Some(row) = rows.next()? {
            let hour = row.get(0)?;
            self.latest = self.latest.max(Some(hour));
            self.add(hour, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        }
        Ok(())
    }

    fn add(&mut self, hour: i64, tenant: String, account: String, kind: i64, count: i64) {
        let key = Key {
            hour,
            tenant,
            account,
            kind,
        };
        *self.counts.entry(key).or_default() += count;
    }
}

/// Whose mail waits in which lane: tenant and account.
fn owners(connection: &Connection) -> Result<HashMap<i64, (String, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT l.id, a.tenant, a.id FROM lanes l JOIN accounts a ON a.pk = l.account",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
