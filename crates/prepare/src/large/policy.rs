//! What a tenant wants for its large files: `large_file_config`.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::folder::InnerPath;
use crate::object::Object;
use model::FieldError;

pub(super) const STORAGE_URL: &str = "large_file_config.storage_url";
const PUBLIC_BASE_URL: &str = "large_file_config.public_base_url";
const MAX_SIZE_MB: &str = "large_file_config.max_size_mb";
const ACTION: &str = "large_file_config.action";
const FILE_TTL_DAYS: &str = "large_file_config.file_ttl_days";
const LIFESPAN: &str = "large_file_config.lifespan_after_download_days";
/// The longest that a file is kept, in days.
const TTL_DAYS_MAX: u32 = 3650;

/// What becomes of a large file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LargeFileAction {
    /// It is mailed, and the log says so.
    #[default]
    Warn,
    /// The message fails.
    Reject,
    /// It is stored, and the message links to it.
    Rewrite,
}

/// A tenant's policy.
#[derive(Clone, Debug)]
pub struct LargeFilePolicy {
    /// Whether it counts at all.
    pub enabled: bool,
    /// Files above this size are large, in MB of 1024 × 1024 bytes.
    pub max_size_mb: f64,
    /// What becomes of them.
    pub action: LargeFileAction,
    /// Where they are stored: `file:///…` in the operator's folder, or `s3://bucket/…` in a bucket that is
    /// among the tenant's storages.
    pub storage_url: Option<String>,
    /// The address before `/download/…`, for files in a folder.
    pub public_base_url: Option<String>,
    /// How long a stored file is kept, in days.
    pub file_ttl_days: u32,
    /// How long it is kept after it was first read, in days, if that is sooner. For files in a folder.
    pub lifespan_after_download_days: Option<u32>,
}

impl Default for LargeFilePolicy {
    /// Not enabled; 10 MB, warn, 30 days.
    fn default() -> Self {
        Self {
            enabled: false,
            max_size_mb: 10.0,
            action: LargeFileAction::Warn,
            storage_url: None,
            public_base_url: None,
            file_ttl_days: 30,
            lifespan_after_download_days: None,
        }
    }
}

/// Where stored files go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder of this machine.
    Folder {
        path: InnerPath,
        public_base_url: String,
    },
    /// A bucket.
    Bucket { bucket: String, prefix: InnerPath },
}

impl LargeFilePolicy {
    /// Reads a tenant's `large_file_config`, or names the field that cannot be followed.
    pub fn read(config: Value) -> Result<Self, FieldError> {
        let mut object = Object::new("large_file_config", config)?;
        let default = Self::default();
        let days = "must be a whole number of days";
        let enabled = object.take("large_file_config.enabled", "must be true or false")?;
        let max_size_mb = object.take(MAX_SIZE_MB, "must be a number")?;
        let action = object.take(ACTION, "is none of warn, reject, rewrite")?;
        let file_ttl_days = object.take(FILE_TTL_DAYS, days)?;
        let policy = Self {
            enabled: enabled.unwrap_or(default.enabled),
            max_size_mb: max_size_mb.unwrap_or(default.max_size_mb),
            action: action.unwrap_or(default.action),
            storage_url: object.text(STORAGE_URL)?,
            public_base_url: object.text(PUBLIC_BASE_URL)?,
            file_ttl_days: file_ttl_days.unwrap_or(default.file_ttl_days),
            lifespan_after_download_days: object.take(LIFESPAN, days)?,
        };
        object.finish()?;
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), FieldError> {
        if !(self.max_size_mb.is_finite() && self.max_size_mb > 0.0) {
            return Err(FieldError::new(MAX_SIZE_MB, "must be more than 0"));
        }
        let days = [
            (FILE_TTL_DAYS, Some(self.file_ttl_days)),
            (LIFESPAN, self.lifespan_after_download_days),
        ];
        for (field, days) in days {
            if days.is_some_and(|days| !(1..=TTL_DAYS_MAX).contains(&days)) {
                return Err(FieldError::new(field, "must be 1 to 3650"));
            }
        }
        match self.action {
            LargeFileAction::Rewrite => self.place().map(drop),
            LargeFileAction::Warn | LargeFileAction::Reject => Ok(()),
        }
    }

