//! What is noted of events that the log holds no more, by whoever forgets them and in the same transaction: statistics are
//! counted from that anew.

use model::AccountPk;

use crate::Result;
use crate::postgres::session::Session;
use crate::statistics::hour_of;

/// Events that are forgotten.
#[derive(Default)]
pub(in crate::postgres) struct Forgotten {
    seqs: Vec<i64>,
    at: Vec<i64>,
    accounts: Vec<i64>,
    kinds: Vec<i64>,
}

impl Forgotten {
    /// Adds one by its place, its time in milliseconds, its account, and its kind's code.
    pub(in crate::postgres) fn add(&mut self, seq: i64, at: i64, account: AccountPk, kind: i64) {
        self.seqs.push(seq);
        self.at.push(at);
        self.accounts.push(account.0);
        self.kinds.push(kind);
    }

    /// Notes them, while their accounts are still there. How far the log was counted is only read: when it grows meanwhile,
    /// some keep their places for longer.
    pub(in crate::postgres) async fn note(&self, session: &Session) -> Result<()> {
        if self.seqs.is_empty() {
            return Ok(());
        }
        let statement = format!(
            "INSERT INTO forgotten_events (seq, hour, tenant, account, kind, count) \
             SELECT gone.place, gone.hour, owner.tenant, owner.account, gone.kind, gone.count FROM (\
                 SELECT greatest(e.seq, p.upto) AS place, {hour} AS hour, account, kind, count(*) AS count \
                 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS e (seq, at, account, kind), \
                 (SELECT coalesce((SELECT upto FROM statistics_progress), 0) AS upto) AS p \
                 GROUP BY 1, 2, 3, 4) AS gone \
             CROSS JOIN LATERAL (\
                 SELECT tenant, id AS account FROM accounts WHERE pk = gone.account LIMIT 1) AS owner",
            hour = hour_of("at"),
        );
        session
            .execute(
                &statement,
                &[&self.seqs, &self.at, &self.accounts, &self.kinds],
            )
            .await?;
        Ok(())
    }
}
