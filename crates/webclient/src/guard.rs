//! The operator's policy applied to one URL, and to the addresses that its name resolved to.

use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::address::{meaning, special_use};
use crate::error::{BadUrl, Refusal};
use crate::network::Network;

/// The longest URL taken, in bytes: what common servers accept as a request line.
const URL_BYTES_MAX: usize = 8 * 1024;

/// Which targets a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetPolicy {
    /// Hosts on the public internet at the web's ports, and what the operator listed besides.
    #[default]
    PublicOnly,
    /// Every address and every port: for a person who runs the program on their own machine.
    AllowPrivate,
}

/// One entry of the operator's list of targets that may be reached though they are not public. A
/// listed target may be reached at every port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedTarget {
    /// This host name, whatever it resolves to.
    Host(String),
    /// Every address in this range, as a literal or as what a name resolves to.
    Network(Network),
}

/// Why an entry of the list of allowed targets cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Neither a name, nor an address, nor a range.
    #[error(
        "allowed target {entry:?} is not a host name, an address or a range such as 10.0.0.0/8"
    )]
    Unreadable {
        /// The entry as written.
        entry: String,
    },
    /// A prefix with more bits than the address has.
    #[error("allowed target {entry:?}: the prefix is at most /{most}")]
    PrefixTooLong {
        /// The entry as written.
        entry: String,
        /// The longest prefix of the address's family.
        most: u8,
    },
    /// A range whose first address is not its first.
    #[error("allowed target {entry:?} has bits behind its prefix; clear them or drop the prefix")]
    HostBits {
        /// The entry as written.
        entry: String,
    },
}

impl FromStr for AllowedTarget {
    type Err = BadTarget;

    fn from_str(entry: &str) -> Result<AllowedTarget, BadTarget> {
        if entry.contains('/') || entry.parse::<IpAddr>().is_ok() {
            return entry.parse().map(AllowedTarget::Network);
        }
        match Host::parse(entry) {
            Ok(Host::Domain(name)) => Ok(AllowedTarget::Host(plain_name(&name).to_owned())),
            Ok(Host::Ipv4(address)) => Ok(AllowedTarget::Network(Network::only(address.into()))),
            Ok(Host::Ipv6(address)) => Ok(AllowedTarget::Network(Network::only(address.into()))),
            Err(_) => Err(BadTarget::Unreadable {
                entry: entry.to_owned(),
            }),
        }
    }
}

