//! One range of addresses in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::guard::BadTarget;

/// A range of addresses: all that share the first `prefix` bits with `first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

impl Network {
    /// The range that holds this one address.
    pub const fn only(address: IpAddr) -> Network {
        Network {
            first: address,
            prefix: width(address),
        }
    }

    pub(crate) const fn v4(octets: [u8; 4], prefix: u8) -> Network {
        let [a, b, c, d] = octets;
        Network {
            first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix,
        }
    }

    /// A range of IPv6 addresses whose last four groups are zero.
    pub(crate) const fn v6(groups: [u16; 4], prefix: u8) -> Network {
        let [a, b, c, d] = groups;
        Network {
            first: IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)),
            prefix,
        }
    }

    /// Whether `address` lies in this range. The families are never mixed: see
    /// [`special_use`](crate::special_use) for addresses that carry one of the other family.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same_family = self.first.is_ipv4() == address.is_ipv4();
        same_family && bits(self.first) ^ bits(address) <= host_mask(self.first, self.prefix)
    }
}

/// The bits of an address in each family.
const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The largest value that the bits behind the prefix can have.
fn host_mask(first: IpAddr, prefix: u8) -> u128 {
    let host_bits = u32::from(width(first).saturating_sub(prefix));
    1u128
        .checked_shl(host_bits)
        .map_or(u128::MAX, |above| above - 1)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = BadTarget;

    /// Reads `10.0.0.0/8`, `fd00::/8` or one address. Bits behind the prefix must be zero: in a list
    /// that opens doors, `10.1.2.3/8` is more likely a slip than a wish.
    fn from_str(text: &str) -> Result<Network, BadTarget> {
        let unreadable = || BadTarget::Unreadable {
            entry: text.to_owned(),
        };
        let Some((first, prefix)) = text.split_once('/') else {
            return text.parse().map(Network::only).map_err(|_| unreadable());
        };
        let first: IpAddr = first.parse().map_err(|_| unreadable())?;
        let prefix: u8 = prefix.parse().map_err(|_| unreadable())?;
        if prefix > width(first) {
            return Err(BadTarget::PrefixTooLong {
                entry: text.to_owned(),
                most: width(first),
            });
        }
        if bits(first) & host_mask(first, prefix) != 0 {
            return Err(BadTarget::HostBits {
                entry: text.to_owned(),
            });
        }
        Ok(Network { first, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        network
            .parse::<Network>()
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn a_range_holds_its_edges_and_nothing_beyond() {
        assert!(holds("10.0.0.0/8", "10.0.0.0"));
        assert!(holds("10.0.0.0/8", "10.255.255.255"));
        assert!(!holds("10.0.0.0/8", "11.0.0.0"));
        assert!(!holds("10.0.0.0/8", "9.255.255.255"));
        assert!(holds("192.168.7.9", "192.168.7.9"));
        assert!(!holds("192.168.7.9", "192.168.7.8"));
        assert!(holds("0.0.0.0/0", "203.0.113.1"));
        assert!(holds("fd00::/8", "fdff::1"));
        assert!(!holds("fd00::/8", "fe00::"));
        assert!(holds("::/0", "2001:db8::1"));
        assert!(holds("::1", "::1"));
    }

    #[test]
    fn families_are_not_mixed() {
        assert!(!holds("0.0.0.0/0", "::ffff:10.0.0.1"));
        assert!(!holds("::/0", "10.0.0.1"));
    }

    #[test]
    fn what_is_not_a_range_is_refused_with_the_reason() {
        let problem = |text: &str| text.parse::<Network>().unwrap_err().to_string();
        assert!(problem("10.0.0.0/33").contains("at most /32"));
        assert!(problem("::/129").contains("at most /128"));
        assert!(problem("10.1.2.3/8").contains("bits behind its prefix"));
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0/8",
            "ten/8",
            "10.0.0.0/8/8",
        ] {
            assert!(
                matches!(text.parse::<Network>(), Err(BadTarget::Unreadable { .. })),
                "{text}"
            );
        }
    }
}
