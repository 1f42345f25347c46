//! The tests' own servers: none outlives its test.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Child, player};

/// How long a server may take to end, and its folder.
const GONE_MAX: Duration = Duration::from_secs(20);

#[test]
fn a_server_ends_with_the_process_of_its_test() {
    for (part, ends_itself) in [("wait", false), ("panic", true)] {
        let mut command = player(&[part]);
        command.stderr(std::process::Stdio::null());
        let mut child = Child::start(command);
        let address = child.hear().expect("it has a server");
        let folder = child.hear().expect("it has a server");
        let (_, server) = address.split_once('@').unwrap();
        let (server, _) = server.split_once('/').unwrap();
        match ends_itself {
            true => assert_eq!(child.hear(), None),
            false => {
                TcpStream::connect(server).unwrap();
                child.kill();
            }
        }
        let asked = Instant::now();
        while TcpStream::connect(server).is_ok() || Path::new(&folder).exists() {
            assert!(asked.elapsed() < GONE_MAX, "{server} in {folder}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
