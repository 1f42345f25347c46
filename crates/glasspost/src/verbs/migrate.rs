//! `glasspost migrate`: a store's schema brought up to date, before newer programs work with it.

use store::SqliteStore;

use crate::cli::MigrateArgs;
use crate::exit::Failure;
use crate::settings::service::{Layers, ServiceSettings};
use crate::settings::{Environment, StoreAddress, data_folder};
use crate::terminal;

/// Runs the verb.
pub async fn run(args: MigrateArgs, environment: &Environment) -> Result<(), Failure> {
    let file = super::service_config(&args.config, environment);
    let said = args.config.said().into_iter().chain(args.store.said());
    let layers = Layers::new(file.as_deref(), environment, said)?;
    let address = ServiceSettings::new(&layers)?.store;
    let told = match &address {
        StoreAddress::Database(database) => {
            let done = store::postgres::migrate(database).await?;
            match done.from == done.to {
                true => format!("{address} has schema version {} already\n", done.to),
                false => format!(
                    "{address} was brought from schema version {} to {}\n",
                    done.from, done.to
                ),
            }
        }
        StoreAddress::File(_) => {
            let data = data_folder(args.data.data.as_deref(), None, environment)?;
            let folder = address.folder(&data);
            // Opening it does it.
            SqliteStore::open(folder)?;
            format!("the data file in {} is up to date\n", folder.display())
        }
    };
    Ok(terminal::print(&told)?)
}
