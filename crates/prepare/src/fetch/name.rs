//! The name of an attachment, and the marker that it may carry.

use model::HeaderText;

use crate::digest::Md5;
use model::FieldError;

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 255;
const MARKER_START: &str = "{MD5:";
const MARKER_END: char = '}';

/// A name, and what its marker said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MarkedName {
    /// The name without the marker and without a path.
    pub file_name: HeaderText,
    /// The MD5 of the marker. One that is too short to be one is taken out of the name all the same.
    pub md5: Option<Md5>,
}

/// Reads the field `filename`.
pub(crate) fn read(text: &str) -> Result<MarkedName, FieldError> {
    let bad = |problem: &'static str| Err(FieldError::new("filename", problem));
    if text.chars().count() > NAME_CHARS_MAX {
        return bad("longer than 255 characters");
    }
    let (plain, md5) = match split_marker(text) {
        None => (text.to_owned(), None),
        Some((before, digits, after)) => (tidy(&format!("{before}{after}")), Md5::parse(digits)),
    };
    // Readers on any system: neither kind of slash belongs to a name.
    let last = plain.rsplit(['/', '\\']).next().unwrap_or_default();
    let file_name = HeaderText::cleaned(last.trim());
    match file_name.as_str() {
        "" | "." | ".." => bad("no name is left of it; give one such as report.pdf"),
        _ => Ok(MarkedName { file_name, md5 }),
    }
}

/// What stands before the marker, its digits, and what stands behind.
fn split_marker(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(MARKER_START)?;
    let (digits, after) = rest.split_once(MARKER_END)?;
    let is_marker = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_marker.then_some((before, digits, after))
}

/// Tidies up the underscores that set a marker off: runs become one, and none stays at an end or before
/// the extension.
fn tidy(text: &str) -> String {
    let words: Vec<&str> = text.split('_').filter(|word| !word.is_empty()).collect();
    words.join("_").replace("_.", ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    #[test]
    fn a_marker_leaves_a_tidy_name() {
        let cases = [
            ("report_{M}.pdf", "report.pdf"),
            ("report{M}.pdf", "report.pdf"),
            ("{M}report.pdf", "report.pdf"),
            ("{M}_report.pdf", "report.pdf"),
            ("report.pdf{M}", "report.pdf"),
            ("report.pdf_{M}", "report.pdf"),
            ("a_{M}_b.pdf", "a_b.pdf"),
            ("a_{M}b.pdf", "a_b.pdf"),
            ("a__x_{M}_b.pdf", "a_x_b.pdf"),
            ("a b {M} c.pdf", "a b  c.pdf"),
        ];
        for (marked, plain) in cases {
            let name = read(&marked.replace("{M}", &format!("{{MD5:{MD5}}}"))).unwrap();
            assert_eq!(name.file_name.as_str(), plain, "{marked}");
            assert_eq!(name.md5, Some(Md5::of(b"")), "{marked}");
        }
    }

    #[test]
    fn without_a_whole_marker_the_name_stays_as_it_is() {
        for name in [
            "a__b_.pdf",
            "_x_",
            "{MD5:}x",
            "{MD5:xyz}",
            "{MD5:12",
            "Grüße.pdf",
        ] {
            let read = read(name).unwrap();
            assert_eq!((read.file_name.as_str(), read.md5), (name, None));
        }
        let short = read("r_{MD5:a1b2c3d4}.pdf").unwrap();
        assert_eq!((short.file_name.as_str(), short.md5), ("r.pdf", None));
    }

    #[test]
    fn a_name_has_no_path_and_no_line_break() {
        let plain = |name| read(name).unwrap().file_name.as_str().to_owned();
        assert_eq!(plain("../../etc/passwd"), "passwd");
        assert_eq!(plain("C:\\temp\\x.doc"), "x.doc");
        assert_eq!(plain("a\r\nBcc: b@c.example"), "a Bcc: b@c.example");
        for bad in [
            "",
            " ",
            "..",
            "a/..",
            "x/",
            &format!("{{MD5:{MD5}}}"),
            &"x".repeat(256),
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
