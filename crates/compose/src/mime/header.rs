//! One header field: its name, its words, and where its lines are folded.

use model::{Address, HeaderText, Mailbox, Timestamp};

use super::{
    CRLF, FIELD_NAME_BYTES_MAX, FieldName, IdText, LINE_BYTES_GOOD, LINE_BYTES_MAX, Link, date,
    encoded_word, mailbox,
};

/// Longest word that is written as it is; a longer one is encoded, which may be cut anywhere. It
/// leaves room on the line for the longest name.
const WORD_BYTES_MAX: usize = LINE_BYTES_MAX - FIELD_NAME_BYTES_MAX - 2;
/// Longest name that keeps its first word beside it. Readers like it so; after a longer name a long
/// first word goes to the next line.
const NAME_BYTES_BESIDE: usize = 40;

/// Writes `Date` (RFC 5322 §3.3), in UTC.
pub fn date(out: &mut Vec<u8>, at: Timestamp) {
    out.extend_from_slice(b"Date: ");
    out.extend_from_slice(&date::rfc5322(at));
    out.extend_from_slice(CRLF);
}

/// Writes `Message-ID` (RFC 5322 §3.6.4), at the sender's domain: the same for every attempt at a
/// message.
pub fn message_id(out: &mut Vec<u8>, id: &IdText, sender: &Address) {
    let mut line = HeaderLine::begin(out, FieldName::MESSAGE_ID);
    line.word(&[b"<", id.as_bytes(), b"@", sender.domain().as_bytes(), b">"]);
    line.end();
}

/// Writes a list of addresses and their names, as `From`, `To`, `Cc` and `Reply-To` have them
/// (RFC 5322 §3.4). The list must not be empty.
pub fn mailboxes(out: &mut Vec<u8>, name: FieldName<'_>, mailboxes: &[Mailbox]) {
    let mut line = HeaderLine::begin(out, name);
    for (index, mailbox) in mailboxes.iter().enumerate() {
        mailbox::write(&mut line, mailbox, separator(index, mailboxes.len()));
    }
    line.end();
}

/// Writes one address without a name.
pub fn address(out: &mut Vec<u8>, name: FieldName<'_>, address: &Address) {
    let mut line = HeaderLine::begin(out, name);
    line.word(&[address.as_str().as_bytes()]);
    line.end();
}

/// Writes links in angle brackets, as `List-Unsubscribe` has them (RFC 2369 §2). The list must not
/// be empty.
pub fn links(out: &mut Vec<u8>, name: FieldName<'_>, links: &[Link]) {
    let mut line = HeaderLine::begin(out, name);
    for (index, link) in links.iter().enumerate() {
        let separator = separator(index, links.len());
        line.word(&[b"<", link.as_str().as_bytes(), b">", separator]);
    }
    line.end();
}

/// Writes free text, as `Subject` has it: as it is where that is safe, else in encoded words (RFC
/// 2047).
pub fn text(out: &mut Vec<u8>, name: FieldName<'_>, value: &HeaderText) {
    let mut line = HeaderLine::begin(out, name);
    let value = value.as_str();
    match is_plain(value) {
        true => line.plain(value),
        false => encoded_word::write(&mut line, value),
    }
    line.end();
}

/// What stands after the item at `index` of a list.
fn separator(index: usize, count: usize) -> &'static [u8] {
    if index + 1 < count { b"," } else { b"" }
}

/// Whether a reader gets exactly this text when it is written as it is, folded at its spaces.
///
/// White space that a reader might trim or join needs encoding, and so does what looks like an
/// encoded word.
pub(super) fn is_plain(text: &str) -> bool {
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let edged = text.starts_with(' ') || text.ends_with(' ');
    printable
        && !edged
        && !text.contains("  ")
        && !text.contains("=?")
        && text.split(' ').all(|word| word.len() <= WORD_BYTES_MAX)
}

