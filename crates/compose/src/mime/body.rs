//! The body of a message: the text, the HTML, the attachments, and the parts they make (RFC 2046
//! §5.1).

use super::transfer::write_text;
use super::{EncodedAttachment, IdText};

/// What a message says.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Text only.
    Text(&'a str),
    /// HTML only.
    Html(&'a str),
    /// The same in both; a reader shows the last that it can.
    Alternative {
        /// As text.
        text: &'a str,
        /// As HTML.
        html: &'a str,
    },
}

/// What a multipart is for; each has a boundary of its own.
#[derive(Clone, Copy)]
enum Multipart {
    Alternative,
    Mixed,
}

/// Writes the fields that describe the body, the empty line after all headers, and the body.
///
/// Boundaries are made from the message's id: the same at each attempt, different in each message.
pub fn write(out: &mut Vec<u8>, body: &Body<'_>, attachments: &[EncodedAttachment], id: &IdText) {
    if attachments.is_empty() {
        return write_content(out, body, id);
    }
    let mixed = Multipart::Mixed;
    mixed.begin(out, id);
    mixed.delimit(out, id, b"\r\n");
    write_content(out, body, id);
    for attachment in attachments {
        mixed.delimit(out, id, b"\r\n");
        out.extend_from_slice(attachment.as_bytes());
    }
    mixed.delimit(out, id, b"--\r\n");
}

fn write_content(out: &mut Vec<u8>, body: &Body<'_>, id: &IdText) {
    match *body {
        Body::Text(text) => write_leaf(out, b"text/plain", text, id),
        Body::Html(html) => write_leaf(out, b"text/html", html, id),
        Body::Alternative { text, html } => {
            let alternative = Multipart::Alternative;
            alternative.begin(out, id);
            alternative.delimit(out, id, b"\r\n");
            write_leaf(out, b"text/plain", text, id);
            alternative.delimit(out, id, b"\r\n");
            write_leaf(out, b"text/html", html, id);
            alternative.delimit(out, id, b"--\r\n");
        }
    }
}

fn write_leaf(out: &mut Vec<u8>, media_type: &[u8], text: &str, id: &IdText) {
    out.extend_from_slice(b"Content-Type: ");
    out.extend_from_slice(media_type);
    out.extend_from_slice(b"; charset=utf-8\r\n");
    write_text(out, text, id);
}

// === impl Multipart ===

impl Multipart {
    fn subtype(self) -> &'static [u8] {
        match self {
            Self::Alternative => b"alternative",
            Self::Mixed => b"mixed",
        }
    }

    /// Writes the header and the empty line.
    fn begin(self, out: &mut Vec<u8>, id: &IdText) {
        out.extend_from_slice(b"Content-Type: multipart/");
        out.extend_from_slice(self.subtype());
        out.extend_from_slice(b";\r\n boundary=\"");
        self.write_boundary(out, id);
        out.extend_from_slice(b"\"\r\n");
    }

    /// Writes the line before a part, or with `--` at its end the line after the last. The line end
    /// before it belongs to the boundary (RFC 2046 §5.1.1), so each part keeps its own last one.
    fn delimit(self, out: &mut Vec<u8>, id: &IdText, end: &[u8]) {
        out.extend_from_slice(b"\r\n--");
        self.write_boundary(out, id);
        out.extend_from_slice(end);
    }

    /// Neither quoted-printable nor base64 can hold `=_`, and no text that holds the id is written
    /// as it is.
    fn write_boundary(self, out: &mut Vec<u8>, id: &IdText) {
        out.extend_from_slice(b"=_");
        out.extend_from_slice(self.subtype());
        out.push(b'_');
        out.extend_from_slice(id.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use model::{HeaderText, MessageId, Seq, Timestamp};

    use super::*;
    use crate::mime::{Attachment, MediaType};

    #[test]
    fn attachments_follow_both_alternatives() {
        let id = IdText::from(MessageId::new(Timestamp::from_millis(0), 0, Seq::new(1)));
        let attachment = EncodedAttachment::new(&Attachment {
            file_name: HeaderText::parse("a.bin").unwrap(),
            media_type: MediaType::default(),
            bytes: vec![0; 3],
        });
        let mut out = Vec::new();
        let body = Body::Alternative {
            text: "t",
            html: "<p>h</p>\n",
        };
        write(&mut out, &body, &[attachment], &id);
        let expected = "Content-Type: multipart/mixed;\n boundary=\"=_mixed_ID\"\n\n\
            --=_mixed_ID\nContent-Type: multipart/alternative;\n boundary=\"=_alternative_ID\"\n\n\
            --=_alternative_ID\nContent-Type: text/plain; charset=utf-8\n\
            Content-Transfer-Encoding: 7bit\n\nt\n\n\
            --=_alternative_ID\nContent-Type: text/html; charset=utf-8\n\
            Content-Transfer-Encoding: 7bit\n\n<p>h</p>\n\n\
            --=_alternative_ID--\n\n\
            --=_mixed_ID\nContent-Type: application/octet-stream\n\
            Content-Disposition: attachment; filename=\"a.bin\"\n\
            Content-Transfer-Encoding: base64\n\nAAAA\n\n\
            --=_mixed_ID--\n";
        let id = String::from_utf8(id.as_bytes().to_vec()).unwrap();
        let expected = expected.replace("ID", &id).replace('\n', "\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
