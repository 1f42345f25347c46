//! The meters of a measuring tool: CPU time, time, and bytes written. Linux only: they read `/proc/self`.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::support::{cpu_time, first_number};

/// What one phase used.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub cpu: Duration,
    pub wall: Duration,
    pub bytes: u64,
}

/// The process's meters at one moment.
pub struct Meter {
    pub cpu: Duration,
    at: Instant,
    pub bytes: u64,
}

impl Meter {
    pub fn read() -> io::Result<Self> {
        Ok(Self {
            cpu: cpu_time()?,
            at: Instant::now(),
            bytes: bytes_written()?,
        })
    }

    pub fn since(&self) -> io::Result<Cost> {
        Ok(Cost {
            wall: self.at.elapsed(),
            cpu: cpu_time()?.saturating_sub(self.cpu),
            bytes: bytes_written()? - self.bytes,
        })
    }
}

impl Cost {
    pub fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            wall: self.wall + other.wall,
            bytes: self.bytes + other.bytes,
        }
    }

    pub fn print(self, case: &str, phase: &str, size: usize) {
        let each = |duration: Duration| duration.as_secs_f64() * 1e6 / size as f64;
        println!(
            "{case} {phase:8} {:>9.2} {:>9.2} {:>11.1}",
            each(self.cpu),
            each(self.wall),
            self.bytes as f64 / size as f64,
        );
    }
}

/// What the process had the storage layer write.
fn bytes_written() -> io::Result<u64> {
    let counters = fs::read_to_string("/proc/self/io")?;
    Ok(field(&counters, "write_bytes:"))
}

/// The most memory that the process had.
pub fn peak_memory_kib() -> io::Result<u64> {
    Ok(field(&fs::read_to_string("/proc/self/status")?, "VmHWM:"))
}

/// The size of a folder's data files.
pub fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "db") {
            bytes += fs::metadata(path)?.len();
        }
    }
    Ok(bytes)
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map_or(0, first_number)
}
