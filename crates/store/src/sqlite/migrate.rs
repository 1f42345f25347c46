//! The schema and its versions: files, forward only.

use std::cmp::Ordering;

use rusqlite::{Connection, TransactionBehavior};

use crate::copy::CopyError;
use crate::{Result, StoreError};

/// Every migration, in order; a data file's `user_version` says how many it has.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_spine.sql"),
    include_str!("migrations/0002_directory.sql"),
    include_str!("migrations/0003_submissions.sql"),
    include_str!("migrations/0004_statistics.sql"),
];

/// Brings a data file to the latest version; gives the store's tag.
pub(super) fn to_latest(connection: &mut Connection) -> Result<u32> {
    // Immediate, so that of two processes that open a new folder at once one waits for the other.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for migration in &MIGRATIONS[found as usize..] {
        tx.execute_batch(migration)?;
    }
    if found == 0 {
        // Thirty bits: as many as a message id has room for.
        tx.execute(
            "INSERT INTO meta (key, value) VALUES ('tag', random() & 0x3fffffff)",
            [],
        )?;
    }
    if found < known {
        tx.pragma_update(None, "user_version", known)?;
    }
    let tag = tx.query_row("SELECT value FROM meta WHERE key = 'tag'", [], |row| {
        row.get(0)
    })?;
    tx.commit()?;
    Ok(tag)
}

/// Refuses a data file of another version than the latest.
pub(super) fn check(connection: &Connection) -> Result<()> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    match found.cmp(&known) {
        Ordering::Less => Err(CopyError::OldFile { found, known }.into()),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::Newer { found, known }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_earlier_version_is_brought_to_the_latest_as_it_is() {
        let schema = |connection: &Connection| -> Vec<(String, String)> {
            let mut statement = connection
                .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
                .unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
        };
        let mut new = Connection::open_in_memory().unwrap();
        to_latest(&mut new).unwrap();
        for version in 1..MIGRATIONS.len() {
            let mut old = Connection::open_in_memory().unwrap();
            for migration in &MIGRATIONS[..version] {
                old.execute_batch(migration).unwrap();
            }
            old.pragma_update(None, "user_version", version as i64)
                .unwrap();
            old.execute("INSERT INTO meta (key, value) VALUES ('tag', 77)", [])
                .unwrap();
            assert_eq!(to_latest(&mut old).unwrap(), 77);
            assert_eq!(schema(&old), schema(&new), "from version {version}");
            assert_eq!(
                to_latest(&mut old).unwrap(),
                77,
                "once more changes nothing"
            );
        }
    }
}
