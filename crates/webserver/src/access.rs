//! Who may ask: under which names, and with which token.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use model::Secret;
use url::form_urlencoded::byte_serialize;

use crate::authority::{Authority, Host};
use crate::token::PARAMETER;

/// Who may ask a server.
#[derive(Clone, Debug)]
pub struct Access {
    numbers: Numbers,
    names: Vec<String>,
    pub(crate) token: Option<Secret>,
    pub(crate) host_hint: String,
}

/// Which addresses may be asked for as numbers.
#[derive(Clone, Copy, Debug)]
enum Numbers {
    Loopback,
    All,
}

impl Access {
    /// Programs on this machine, under its loopback names (`localhost`, `127.0.0.1`, `[::1]`), with no token.
    pub fn loopback() -> Self {
        Self {
            numbers: Numbers::Loopback,
            names: vec!["localhost".to_owned()],
            token: None,
            host_hint: "use 127.0.0.1, localhost or [::1]".to_owned(),
        }
    }

    /// Other machines too: under any address as a number (which no name server can turn elsewhere), `localhost`, and
    /// the names in `hosts`; with `token`, only for who shows it.
    pub fn elsewhere(token: Option<Secret>, hosts: Vec<String>) -> Self {
        let mut access = Self {
            numbers: Numbers::All,
            token,
            host_hint: "use an address as a number, or one of the names that are allowed"
                .to_owned(),
            ..Self::loopback()
        };
        access
            .names
            .extend(hosts.iter().filter_map(|host| allowed_name(host)));
        access
    }

    /// Replaces what a client is told to do that asks under another name, such as how to allow it.
    #[must_use]
    pub fn with_host_hint(mut self, hint: impl Into<String>) -> Self {
        self.host_hint = hint.into();
        self
    }

    /// What a person opens on this machine to see a server at `address`. It holds the token, if there is one: it is
    /// for that person's eyes.
    pub fn url(&self, address: SocketAddr) -> String {
        let ip = match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let page = SocketAddr::new(ip, address.port());
        match &self.token {
            None => format!("http://{page}/"),
            Some(token) => {
                let token: String = byte_serialize(token.expose().as_bytes()).collect();
                // A plus sign is itself in a token, so a space is not one.
                format!("http://{page}/?{PARAMETER}={}", token.replace('+', "%20"))
            }
        }
    }

    pub(crate) fn allows_host(&self, host: &Host) -> bool {
        match (host, self.numbers) {
            (Host::Name(name), _) => self.names.contains(name),
            (Host::Ip(ip), Numbers::Loopback) => ip.is_loopback(),
            (Host::Ip(_), Numbers::All) => true,
        }
    }

    /// Whether the operator named this host, beside those that every machine has.
    pub(crate) fn lists_host(&self, host: &Host) -> bool {
        match host {
            Host::Name(name) => name != "localhost" && self.names.contains(name),
            Host::Ip(_) => false,
        }
    }
}

/// The name of a host as an operator wrote it, perhaps with a port, which does not matter.
fn allowed_name(host: &str) -> Option<String> {
    match Authority::parse(host.trim()).map(|authority| authority.host) {
        Some(Host::Name(name)) => Some(name),
        Some(Host::Ip(_)) => None,
        None => {
            tracing::warn!(
                host,
                "an allowed host that is no host name will match nothing"
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(access: &Access, host: &str) -> bool {
        access.allows_host(&Authority::parse(host).unwrap().host)
    }

    #[test]
    fn loopback_is_only_this_machines_own_names() {
        let access = Access::loopback();
        for own in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1",
            "127.0.0.2",
            "[::1]:9091",
        ] {
            assert!(allows(&access, own), "{own}");
        }
        for foreign in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil",
            "evil.localhost",
            "localhost.",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0",
        ] {
            assert!(!allows(&access, foreign), "{foreign}");
        }
    }

    #[test]
    fn a_url_can_be_opened_on_this_machine() {
        let url = |access: &Access, address: &str| access.url(address.parse().unwrap());
        assert_eq!(
            url(&Access::loopback(), "127.0.0.1:9091"),
            "http://127.0.0.1:9091/"
        );
        let access = Access::elsewhere(Some(Secret::new("a+b c&d")), Vec::new());
        assert_eq!(
            url(&access, "0.0.0.0:80"),
            "http://127.0.0.1:80/?token=a%2Bb%20c%26d"
        );
        assert_eq!(
            url(&access, "[::]:1"),
            "http://[::1]:1/?token=a%2Bb%20c%26d"
        );
    }

    #[test]
    fn elsewhere_is_numbers_and_the_names_that_were_listed() {
        let hosts = vec![
            "Mail.Example:8443".to_owned(),
            "10.0.0.1".to_owned(),
            "no host".to_owned(),
        ];
        let access = Access::elsewhere(None, hosts);
        for own in [
            "mail.example",
            "MAIL.example:9091",
            "10.0.0.1",
            "[2001:db8::1]",
            "localhost",
        ] {
            assert!(allows(&access, own), "{own}");
        }
        for foreign in ["evil.example", "x.mail.example", "mail.example.evil"] {
            assert!(!allows(&access, foreign), "{foreign}");
        }
        assert!(access.lists_host(&Host::Name("mail.example".to_owned())));
        assert!(!access.lists_host(&Host::Name("localhost".to_owned())));
    }
}
