//! Attachments read from files of this machine.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use compose::mime::{Attachment, MediaType};
use model::HeaderText;

/// How much may go along with a message, in bytes as they are, before base64 makes them a third
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachmentLimits {
    /// Largest file.
    pub each_bytes_max: u64,
    /// All files together.
    pub total_bytes_max: u64,
}

/// Why a file cannot go along.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// There is no such file, or it may not be read.
    #[error("attachment {}: {source}: check the path and its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("attachment {}: not a regular file: pack a folder into an archive first", path.display())]
    NotAFile {
        /// What is there instead.
        path: PathBuf,
    },
    /// Too large on its own.
    #[error("attachment {}: larger than {}: make it smaller or link to it", path.display(), mebibytes(*bytes_max))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it might be.
        bytes_max: u64,
    },
    /// Too large with those before it.
    #[error(
        "attachment {}: with it the attachments are larger than {}, which most servers refuse: leave some out or link to them",
        path.display(), mebibytes(*bytes_max)
    )]
    TotalTooLarge {
        /// The first file that is too much.
        path: PathBuf,
        /// How large they might be together.
        bytes_max: u64,
    },
}

/// Reads files as attachments, in the order given.
pub fn read_attachments<P: AsRef<Path>>(
    paths: &[P],
    limits: &AttachmentLimits,
) -> Result<Vec<Attachment>, AttachmentError> {
    let mut left = limits.total_bytes_max;
    let mut attachments = Vec::with_capacity(paths.len());
    for path in paths {
        let path = path.as_ref();
        let bytes = read_file(path, limits.each_bytes_max)?;
        left =
            left.checked_sub(bytes.len() as u64)
                .ok_or_else(|| AttachmentError::TotalTooLarge {
                    path: path.to_owned(),
                    bytes_max: limits.total_bytes_max,
                })?;
        attachments.push(Attachment {
            file_name: file_name(path),
            media_type: media_type(path),
            bytes,
        });
    }
    Ok(attachments)
}

fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, AttachmentError> {
    let unreadable = |source| AttachmentError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // Asked before opening, since to open a pipe would wait for its writer.
    let is_file = fs::metadata(path).map_err(unreadable)?.is_file();
    if !is_file {
        return Err(AttachmentError::NotAFile {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // The file may grow meanwhile, so the reading itself is bounded, not the size it told.
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    match bytes.len() as u64 <= bytes_max {
        true => Ok(bytes),
        false => Err(AttachmentError::TooLarge {
            path: path.to_owned(),
            bytes_max,
        }),
    }
}

/// The last part of the path, safe for a header.
fn file_name(path: &Path) -> HeaderText {
    let name = path.file_name().unwrap_or(path.as_os_str());
    HeaderText::cleaned(&name.to_string_lossy())
}

/// What the extension tells, else any file.
fn media_type(path: &Path) -> MediaType {
    mime_guess::from_path(path)
        .first_raw()
        .and_then(|text| MediaType::parse(text).ok())
        .unwrap_or_default()
}

fn mebibytes(bytes: u64) -> String {
    match bytes % (1 << 20) {
        0 => format!("{} MiB", bytes >> 20),
        _ => format!("{bytes} bytes"),
    }
}

// === impl AttachmentLimits ===

impl Default for AttachmentLimits {
    /// 10 MiB each; 25 MiB together, about what large providers still take.
    fn default() -> Self {
        Self {
            each_bytes_max: 10 << 20,
            total_bytes_max: 25 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: AttachmentLimits = AttachmentLimits {
        each_bytes_max: 10,
        total_bytes_max: 15,
    };

    fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn files_become_attachments_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["b.PDF", "ä\nx.csv", "letter.eml", "noext"];
        let paths = names.map(|name| write(folder.path(), name, name.as_bytes()));
        let read = read_attachments(&paths, &AttachmentLimits::default()).unwrap();
        let seen: Vec<_> = read
            .iter()
            .map(|one| (one.file_name.as_str(), one.media_type.as_str()))
            .collect();
        let expected = [
            ("b.PDF", "application/pdf"),
            ("ä x.csv", "text/csv"),
            ("letter.eml", "application/octet-stream"),
            ("noext", "application/octet-stream"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(read[1].bytes, names[1].as_bytes());
    }

    #[test]
    fn what_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pdf");
        let error = read_attachments(&[&missing], &SMALL).unwrap_err();
        assert!(error.to_string().contains("missing.pdf"), "{error}");
        assert!(error.to_string().contains("check the path"), "{error}");
        let error = read_attachments(&[folder.path()], &SMALL).unwrap_err();
        assert!(matches!(error, AttachmentError::NotAFile { .. }), "{error}");
    }

    #[test]
    fn a_pipe_is_refused_without_waiting_for_its_writer() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let error = read_attachments(&[pipe], &SMALL).unwrap_err();
        assert!(matches!(error, AttachmentError::NotAFile { .. }), "{error}");
    }

    #[test]
    fn limits_hold_for_each_and_for_all() {
        let folder = tempfile::tempdir().unwrap();
        let ten = write(folder.path(), "ten", &[0; 10]);
        let eleven = write(folder.path(), "eleven", &[0; 11]);
        let five = write(folder.path(), "five", &[0; 5]);
        assert_eq!(read_attachments(&[&ten, &five], &SMALL).unwrap().len(), 2);
        let error = read_attachments(&[&five, &eleven], &SMALL).unwrap_err();
        assert!(
            error.to_string().contains("eleven: larger than 10 bytes"),
            "{error}"
        );
        let error = read_attachments(&[&five, &ten, &five], &SMALL).unwrap_err();
        assert!(
            error.to_string().contains("larger than 15 bytes"),
            "{error}"
        );
        assert_eq!(mebibytes(10 << 20), "10 MiB");
    }
}
