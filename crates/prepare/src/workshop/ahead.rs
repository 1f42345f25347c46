//! Preparing ahead: what a client wrote becomes the same without anything that has to be fetched.
//!
//! Attachments are put into the text, and where a tenant's policy wants links to large files, these are in the bodies.
//! What has nothing to fetch comes out as it is, so that it can be prepared again and again.

use std::pin::pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::memory::Share;
use super::parcel::{PACKING_DEADLINE, Weight, too_slow};
use super::{LONG_WORK_BYTES, Unmakeable, Workshop};
use crate::draft::{BODY_BYTES_MAX, Draft};
use crate::fetch::Fetched;
use crate::fetch::tenant::TenantSource;
use crate::large::Treatment;
use crate::large::list::{FileLink, append_to_bodies};
use crate::large::policy::LargeFilePolicy;

const ATTACHMENTS: &str = "attachments";
/// What is kept of a request whose bytes are put in: how the file is called, what it is, and what it has to be.
const KEPT: [&str; 3] = ["filename", "mime_type", "content_md5"];
/// The fields of the bodies, as a client may give them.
const BODIES: [&str; 4] = ["body", "content_type", "body_text", "body_html"];

/// What was got from outside: attachments as a client would have written them in, and links.
#[derive(Default)]
struct Got {
    attachments: Vec<Value>,
    links: Vec<FileLink>,
}

impl Workshop {
    /// Makes of what a client wrote, the JSON of a [`Draft`], one of which the same message is made and nothing has to be
    /// fetched any more. `None` when that would be longer than `bytes_max`: then it has to stay as it is. An error too when
    /// there is no memory for it now; `share` is to be there as long as the text.
    pub async fn prepare(
        &self,
        tenant: &TenantSource,
        policy: Option<&LargeFilePolicy>,
        message: Value,
        (share, bytes_max): (&Share, usize),
    ) -> Result<Option<String>, Unmakeable> {
        let draft = Draft::read(&message).map_err(|error| {
            Unmakeable::Never(format!("what was handed over cannot be read: {error}"))
        })?;
        let getting = self.get(tenant, policy, (&draft, &message), (share, bytes_max));
        let got = tokio::time::timeout(PACKING_DEADLINE, getting).await;
        let Some(got) = got.map_err(|_| too_slow())?? else {
            return Ok(None);
        };
        let is_long = got.bytes() >= LONG_WORK_BYTES;
        let write = move || got.write_into(message, &draft);
        let text = match is_long {
            false => write(),
            true => tokio::task::spawn_blocking(write)
                .await
                .map_err(|_| Unmakeable::interrupted())?,
        };
        Ok(text.filter(|text| text.len() <= bytes_max))
    }

    /// Gets all attachments of a message. `None` when they are too many bytes.
    async fn get(
        &self,
        tenant: &TenantSource,
        policy: Option<&LargeFilePolicy>,
        (draft, message): (&Draft, &Value),
        (share, bytes_max): (&Share, usize),
    ) -> Result<Option<Got>, Unmakeable> {
        let mut gathered = pin!(self.gathered(tenant, policy, draft.attachments(), Some(share)));
        let mut items = message[ATTACHMENTS].as_array().into_iter().flatten();
        let (mut got, mut weight) = (Got::default(), Weight::default());
        while let Some(treatment) = gathered.next().await {
            let item = items.next().unwrap_or(&Value::Null);
            match treatment? {
                Treatment::Attach(fetched) => {
                    weight.add(&fetched)?;
                    // In base64, a third more.
                    if weight.bytes / 3 * 4 > bytes_max {
                        return Ok(None);
                    }
                    got.attachments.push(put_in(item, fetched).await?);
                }
                Treatment::Link(link) => got.links.push(link),
            }
        }
        Ok(Some(got))
    }
}

/// An attachment with its bytes in it.
async fn put_in(item: &Value, fetched: Fetched) -> Result<Value, Unmakeable> {
    let mut fields = Map::new();
    for name in KEPT {
        if let Some(value) = item.get(name) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    let is_long = fetched.bytes.len() >= LONG_WORK_BYTES;
    let encode = move || {
        let mut text = "base64:".to_owned();
        STANDARD.encode_string(&fetched.bytes, &mut text);
        text
    };
    let text = match is_long {
        false => encode(),
        true => tokio::task::spawn_blocking(encode)
            .await
            .map_err(|_| Unmakeable::interrupted())?,
    };
    fields.insert("storage_path".to_owned(), text.into());
    Ok(fields.into())
}

impl Got {
    /// How long it is, about, in bytes.
    fn bytes(&self) -> usize {
        let paths = self.attachments.iter();
        paths
            .filter_map(|item| item["storage_path"].as_str())
            .map(str::len)
            .sum()
    }

    /// The message with it. `None` when a body would be longer than one may be.
    fn write_into(self, mut message: Value, draft: &Draft) -> Option<String> {
        let fields = message.as_object_mut()?;
        fields.insert(ATTACHMENTS.to_owned(), self.attachments.into());
        if !self.links.is_empty() {
            let bodies = draft.bodies();
            let (text, html) = (bodies.text.as_deref(), bodies.html.as_deref());
            let (text, html) = append_to_bodies(text, html, &self.links);
            for name in BODIES {
                fields.remove(name);
            }
            for (name, body) in [("body_text", text), ("body_html", html)] {
                if body
                    .as_ref()
                    .is_some_and(|body| body.len() > BODY_BYTES_MAX)
                {
                    return None;
                }
                fields.insert(name.to_owned(), body.into());
            }
        }
        Some(message.to_string())
    }
}
