//! The list of a request, opened as often as it is read.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;

use model::{Address, Mailbox};
use tokio::io::AsyncWriteExt;
use webclient::{Fetch, Redirects, WebClient};

use crate::error::CampaignError;
use crate::recipients::{RecipientList, sheet_url};
use crate::request::ListSource;

/// Most bytes of a fetched sheet.
const SHEET_BYTES_MAX: u64 = 256 << 20;
/// Redirects an export may take.
const SHEET_REDIRECTS_MAX: u8 = 3;

/// A list that can be read more than once: for the strict check, and for the run.
pub struct OpenableList {
    /// How it is called in errors.
    pub name: String,
    place: Place,
}

enum Place {
    Path(PathBuf),
    /// A sheet, fetched into a file without a name.
    Fetched(File),
    One(Address),
}

impl OpenableList {
    /// Finds the list; fetches it when it is a sheet.
    pub async fn find(source: &ListSource) -> Result<Self, CampaignError> {
        Ok(match source {
            ListSource::File(path) => Self {
                name: path.display().to_string(),
                place: Place::Path(path.clone()),
            },
            ListSource::Sheet(url) => Self {
                name: url.clone(),
                place: Place::Fetched(fetch(url).await?),
            },
            ListSource::One(value) => {
                let mailbox = Mailbox::parse(value).map_err(|error| CampaignError::Recipient {
                    value: value.clone(),
                    error,
                })?;
                Self {
                    name: value.clone(),
                    place: Place::One(mailbox.address),
                }
            }
        })
    }

    /// Opens it from its start. It reads files: it belongs on a thread that may block.
    pub fn open(&self) -> Result<RecipientList, CampaignError> {
        let opened = match &self.place {
            Place::Path(path) => {
                let file = File::open(path).map_err(|reason| CampaignError::file(path, reason))?;
                RecipientList::read(file)
            }
            Place::Fetched(file) => from_start(file)
                .map_err(|reason| CampaignError::file(&self.name, reason))
                .map(RecipientList::from_csv)?,
            Place::One(address) => RecipientList::single(address.clone()),
        };
        opened.map_err(|error| CampaignError::List {
            list: self.name.clone(),
            error,
        })
    }
}

fn from_start(file: &File) -> std::io::Result<File> {
    let mut again = file.try_clone()?;
    again.seek(SeekFrom::Start(0))?;
    Ok(again)
}

async fn fetch(sheet: &str) -> Result<File, CampaignError> {
    let url = sheet_url::csv_export_url(sheet)?;
    let failed = |error| CampaignError::Fetch {
        url: sheet.to_owned(),
        error,
    };
    let client = WebClient::new(webclient::Settings::default()).map_err(failed)?;
    let file = tempfile::tempfile().map_err(|reason| CampaignError::file(sheet, reason))?;
    let mut target = tokio::fs::File::from_std(
        file.try_clone()
            .map_err(|reason| CampaignError::file(sheet, reason))?,
    );
    let fetch = Fetch {
        redirects: Redirects::up_to(SHEET_REDIRECTS_MAX).only_to(sheet_url::may_redirect_to),
        body_bytes_max: SHEET_BYTES_MAX,
        ..Fetch::default()
    };
    client
        .get_to(url.as_str(), &fetch, &mut target)
        .await
        .map_err(failed)?;
    target
        .flush()
        .await
        .map_err(|reason| CampaignError::file(sheet, reason))?;
    Ok(file)
}
