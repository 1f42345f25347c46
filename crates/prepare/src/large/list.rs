//! The links as a part of the message's text.

use model::{HeaderText, Timestamp};

/// A link to a file that was too large to be mailed.
#[derive(Clone, Debug)]
pub struct FileLink {
    /// The file's name as the reader knows it.
    pub file_name: HeaderText,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// Where it is.
    pub url: String,
    /// How long the link works.
    pub expires: Timestamp,
}

const HEADING: &str = "Files for download:";

/// Both bodies of a message with the list. One that has neither gets it as its text.
pub(crate) fn append_to_bodies(
    text: Option<&str>,
    html: Option<&str>,
    links: &[FileLink],
) -> (Option<String>, Option<String>) {
    let needs_text = text.is_some() || html.is_none();
    (
        needs_text.then(|| append_to_text(text.unwrap_or_default(), links)),
        html.map(|html| append_to_html(html, links)),
    )
}

/// `body` with the list at its end, before the end of an HTML document's body.
pub fn append_to_html(body: &str, links: &[FileLink]) -> String {
    if links.is_empty() {
        return body.to_owned();
    }
    let items: String = links
        .iter()
        .map(|link| {
            let (url, name) = (escaped(&link.url), escaped(link.file_name.as_str()));
            let note = escaped(&note(link));
            format!("<li><a href=\"{url}\">{name}</a> ({note})</li>")
        })
        .collect();
    let list = format!("<hr><p>{HEADING}</p><ul>{items}</ul>");
    let (before, after) = body.split_at(end_of_body(body));
    format!("{before}{list}{after}")
}

/// `body` with the list below it.
pub fn append_to_text(body: &str, links: &[FileLink]) -> String {
    if links.is_empty() {
        return body.to_owned();
    }
    let items: String = links
        .iter()
        .map(|link| format!("- {} ({})\n  {}\n", link.file_name, note(link), link.url))
        .collect();
    let gap = if body.ends_with('\n') { "\n" } else { "\n\n" };
    format!("{body}{gap}{HEADING}\n{items}")
}

/// Where the last `</body>` begins, in any case, or the end.
fn end_of_body(html: &str) -> usize {
    const TAG: &[u8] = b"</body";
    html.as_bytes()
        .windows(TAG.len())
        .rposition(|part| part.eq_ignore_ascii_case(TAG))
        .unwrap_or(html.len())
}

fn note(link: &FileLink) -> String {
    let date = jiff::Timestamp::from_second(link.expires.as_secs())
        .unwrap_or_default()
        .strftime("%Y-%m-%d");
    format!("{}, until {date}", size(link.size_bytes))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{:.1} KB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MB", super::megabytes(bytes)),
    }
}

/// Text that means itself in HTML, also inside an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str) -> FileLink {
        FileLink {
            file_name: HeaderText::cleaned(name),
            size_bytes: 12 << 20,
            url: "https://f.example/download/x?a=1&b=2".to_owned(),
            expires: Timestamp::from_millis(1_800_000_000_000),
        }
    }

    #[test]
    fn html_gets_a_list_inside_its_body() {
        let links = [link("a.pdf"), link("b.pdf")];
        let html = append_to_html("<html><BODY>Hi</BODY></html>", &links);
        assert!(html.starts_with("<html><BODY>Hi<hr>"), "{html}");
        assert!(html.ends_with("</ul></BODY></html>"), "{html}");
        assert!(
            html.contains(">a.pdf</a> (12.0 MB, until 2027-01-15)</li>"),
            "{html}"
        );
        assert!(append_to_html("Grüße", &links).starts_with("Grüße<hr>"));
        assert_eq!(append_to_html("x", &[]), "x");
    }

    #[test]
    fn a_hostile_name_is_only_a_name() {
        let html = append_to_html("", &[link("\"><script>alert('1')</script>\r\n.pdf")]);
        assert!(!html.contains("<script"), "{html}");
        assert!(
            html.contains("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)"),
            "{html}"
        );
        assert!(
            html.contains("href=\"https://f.example/download/x?a=1&amp;b=2\""),
            "{html}"
        );
        let text = append_to_text("Hi", &[link("a\nb")]);
        assert!(
            text.starts_with("Hi\n\nFiles for download:\n- a b (12.0 MB"),
            "{text}"
        );
    }

    #[test]
    fn sizes_are_read_by_people() {
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(1536), "1.5 KB");
        assert_eq!(size(10 << 20), "10.0 MB");
    }
}
