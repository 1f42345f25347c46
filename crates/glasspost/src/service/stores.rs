//! The store by its address, as every room sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::{
    Directory, KeySource, Nodes, PostgresStore, Preparation, SqliteStore, Statistics, Store,
    Submissions,
};

use crate::exit::Failure;
use crate::settings::StoreAddress;
use crate::settings::service::ServiceSettings;

/// One store, with its faces.
#[derive(Clone)]
pub struct Stores {
    /// The queue and the log.
    pub store: Arc<dyn Store>,
    /// What clients handed over.
    pub submissions: Arc<dyn Submissions>,
    /// Tenants and accounts.
    pub directory: Arc<dyn Directory>,
    /// The processes that share it.
    pub nodes: Arc<dyn Nodes>,
    /// What happened, by hours.
    pub statistics: Arc<dyn Statistics>,
    /// What is fetched ahead, where processes share it.
    pub preparation: Option<Arc<dyn Preparation>>,
    /// Whether processes on other machines may share it.
    pub is_shared: bool,
    /// The folder whose disk has to have room; `None` where the data is in a database.
    pub disk: Option<PathBuf>,
}

impl Stores {
    /// Opens the store of a service, whose data folder is `folder`.
    pub async fn open(settings: &ServiceSettings, folder: &Path) -> Result<Self, Failure> {
        let key = match settings.encryption_key.clone() {
            Some(key) => KeySource::Given(key),
            None => KeySource::File,
        };
        match &settings.store {
            StoreAddress::File(_) => {
                let folder = settings.store.folder(folder);
                let store = SqliteStore::open_with_key(folder, &key)?;
                Ok(Self::of(Arc::new(store), Some(folder.to_owned())))
            }
            StoreAddress::Database(address) => {
                let tuning = store::postgres::Settings::default();
                let store = PostgresStore::open_with_key(address, folder, &key, tuning).await?;
                let store = Arc::new(store);
                Ok(Self {
                    preparation: Some(Arc::clone(&store) as _),
                    ..Self::of(store, None)
                })
            }
        }
    }

    fn of<S: Store + Submissions + Directory + Nodes + Statistics>(
        store: Arc<S>,
        disk: Option<PathBuf>,
    ) -> Self {
        Self {
            submissions: Arc::clone(&store) as _,
            directory: Arc::clone(&store) as _,
            nodes: Arc::clone(&store) as _,
            statistics: Arc::clone(&store) as _,
            preparation: None,
            store,
            is_shared: disk.is_none(),
            disk,
        }
    }
}
