//! The host and port that a request is addressed to: read strictly, so that only one spelling means a name.

use std::net::{IpAddr, Ipv6Addr};

/// Longest name of a host (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// Who a request is addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address as a number. No name server can make it mean another machine.
    Ip(IpAddr),
    /// A name, in lower case.
    Name(String),
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    pub host: Host,
    pub port: Option<u16>,
}

impl Authority {
    /// `None` for everything that no honest client writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(inner) => {
                let (number, rest) = inner.split_once(']')?;
                (Host::Ip(number.parse::<Ipv6Addr>().ok()?.into()), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (name, rest) = text.split_at(end);
                (named(name)?, rest)
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { host, port })
    }

    /// The authority and the scheme's own port of an origin (RFC 6454 §6.2); `null` has none.
    pub fn of_origin(origin: &str) -> Option<(Self, u16)> {
        let (rest, default_port) = match origin.split_once("://")? {
            ("http", rest) => (rest, 80),
            ("https", rest) => (rest, 443),
            _ => return None,
        };
        Some((Self::parse(rest)?, default_port))
    }

    /// Whether both mean one place, if a port that is not named is `default_port`.
    pub fn is_same(&self, other: &Self, default_port: u16) -> bool {
        let port_of = |authority: &Self| authority.port.unwrap_or(default_port);
        self.host == other.host && port_of(self) == port_of(other)
    }
}

fn named(name: &str) -> Option<Host> {
    if let Ok(number) = name.parse() {
        return Some(Host::Ip(IpAddr::V4(number)));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain);
    fits.then(|| Host::Name(name.to_ascii_lowercase()))
}

fn port(digits: &str) -> Option<u16> {
    // `parse` alone would take "+80".
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str, port: Option<u16>) -> Option<Authority> {
        let host = Host::Name(text.to_owned());
        Some(Authority { host, port })
    }

    #[test]
    fn names_numbers_and_ports_are_read() {
        assert_eq!(Authority::parse("LocalHost"), name("localhost", None));
        assert_eq!(Authority::parse("a-b.c_d:80"), name("a-b.c_d", Some(80)));
        let number = |text: &str| Authority::parse(text).map(|read| read.host);
        assert_eq!(
            number("127.0.0.1:9091"),
            "127.0.0.1".parse().ok().map(Host::Ip)
        );
        assert_eq!(number("[::1]:9091"), "::1".parse().ok().map(Host::Ip));
    }

    #[test]
    fn other_spellings_of_a_number_are_only_names() {
        for odd in [
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "127.0.0.01",
            "127.0.0.1.",
        ] {
            assert!(
                matches!(
                    Authority::parse(odd),
                    Some(Authority {
                        host: Host::Name(_),
                        ..
                    })
                ),
                "{odd}"
            );
        }
    }

    #[test]
    fn what_no_honest_client_writes_is_refused() {
        let long = "a".repeat(254);
        for odd in [
            "",
            ":80",
            "a:",
            "a:+80",
            "a:65536",
            "a:80:80",
            "user@localhost",
            "localhost/x",
            "a b",
            "::1",
            "[::1",
            "[::1]x",
            "[127.0.0.1]",
            "[fe80::1%25lo]",
            "localhost,evil.example",
            "é.example",
            &long,
        ] {
            assert_eq!(Authority::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_origin_is_compared_with_its_schemes_own_port() {
        let is_same = |origin: &str, host: &str| {
            let host = Authority::parse(host).unwrap();
            Authority::of_origin(origin).is_some_and(|(origin, port)| origin.is_same(&host, port))
        };
        assert!(is_same("http://localhost:9091", "localhost:9091"));
        assert!(is_same("https://mail.example", "mail.example"));
        assert!(is_same("http://mail.example", "mail.example:80"));
        assert!(!is_same("http://localhost", "localhost:9091"));
        assert!(!is_same("http://localhost:3000", "localhost:9091"));
        for odd in [
            "null",
            "",
            "localhost:9091",
            "file://localhost:9091",
            "http://localhost:9091/",
        ] {
            assert!(!is_same(odd, "localhost:9091"), "{odd}");
        }
    }
}
