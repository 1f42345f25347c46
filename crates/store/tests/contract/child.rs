//! The parts that a check's second process plays.

use std::io::Read;

use store::LaneKey;

use crate::support::{part, say};
use crate::{open, runtime};

/// Started by a check, this process is the other one. In a plain test run there is no part to play.
#[test]
fn plays_its_part() {
    let Some((name, words)) = part() else {
        return;
    };
    assert_eq!(name, "hold-lane");
    let runtime = runtime();
    let (lease, _store) = runtime.block_on(async {
        let store = open(&words[0], &words[1]).await;
        (store.lease(LaneKey::job(&words[2])).await.unwrap(), store)
    });
    say(lease.token);
    // Until it is killed.
    let _ = std::io::stdin().read(&mut [0]);
}
