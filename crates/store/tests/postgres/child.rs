//! The parts that a check's second process plays.

use std::io::Read;

use crate::cluster::Cluster;
use crate::support::{part, say};
use crate::{copy, leases, runtime};

/// Started by a check, this process is another one. In a plain test run there is no part to play.
#[test]
fn plays_its_part() {
    let Some((name, words)) = part() else {
        return;
    };
    match name.as_str() {
        "wait" => {
            start_a_server();
            // Until it is killed.
            let _ = std::io::stdin().read(&mut [0]);
        }
        "panic" => {
            start_a_server();
            panic!("as it is asked to");
        }
        "hold" => runtime().block_on(leases::hold(&words[0], &words[1])),
        "copy" => runtime().block_on(copy::play(&words)),
        other => panic!("there is no part {other}"),
    }
}

/// Starts a server, and says where it and its folder are.
fn start_a_server() {
    let database = Cluster::shared().database();
    say(database.address());
    say(database.sql("SHOW data_directory"));
}
