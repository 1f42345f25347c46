//! The service as applications hand it mail: one scenario a file.

mod accepted_is_sent;
mod archive;
mod attachments;
mod books_balance;
mod config;
mod health;
mod killed_under_load;
mod large_files;
mod limits;
mod logs;
mod postfix_and_dovecot;
mod prometheus;
mod removal;
mod replacing;
mod reports;
mod retries;
mod secrets;
mod statistics;
mod stopped_in_good_order;
mod suspension;
mod tenants_apart;
