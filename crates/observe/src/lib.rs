//! Readers of the event log: counters, terminal view, log lines, accounts.
