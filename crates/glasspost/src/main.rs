//! The `glasspost` binary.
fn main() {}
