//! What goes along with a message: its attachments, got from where they are, as finished parts; and links to those that
//! were too large.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use compose::mime::{Attachment, EncodedAttachment};
use futures_util::{Stream, StreamExt, stream};
use model::MessageId;

use super::memory::Share;
use super::{LONG_WORK_BYTES, Unmakeable, Workshop};
use crate::digest::{PartsDigest, Sha256};
use crate::fetch::Fetched;
use crate::fetch::request::AttachmentRequest;
use crate::fetch::tenant::TenantSource;
use crate::large::Treatment;
use crate::large::list::FileLink;
use crate::large::policy::LargeFilePolicy;

/// How many attachments of one message are fetched at once.
const FETCHES_AT_ONCE: usize = 4;
/// The most that the attachments of one message may have together, in bytes. Encoded, which makes them longer by
/// three eighths, they can still be kept for its other recipients.
const ATTACHED_BYTES_MAX: usize = 45 << 20;
/// How long all of them together may take.
pub(super) const PACKING_DEADLINE: Duration = Duration::from_secs(300);

/// What goes along with a message.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    pub attachments: Vec<EncodedAttachment>,
    pub links: Vec<FileLink>,
}

impl Parcel {
    /// How much it adds to the message, about, in bytes.
    pub fn bytes(&self) -> usize {
        let parts = self.attachments.iter();
        parts.map(EncodedAttachment::encoded_bytes).sum()
    }

    pub fn has_links(&self) -> bool {
        !self.links.is_empty()
    }
}

/// Tells the parcel of a message from others, also from what the same message was to have before it was replaced.
/// A long one does not keep the tasks of others waiting.
pub(super) async fn key(
    tenant: &TenantSource,
    requests: &[AttachmentRequest],
    id: MessageId,
) -> Sha256 {
    let id = id.to_string();
    let mut digest = PartsDigest::default();
    for part in [tenant.id.as_str(), &id] {
        digest.begin(part.len());
        digest.update(part.as_bytes());
    }
    for part in requests.iter().flat_map(AttachmentRequest::parts) {
        digest.begin(part.len());
        for (place, piece) in part.as_bytes().chunks(LONG_WORK_BYTES).enumerate() {
            if place > 0 {
                tokio::task::yield_now().await;
            }
            digest.update(piece);
        }
    }
    digest.finish()
}

impl Workshop {
    /// Gets all attachments of a message, in time or not at all.
    pub(super) async fn packed(
        &self,
        tenant: &TenantSource,
        policy: Option<&LargeFilePolicy>,
        requests: &[AttachmentRequest],
    ) -> Result<Arc<Parcel>, Unmakeable> {
        let packing = self.pack(tenant, policy, requests);
        match tokio::time::timeout(PACKING_DEADLINE, packing).await {
            Ok(packed) => packed.map(Arc::new),
            Err(_) => Err(too_slow()),
        }
    }

    /// Gets all attachments and encodes them.
    async fn pack(
        &self,
        tenant: &TenantSource,
        policy: Option<&LargeFilePolicy>,
        requests: &[AttachmentRequest],
    ) -> Result<Parcel, Unmakeable> {
        let mut gathered = pin!(self.gathered(tenant, policy, requests, None));
        let (mut parcel, mut weight) = (Parcel::default(), Weight::default());
        while let Some(treatment) = gathered.next().await {
            match treatment? {
                Treatment::Attach(fetched) => {
                    weight.add(&fetched)?;
                    parcel.attachments.push(encoded(fetched).await?);
                }
                Treatment::Link(link) => parcel.links.push(link),
            }
        }
        Ok(parcel)
    }

    /// Gets all attachments, several at once, in their order: each as it goes along, or a link to it. It is the one way
    /// in which anything comes from outside. What goes along has its memory of `share`, if there is one.
    pub(super) fn gathered<'a>(
        &'a self,
        tenant: &'a TenantSource,
        policy: Option<&'a LargeFilePolicy>,
        requests: &'a [AttachmentRequest],
        share: Option<&'a Share>,
    ) -> impl Stream<Item = Result<Treatment, Unmakeable>> + Send + 'a {
        let treatments: Vec<_> = requests
            .iter()
            .map(|request| self.treated(tenant, policy, request, share))
            .collect();
        stream::iter(treatments).buffered(FETCHES_AT_ONCE)
    }

    async fn treated(
        &self,
        tenant: &TenantSource,
        policy: Option<&LargeFilePolicy>,
        request: &AttachmentRequest,
        share: Option<&Share>,
    ) -> Result<Treatment, Unmakeable> {
        let fetched = self.fetcher.fetch(tenant, request).await?;
        let taken = match share {
            None => None,
            Some(share) => Some((
                share,
                share.take(fetched.bytes.len()).ok_or_else(no_memory)?,
            )),
        };
        let treatment = match policy {
            None => Treatment::Attach(fetched),
            Some(policy) => self.large_files.apply(tenant, policy, fetched).await?,
        };
        if let (Treatment::Attach(_), Some((share, taken))) = (&treatment, taken) {
            share.keep(taken);
        }
        Ok(treatment)
    }
}

/// How much the attachments of a message have together.
#[derive(Default)]
pub(super) struct Weight {
    pub(super) bytes: usize,
}

impl Weight {
    /// Adds one; an error when that is more than a message may have.
    pub(super) fn add(&mut self, fetched: &Fetched) -> Result<(), Unmakeable> {
        self.bytes += fetched.bytes.len();
        match self.bytes > ATTACHED_BYTES_MAX {
            true => Err(too_large()),
            false => Ok(()),
        }
    }
}

fn too_large() -> Unmakeable {
    let limit = ATTACHED_BYTES_MAX >> 20;
    Unmakeable::Never(format!(
        "Attachments are larger than the allowed {limit} MB together"
    ))
}

pub(super) fn too_slow() -> Unmakeable {
    let seconds = PACKING_DEADLINE.as_secs();
    Unmakeable::Later(format!("Attachments took longer than {seconds} s together"))
}

fn no_memory() -> Unmakeable {
    Unmakeable::Later("there is no memory for more attachments now".to_owned())
}

async fn encoded(fetched: Fetched) -> Result<EncodedAttachment, Unmakeable> {
    let is_long = fetched.bytes.len() >= LONG_WORK_BYTES;
    let encode = move || EncodedAttachment::new(&Attachment::from(fetched));
    match is_long {
        false => Ok(encode()),
        true => tokio::task::spawn_blocking(encode)
            .await
            .map_err(|_| Unmakeable::interrupted()),
    }
}
