//! Durable truth: the queue, the event log and the ledger.
