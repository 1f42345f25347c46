//! How much a scenario does: enough for every change, or the full figures.

/// `usually`, or `fully` where `GLASSPOST_SOAK` asks for the full figures.
#[expect(
    clippy::disallowed_methods,
    reason = "the setting of the whole test run, as `make soak` gives it"
)]
pub fn amount(usually: usize, fully: usize) -> usize {
    match std::env::var_os("GLASSPOST_SOAK") {
        Some(_) => fully,
        None => usually,
    }
}
