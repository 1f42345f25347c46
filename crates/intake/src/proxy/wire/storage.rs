//! Storages.

use model::{Secret, Storage, StorageName, StorageProtocol, TenantId, Timestamp};
use prepare::Mount;
use serde_json::{Map, Value, json};

use crate::proxy::object::{Object, Place};
use crate::proxy::problem::Problem;
use crate::proxy::record::moment;

/// What a request about a storage may hold.
const FIELDS: [&str; 4] = ["tenant_id", "name", "protocol", "config"];
/// What of a storage's settings is shown: all the rest may be a key.
const SHOWN: [&str; 5] = ["base_path", "bucket", "prefix", "region", "endpoint_url"];

/// A storage as a request describes it, whole.
pub(in crate::proxy) fn read(
    input: &Object,
    tenant: TenantId,
    at: Timestamp,
) -> Result<Storage, Problem> {
    input.only(&FIELDS)?;
    let config = input.value("config").cloned();
    let storage = Storage {
        tenant,
        name: input.needed_parsed("name", StorageName::parse)?,
        protocol: input.needed_parsed("protocol", StorageProtocol::parse)?,
        config: Secret::new(config.unwrap_or_else(|| json!({})).to_string()),
        created_at: at,
        updated_at: at,
    };
    Mount::of(&storage).map_err(|error| Problem::field(&Place::body(), error))?;
    Ok(storage)
}

/// A storage as it is shown, without its keys.
pub(in crate::proxy) fn show(storage: &Storage) -> Value {
    json!({
        "tenant_id": storage.tenant.as_str(),
        "name": storage.name.as_str(),
        "protocol": storage.protocol.as_str(),
        "config": show_config(&storage.config),
        "created_at": moment(storage.created_at),
        "updated_at": moment(storage.updated_at),
    })
}

fn show_config(config: &Secret) -> Map<String, Value> {
    let mut fields: Map<String, Value> = serde_json::from_str(config.expose()).unwrap_or_default();
    fields.retain(|name, _| SHOWN.contains(&name.as_str()));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(value: Value) -> Result<Storage, Problem> {
        let input = Object::of(Place::body(), value).unwrap();
        let tenant = TenantId::parse("acme").unwrap();
        read(&input, tenant, Timestamp::default())
    }

    fn bucket() -> Value {
        json!({"tenant_id": "acme", "name": "FILES", "protocol": "s3", "config": {
            "bucket": "files", "region": "eu-south-1", "prefix": "a/",
            "aws_access_key_id": "canaryname", "aws_secret_access_key": "canary-key"}})
    }

    #[test]
    fn a_storage_is_read_and_shown_without_its_keys() {
        let storage = storage(bucket()).unwrap();
        let shown = show(&storage);
        assert!(!shown.to_string().contains("canary"), "{shown}");
        let config = json!({"bucket": "files", "region": "eu-south-1", "prefix": "a/"});
        assert_eq!(shown["config"], config);
        assert!(storage.config.expose().contains("canary-key"));
        assert!(!format!("{storage:?}").contains("canary"));
    }

    #[test]
    fn errors_name_the_field_and_repeat_no_secret() {
        let with = |name: &str, value: Value| {
            let mut request = bucket();
            request[name] = value;
            request
        };
        for (request, field) in [
            (with("name", json!("a:b")), "name"),
            (with("name", Value::Null), "name"),
            (with("protocol", json!("ftp")), "protocol"),
            (with("protocol", json!("gcs")), "protocol"),
            (with("protocol", json!("local")), "config"),
            (with("config", Value::Null), "bucket"),
            (with("config", json!("canary")), "config"),
            (
                with(
                    "config",
                    json!({"bucket": "b", "aws_access_key_id": "canary"}),
                ),
                "aws_secret",
            ),
            (with("cofnig", json!("canary")), "cofnig"),
        ] {
            let Err(Problem::Invalid(faults)) = storage(request.clone()) else {
                panic!("{request}");
            };
            let shown = serde_json::to_string(&faults).unwrap();
            assert!(
                shown.contains(field) && !shown.contains("canary"),
                "{request}: {shown}"
            );
        }
    }
}
