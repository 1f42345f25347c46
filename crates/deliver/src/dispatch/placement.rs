//! Which of several processes delivers which lane.
//!
//! Every process computes the same from the same nodes, so nobody has to be asked. That two of them know different nodes
//! for a moment does no harm: a lane is leased by one of them, and the other waits.

use std::sync::Arc;

use model::account::AccountPk;
use tokio::sync::watch;

use super::spot::Spot;

/// Which lanes are this process's to deliver: a handle for whoever knows which processes there are. Clones are one and
/// the same.
#[derive(Clone, Debug)]
pub struct Placement(Arc<watch::Sender<Nodes>>);

/// The processes that deliver, and which of them this one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nodes {
    Alone,
    Several { me: Box<str>, all: Vec<Box<str>> },
}

impl Default for Placement {
    fn default() -> Self {
        Self::alone()
    }
}

impl Placement {
    /// Every lane is this process's.
    pub fn alone() -> Self {
        Self(Arc::new(watch::Sender::new(Nodes::Alone)))
    }

    /// From now on these deliver, by name, in whatever order, and this process is `me`. Where `me` is not among them, no
    /// lane is this process's. Lanes that are not its own any more end what is under way; those that it gains are
    /// looked at, at once.
    pub fn set(&self, me: &str, nodes: &[String]) {
        let mut all: Vec<Box<str>> = nodes.iter().map(|node| node.as_str().into()).collect();
        all.sort_unstable();
        all.dedup();
        let me = me.into();
        let now = Nodes::Several { me, all };
        self.0.send_if_modified(|nodes| {
            let is_another = *nodes != now;
            *nodes = now;
            is_another
        });
    }

    /// Whether a lane is this process's: that of an account with this number, or one of its shards.
    pub fn is_ours(&self, account: AccountPk, shard: u16) -> bool {
        self.0.borrow().has(Spot { account, shard })
    }

    /// What tells of changes from now on.
    pub(super) fn follow(&self) -> watch::Receiver<Nodes> {
        self.0.subscribe()
    }

    /// Waits until a lane is not this process's.
    pub(super) async fn until_not_ours(&self, spot: Spot) {
        let mut nodes = self.follow();
        // It fails only when the sender is gone, and that is ours.
        let _ = nodes.wait_for(|nodes| !nodes.has(spot)).await;
    }
}

impl Nodes {
    fn has(&self, spot: Spot) -> bool {
        match self {
            Self::Alone => true,
            Self::Several { me, all } => owner(spot, all).is_some_and(|one| *one == **me),
        }
    }
}

/// Whose a lane is. An account's lanes go round: as many in a row as there are nodes are of different ones, so each node
/// has its part of every account. In a round a lane goes to the one of those left for which a hash of all three is highest;
/// so little moves when a node comes or goes.
fn owner(spot: Spot, nodes: &[Box<str>]) -> Option<&str> {
    let place = usize::from(spot.shard).checked_rem(nodes.len())?;
    let begins = spot.shard - u16::try_from(place).unwrap_or(spot.shard);
    let mut left: Vec<&str> = nodes.iter().map(|node| &**node).collect();
    for shard in begins..spot.shard {
        let taken = highest(Spot { shard, ..spot }, &left)?;
        left.swap_remove(taken);
    }
    highest(spot, &left).map(|highest| left[highest])
}

fn highest(spot: Spot, nodes: &[&str]) -> Option<usize> {
    let weights = nodes.iter().map(|node| (hash(spot, node), *node));
    weights
        .enumerate()
        .max_by_key(|(_, weight)| *weight)
        .map(|(place, _)| place)
}

