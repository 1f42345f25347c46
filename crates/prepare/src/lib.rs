//! What a message needs before it can go and that takes IO: attachments, and links to large files; and the
//! message itself, made from what a client of the service wrote.
//!
//! Promises:
//! - **Only what was opened.** Files are read in folders that an operator opened, for the tenants they
//!   were opened to, never through a link and never upwards; addresses on the web are reached through
//!   `webclient` and its guard. Credentials go only to the host they are for.
//! - **Everything is bounded**: sizes, times, how many fetches run at once altogether and for one tenant, and
//!   what the cache keeps in memory and on the disk.
//! - **What was announced is what comes**: bytes whose MD5 differs are an error, also out of the cache, and
//!   the cache never gives one tenant what another fetched.
//! - **Errors name** the attachment or the field and what to do, say whether the same may succeed later,
//!   and hold no secret.
//! - **A message is what its draft says**, byte for byte the same at every try, and nothing that a client wrote
//!   adds a header, a recipient or a part to it. That holds as well for one whose attachments were fetched ahead.
//!
//! Does not know: SMTP, the store, how headers and bodies are encoded. [`read_attachments`] and [`Shelf`] block; in
//! async code the caller moves them to a thread for blocking work.
//!
//! # Layout
//! - [`attachments`]: files of this machine that its own user names
//! - [`draft`]: what a client of the service wants sent, read from its JSON
//! - [`fetch`]: attachments that a client of the service describes
//! - [`large`]: what becomes of attachments too large to be mailed
//! - [`workshop`]: a draft made into the message as it is sent, or into one of which nothing has to be fetched any more
//! - `roots`, `folder`: the folders an operator opened, and reading below them
//! - `mount`, `s3`: what the storages of tenants are
//! - `flight`, `recent`: one doing for many; what is kept within bounds
//! - `object`, `digest`, `percent`: JSON read field by field; fingerprints; text inside URLs

pub mod attachments;
pub mod draft;
pub mod fetch;
pub mod large;
pub mod workshop;

mod digest;
mod flight;
mod folder;
mod mount;
mod object;
mod percent;
mod recent;
mod roots;
mod s3;

pub use attachments::{AttachmentError, AttachmentLimits, read_attachments};
pub use digest::Md5;
pub use draft::{Draft, DraftError};
pub use fetch::error::{FetchError, Problem};
pub use fetch::request::{AttachmentRequest, Auth, AuthMethod, Order};
pub use fetch::source::Source;
pub use fetch::tenant::TenantSource;
pub use fetch::{CacheSettings, FetchLimits, Fetched, Fetcher};
pub use folder::FolderError;
pub use large::link::{LinkKey, ShortKey};
pub use large::list::{FileLink, append_to_html, append_to_text};
pub use large::policy::{LargeFileAction, LargeFilePolicy};
pub use large::{
    Download, DownloadError, LargeFileError, LargeFiles, Shelf, Treatment, UploadProblem,
};
pub use mount::Mount;
pub use roots::{OpenTo, Roots};
pub use s3::Bucket;
pub use workshop::{LONG_WORK_BYTES, Made, Memory, Share, Unmakeable, Workshop};
