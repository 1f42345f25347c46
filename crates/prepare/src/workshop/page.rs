//! Header fields, bodies and parcel, written as one text.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use compose::mime::{Body, IdText, body};
use model::{MessageId, Timestamp};

use super::parcel::Parcel;
use super::{LONG_WORK_BYTES, Unmakeable};
use crate::draft::Draft;
use crate::large::list::append_to_bodies;

/// Room for the header fields of most messages, in bytes.
const HEAD_BYTES: usize = 1 << 10;

/// A message that only has to be written.
pub(super) struct Page<'a> {
    /// The header fields as they are written.
    head: Vec<u8>,
    text: Option<Cow<'a, str>>,
    html: Option<Cow<'a, str>>,
    parcel: Arc<Parcel>,
    id: IdText,
}

// === impl Page ===

impl<'a> Page<'a> {
    /// What a draft says, with links to what does not go along.
    pub fn new(draft: &'a Draft, parcel: Arc<Parcel>, id: MessageId, at: Timestamp) -> Self {
        let bodies = draft.bodies();
        let mut page = Self {
            head: Vec::new(),
            text: bodies.text.as_deref().map(Cow::Borrowed),
            html: bodies.html.as_deref().map(Cow::Borrowed),
            parcel,
            id: id.into(),
        };
        if page.parcel.has_links() {
            page.append_links();
        }
        // Escapes make a body longer, most by less than this.
        let body_bytes = page.bytes();
        page.head.reserve(HEAD_BYTES + body_bytes + body_bytes / 8);
        draft.write_head(&mut page.head, &page.id, at);
        page
    }

    fn append_links(&mut self) {
        let (text, html) = (self.text.as_deref(), self.html.as_deref());
        let (text, html) = append_to_bodies(text, html, &self.parcel.links);
        (self.text, self.html) = (text.map(Cow::Owned), html.map(Cow::Owned));
    }

    /// Its size without its head, about, in bytes.
    fn bytes(&self) -> usize {
        let bodies = [&self.text, &self.html].into_iter().flatten();
        bodies.map(|body| body.len()).sum::<usize>() + self.parcel.bytes()
    }

    /// The finished text.
    pub async fn written(self) -> Result<Bytes, Unmakeable> {
        if self.bytes() < LONG_WORK_BYTES {
            return Ok(self.write());
        }
        let page = self.into_owned();
        tokio::task::spawn_blocking(|| page.write())
            .await
            .map_err(|_| Unmakeable::interrupted())
    }

    fn into_owned(self) -> Page<'static> {
        let owned = |body: Cow<'a, str>| Cow::Owned(body.into_owned());
        Page {
            head: self.head,
            text: self.text.map(owned),
            html: self.html.map(owned),
            parcel: self.parcel,
            id: self.id,
        }
    }

    fn write(self) -> Bytes {
        let body = match (&self.text, &self.html) {
            (Some(text), Some(html)) => Body::Alternative { text, html },
            (None, Some(html)) => Body::Html(html),
            (Some(text), None) => Body::Text(text),
            (None, None) => Body::Text(""),
        };
        let mut out = self.head;
        body::write(&mut out, &body, &self.parcel.attachments, &self.id);
        out.into()
    }
}
