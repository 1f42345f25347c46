//! What people read: results on standard output, remarks on standard error above the progress bar.

use std::io::{self, Write};

use observe::terminal;

/// Writes a result, as it is.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a remark and ends its line. What cannot be shown is not worth failing for.
pub fn remark(text: &str) {
    let _ = terminal::write_above(format!("{text}\n").as_bytes());
}
