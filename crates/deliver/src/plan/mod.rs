//! Pure decisions: facts and time in, what to do out. Tested with virtual time.

pub mod classify;
pub mod decide;
pub mod limits;
pub mod pace;
pub mod relay;
pub mod retry;
