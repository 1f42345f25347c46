//! The request's files read into what is stored of a campaign.

use std::path::Path;

use compose::letter::{
    AttachmentSource, CustomHeader, Letter, LetterSource, MissingFields, Unsubscribe,
};
use compose::mime::Attachment;
use model::{ContentHash, Mailbox};
use prepare::{AttachmentLimits, read_attachments};
use store::Store;

use crate::error::CampaignError;
use crate::recipients::copies::{CopySource, parse_lines, parse_list};
use crate::request::LetterRequest;

/// A campaign's letter with everything it needs, read and found good.
pub struct Written {
    /// What is stored.
    pub source: LetterSource,
    /// The attached files.
    pub attachments: Vec<Attachment>,
    /// The same, compiled.
    pub letter: Letter,
}

impl Written {
    /// Reads templates, copies and attachments. It takes time: it belongs on a thread that may block.
    pub fn read(request: &LetterRequest, from: &Mailbox) -> Result<Self, CampaignError> {
        if request.html.is_none() && request.text.is_none() && request.attachments.is_empty() {
            return Err(CampaignError::NoBody);
        }
        let attachments = read_attachments(&request.attachments, &AttachmentLimits::default())?;
        let source = LetterSource {
            from: from.to_string(),
            reply_to: request.reply_to.clone(),
            subject: request.subject.clone(),
            html: request.html.as_deref().map(read_file).transpose()?,
            text: request.text.as_deref().map(read_text).transpose()?,
            cc: copies("--cc", request.cc.as_deref())?,
            bcc: copies("--bcc", request.bcc.as_deref())?,
            unsubscribe: unsubscribe(request),
            headers: request
                .headers
                .iter()
                .map(|line| header(line))
                .collect::<Result<_, _>>()?,
            attachments: attachments.iter().map(AttachmentSource::of).collect(),
            missing_fields: MissingFields::Empty,
        };
        let letter = Letter::compile(&source, &attachments)?;
        Ok(Self {
            source,
            attachments,
            letter,
        })
    }

    /// Keeps everything in the store, so that any process can deliver it later.
    pub async fn keep(&self, store: &dyn Store) -> Result<ContentHash, CampaignError> {
        for attachment in &self.attachments {
            store.put_content(attachment.bytes.clone()).await?;
        }
        let json = serde_json::to_vec(&self.source)
            .map_err(|error| store::StoreError::Backend(error.to_string()))?;
        Ok(store.put_content(json).await?)
    }
}

/// The value of `--text`: the content of the file of that name, else the value itself.
fn read_text(value: &str) -> Result<String, CampaignError> {
    let path = Path::new(value);
    match path.is_file() {
        true => read_file(path),
        false => Ok(value.to_owned()),
    }
}

fn read_file(path: &Path) -> Result<String, CampaignError> {
    std::fs::read_to_string(path).map_err(|reason| CampaignError::file(path, reason))
}

fn copies(flag: &'static str, value: Option<&str>) -> Result<Vec<String>, CampaignError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let parsed = match CopySource::of(value, |name| Path::new(name).is_file()) {
        CopySource::List(list) => parse_list(&list),
        CopySource::File(path) => parse_lines(&read_file(&path)?),
    };
    let mailboxes = parsed.map_err(|error| CampaignError::Copies { flag, error })?;
    Ok(mailboxes.iter().map(Mailbox::to_string).collect())
}

fn unsubscribe(request: &LetterRequest) -> Option<Unsubscribe> {
    let links = request.unsubscribe.clone();
    (!links.is_empty()).then_some(Unsubscribe {
        links,
        one_click: request.one_click,
    })
}

fn header(line: &str) -> Result<CustomHeader, CampaignError> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| CampaignError::Header(line.to_owned()))?;
    Ok(CustomHeader {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
    })
}
