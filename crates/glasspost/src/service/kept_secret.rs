//! Secrets of our own: made when they are first needed, and kept in files of the data folder that nobody else may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Secret;

/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// The longest one that is read, in bytes.
const SECRET_BYTES_MAX: u64 = 4096;
/// What group and others could do.
const OTHERS: u32 = 0o077;

/// The secret in a file, made when there is none.
pub fn kept_secret(path: &Path) -> anyhow::Result<Secret> {
    match make(path) {
        Ok(secret) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_kept_secret(path),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
    }
}

/// A secret that nobody can guess, of 43 letters, digits, hyphens and underscores.
pub fn random_secret() -> io::Result<Secret> {
    let mut bytes = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// Makes one where there is none.
fn make(path: &Path) -> io::Result<Secret> {
    let secret = random_secret()?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", secret.expose())?;
    file.sync_all()?;
    Ok(secret)
}

/// The secret in a file that is there, of which nobody else may know.
pub fn read_kept_secret(path: &Path) -> anyhow::Result<Secret> {
    let about = || format!("cannot read the secret in {}", path.display());
    let metadata = fs::metadata(path).with_context(about)?;
    if metadata.permissions().mode() & OTHERS != 0 {
        bail!(
            "{path} can be read by others: run `chmod 600 {path}`",
            path = path.display()
        );
    }
    if metadata.len() > SECRET_BYTES_MAX {
        bail!("{} is too long to hold a secret", path.display());
    }
    let text = fs::read_to_string(path).with_context(about)?;
    match text.trim() {
        "" => bail!(
            "{path} is empty: delete it, and a new one is made",
            path = path.display()
        ),
        secret => Ok(Secret::new(secret)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "some.secret";

    #[test]
    fn it_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let first = kept_secret(&path).unwrap();
        assert_eq!(first.expose().len(), 43);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(kept_secret(&path).unwrap().expose(), first.expose());
    }

    #[test]
    fn one_that_others_can_read_or_that_is_empty_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, "x\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = kept_secret(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "\n").unwrap();
        let error = kept_secret(&path).unwrap_err().to_string();
        assert!(error.contains("is empty"), "{error}");
    }
}
