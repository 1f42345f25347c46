//! What holds when things end badly: kills, torn files, full disks, stops, rivals.

pub mod people;
pub mod trace;

mod disk_full;
mod fsync_order;
mod kill_nine_loop;
mod new_run_says_how_to_resume;
mod resume_by_name_with_edited_template;
mod resume_of_finished_says_all_sent;
mod sigterm_under_load;
mod torn_account_files;
mod two_campaigns_one_account;
mod two_sends_one_folder;
