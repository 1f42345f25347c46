//! What the measuring tools use: an attempt for their events, and the meter of CPU time.

use std::time::Duration;
use std::{fs, io};

use model::{Attempt, EnhancedCode, Phase, PhaseTimes, Reply};

pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// An attempt that was answered with this code.
pub fn attempt(code: u16) -> Attempt {
    Attempt {
        remote: "smtp.example.org:587".into(),
        tls: Some("TLSv1.3 TLS13_AES_256_GCM_SHA384".into()),
        phase: Phase::Final,
        reply: Some(Reply {
            code,
            enhanced: Some(EnhancedCode(2, 0, 0)),
            text: "Ok: queued as 4bXkq21vWdz3yRT".into(),
        }),
        category: None,
        error: None,
        times: PhaseTimes {
            transaction_us: 1812,
            ..PhaseTimes::default()
        },
        refused_copies: Vec::new(),
        dialogue: None,
    }
}

/// CPU time of every thread, to the nanosecond (`/proc/self/stat` counts in steps of 10 ms).
pub fn cpu_time() -> io::Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let times = fs::read_to_string(task?.path().join("schedstat"))?;
        nanos += first_number(&times);
    }
    Ok(Duration::from_nanos(nanos))
}

/// The first word of a text, a number.
pub fn first_number(text: &str) -> u64 {
    text.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}
