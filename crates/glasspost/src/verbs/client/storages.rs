//! `glasspost storages` as requests.

use serde_json::Value;

use super::call::{Ask, Call, Desk, fields};
use super::table::Shape;
use super::tenants::DELETED;
use crate::cli::{AddStorage, StoragesVerb};
use crate::exit::Failure;

const COLUMNS: &[&str] = &[
    "name",
    "protocol",
    "config.base_path",
    "config.bucket",
    "config.prefix",
    "config.region",
    "config.endpoint_url",
];

impl Ask for StoragesVerb {
    fn call(self, desk: &Desk<'_>) -> Result<Call, Failure> {
        Ok(match self {
            Self::List => Call::get("/storages/list", &()).shown_as(Shape::List("", COLUMNS)),
            Self::Get(storage) => Call::get("/storages/get", &storage),
            Self::Add(storage) => add(&storage, desk)?,
            Self::Delete(storage) => Call::post("/storages/delete", &storage).shown_as(DELETED),
        })
    }
}

fn add(storage: &AddStorage, desk: &Desk<'_>) -> Result<Call, Failure> {
    let mut config = fields(&storage.config);
    if storage.config.aws_access_key_id.is_some() {
        let file = storage.config.secret_key_file.as_deref();
        if let Some(secret) = desk.stdin.secret_or_typed(file, "secret key")? {
            let secret = Value::from(secret.expose());
            config.insert("aws_secret_access_key".to_owned(), secret);
        }
    }
    Ok(Call::post("/storages/add", storage).with("config", Some(config)))
}
