//! What goes on the wire, read back by a reader that is not ours: Python's `email` package.
//!
//! Bars 2 and 3: whatever stands in a subject, a name, a file name, a header or a body, there is no
//! header and no recipient more than meant, no bare CR or LF, no line over 998, and each value
//! arrives as it was.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says so by panicking"
)]

mod case;
mod hostile;
mod random;
mod read_back;
