//! The storages that a tenant names in `mount:path`.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::fetch::request::RequestError;
use crate::folder::InnerPath;
use crate::s3::{Bucket, BucketConfig};

/// A storage. It says where a tenant's files are, not that they may be read: a folder must lie in one that
/// the operator opened, and a bucket is reached as any other address on the web.
#[derive(Clone, Debug)]
pub enum Storage {
    /// A folder of this machine.
    Folder {
        /// Its absolute path.
        path: String,
    },
    /// A bucket of S3 or of something that speaks like it.
    S3(Bucket),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FolderConfig {
    base_path: String,
}

impl Storage {
    /// Reads a storage's `protocol` and `config`.
    pub fn read(protocol: &str, config: &serde_json::Value) -> Result<Self, RequestError> {
        match protocol {
            "local" => folder(parse::<FolderConfig>(config)?),
            "s3" => parse::<BucketConfig>(config)?.try_into().map(Self::S3),
            _ => Err(RequestError::new("protocol", "is neither local nor s3")),
        }
    }
}

fn parse<T: DeserializeOwned>(config: &serde_json::Value) -> Result<T, RequestError> {
    T::deserialize(config).map_err(|error| RequestError::new("config", error.to_string()))
}

fn folder(config: FolderConfig) -> Result<Storage, RequestError> {
    let path = config.base_path;
    let absolute = path.starts_with('/');
    match InnerPath::parse(&path) {
        Ok(_) if absolute => Ok(Storage::Folder { path }),
        Ok(_) => Err(RequestError::new("config.base_path", "must start with /")),
        Err(error) => Err(RequestError::new("config.base_path", error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn storages_are_read_and_their_errors_name_the_field() {
        let read = Storage::read("local", &json!({"base_path": "/data/x"})).unwrap();
        assert!(matches!(read, Storage::Folder { path } if path == "/data/x"));
        let s3 = json!({"bucket": "files", "prefix": "a/", "region": "eu-south-1",
            "aws_access_key_id": "AK", "aws_secret_access_key": "hunter2"});
        let read = Storage::read("s3", &s3).unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
        let problem = |protocol, config| {
            let error = Storage::read(protocol, &config).unwrap_err();
            error.to_string()
        };
        assert!(problem("gcs", json!({})).starts_with("protocol: "));
        assert!(problem("local", json!({})).contains("base_path"));
        assert!(problem("local", json!({"base_path": "x"})).starts_with("config.base_path: "));
        assert!(problem("local", json!({"base_path": "/x/../.."})).contains(".."));
        assert!(problem("local", json!({"base_path": "/x", "y": 1})).contains('y'));
    }
}
