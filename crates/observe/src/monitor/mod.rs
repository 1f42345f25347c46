//! A run watched while it goes on: every figure, chart and line that a dashboard shows, made from the log.

pub mod view;
