//! Several processes of the service on one PostgreSQL, and what happens to them.

mod database_away;
mod frozen;
mod killed;
