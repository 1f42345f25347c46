//! The encryption key: given by the operator, or in a file of the data folder that nobody else may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Secret;

/// The key file's name in the data folder.
pub const KEY_FILE_NAME: &str = "encryption.key";
/// Bytes of a key: AES-256.
const KEY_BYTES: usize = 32;
/// Bytes read of a key file: more than any has.
const FILE_BYTES_MAX: u64 = 4096;
/// What the owner may do with a key file.
const OWNER_ONLY: u32 = 0o600;
/// What group and others could do.
const OTHERS: u32 = 0o077;

/// Where the key comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// The value of `MAIL_PROXY_ENCRYPTION_KEY`: base64 of 32 bytes.
    Given(Secret),
    /// The file [`KEY_FILE_NAME`] in the data folder, made where nothing was encrypted yet.
    File,
}

/// Why the store's secrets cannot be used. Each says what to do; none holds anything of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// What was given is no key.
    #[error(
        "MAIL_PROXY_ENCRYPTION_KEY is not the base64 of {KEY_BYTES} bytes: make a key with `openssl rand -base64 {KEY_BYTES}`"
    )]
    Malformed,
    /// What the file holds is no key.
    #[error(
        "the key file {path} does not hold the base64 of {KEY_BYTES} bytes: put the right one back",
        path = .0.display()
    )]
    MalformedFile(PathBuf),
    /// Others can read the file.
    #[error("the key file {path} can be used by others: run `chmod 600 {path}`", path = .0.display())]
    Exposed(PathBuf),
    /// There are secrets, and no key.
    #[error(
        "the data folder holds encrypted secrets and no key to them: put {path} back, or set \
         MAIL_PROXY_ENCRYPTION_KEY to the key they were encrypted with",
        path = .0.display()
    )]
    Missing(PathBuf),
    /// The secrets were encrypted with another key.
    #[error(
        "the encryption key is not the one that the secrets of {path} were encrypted with: give that one as \
         MAIL_PROXY_ENCRYPTION_KEY, or unset it if that one is in {KEY_FILE_NAME} there",
        path = .0.display()
    )]
    Wrong(PathBuf),
    /// There are secrets in a database, and no key to them on this machine.
    #[error(
        "the database holds encrypted secrets, and every machine of the installation needs the same key to them: copy \
         {path} from one that has it, or set MAIL_PROXY_ENCRYPTION_KEY to the key they were encrypted with",
        path = .0.display()
    )]
    MissingHere(PathBuf),
    /// The secrets in a database were encrypted with another key than this machine's.
    #[error(
        "the encryption key is not the one that the database's secrets were encrypted with, and every machine of the \
         installation needs the same: give that one as MAIL_PROXY_ENCRYPTION_KEY, or unset it and copy \
         {KEY_FILE_NAME} from a machine that has it into {path}",
        path = .0.display()
    )]
    WrongHere(PathBuf),
    /// The file cannot be read or made.
    #[error("cannot use the key file {path}: {reason}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A key.
pub(crate) struct Key([u8; KEY_BYTES]);

impl Key {
    /// The key that an operator gave.
    pub(crate) fn parse(text: &Secret) -> Result<Self, KeyError> {
        Self::decode(text.expose()).ok_or(KeyError::Malformed)
    }

    /// The key in the folder's file; `None` when there is no such file.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, KeyError> {
        let path = folder.join(KEY_FILE_NAME);
        let unusable = |error: io::Error| file_error(&path, &error);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(unusable)?,
        };
        // Of the file that was opened, not of one that stands there a moment later.
        let mode = file.metadata().map_err(unusable)?.permissions().mode();
        if mode & OTHERS != 0 {
            return Err(KeyError::Exposed(path));
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(unusable)?;
        let key = std::str::from_utf8(&bytes).ok().and_then(Self::decode);
        key.map(Some).ok_or(KeyError::MalformedFile(path))
    }

    /// Makes a key and its file. The caller sees to it that nobody else does so at the same time.
    pub(crate) fn make(folder: &Path) -> Result<Self, KeyError> {
        let path = folder.join(KEY_FILE_NAME);
        let unusable = |error: io::Error| file_error(&path, &error);
        let mut bytes = [0; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|_| unusable(io::Error::other("the system gives no random numbers")))?;
        write_whole(folder, &path, &STANDARD.encode(bytes)).map_err(unusable)?;
        Ok(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

/// Writes a file that is there whole or not at all, also after a loss of power, and never readable to others.
fn write_whole(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("key.new");
    // What a start that was killed left. A new file, so that its mode is ours from the first moment.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}

fn file_error(path: &Path, error: &io::Error) -> KeyError {
    KeyError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_base64_of_32_bytes_is_a_key() {
        let good = STANDARD.encode([7; KEY_BYTES]);
        for text in [good.clone(), format!(" {good}\n")] {
            assert_eq!(
                Key::parse(&Secret::new(text)).ok().unwrap().bytes(),
                [7; 32]
            );
        }
        let (short, long) = (STANDARD.encode([7; 31]), STANDARD.encode([7; 33]));
        for bad in ["", "hunter2", &short, &long, &good[1..]] {
            let error = Key::parse(&Secret::new(bad)).err().unwrap();
            assert_eq!(
                error.to_string(),
                "MAIL_PROXY_ENCRYPTION_KEY is not the base64 of 32 bytes: make a key with `openssl rand -base64 32`"
            );
        }
    }

    #[test]
    fn a_made_key_is_read_again_from_a_file_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Key::read(folder.path()).unwrap().is_none());
        // A start that was killed while it made one.
        let unfinished = folder.path().join("encryption.key.new");
        fs::write(&unfinished, "half").unwrap();
        let made = Key::make(folder.path()).ok().unwrap();
        let read = Key::read(folder.path()).unwrap().unwrap();
        assert_eq!(made.bytes(), read.bytes());
        let path = folder.path().join(KEY_FILE_NAME);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!unfinished.exists());
        let text = fs::read_to_string(&path).unwrap();
        assert!(Key::parse(&Secret::new(text)).is_ok(), "it can be given");
    }

    #[test]
    fn a_key_file_that_others_can_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Key::make(folder.path()).ok().unwrap();
        let path = folder.path().join(KEY_FILE_NAME);
        for mode in [0o640, 0o604, 0o620, 0o601, 0o777] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Key::read(folder.path()).err().unwrap();
            assert_eq!(error, KeyError::Exposed(path.clone()), "{mode:o}");
            let advice = format!("chmod 600 {}", path.display());
            assert!(error.to_string().contains(&advice), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(Key::read(folder.path()).unwrap().is_some());
    }

    #[test]
    fn a_damaged_key_file_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        Key::make(folder.path()).ok().unwrap();
        let path = folder.path().join(KEY_FILE_NAME);
        for bad in [&b"hunter2"[..], b"", b"\xff\xfe", &[b'A'; 10_000]] {
            fs::write(&path, bad).unwrap();
            let error = Key::read(folder.path()).err().unwrap();
            assert_eq!(error, KeyError::MalformedFile(path.clone()));
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
