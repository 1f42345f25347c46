//! Several processes of the service on one PostgreSQL, and what happens to them.

mod archive;
mod called_back;
mod campaigns;
mod cut_off;
mod database_away;
mod duties_move;
mod frozen;
mod killed;
mod limits_hold;
mod moved_up;
mod nodes;
mod prepared_ahead;
mod rolling_update;
mod schedules;
mod several_apis;
mod told_in_time;
mod world;
