//! How to wait: for a condition, with a deadline.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take that is expected to happen; far more than it does on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until there is a value. `what` completes "waited in vain for …".
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_within(DEADLINE, what, look)
}

/// As [`until`], with a deadline of one's own.
pub fn until_within<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(start.elapsed() < deadline, "waited in vain for {what}");
        sleep(PAUSE);
    }
}