/// A field being written: words are added, and lines are folded between them.
pub(super) struct HeaderLine<'a> {
    out: &'a mut Vec<u8>,
    /// Where the present line starts in `out`.
    start: usize,
    /// How many words there are so far.
    words: usize,
}

// === impl HeaderLine ===

impl<'a> HeaderLine<'a> {
    /// Begins a field with its name.
    pub fn begin(out: &'a mut Vec<u8>, name: FieldName<'_>) -> Self {
        let start = out.len();
        out.extend_from_slice(name.as_str().as_bytes());
        out.push(b':');
        Self {
            out,
            start,
            words: 0,
        }
    }

    /// The bytes that one more word may have on this line.
    pub fn room(&self) -> usize {
        LINE_BYTES_GOOD.saturating_sub(self.column() + 1)
    }

    /// Adds a word, given in pieces that stay together.
    pub fn word(&mut self, pieces: &[&[u8]]) {
        let bytes = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let may_fold = self.words > 0 || self.column() > NAME_BYTES_BESIDE;
        if bytes > self.room() && may_fold {
            self.out.extend_from_slice(CRLF);
            self.start = self.out.len();
        }
        self.out.push(b' ');
        for piece in pieces {
            self.out.extend_from_slice(piece);
        }
        self.words += 1;
    }

    /// Adds a text that [`is_plain`], word by word.
    pub fn plain(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if text.len() <= self.room() {
            return self.word(&[text.as_bytes()]);
        }
        for word in text.split(' ') {
            self.word(&[word.as_bytes()]);
        }
    }

    /// Ends the field.
    pub fn end(self) {
        self.out.extend_from_slice(CRLF);
    }

    fn column(&self) -> usize {
        self.out.len() - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, value: &str) -> String {
        let mut out = Vec::new();
        let name = FieldName::parse(name).unwrap();
        text(&mut out, name, &HeaderText::parse(value).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn short_text_stays_as_it_is() {
        assert_eq!(written("Subject", "Hello, you"), "Subject: Hello, you\r\n");
        assert_eq!(written("Subject", ""), "Subject:\r\n");
    }

    #[test]
    fn long_text_is_folded_at_its_spaces() {
        let value = "word ".repeat(40);
        let folded = written("Subject", value.trim_end());
        assert!(folded.lines().all(|line| line.len() <= LINE_BYTES_GOOD));
        assert_eq!(
            folded.replace("\r\n ", " "),
            format!("Subject: {}\r\n", value.trim_end())
        );
    }

    #[test]
    fn text_that_a_reader_would_change_is_encoded() {
        for value in [" a", "a ", "a  b", "a\tb", "=?utf-8?q?a?=", "ä"] {
            let line = written("X-Note", value);
            assert!(line.starts_with("X-Note: =?utf-8?"), "{line}");
        }
        let endless = "x".repeat(WORD_BYTES_MAX + 1);
        let folded = written("X-Note", &endless);
        assert!(folded.lines().all(|line| line.len() <= LINE_BYTES_GOOD));
    }

    #[test]
    fn a_long_name_leaves_its_word_to_the_next_line() {
        let name = "X".repeat(FIELD_NAME_BYTES_MAX);
        let line = written(&name, "ä".repeat(30).as_str());
        assert!(line.starts_with(&format!("{name}:\r\n =?utf-8?")), "{line}");
        let longest = written(&name, &"w".repeat(WORD_BYTES_MAX));
        assert!(longest.lines().all(|line| line.len() <= LINE_BYTES_MAX));
    }

    #[test]
    fn links_stand_one_a_line_when_they_are_long() {
        let mut out = Vec::new();
        let long = format!("https://example.org/{}", "u".repeat(60));
        let both = [&long, "mailto:out@example.org"].map(|text| Link::parse(text).unwrap());
        links(&mut out, FieldName::LIST_UNSUBSCRIBE, &both);
        let expected = format!("List-Unsubscribe: <{long}>,\r\n <mailto:out@example.org>\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
