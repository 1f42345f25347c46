//! Template and data in, the exact bytes on the wire out.
//!
//! Promises: pure, no IO and no clock. Nothing that a template, a recipient's data, a file name or
//! a setting says can add a header, a recipient or a part to a message, or end a line early. What
//! is written has CRLF at every line's end, no line over 998 bytes and only ASCII, but for
//! addresses that are not.
//!
//! Does not know: where mail goes, where templates, data and attachments come from.
//!
//! # Layout
//! - [`go_template`]: Go's templates, for the parts that differ by recipient
//! - [`letter`]: what a campaign says, compiled once and composed for each recipient
//! - [`mime`]: headers, bodies and attachments as bytes

pub mod go_template;
pub mod letter;
pub mod mime;