/// A name without the dot that marks it as absolute.
fn plain_name(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The host of a URL as errors show it.
pub(crate) fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// The policy with its lists: the one place that says yes or no to a target.
#[derive(Debug)]
pub(crate) struct Guard {
    policy: TargetPolicy,
    allowed: Vec<AllowedTarget>,
    web_ports: Vec<u16>,
}

impl Guard {
    pub(crate) fn new(
        policy: TargetPolicy,
        allowed: Vec<AllowedTarget>,
        web_ports: Vec<u16>,
    ) -> Guard {
        Guard {
            policy,
            allowed,
            web_ports,
        }
    }

    /// Checks all that can be judged before a name is looked up: the form of the URL, its port, and
    /// its host when that is an address. The parser has by then turned every spelling of an IPv4
    /// address (decimal, octal, hexadecimal, short, full-width digits) into the address itself.
    pub(crate) fn check_url(&self, url: &Url) -> Result<(), crate::Error> {
        check_form(url)?;
        self.check_port(url)?;
        match url.host() {
            Some(Host::Ipv4(address)) => self.check_address(&host_of(url), address.into())?,
            Some(Host::Ipv6(address)) => self.check_address(&host_of(url), address.into())?,
            Some(Host::Domain(_)) | None => {}
        }
        Ok(())
    }

    /// Checks every address of a name: one that is refused spoils them all, since which of them a
    /// connection would use is not ours to say.
    pub(crate) fn check_addresses(&self, name: &str, addresses: &[IpAddr]) -> Result<(), Refusal> {
        if self.lists_name(name) {
            return Ok(());
        }
        addresses
            .iter()
            .try_for_each(|address| self.check_address(name, *address))
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Refusal> {
        if self.policy == TargetPolicy::AllowPrivate || self.lists_address(address) {
            return Ok(());
        }
        match special_use(address) {
            Some(purpose) => Err(Refusal::Address {
                host: host.to_owned(),
                address,
                purpose,
            }),
            None => Ok(()),
        }
    }

    fn check_port(&self, url: &Url) -> Result<(), Refusal> {
        let port = url.port_or_known_default().unwrap_or_default();
        let listed = match url.host() {
            Some(Host::Domain(name)) => self.lists_name(name),
            Some(Host::Ipv4(address)) => self.lists_address(address.into()),
            Some(Host::Ipv6(address)) => self.lists_address(address.into()),
            None => false,
        };
        if listed || self.policy == TargetPolicy::AllowPrivate || self.web_ports.contains(&port) {
            return Ok(());
        }
        Err(Refusal::Port {
            host: host_of(url),
            port,
        })
    }

    fn lists_name(&self, name: &str) -> bool {
        self.allowed.iter().any(|target| match target {
            AllowedTarget::Host(listed) => listed.eq_ignore_ascii_case(plain_name(name)),
            AllowedTarget::Network(_) => false,
        })
    }

    fn lists_address(&self, address: IpAddr) -> bool {
        let meant = meaning(address);
        self.allowed.iter().any(|target| match target {
            AllowedTarget::Host(_) => false,
            AllowedTarget::Network(range) => range.contains(meant) || range.contains(address),
        })
    }
}

/// Reads a URL that a person supplied.
pub(crate) fn parse(text: &str) -> Result<Url, BadUrl> {
    if text.len() > URL_BYTES_MAX {
        return Err(BadUrl::TooLong {
            bytes_max: URL_BYTES_MAX,
        });
    }
    Ok(Url::parse(text)?)
}

/// Checks that this is a URL of the web without credentials in it.
fn check_form(url: &Url) -> Result<(), BadUrl> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadUrl::Scheme {
            scheme: url.scheme().to_owned(),
        });
    }
    if url.as_str().len() > URL_BYTES_MAX {
        return Err(BadUrl::TooLong {
            bytes_max: URL_BYTES_MAX,
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadUrl::Credentials { host: host_of(url) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn guard(allowed: &[&str]) -> Guard {
        Guard {
            policy: TargetPolicy::PublicOnly,
            allowed: allowed.iter().map(|entry| entry.parse().unwrap()).collect(),
            web_ports: vec![80, 443],
        }
    }

    fn check(guard: &Guard, url: &str) -> Result<(), Error> {
        guard.check_url(&parse(url)?)
    }

    #[test]
    fn public_hosts_pass() {
        for url in [
            "https://hooks.example.com/a?b#c",
            "http://8.8.8.8/",
            "http://[2606:4700::1111]/",
            "https://hooks.example.com:443/",
            "https://hooks.example.com:80/",
        ] {
            check(&guard(&[]), url).unwrap();
        }
    }

    #[test]
    fn other_protocols_and_credentials_are_bad_urls() {
        let problem = |url: &str| check(&guard(&[]), url).unwrap_err().to_string();
        assert!(problem("ftp://example.com/").contains("ftp:"));
        assert!(problem("file:///etc/passwd").contains("file:"));
        assert!(problem("https://me@example.com/").contains("user name or password"));
        assert!(problem("https://:word@example.com/").contains("user name or password"));
        assert!(problem("/relative").contains("cannot be read"));
        assert!(problem(&format!("https://e.com/{}", "a".repeat(9000))).contains("8192 bytes"));
        // Two bytes become nine when the parser escapes them.
        assert!(problem(&format!("https://e.com/{}", "é".repeat(4000))).contains("8192 bytes"));
    }

    #[test]
    fn a_refusal_names_the_address_and_the_way_to_allow_it() {
        let refusal = check(&guard(&[]), "http://0x7f.1/").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "127.0.0.1 leads to 127.0.0.1, a loopback address; to allow it, add 127.0.0.1 to \
             GLASSPOST_ALLOW_PRIVATE_TARGETS"
        );
        let refusal = check(&guard(&[]), "http://example.com:8080/").unwrap_err();
        assert!(matches!(
            refusal,
            Error::Refused(Refusal::Port { port: 8080, .. })
        ));
    }

    #[test]
    fn a_listed_host_may_have_any_port_and_any_address() {
        let guard = guard(&["Hooks.Lan"]);
        let loopback = ["127.0.0.1".parse().unwrap()];
        check(&guard, "http://hooks.lan:8080/").unwrap();
        check(&guard, "http://hooks.lan.:8080/").unwrap();
        guard.check_addresses("hooks.lan", &loopback).unwrap();
        check(&guard, "http://sub.hooks.lan:8080/").unwrap_err();
        guard
            .check_addresses("sub.hooks.lan", &loopback)
            .unwrap_err();
    }

    #[test]
    fn a_listed_range_opens_its_addresses_in_every_spelling() {
        let guard = guard(&["10.0.0.0/8", "::1"]);
        for url in [
            "http://10.1.2.3:9000/",
            "http://167838211/",
            "http://[::ffff:10.1.2.3]/",
            "http://[64:ff9b::a01:203]/",
            "http://[::1]:9000/",
        ] {
            check(&guard, url).unwrap();
        }
        check(&guard, "http://127.0.0.1/").unwrap_err();
        guard
            .check_addresses("in.lan", &["10.9.9.9".parse().unwrap()])
            .unwrap();
        let mixed = ["10.9.9.9".parse().unwrap(), "192.168.0.1".parse().unwrap()];
        guard.check_addresses("in.lan", &mixed).unwrap_err();
    }

    #[test]
    fn one_private_address_among_public_ones_refuses_the_name() {
        let addresses = ["8.8.8.8".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let refusal = guard(&[])
            .check_addresses("two.example", &addresses)
            .unwrap_err();
        assert!(
            refusal
                .to_string()
                .contains("leads to 127.0.0.1, a loopback"),
            "{refusal}"
        );
    }

    #[test]
    fn allow_private_opens_everything_but_bad_urls() {
        let guard = Guard {
            policy: TargetPolicy::AllowPrivate,
            ..guard(&[])
        };
        check(&guard, "http://127.0.0.1:3000/").unwrap();
        check(&guard, "http://a:b@127.0.0.1:3000/").unwrap_err();
        guard
            .check_addresses("a.lan", &["fe80::1".parse().unwrap()])
            .unwrap();
    }

    #[test]
    fn entries_of_the_list_are_names_addresses_or_ranges() {
        let network = |text: &str| AllowedTarget::Network(text.parse().unwrap());
        let cases = [
            (
                "Example.LAN.",
                AllowedTarget::Host("example.lan".to_owned()),
            ),
            (
                "bücher.example",
                AllowedTarget::Host("xn--bcher-kva.example".to_owned()),
            ),
            ("127.1", network("127.0.0.1")),
            ("[::1]", network("::1")),
            ("::1", network("::1")),
            ("172.16.0.0/12", network("172.16.0.0/12")),
        ];
        for (entry, target) in cases {
            assert_eq!(entry.parse::<AllowedTarget>().unwrap(), target, "{entry}");
        }
        for entry in [
            "",
            "a b",
            "localhost:8080",
            "http://a/",
            "10.0.0.0/99",
            "10.0.0.1/8",
        ] {
            assert!(entry.parse::<AllowedTarget>().is_err(), "{entry}");
        }
    }
}
