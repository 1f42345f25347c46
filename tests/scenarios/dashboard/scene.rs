//! Campaigns that are watched.

use crate::harness::{Dashboard, Home, Process};

/// Addresses of people whose mail arrives.
pub fn people(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("person{number:06}@good.example"))
        .collect()
}

/// Writes `list.csv`.
pub fn write_list(home: &Home, addresses: &[String]) {
    home.write_list("list.csv", addresses.iter().map(String::as_str));
}

/// Sends `list.csv` a short letter, watched at a port that the system chooses.
pub fn watch(home: &Home, args: &[&str]) -> (Process, Dashboard) {
    let own = ["--csv", "list.csv", "--text", "Hello"];
    watch_sending(home, &[&own, args].concat())
}

/// The same for a recipient and a letter of one's own.
pub fn watch_sending(home: &Home, args: &[&str]) -> (Process, Dashboard) {
    let own = ["--monitor", "--monitor-port", "0"];
    let mut process = home.start_send(&[&own, args].concat());
    let dashboard = Dashboard::of(&mut process);
    (process, dashboard)
}
