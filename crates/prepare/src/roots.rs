//! The folders that an operator opened, and for whom.

use std::io;
use std::path::Path;

use crate::folder::{Folder, FolderError, InnerPath};

/// Who may reach a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenTo {
    /// Every tenant.
    Everyone,
    /// The tenant of this id only.
    Tenant(String),
}

/// The folders of this machine that tenants may reach. None are until an operator opens them.
#[derive(Debug, Default)]
pub struct Roots(Vec<Root>);

#[derive(Debug)]
struct Root {
    folder: Folder,
    path: InnerPath,
    open_to: OpenTo,
}

impl Roots {
    /// Opens the folder at `path`, which is to be absolute. A relative one, or what is no folder, is an
    /// error.
    pub fn open(&mut self, path: &Path, open_to: OpenTo) -> io::Result<()> {
        let invalid = |detail: &str| io::Error::new(io::ErrorKind::InvalidInput, detail);
        let text = path
            .to_str()
            .filter(|text| text.starts_with('/'))
            .ok_or_else(|| invalid("an opened folder needs an absolute path in UTF-8"))?;
        self.0.push(Root {
            folder: Folder::open(path)?,
            path: InnerPath::parse(text).map_err(|error| invalid(&error.to_string()))?,
            open_to,
        });
        Ok(())
    }

    /// The innermost folder open to `tenant` that holds the absolute `path`, and the rest of the path
    /// below it.
    pub(crate) fn find(
        &self,
        tenant: &str,
        path: &InnerPath,
    ) -> Result<(&Folder, InnerPath), FolderError> {
        self.0
            .iter()
            .filter(|root| root.open_to.includes(tenant))
            .filter_map(|root| Some((&root.folder, path.below(&root.path)?)))
            .min_by_key(|(_, rest)| rest.len())
            .ok_or(FolderError::Closed)
    }
}

impl OpenTo {
    fn includes(&self, tenant: &str) -> bool {
        match self {
            Self::Everyone => true,
            Self::Tenant(id) => id == tenant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(roots: &Roots, tenant: &str, path: &Path) -> Result<Vec<u8>, FolderError> {
        let path = InnerPath::parse(path.to_str().unwrap())?;
        let (folder, rest) = roots.find(tenant, &path)?;
        folder.read(&rest, 100)
    }

    #[test]
    fn nothing_is_open_until_it_is_opened_and_then_for_whom_it_is() {
        let all = tempfile::tempdir().unwrap();
        let one = tempfile::tempdir().unwrap();
        let (shared, private) = (all.path().join("x"), one.path().join("y"));
        fs::write(&shared, "shared").unwrap();
        fs::write(&private, "private").unwrap();
        let mut roots = Roots::default();
        let closed = read(&roots, "a", &shared).unwrap_err();
        assert!(matches!(closed, FolderError::Closed));
        roots.open(all.path(), OpenTo::Everyone).unwrap();
        let tenant = OpenTo::Tenant("a".to_owned());
        roots.open(one.path(), tenant).unwrap();
        assert_eq!(read(&roots, "b", &shared).unwrap(), b"shared");
        assert_eq!(read(&roots, "a", &private).unwrap(), b"private");
        let closed = read(&roots, "b", &private).unwrap_err();
        assert!(matches!(closed, FolderError::Closed));
    }

    #[test]
    fn a_folder_with_a_similar_name_is_not_open() {
        let parent = tempfile::tempdir().unwrap();
        let (open, beside) = (parent.path().join("files"), parent.path().join("files2"));
        fs::create_dir(&open).unwrap();
        fs::create_dir(&beside).unwrap();
        fs::write(beside.join("x"), "x").unwrap();
        let mut roots = Roots::default();
        roots.open(&open, OpenTo::Everyone).unwrap();
        let closed = read(&roots, "a", &beside.join("x")).unwrap_err();
        assert!(matches!(closed, FolderError::Closed));
    }

    #[test]
    fn what_is_no_absolute_folder_cannot_be_opened() {
        let mut roots = Roots::default();
        for path in ["relative", "/dev/null", "/no/such/folder"] {
            let opened = roots.open(Path::new(path), OpenTo::Everyone);
            assert!(opened.is_err(), "{path}");
        }
    }
}
