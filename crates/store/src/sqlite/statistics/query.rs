//! The counts read back.

use model::{AccountId, Seq, TenantId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::Result;
use crate::sqlite::history::end_of_log;
use crate::sqlite::row::at_most;
use crate::statistics::{
    CountedTo, DAY_MS, Each, Hours, Rows, Span, StatisticsQuery, StatisticsRow,
};

pub(super) fn rows(connection: &Connection, query: &StatisticsQuery) -> Result<Vec<StatisticsRow>> {
    let hours = Hours::that_begin(query.from, query.until);
    let mut statement = connection.prepare_cached(&text(query))?;
    let mut found = statement.query(params![
        hours.from,
        hours.until,
        query.tenant.as_ref().map(TenantId::as_str),
        query.account.as_ref().map(AccountId::as_str),
        at_most(Rows::READ_MAX),
    ])?;
    let mut rows = Rows::default();
    while let Some(row) = found.next()? {
        rows.add(row)?;
    }
    Ok(rows.into_vec())
}

fn text(query: &StatisticsQuery) -> String {
    let span = match query.by {
        Span::Hour => "hour".to_owned(),
        Span::Day => format!("hour - hour % {DAY_MS}"),
        Span::Month => {
            "1000 * CAST(strftime('%s', hour / 1000, 'unixepoch', 'start of month') AS INTEGER)"
                .to_owned()
        }
    };
    let each = match query.each {
        Each::Total => "NULL, NULL",
        Each::Tenant => "tenant, NULL",
        Each::Account => "tenant, account",
    };
    let of_tenant = match query.tenant {
        Some(_) => "tenant = ?3",
        None => "?3 IS NULL",
    };
    let of_account = match query.account {
        Some(_) => "account = ?4",
        None => "?4 IS NULL",
    };
    format!(
        "SELECT {span}, {each}, kind, sum(count) FROM statistics \
         WHERE hour >= ?1 AND hour < ?2 AND {of_tenant} AND {of_account} \
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT ?5"
    )
}

pub(super) fn counted_to(connection: &Connection) -> Result<CountedTo> {
    let progress: Option<(i64, Option<i64>)> = connection
        .prepare_cached("SELECT upto, at FROM statistics_progress")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (place, at) = progress.unwrap_or_default();
    Ok(CountedTo {
        place: Seq::new(place),
        end: end_of_log(connection)?,
        at: at.map(Timestamp::from_millis),
    })
}
