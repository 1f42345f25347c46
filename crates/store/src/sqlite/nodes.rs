//! The processes on a data folder: of them, only the one that asks is known.
//!
//! They are on one machine, whose system lists its processes; each sees by the lock files which of the others live, and
//! nothing is shared out by what they tell of themselves. So a table of them would cost a write every few seconds and
//! nobody would read it.

use std::time::Duration;

use async_trait::async_trait;

use super::{SqliteStore, migrate};
use crate::Result;
use crate::nodes::{NewNode, Node, Nodes, Orders, check_words};

#[async_trait]
impl Nodes for SqliteStore {
    async fn beat(&self, node: NewNode) -> Result<Vec<Node>> {
        node.check()?;
        Ok(vec![Node {
            id: self.holder.name().to_owned(),
            is_this: true,
            about: node,
            silent_for: Duration::ZERO,
        }])
    }

    /// The file needs nothing.
    async fn keep_house(&self) -> Result<()> {
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        self.looking.read(migrate::check).await
    }

    async fn leave(&self) -> Result<()> {
        Ok(())
    }

    /// There are no others.
    async fn order(&self, words: &str) -> Result<u64> {
        check_words(words)?;
        Ok(0)
    }

    fn orders(&self) -> Orders {
        Orders::new(self.orders.subscribe())
    }
}