    /// Whether this policy has something to say about a file of that size.
    pub(super) fn is_large(&self, bytes: u64) -> bool {
        self.enabled && super::megabytes(bytes) > self.max_size_mb
    }

    /// Whether some files go as links.
    pub(crate) fn may_link(&self) -> bool {
        self.enabled && self.action == LargeFileAction::Rewrite
    }

    pub(super) fn place(&self) -> Result<Place, FieldError> {
        let bad = |problem: String| FieldError::new(STORAGE_URL, problem);
        let text = self
            .storage_url
            .as_deref()
            .ok_or_else(|| bad("is needed to rewrite".to_owned()))?;
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Place::Folder {
                path: InnerPath::parse(path).map_err(|error| bad(error.to_string()))?,
                public_base_url: self.base_url()?,
            });
        }
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            return Ok(Place::Bucket {
                bucket: bucket.to_owned(),
                prefix: InnerPath::parse(prefix).map_err(|error| bad(error.to_string()))?,
            });
        }
        Err(bad("must start with file:/// or s3://".to_owned()))
    }

    fn base_url(&self) -> Result<String, FieldError> {
        let bad = |problem| FieldError::new(PUBLIC_BASE_URL, problem);
        let text = self
            .public_base_url
            .as_deref()
            .ok_or_else(|| bad("is needed to link to files in a folder"))?;
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() => {
                Ok(url.into())
            }
            Ok(_) | Err(_) => Err(bad("must be a URL with http or https")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<LargeFilePolicy, FieldError> {
        LargeFilePolicy::read(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn defaults_are_the_contracts() {
        let policy = read(r#"{"enabled": true}"#).unwrap();
        assert_eq!(policy.action, LargeFileAction::Warn);
        assert_eq!(policy.file_ttl_days, 30);
        assert!(policy.is_large((10 << 20) + 1) && !policy.is_large(10 << 20));
        assert!(!LargeFilePolicy::default().is_large(u64::MAX));
    }

    #[test]
    fn errors_name_the_field() {
        let problem = |json| read(json).unwrap_err().to_string();
        let starts = [
            (r#"{"max_size_mb": 0}"#, MAX_SIZE_MB),
            (r#"{"max_size_mb": "10"}"#, MAX_SIZE_MB),
            (r#"{"action": "delete"}"#, ACTION),
            (r#"{"file_ttl_days": 0}"#, FILE_TTL_DAYS),
            (r#"{"file_ttl_days": 1.5}"#, FILE_TTL_DAYS),
            (r#"{"lifespan_after_download_days": 0}"#, LIFESPAN),
            (r#"{"action": "rewrite"}"#, STORAGE_URL),
            (
                r#"{"action": "rewrite", "storage_url": "gs://b"}"#,
                STORAGE_URL,
            ),
            (
                r#"{"action": "rewrite", "storage_url": "file:///a/../b"}"#,
                STORAGE_URL,
            ),
            (
                r#"{"action": "rewrite", "storage_url": "file:///a"}"#,
                PUBLIC_BASE_URL,
            ),
            (
                r#"{"action": "rewrite", "storage_url": "file:///a", "public_base_url": "javascript:x"}"#,
                PUBLIC_BASE_URL,
            ),
        ];
        for (json, field) in starts {
            assert!(
                problem(json).starts_with(field),
                "{json}: {}",
                problem(json)
            );
        }
        let unknown = problem(r#"{"acton": "warn"}"#);
        assert_eq!(unknown, "large_file_config: has no field \"acton\"");
    }

    #[test]
    fn a_bucket_needs_no_public_address() {
        let policy = read(r#"{"action": "rewrite", "storage_url": "s3://files/large/x"}"#);
        let Place::Bucket { bucket, prefix } = policy.unwrap().place().unwrap() else {
            panic!("a folder");
        };
        assert_eq!((bucket.as_str(), prefix.len()), ("files", 2));
    }
}
