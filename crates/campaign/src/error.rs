//! Why a campaign could not run, by what the person does next.

use std::path::PathBuf;

use compose::letter::LetterError;
use deliver::DeliverError;
use prepare::AttachmentError;
use store::StoreError;

use crate::filter::FilterError;
use crate::recipients::ListError;
use crate::recipients::copies::CopyError;
use crate::recipients::sheet_url::SheetUrlError;
use crate::report::rfc3339;
use crate::send::Rival;

/// Why a campaign could not run. Nothing was sent, unless said otherwise.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// A file cannot be read.
    #[error("cannot read {path}: {reason}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The list cannot be used.
    #[error("{list}: {error}")]
    List {
        /// Which list.
        list: String,
        /// Why.
        error: ListError,
    },
    /// The sheet's address is none.
    #[error(transparent)]
    SheetUrl(#[from] SheetUrlError),
    /// The sheet or the webhook cannot be fetched.
    #[error("cannot fetch {url}: {error}")]
    Fetch {
        /// The address.
        url: String,
        /// Why.
        error: webclient::Error,
    },
    /// The single recipient's address is none.
    #[error("--to {value:?}: {error}")]
    Recipient {
        /// What was given.
        value: String,
        /// Why.
        error: model::AddressError,
    },
    /// The filter cannot be read.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Nobody is left.
    #[error("{0}")]
    Nobody(String),
    /// A list of copies cannot be used.
    #[error("{flag}: {error}")]
    Copies {
        /// `--cc` or `--bcc`.
        flag: &'static str,
        /// Why.
        error: CopyError,
    },
    /// A header is not `Name: value`.
    #[error("--header {0:?}: expected `Name: value`")]
    Header(String),
    /// An attachment cannot be used.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// What the campaign says cannot be used.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// There is nothing to say.
    #[error("nothing to send: give --template, --text or --attach")]
    NoBody,
    /// The strict check found missing fields.
    #[error("{0}")]
    Strict(String),
    /// The same campaign is under way.
    #[error(
        "this campaign is being sent right now by {rival} (job {job_id}); \
         wait for its end, or give this run another --name"
    )]
    UnderWay {
        /// The other process.
        rival: Rival,
        /// Its job.
        job_id: String,
    },
    /// Another process decides which run of the campaign is sent, and takes too long.
    #[error("process {process} has been about to begin this campaign for {waited_s} s; try again")]
    BeingBegun {
        /// The other process.
        process: u32,
        /// For how long it was waited for, in seconds.
        waited_s: u64,
    },
    /// Another process took the run while this one could not reach the store.
    #[error(
        "another process took run {job_id} over while the store could not be reached from here, and goes on with it; \
         see `glasspost report {job_id}`"
    )]
    TakenOver {
        /// Its job.
        job_id: String,
    },
    /// There is no such run to go on with.
    #[error(
        "--resume={job_id}: this campaign has no such run; see `glasspost campaigns`, and mind that a campaign is \
         known by its --name, else by its sender, subject, bodies and attachments"
    )]
    NoSuchRun {
        /// The job id that was given.
        job_id: String,
    },
    /// Somebody cancelled the run that was to be gone on with.
    #[error(
        "run {job_id} was cancelled at {at} by {by} and cannot be gone on with: whoever was queued was taken back; \
         to begin a new run, which mails everybody in the list again, leave --resume out",
        at = rfc3339(*at)
    )]
    Cancelled {
        /// Its job.
        job_id: String,
        /// When.
        at: model::Timestamp,
        /// Who.
        by: Box<str>,
    },
    /// Somebody who was to watch the run cannot. Nothing was sent.
    #[error("{0}")]
    Watcher(String),
    /// Delivery broke off. What was recorded stays recorded; the rest is queued.
    #[error("the run broke off: {0}")]
    Deliver(#[from] DeliverError),
    /// The data file does not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The account files cannot be written.
    #[error("cannot write {path}: {reason}", path = path.display())]
    Account {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The folder of the account files is not there; found before anything was begun.
    #[error("--output-dir {path}: {reason}; make the folder, or name another", path = path.display())]
    AccountFolder {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A schedule cannot be read.
    #[error("{flag} {value:?}: {reason}")]
    Schedule {
        /// The flag.
        flag: &'static str,
        /// What was given.
        value: String,
        /// Why.
        reason: String,
    },
}

impl CampaignError {
    /// Whether the run only lost sight of its store, or lost the right to go on: it is as it was recorded, and can be gone
    /// on with as soon as the store is there.
    pub fn is_passing(&self) -> bool {
        if let Self::Store(error) | Self::Deliver(DeliverError::Store(error)) = self {
            return error.is_transient() || matches!(error, StoreError::LeaseLost { .. });
        }
        matches!(
            self,
            Self::UnderWay { .. } | Self::BeingBegun { .. } | Self::TakenOver { .. }
        )
    }

    /// A file that cannot be read.
    pub(crate) fn file(path: impl Into<PathBuf>, reason: std::io::Error) -> Self {
        Self::File {
            path: path.into(),
            reason,
        }
    }
}

impl From<deliver::Unmade> for CampaignError {
    fn from(unmade: deliver::Unmade) -> Self {
        Self::from(deliver::DeliverError::from(unmade))
    }
}
