//! The service as applications hand it mail: one scenario a file.

mod accepted_is_sent;
mod books_balance;
mod health;
mod killed_under_load;
mod limits;
mod retries;
mod stopped_in_good_order;
mod tenants_apart;
