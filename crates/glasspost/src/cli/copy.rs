//! `glasspost copy`.

use clap::Args;

use super::{DataFlags, LogFlags};

const COPY_HELP: &str = "\
Moves an installation up, from one machine's data file to a database that several share. Nothing is lost: message ids, \
counts and what was reported stay as they are, and what is queued is delivered from there.

Stop the service first: a data file that somebody works with is refused, and so is a database that is not empty. The file is \
only read. The database is filled whole or not at all, so a copy that was interrupted is simply begun anew.

The keys stay in the data folder: give each machine its encryption.key (or MAIL_PROXY_ENCRYPTION_KEY), download.key and \
admin.token.

Example:
  glasspost migrate --store postgres://glasspost@db.example/mail
  glasspost copy --from sqlite:/var/lib/glasspost --to postgres://glasspost@db.example/mail
  glasspost serve --store postgres://glasspost@db.example/mail

Exit status: 0 when all was copied, 1 an error, 2 invalid arguments, 4 there is no data file.";

/// Flags of `glasspost copy`.
#[derive(Args, Clone, Debug)]
#[command(after_help = COPY_HELP)]
pub struct CopyArgs {
    /// What to copy: sqlite:/folder, or sqlite: for the data folder
    #[arg(long, value_name = "ADDRESS")]
    pub from: String,
    /// Where to: postgres://user:password@host/database, migrated and empty [env: GLASSPOST_STORE]
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub logs: LogFlags,
}
