//! What a server offered in its reply to EHLO (RFC 5321 §4.1.1.1).

use super::auth::Mechanisms;
use crate::wire::RawReply;

/// The extensions a server offered. None of them after HELO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offer {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// SIZE (RFC 1870).
    pub size: SizeOffer,
    /// AUTH (RFC 4954).
    pub auth: Mechanisms,
}

/// What the server said about sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SizeOffer {
    /// Nothing.
    #[default]
    None,
    /// It wants to be told, but names no limit.
    Unlimited,
    /// Its limit, in bytes.
    Limit(u64),
}

impl Offer {
    /// Reads the reply to EHLO; its first line is the greeting.
    pub(crate) fn parse(reply: &RawReply<'_>) -> Self {
        let mut offer = Self::default();
        for line in reply.lines().skip(1) {
            if let Ok(line) = std::str::from_utf8(line) {
                offer.take_line(line);
            }
        }
        offer
    }

    fn take_line(&mut self, line: &str) {
        // `AUTH=LOGIN PLAIN` is how some servers wrote it before there was a standard.
        let end = line.find([' ', '=']).unwrap_or(line.len());
        let argument = line.get(end + 1..).unwrap_or("").trim();
        match line[..end].to_ascii_uppercase().as_str() {
            "PIPELINING" => self.pipelining = true,
            "CHUNKING" => self.chunking = true,
            "8BITMIME" => self.eight_bit = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "STARTTLS" => self.starttls = true,
            "SIZE" => self.size = SizeOffer::parse(argument),
            "AUTH" => self.auth.add_all(argument),
            _ => {}
        }
    }
}

impl SizeOffer {
    /// Zero means that there is no fixed limit (RFC 1870 §4).
    fn parse(argument: &str) -> Self {
        match argument.parse() {
            Ok(0) | Err(_) => Self::Unlimited,
            Ok(limit) => Self::Limit(limit),
        }
    }

    /// Whether a message of so many bytes is within what was announced.
    pub(crate) fn admits(self, bytes: usize) -> bool {
        match self {
            Self::None | Self::Unlimited => true,
            Self::Limit(limit) => bytes as u64 <= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::auth::Mechanism;
    use crate::wire::ReplyReader;

    fn offer(wire: &str) -> Offer {
        let mut reader = ReplyReader::default();
        reader.space()[..wire.len()].copy_from_slice(wire.as_bytes());
        reader.filled(wire.len());
        Offer::parse(&reader.take().unwrap().unwrap())
    }

    #[test]
    fn extensions_are_read_in_any_case() {
        let found = offer(
            "250-mx.example.org PIPELINING\r\n250-size 1000\r\n250-chunking\r\n\
             250-AUTH PLAIN x-odd\r\n250-AUTH=LOGIN\r\n250 8bitMIME\r\n",
        );
        assert!(found.chunking && found.eight_bit);
        assert!(!found.pipelining, "the first line offers nothing");
        assert_eq!(found.size, SizeOffer::Limit(1000));
        assert!(found.size.admits(1000) && !found.size.admits(1001));
        assert!(found.auth.has(Mechanism::Plain) && found.auth.has(Mechanism::Login));
        assert!(!found.auth.has(Mechanism::CramMd5));
        assert_eq!(offer("250-x\r\n250 SIZE\r\n").size, SizeOffer::Unlimited);
    }
}
