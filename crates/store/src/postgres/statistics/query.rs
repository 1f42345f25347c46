//! The counts read back.

use model::{AccountId, Seq, TenantId, Timestamp};

use crate::Result;
use crate::postgres::history::no_end;
use crate::postgres::row::at_most;
use crate::postgres::session::Session;
use crate::statistics::{
    CountedTo, DAY_MS, Each, Hours, Rows, Span, StatisticsQuery, StatisticsRow,
};

pub(super) async fn rows(session: &Session, query: &StatisticsQuery) -> Result<Vec<StatisticsRow>> {
    let hours = Hours::that_begin(query.from, query.until);
    let tenant = query.tenant.as_ref().map(TenantId::as_str);
    let account = query.account.as_ref().map(AccountId::as_str);
    let limit = at_most(Rows::READ_MAX);
    let found = session
        .rows(
            &text(query),
            &[&hours.from, &hours.until, &tenant, &account, &limit],
        )
        .await?;
    let mut rows = Rows::default();
    for row in &found {
        rows.add(row)?;
    }
    Ok(rows.into_vec())
}

fn text(query: &StatisticsQuery) -> String {
    let span = match query.by {
        Span::Hour => "hour".to_owned(),
        Span::Day => format!("hour - hour % {DAY_MS}"),
        Span::Month => "1000 * CAST(extract(epoch FROM date_trunc('month', \
             to_timestamp(hour / 1000) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC') AS BIGINT)"
            .to_owned(),
    };
    let each = match query.each {
        Each::Total => "CAST(NULL AS TEXT), CAST(NULL AS TEXT)",
        Each::Tenant => "tenant, CAST(NULL AS TEXT)",
        Each::Account => "tenant, account",
    };
    let of_tenant = match query.tenant {
        Some(_) => "tenant = $3",
        None => "$3::text IS NULL",
    };
    let of_account = match query.account {
        Some(_) => "account = $4",
        None => "$4::text IS NULL",
    };
    format!(
        "SELECT {span}, {each}, kind, CAST(sum(count) AS BIGINT) FROM statistics \
         WHERE hour >= $1 AND hour < $2 AND {of_tenant} AND {of_account} \
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT $5"
    )
}

pub(super) async fn counted_to(session: &Session) -> Result<CountedTo> {
    let row = session
        .row(
            "SELECT coalesce(p.upto, 0), p.at, log.last \
             FROM (SELECT max(last) AS last FROM log) AS log LEFT JOIN statistics_progress p ON TRUE",
            &[],
        )
        .await?;
    let (place, at): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let end: Option<i64> = row.try_get(2)?;
    Ok(CountedTo {
        place: Seq::new(place),
        end: Seq::new(end.ok_or_else(no_end)?),
        at: at.map(Timestamp::from_millis),
    })
}
