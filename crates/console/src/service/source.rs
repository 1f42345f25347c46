//! What the console is told by who delivers and reports: it knows nothing of how they run.

use std::collections::BTreeMap;
use std::time::Duration;

use deliver::dispatch::LaneNow;
use model::account::AccountPk;
use model::{Seq, Tenant, Timestamp};
use observe::reports::{ReportFigures, SyncStatus};
use store::submissions::Channel;

/// The role of a process that takes mail.
pub(super) const TAKES_MAIL: &str = "api";
/// The role of a process that delivers it.
pub(super) const DELIVERS: &str = "smtp";

/// What the service has in memory beside its store. Every answer is at once and from memory.
pub trait FiguresSource: Send + Sync + 'static {
    /// The living processes of the installation, this one first; it is always among them.
    fn nodes(&self) -> Vec<NodeNow>;

    /// How the reports to each tenant stand that gets some, by whichever process tells them.
    fn reporting(&self) -> Vec<SyncStatus>;

    /// Whether a tenant's reports on a channel wait for somebody.
    fn are_awaited(&self, tenant: &Tenant, channel: Channel) -> bool;

    /// What the reports came to so far that this process told, for the metrics.
    fn report_figures(&self) -> ReportFigures;

    /// How far the archive of events is behind the log, where it is this process that archives; else 0.
    fn archive_behind(&self) -> u64;

    /// Whether it is this process that exposes the figures of all.
    fn exposes_installation(&self) -> bool;

    /// Whether mail is sent: `false` while the operator has it suspended.
    fn is_active(&self) -> bool;

    /// Whether this process's own tasks are alive.
    fn is_running(&self) -> bool;

    /// Whether this message is being sent, by whichever process.
    fn is_sending(&self, message: Seq) -> bool;
}

/// A process of the installation, as it last told of itself.
#[derive(Clone, Debug, Default)]
pub struct NodeNow {
    /// The name that no other process has or had.
    pub id: String,
    /// Whether it is the one that is asked.
    pub is_this: bool,
    /// The machine that it runs on.
    pub host: String,
    /// Its process id there.
    pub process: u32,
    /// What it is there for.
    pub roles: Vec<String>,
    /// The program's version.
    pub version: String,
    /// Where it is reached.
    pub address: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long ago it was heard of.
    pub silent_for: Duration,
    /// Whether it begins messages.
    pub is_active: bool,
    /// Whether it is ending.
    pub is_draining: bool,
    /// What it does for all.
    pub duties: Vec<String>,
    /// What it is making messages of.
    pub making: Making,
    /// The accounts whose mail it delivers, one row an account; of another process the busiest.
    pub lanes: Vec<LaneNow>,
}

/// Messages that are being made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Making {
    /// How many.
    pub count: u64,
    /// When the first of them was begun.
    pub oldest_at: Option<Timestamp>,
}

impl NodeNow {
    /// Whether it has a role.
    pub(super) fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// Whether it takes mail out of the queue.
    pub(super) fn delivers(&self) -> bool {
        self.has(DELIVERS) && !self.is_draining
    }
}

impl Making {
    /// Both together.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        let begun = [self.oldest_at, other.oldest_at].into_iter().flatten();
        Self {
            count: self.count + other.count,
            oldest_at: begun.min(),
        }
    }
}

/// What all processes together do for each account, by number.
pub(super) fn lanes_of_all(nodes: &[NodeNow]) -> Vec<LaneNow> {
    let mut all: BTreeMap<AccountPk, LaneNow> = BTreeMap::new();
    for lane in nodes.iter().flat_map(|node| &node.lanes) {
        all.entry(lane.account)
            .and_modify(|known| add(known, lane))
            .or_insert_with(|| lane.clone());
    }
    all.into_values().collect()
}

/// The trouble of the first that has one is shown, and the latest end of a limit.
fn add(known: &mut LaneNow, lane: &LaneNow) {
    known.connections += lane.connections;
    known.sending += lane.sending;
    known.trouble = known.trouble.take().or_else(|| lane.trouble.clone());
    known.limited_until = known.limited_until.max(lane.limited_until);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(account: i64, connections: u64, trouble: Option<&str>, until: Option<i64>) -> LaneNow {
        LaneNow {
            account: AccountPk(account),
            connections,
            sending: 1,
            trouble: trouble.map(Into::into),
            limited_until: until.map(Timestamp::from_millis),
        }
    }

    #[test]
    fn an_account_that_several_processes_deliver_for_has_one_row() {
        let node = |lanes| NodeNow {
            lanes,
            ..NodeNow::default()
        };
        let nodes = [
            node(vec![lane(2, 3, None, Some(5)), lane(1, 1, None, None)]),
            node(vec![lane(2, 4, Some("no route"), None)]),
            node(vec![lane(2, 0, Some("refused"), Some(9))]),
        ];
        let mut both = lane(2, 7, Some("no route"), Some(9));
        both.sending = 3;
        assert_eq!(lanes_of_all(&nodes), [lane(1, 1, None, None), both]);
    }

    #[test]
    fn what_is_made_adds_up_and_the_first_that_began_counts() {
        let making = |count, begun: Option<i64>| Making {
            count,
            oldest_at: begun.map(Timestamp::from_millis),
        };
        let all = [making(2, Some(30)), making(0, None), making(1, Some(20))];
        let sum = all.into_iter().fold(Making::default(), Making::and);
        assert_eq!(sum, making(3, Some(20)));
    }
}
