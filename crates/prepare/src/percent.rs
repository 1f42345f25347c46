//! Text inside URLs.

/// Every byte but letters, digits, `-`, `.`, `_` and `~` as `%XX` (RFC 3986 section 2.3): what can stand
/// anywhere in a URL and means itself.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The parts of a path, encoded, with `/` between them.
pub(crate) fn encode_path<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let encoded: Vec<String> = parts.map(encode).collect();
    encoded.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_characters_stay() {
        assert_eq!(encode("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(encode("ü /?#&\"<>%"), "%C3%BC%20%2F%3F%23%26%22%3C%3E%25");
        assert_eq!(encode_path(["a b", "c/d"].into_iter()), "a%20b/c%2Fd");
    }
}
