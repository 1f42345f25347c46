//! Recipients, filter and template to messages; resume; schedules.

pub mod csv_out;
pub mod filter;
pub mod recipients;
