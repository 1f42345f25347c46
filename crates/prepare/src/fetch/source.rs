//! Where the bytes of an attachment are, told by its `storage_path`.

use std::fmt;

use crate::fetch::tenant::TenantSource;
use model::FieldError;

/// The longest path that is not the content itself, in bytes.
const PATH_BYTES_MAX: usize = 8192;
const BASE64: &str = "base64:";

/// The place of an attachment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// The path is the content, in base64.
    Base64(&'a str),
    /// A URL to get.
    Url(&'a str),
    /// Something that the tenant's endpoint knows by this name.
    Endpoint(&'a str),
    /// An absolute path on this machine.
    File(&'a str),
    /// A path in one of the tenant's storages.
    Mount {
        /// The name of the storage.
        mount: &'a str,
        /// The path below it.
        path: &'a str,
    },
}

impl<'a> Source<'a> {
    /// Reads `storage_path` as `fetch_mode` says, or as its form tells: `base64:…`, `http(s)://…`, a
    /// leading `/`, `mount:path`, and the tenant's endpoint for all else. A text such as `volume:x` is
    /// the endpoint's when the tenant has an endpoint but no storage of that name.
    pub fn read(
        storage_path: &'a str,
        fetch_mode: Option<&str>,
        tenant: &TenantSource,
    ) -> Result<Self, FieldError> {
        let source = match fetch_mode {
            None => Self::infer(storage_path, tenant),
            Some(mode) => Self::explicit(storage_path, mode)?,
        };
        source.fits(storage_path).map(|()| source)
    }

    /// Whether the bytes are in the text itself, whoever's it is.
    pub(crate) fn is_inside(storage_path: &str, fetch_mode: Option<&str>) -> bool {
        match fetch_mode {
            None => storage_path.starts_with(BASE64),
            Some(mode) => mode == "base64",
        }
    }

    /// Checks what [`Source::read`] checks, which is the same for every tenant.
    pub(crate) fn check(storage_path: &str, fetch_mode: Option<&str>) -> Result<(), FieldError> {
        match fetch_mode {
            None if storage_path.starts_with(BASE64) => Ok(()),
            None => Source::Endpoint(storage_path).fits(storage_path),
            Some(mode) => Source::explicit(storage_path, mode)?.fits(storage_path),
        }
    }

    fn fits(&self, storage_path: &str) -> Result<(), FieldError> {
        let is_content = matches!(self, Self::Base64(_));
        let bad = |problem: &'static str| Err(FieldError::new("storage_path", problem));
        match storage_path {
            "" => bad("is empty"),
            path if !is_content && path.len() > PATH_BYTES_MAX => bad("longer than 8192 bytes"),
            _ => Ok(()),
        }
    }

    fn infer(path: &'a str, tenant: &TenantSource) -> Self {
        if let Some(content) = path.strip_prefix(BASE64) {
            return Self::Base64(content);
        }
        if is_url(path) {
            return Self::Url(path);
        }
        if path.starts_with('/') {
            return Self::File(path);
        }
        match split_mount(path) {
            Some((mount, path))
                if tenant.mounts.contains_key(mount) || tenant.client.base_url.is_none() =>
            {
                Self::Mount { mount, path }
            }
            Some(_) | None => Self::Endpoint(path),
        }
    }

    fn explicit(path: &'a str, mode: &str) -> Result<Self, FieldError> {
        let misfit = |problem| Err(FieldError::new("storage_path", problem));
        match mode {
            "base64" => Ok(Self::Base64(path.strip_prefix(BASE64).unwrap_or(path))),
            "endpoint" => Ok(Self::Endpoint(path)),
            "http_url" if is_url(path) => Ok(Self::Url(path)),
            "http_url" => misfit("must start with http:// or https:// for fetch_mode http_url"),
            "filesystem" if path.starts_with('/') => Ok(Self::File(path)),
            "filesystem" => misfit("must start with / for fetch_mode filesystem"),
            "storage" => match split_mount(path) {
                Some((mount, path)) => Ok(Self::Mount { mount, path }),
                None => misfit("must be storage:path for fetch_mode storage"),
            },
            _ => Err(FieldError::new(
                "fetch_mode",
                "is none of base64, endpoint, filesystem, http_url, storage",
            )),
        }
    }

    /// The kind as the contract calls it, the place, and the path inside it.
    pub(crate) fn parts(&self) -> (&'static str, &'a str, &'a str) {
        match *self {
            Self::Base64(content) => ("base64", content, ""),
            Self::Url(url) => ("http_url", url, ""),
            Self::Endpoint(path) => ("endpoint", path, ""),
            Self::File(path) => ("filesystem", path, ""),
            Self::Mount { mount, path } => ("storage", mount, path),
        }
    }
}

impl fmt::Debug for Source<'_> {
    /// Only the kind: the rest may be the content, or hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.parts().0)
    }
}

fn is_url(path: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        path.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// The name and the path of `mount:path`. Names are those of [`model::StorageName`].
fn split_mount(path: &str) -> Option<(&str, &str)> {
    let (mount, rest) = path.split_once(':')?;
    let is_name = (1..=64).contains(&mount.len())
        && mount
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    is_name.then_some((mount, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::Mount as Place;
    use model::BaseUrl;

    fn tenant() -> TenantSource {
        let mut tenant = TenantSource::named("t");
        tenant.client.base_url = Some(BaseUrl::parse("https://app.example").unwrap());
        let folder = Place::Folder {
            path: "/srv/files".to_owned(),
        };
        tenant.mounts.insert("HOME".to_owned(), folder);
        tenant
    }

    #[test]
    fn the_form_of_the_path_tells_the_source() {
        use Source::{Base64, Endpoint, File, Mount, Url};
        let home = |path| Mount {
            mount: "HOME",
            path,
        };
        let cases = [
            ("base64:aGk=", Base64("aGk=")),
            ("base64:", Base64("")),
            ("http://h/x", Url("http://h/x")),
            ("HTTPS://h/x", Url("HTTPS://h/x")),
            ("/srv/x.pdf", File("/srv/x.pdf")),
            ("//h/x", File("//h/x")),
            ("HOME:a/b.pdf", home("a/b.pdf")),
            ("HOME:", home("")),
            ("volume:a/b.pdf", Endpoint("volume:a/b.pdf")),
            ("doc_id=1", Endpoint("doc_id=1")),
            ("a/b.pdf", Endpoint("a/b.pdf")),
            ("../x", Endpoint("../x")),
            ("file:///etc/passwd", Endpoint("file:///etc/passwd")),
            ("ftp://h/x", Endpoint("ftp://h/x")),
            ("x=1:2", Endpoint("x=1:2")),
            ("é:x", Endpoint("é:x")),
            (":x", Endpoint(":x")),
        ];
        for (path, source) in cases {
            assert!(
                Source::read(path, None, &tenant()).unwrap() == source,
                "{path}"
            );
        }
    }

    #[test]
    fn without_an_endpoint_a_mounts_form_means_a_mount() {
        let source = Source::read("volume:x", None, &TenantSource::named("t")).unwrap();
        assert!(matches!(
            source,
            Source::Mount {
                mount: "volume",
                path: "x"
            }
        ));
    }

    #[test]
    fn a_mode_that_is_given_counts_more_than_the_form() {
        let read = |path, mode| Source::read(path, Some(mode), &tenant()).unwrap().parts();
        assert_eq!(read("aGk=", "base64"), ("base64", "aGk=", ""));
        assert_eq!(read("base64:aGk=", "base64"), ("base64", "aGk=", ""));
        assert_eq!(read("/x", "endpoint"), ("endpoint", "/x", ""));
        assert_eq!(read("https://h/", "endpoint").0, "endpoint");
        assert_eq!(read("/x", "filesystem").0, "filesystem");
        assert_eq!(read("other:x", "storage"), ("storage", "other", "x"));
    }

    #[test]
    fn a_path_that_does_not_fit_its_mode_is_refused_by_name() {
        let cases = [
            (
                "/etc/passwd",
                "http_url",
                "storage_path: must start with http",
            ),
            (
                "file:///etc/passwd",
                "http_url",
                "storage_path: must start with http",
            ),
            ("x", "filesystem", "storage_path: must start with /"),
            ("x", "storage", "storage_path: must be storage:path"),
            ("x", "FTP", "fetch_mode: is none of"),
            ("", "endpoint", "storage_path: is empty"),
        ];
        for (path, mode, start) in cases {
            let error = Source::read(path, Some(mode), &tenant()).unwrap_err();
            assert!(error.to_string().starts_with(start), "{error}");
        }
        let long = "x".repeat(8193);
        assert!(Source::read(&long, None, &tenant()).is_err());
        assert!(Source::read(&format!("base64:{long}"), None, &tenant()).is_ok());
    }
}
