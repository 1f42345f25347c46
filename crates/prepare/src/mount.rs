//! What a tenant's storage is: the place behind the name in `mount:path`.

use serde_json::Value;

use crate::folder::InnerPath;
use crate::object::Object;
use crate::s3::Bucket;
use model::{FieldError, Storage, StorageProtocol};

/// The place of a storage. It says where a tenant's files are, not that they may be read: a folder must lie in one that
/// the operator opened, and a bucket is reached as any other address on the web.
#[derive(Clone, Debug)]
pub enum Mount {
    /// A folder of this machine.
    Folder {
        /// Its absolute path.
        path: String,
    },
    /// A bucket of S3 or of something that speaks like it.
    S3(Bucket),
}

impl Mount {
    /// The place of a storage as it is kept.
    pub fn of(storage: &Storage) -> Result<Self, FieldError> {
        let config = serde_json::from_str(storage.config.expose())
            .map_err(|_| FieldError::new("config", "is not JSON"))?;
        Self::read(storage.protocol, config)
    }

    /// Reads a storage's `protocol` and `config`, or names the field that cannot be used.
    pub fn read(protocol: StorageProtocol, config: Value) -> Result<Self, FieldError> {
        match protocol {
            StorageProtocol::Local => folder(config),
            StorageProtocol::S3 => Bucket::read(config).map(Self::S3),
            StorageProtocol::Gcs | StorageProtocol::Azure => {
                Err(FieldError::new("protocol", "is neither local nor s3"))
            }
        }
    }
}

fn folder(config: Value) -> Result<Mount, FieldError> {
    let mut object = Object::new("config", config)?;
    let path = object.needed("config.base_path")?;
    object.finish()?;
    let absolute = path.starts_with('/');
    match InnerPath::parse(&path) {
        Ok(_) if absolute => Ok(Mount::Folder { path }),
        Ok(_) => Err(FieldError::new("config.base_path", "must start with /")),
        Err(error) => Err(FieldError::new("config.base_path", error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn storages_are_read_and_their_errors_name_the_field() {
        let read = Mount::read(StorageProtocol::Local, json!({"base_path": "/data/x"})).unwrap();
        assert!(matches!(read, Mount::Folder { path } if path == "/data/x"));
        let s3 = json!({"bucket": "files", "prefix": "a/", "region": "eu-south-1",
            "aws_access_key_id": "AK", "aws_secret_access_key": "hunter2"});
        let read = Mount::read(StorageProtocol::S3, s3).unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
        let problem = |protocol, config| {
            let error = Mount::read(protocol, config).unwrap_err();
            error.to_string()
        };
        assert!(problem(StorageProtocol::Gcs, json!({})).starts_with("protocol: "));
        assert!(problem(StorageProtocol::Local, json!({})).contains("base_path"));
        assert!(
            problem(StorageProtocol::Local, json!({"base_path": "x"}))
                .starts_with("config.base_path: ")
        );
        assert!(problem(StorageProtocol::Local, json!({"base_path": "/x/../.."})).contains(".."));
        assert!(problem(StorageProtocol::Local, json!({"base_path": "/x", "y": 1})).contains('y'));
    }
}
