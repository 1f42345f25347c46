//! The meter of a server beside the tool. Linux only: it reads `/proc`.

use std::time::Duration;
use std::{fs, io};

/// CPU time of a server and of its processes, those that have ended included. It counts in steps of 10 ms.
pub fn cpu_time(server: u32) -> io::Result<Duration> {
    let mut ticks = 0;
    for process in fs::read_dir("/proc")? {
        let stat = fs::read_to_string(process?.path().join("stat")).unwrap_or_default();
        let mut words = stat.split_whitespace();
        let number = words.next().and_then(|word| word.parse().ok());
        // What comes before is its name, in brackets, and how it is.
        let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
        let fields: Vec<u64> = rest
            .split_whitespace()
            .map(|word| word.parse().unwrap_or(0))
            .collect();
        let [_, parent, .., _] = fields[..] else {
            continue;
        };
        if number == Some(server) || parent == u64::from(server) {
            // Its own, and that of its children that have ended (proc(5)).
            ticks += fields.iter().skip(11).take(4).sum::<u64>();
        }
    }
    Ok(Duration::from_millis(ticks * 10))
}
