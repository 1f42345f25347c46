//! Where campaigns and their schedules are kept, and how the next command is told.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::postgres::{Address, Settings};
use store::{PostgresStore, SqliteStore, Store};

use super::{request, shell_word};
use crate::cli::StoreFlags;
use crate::exit::Failure;
use crate::settings::service::{Layers, ServiceSettings};
use crate::settings::{Environment, StoreAddress, data_folder, is_platform_folder};

/// How an address is named that nobody is to read over a shoulder.
const IN_THE_ENVIRONMENT: &str = " --store \"$GLASSPOST_STORE\"";

/// A store by what the flags and the environment say.
pub struct StorePlace {
    at: At,
    /// What the next command has to be told to find it.
    flags: String,
}

enum At {
    Folder(PathBuf),
    Database(Box<Address>),
}

impl StorePlace {
    /// Finds it. `data` is `--data`, `job_file` one of MailGrid's flags for it.
    pub fn find(
        store: &StoreFlags,
        data: Option<&Path>,
        job_file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let said = StoreFlags {
            store: request::given(store.store.as_ref()),
        };
        // The service's file is not read: its other settings are nobody's business here.
        let layers = Layers::new(None, environment, said.said())?;
        Ok(match ServiceSettings::store(&layers)? {
            StoreAddress::Database(address) => Self {
                flags: match address.without_secret() {
                    Some(text) => format!(" --store {}", shell_word(text)),
                    None => IN_THE_ENVIRONMENT.to_owned(),
                },
                at: At::Database(address),
            },
            StoreAddress::File(Some(folder)) => Self {
                flags: format!(
                    " --store {}",
                    shell_word(&format!("sqlite:{}", folder.display()))
                ),
                at: At::Folder(folder),
            },
            StoreAddress::File(None) => {
                let folder = data_folder(data, job_file, environment)?;
                Self {
                    flags: match is_platform_folder(&folder, environment) {
                        true => String::new(),
                        false => format!(" --data {}", shell_word(&folder.display().to_string())),
                    },
                    at: At::Folder(folder),
                }
            }
        })
    }

    /// Opens it.
    pub async fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        Ok(match &self.at {
            At::Folder(folder) => Arc::new(SqliteStore::open(folder)?),
            At::Database(address) => {
                Arc::new(PostgresStore::open(address, Settings::default()).await?)
            }
        })
    }

    /// A command that finds it, as it is typed into a shell.
    pub fn command(&self, words: &str) -> String {
        format!("glasspost {words}{}", self.flags)
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Folder(folder) => write!(f, "the data folder {}", folder.display()),
            At::Database(address) => write!(f, "the database {address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Variable;

    fn found(store: Option<&str>, data: Option<&str>, environment: &Environment) -> StorePlace {
        let flags = StoreFlags {
            store: store.map(str::to_owned),
        };
        StorePlace::find(&flags, data.map(Path::new), None, environment).unwrap()
    }

    fn command(store: Option<&str>, data: Option<&str>) -> String {
        let environment = Environment::of([(Variable::Home, "/home/ada".into())]);
        found(store, data, &environment).command("report j1")
    }

    #[test]
    fn the_command_that_is_shown_finds_the_same_store() {
        assert_eq!(command(None, None), "glasspost report j1");
        assert_eq!(command(Some(""), None), "glasspost report j1");
        assert_eq!(command(None, Some("d/x")), "glasspost report j1 --data d/x");
        assert_eq!(
            command(None, Some("my data")),
            "glasspost report j1 --data 'my data'"
        );
        assert_eq!(
            command(Some("sqlite:/srv/mail"), None),
            "glasspost report j1 --store sqlite:/srv/mail"
        );
        assert_eq!(
            command(Some("postgres://gp@db/mail?sslmode=require"), Some("d")),
            "glasspost report j1 --store 'postgres://gp@db/mail?sslmode=require'"
        );
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let address = "postgres://gp:canary@db/mail";
        assert_eq!(
            command(Some(address), None),
            "glasspost report j1 --store \"$GLASSPOST_STORE\""
        );
        let environment = Environment::named_for_tests(&[("GLASSPOST_STORE", address)]);
        let place = found(None, None, &environment);
        assert_eq!(place.to_string(), "the database postgres://gp@db/mail");
        assert!(!place.command("campaigns").contains("canary"));
    }

    #[test]
    fn what_is_no_store_is_a_wrong_setting() {
        let flags = StoreFlags {
            store: Some("mysql://db/mail".to_owned()),
        };
        let refused = StorePlace::find(&flags, None, None, &Environment::default());
        let failure = refused.err().unwrap();
        assert_eq!(failure.code() as u8, 3, "{failure}");
        assert!(failure.to_string().contains("--store"), "{failure}");
    }
}
