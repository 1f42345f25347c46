//! Chunks (RFC 3030): a message, or a piece of it, by its count of bytes.

/// What a BDAT command announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHeader {
    /// Bytes that follow the command line.
    pub bytes: u64,
    /// Whether the message is complete with them.
    pub position: ChunkPosition,
}

/// Where a chunk stands in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkPosition {
    /// More chunks follow.
    Inner,
    /// It is the last one.
    Last,
}

impl ChunkHeader {
    /// Reads what follows the verb: `1000` or `1000 LAST`.
    pub fn parse(argument: &str) -> Option<Self> {
        let (count, rest) = argument.split_once(' ').unwrap_or((argument, ""));
        let plain = (1..=18).contains(&count.len()) && count.bytes().all(|b| b.is_ascii_digit());
        let position = match rest.trim() {
            "" => ChunkPosition::Inner,
            last if last.eq_ignore_ascii_case("LAST") => ChunkPosition::Last,
            _ => return None,
        };
        let bytes = count.parse().ok().filter(|_| plain)?;
        Some(Self { bytes, position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_headers_are_read() {
        let last = ChunkHeader::parse("86 LAST").unwrap();
        assert_eq!((last.bytes, last.position), (86, ChunkPosition::Last));
        let inner = ChunkHeader::parse("0").unwrap();
        assert_eq!((inner.bytes, inner.position), (0, ChunkPosition::Inner));
        for bad in [
            "",
            "x",
            "-1",
            "+1",
            "1 FIRST",
            "9999999999999999999999",
            "1 LAST x",
        ] {
            assert_eq!(ChunkHeader::parse(bad), None, "{bad}");
        }
    }
}
