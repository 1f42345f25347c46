//! What a tenant wants for its large files: `large_file_config`.

use serde::Deserialize;
use url::Url;

use crate::folder::InnerPath;
use model::FieldError;

pub(super) const STORAGE_URL: &str = "large_file_config.storage_url";
const PUBLIC_BASE_URL: &str = "large_file_config.public_base_url";
const MAX_SIZE_MB: &str = "large_file_config.max_size_mb";
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
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// Refuses a policy that could not be followed, naming the field.
    pub fn check(&self) -> Result<(), FieldError> {
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

    fn policy(json: &str) -> LargeFilePolicy {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn defaults_are_the_contracts() {
        let policy = policy(r#"{"enabled": true}"#);
        assert_eq!(policy.action, LargeFileAction::Warn);
        assert_eq!(policy.file_ttl_days, 30);
        assert!(policy.is_large((10 << 20) + 1) && !policy.is_large(10 << 20));
        assert!(!LargeFilePolicy::default().is_large(u64::MAX));
        policy.check().unwrap();
    }

    #[test]
    fn errors_name_the_field() {
        let problem = |json| policy(json).check().unwrap_err().to_string();
        let starts = [
            (r#"{"max_size_mb": 0}"#, MAX_SIZE_MB),
            (r#"{"file_ttl_days": 0}"#, FILE_TTL_DAYS),
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
        let unknown: Result<LargeFilePolicy, _> = serde_json::from_str(r#"{"acton": "warn"}"#);
        assert!(unknown.unwrap_err().to_string().contains("acton"));
    }

    #[test]
    fn a_bucket_needs_no_public_address() {
        let policy = policy(r#"{"action": "rewrite", "storage_url": "s3://files/large/x"}"#);
        let Place::Bucket { bucket, prefix } = policy.place().unwrap() else {
            panic!("a folder");
        };
        assert_eq!((bucket.as_str(), prefix.len()), ("files", 2));
    }
}
