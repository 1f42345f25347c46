//! The processes that share the database, as they last said.

use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;
use tokio_postgres::Row;

use super::PostgresStore;
use super::history::CLEAR_ENDS;
use super::lanes::millis;
use super::migrate;
use crate::nodes::{KEPT, NewNode, Node, Nodes, Orders, SILENT_MAX, check_words};
use crate::{Result, StoreError};

/// One statement, whose parts see the table as it was before: the row of this process is taken from its own part.
const BEAT: &str = "WITH gone AS (\
         DELETE FROM nodes WHERE id <> $1 AND seen_at < now() - $10 * interval '1 millisecond'), \
     this AS (\
         INSERT INTO nodes (id, host, process, roles, version, address, doing, started_at, seen_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now()) \
         ON CONFLICT (id) DO UPDATE SET host = $2, process = $3, roles = $4, version = $5, address = $6, doing = $7, \
         started_at = $8, seen_at = now() \
         RETURNING id, host, process, roles, version, address, doing, started_at) \
     SELECT id, host, process, roles, version, address, doing, started_at, 0::double precision AS silent_s FROM this \
     UNION ALL \
     SELECT id, host, process, roles, version, address, doing, started_at, \
         greatest(0, extract(epoch FROM now() - seen_at))::double precision FROM nodes \
     WHERE id <> $1 AND seen_at >= now() - $9 * interval '1 millisecond' ORDER BY id";

/// Says who asks, the order's number, and the words. Of two at once, the second takes its number when the first is said:
/// they are heard in the order of their numbers.
const ORDER: &str = "SELECT number, pg_notify('glasspost', concat_ws(' ', $1::text, 'order', number::text, $2::text)) \
     FROM (SELECT CASE WHEN pg_advisory_xact_lock(hashtextextended('orders', 0)) IS NOT NULL \
         THEN nextval('orders') END AS number OFFSET 0) AS taken";

/// The schema's version, the oldest whose programs can work with it, and whether writes are refused.
const CHECK: &str = "SELECT version, oldest, current_setting('transaction_read_only') = 'on' \
     FROM schema_versions ORDER BY version DESC LIMIT 1";

#[async_trait]
impl Nodes for PostgresStore {
    async fn beat(&self, node: NewNode) -> Result<Vec<Node>> {
        node.check()?;
        let id = self.holder.name();
        let rows = self
            .holder
            .beat(
                BEAT,
                &[
                    &id,
                    &node.host,
                    &i64::from(node.process),
                    &node.roles,
                    &node.version,
                    &node.address,
                    &node.doing,
                    &node.started_at.as_millis(),
                    &millis(SILENT_MAX),
                    &millis(KEPT),
                ],
            )
            .await?;
        rows.iter().map(|row| to_node(row, id)).collect()
    }

    async fn keep_house(&self) -> Result<()> {
        self.prepare_partitions().await?;
        self.holder.ask(CLEAR_ENDS, &[]).await?;
        self.clear_prepared().await?;
        self.drop_emptied_partitions().await
    }

    async fn check(&self) -> Result<()> {
        let rows = self.holder.ask(CHECK, &[]).await?;
        let (found, oldest, is_read_only) = match rows.first() {
            Some(row) => (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?),
            None => (0, 0, false),
        };
        if is_read_only {
            let reason = "the database takes no writes: it is a standby, or set to be read only";
            return Err(StoreError::Backend(reason.to_owned()));
        }
        migrate::check_version(found, oldest)
    }

    async fn leave(&self) -> Result<()> {
        let id = self.holder.name();
        self.holder
            .ask("DELETE FROM nodes WHERE id = $1", &[&id])
            .await?;
        Ok(())
    }

    async fn order(&self, words: &str) -> Result<u64> {
        check_words(words)?;
        let rows = self
            .holder
            .ask(ORDER, &[&self.holder.name(), &words])
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::Backend("an order without a number".to_owned()))?;
        Ok(row.try_get::<_, i64>(0)?.unsigned_abs())
    }

    fn orders(&self) -> Orders {
        Orders::new(self.orders.subscribe())
    }
}

fn to_node(row: &Row, this: &str) -> Result<Node> {
    let id: String = row.try_get("id")?;
    let process: i64 = row.try_get("process")?;
    Ok(Node {
        is_this: id == this,
        id,
        about: NewNode {
            host: row.try_get("host")?,
            process: u32::try_from(process).unwrap_or(0),
            roles: row.try_get("roles")?,
            version: row.try_get("version")?,
            address: row.try_get("address")?,
            doing: row.try_get("doing")?,
            started_at: Timestamp::from_millis(row.try_get("started_at")?),
        },
        silent_for: Duration::try_from_secs_f64(row.try_get("silent_s")?).unwrap_or_default(),
    })
}