/// The same in every version of the program, since two of them may share the work: FNV-1a over the three, then mixed as
/// SplitMix64 does it, for the last bytes of a name to count as much as the first.
fn hash(spot: Spot, node: &str) -> u64 {
    let numbers = spot.account.0.to_be_bytes().into_iter();
    let numbers = numbers.chain(spot.shard.to_be_bytes());
    let hash = numbers
        .chain(node.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: i64 = 1_000;

    fn nodes(count: usize) -> Vec<Box<str>> {
        let names = (0..count).map(|number| format!("smtp-{number}-7f9c").into());
        names.collect()
    }

    fn spots(shards: u16) -> impl Iterator<Item = Spot> {
        (0..ACCOUNTS).flat_map(move |account| {
            (0..shards).map(move |shard| Spot {
                account: AccountPk(account),
                shard,
            })
        })
    }

    #[test]
    fn every_account_is_shared_evenly_and_so_are_all_of_them() {
        for count in [1, 2, 3, 5, 8] {
            let nodes = nodes(count);
            for shards in [1, 4, 16] {
                let mut all = vec![0_usize; count];
                let owners: Vec<&str> = spots(shards)
                    .map(|spot| owner(spot, &nodes).unwrap())
                    .collect();
                for of_account in owners.chunks(usize::from(shards)) {
                    let parts: Vec<usize> = nodes
                        .iter()
                        .map(|node| of_account.iter().filter(|owner| **owner == &**node).count())
                        .collect();
                    let (least, most) = (parts.iter().min().unwrap(), parts.iter().max().unwrap());
                    assert!(most - least <= 1, "{parts:?}");
                    for (sum, part) in all.iter_mut().zip(parts) {
                        *sum += part;
                    }
                }
                let even = owners.len() as f64 / count as f64;
                let is_even = |sum: &usize| (*sum as f64 - even).abs() < even * 0.25;
                assert!(all.iter().all(is_even), "{all:?}");
            }
        }
    }

    #[test]
    fn whoever_comes_gets_its_part_and_little_else_moves() {
        for count in 1..9 {
            let (before, after) = (nodes(count), nodes(count + 1));
            for (shards, at_most) in [(1, 1.1), (4, 1.5)] {
                let moved = spots(shards)
                    .filter(|spot| owner(*spot, &before) != owner(*spot, &after))
                    .count();
                let part = moved as f64 / spots(shards).count() as f64;
                let bound = at_most / count as f64;
                assert!(part <= bound, "{count} nodes, {shards} shards: {part}");
            }
        }
    }

    #[test]
    fn every_lane_has_one_owner_whatever_order_the_nodes_are_told_in() {
        let names: Vec<String> = nodes(5).iter().map(ToString::to_string).collect();
        let placements: Vec<Placement> = (0..5)
            .map(|place| {
                let placement = Placement::alone();
                let mut told = names.clone();
                told.rotate_left(place);
                told.push(told[0].clone());
                placement.set(&names[place], &told);
                placement
            })
            .collect();
        for spot in spots(4) {
            let owners = placements
                .iter()
                .filter(|one| one.is_ours(spot.account, spot.shard));
            assert_eq!(owners.count(), 1);
        }
    }

    #[test]
    fn alone_everything_is_ours_and_nothing_where_others_deliver() {
        let placement = Placement::alone();
        assert!(placement.is_ours(AccountPk(7), 3));
        placement.set("a", &["b".to_owned(), "c".to_owned()]);
        assert!(!placement.is_ours(AccountPk(7), 3));
        placement.set("a", &[]);
        assert!(!placement.is_ours(AccountPk(7), 3));
    }

    /// Processes of two versions must not both count on the other.
    #[test]
    fn whose_a_lane_is_stays_so_in_every_version() {
        let nodes = nodes(3);
        let owners: Vec<&str> = spots(4)
            .take(8)
            .map(|spot| owner(spot, &nodes).unwrap())
            .collect();
        let numbers: Vec<&str> = owners.iter().map(|owner| &owner[5..6]).collect();
        assert_eq!(numbers, ["2", "1", "0", "1", "1", "0", "2", "0"]);
    }

    #[tokio::test]
    async fn who_follows_is_told_of_changes_and_of_nothing_else() {
        let placement = Placement::alone();
        let mut nodes = placement.follow();
        let both = ["b".to_owned(), "a".to_owned()];
        placement.set("a", &both);
        assert!(nodes.has_changed().unwrap());
        nodes.mark_unchanged();
        placement.set("a", &["a".to_owned(), "b".to_owned()]);
        assert!(!nodes.has_changed().unwrap());
        placement.set("c", &both);
        let account = AccountPk(1);
        placement.until_not_ours(Spot { account, shard: 0 }).await;
    }
}
