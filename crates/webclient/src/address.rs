//! Which IP addresses belong to the public internet, and what the others are for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::network::Network;

/// What each special range is for: IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890 and
/// its updates), and the addresses where clouds keep the credentials of a machine. First match wins.
const SPECIAL: &[(Network, &str)] = &[
    // The metadata services come first, to be called by their name. Azure's has a public address.
    (Network::v4([169, 254, 169, 254], 32), "cloud metadata"),
    (Network::v4([168, 63, 129, 16], 32), "cloud metadata"),
    (Network::v4([100, 100, 100, 200], 32), "cloud metadata"),
    (Network::v4([192, 0, 0, 192], 32), "cloud metadata"),
    (Network::v4([0, 0, 0, 0], 8), "unspecified"),
    (Network::v4([10, 0, 0, 0], 8), "private"),
    (Network::v4([100, 64, 0, 0], 10), "carrier-grade NAT"),
    (Network::v4([127, 0, 0, 0], 8), "loopback"),
    (Network::v4([169, 254, 0, 0], 16), "link-local"),
    (Network::v4([172, 16, 0, 0], 12), "private"),
    (Network::v4([192, 0, 0, 0], 24), "reserved"),
    (Network::v4([192, 0, 2, 0], 24), "documentation"),
    (Network::v4([192, 88, 99, 0], 24), "6to4"),
    (Network::v4([192, 168, 0, 0], 16), "private"),
    (Network::v4([198, 18, 0, 0], 15), "benchmarking"),
    (Network::v4([198, 51, 100, 0], 24), "documentation"),
    (Network::v4([203, 0, 113, 0], 24), "documentation"),
    (Network::v4([224, 0, 0, 0], 4), "multicast"),
    (Network::v4([255, 255, 255, 255], 32), "broadcast"),
    (Network::v4([240, 0, 0, 0], 4), "reserved"),
    (
        Network::only(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        "unspecified",
    ),
    (Network::only(IpAddr::V6(Ipv6Addr::LOCALHOST)), "loopback"),
    (Network::v6([0, 0, 0, 0], 96), "IPv4-compatible"),
    (Network::v6([0x64, 0xff9b, 1, 0], 48), "local NAT64"),
    (Network::v6([0x100, 0, 0, 0], 64), "discard-only"),
    (Network::v6([0x2001, 0, 0, 0], 32), "Teredo"),
    (Network::v6([0x2001, 0, 0, 0], 23), "reserved"),
    (Network::v6([0x2001, 0xdb8, 0, 0], 32), "documentation"),
    (Network::v6([0x2002, 0, 0, 0], 16), "6to4"),
    (Network::v6([0x3fff, 0, 0, 0], 20), "documentation"),
    (Network::v6([0xfc00, 0, 0, 0], 7), "unique local"),
    (Network::v6([0xfe80, 0, 0, 0], 10), "link-local"),
    (Network::v6([0xfec0, 0, 0, 0], 10), "site-local"),
    (Network::v6([0xff00, 0, 0, 0], 8), "multicast"),
];

/// The part of IPv6 that is handed out for the public internet (RFC 4291 section 2.4).
const GLOBAL_UNICAST: Network = Network::v6([0x2000, 0, 0, 0], 3);

/// The well-known prefix behind which a NAT64 puts the IPv4 internet (RFC 6052 section 2.1).
const NAT64: Network = Network::v6([0x64, 0xff9b, 0, 0], 96);

/// Whether `address` belongs to a host on the public internet.
pub fn is_public(address: IpAddr) -> bool {
    special_use(address).is_none()
}

/// What `address` is for when it is not a public host: "loopback", "private", "link-local", ….
/// `None` is a public address. An IPv6 address that stands for an IPv4 address is judged by that.
pub fn special_use(address: IpAddr) -> Option<&'static str> {
    let address = meaning(address);
    if let Some((_, purpose)) = SPECIAL.iter().find(|(range, _)| range.contains(address)) {
        return Some(purpose);
    }
    (address.is_ipv6() && !GLOBAL_UNICAST.contains(address)).then_some("reserved")
}

/// The address that a connection to `address` really reaches: IPv4-mapped (RFC 4291 section 2.5.5.2)
/// and NAT64 addresses lead to the IPv4 address in their last 32 bits. 6to4, Teredo and the other
/// retired ways to carry IPv4 are not unfolded: no honest server lives there.
pub(crate) fn meaning(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    if NAT64.contains(address) {
        let [.., a, b, c, d] = v6.octets();
        return IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each address with what it is for; "" is a public host. Ranges are probed at and beyond both edges.
    const CASES: &[(&str, &str)] = &[
        ("0.0.0.0", "unspecified"),
        ("0.255.255.255", "unspecified"),
        ("1.0.0.0", ""),
        ("9.255.255.255", ""),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("11.0.0.0", ""),
        ("100.63.255.255", ""),
        ("100.64.0.0", "carrier-grade NAT"),
        ("100.100.100.200", "cloud metadata"),
        ("100.127.255.255", "carrier-grade NAT"),
        ("100.128.0.0", ""),
        ("126.255.255.255", ""),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("128.0.0.0", ""),
        ("168.63.129.15", ""),
        ("168.63.129.16", "cloud metadata"),
        ("168.63.129.17", ""),
        ("169.253.255.255", ""),
        ("169.254.0.0", "link-local"),
        ("169.254.169.254", "cloud metadata"),
        ("169.254.255.255", "link-local"),
        ("169.255.0.0", ""),
        ("172.15.255.255", ""),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", ""),
        ("191.255.255.255", ""),
        ("192.0.0.1", "reserved"),
        ("192.0.0.192", "cloud metadata"),
        ("192.0.1.0", ""),
        ("192.0.2.1", "documentation"),
        ("192.0.3.0", ""),
        ("192.88.98.255", ""),
        ("192.88.99.1", "6to4"),
        ("192.167.255.255", ""),
        ("192.168.0.0", "private"),
        ("192.168.255.255", "private"),
        ("192.169.0.0", ""),
        ("198.17.255.255", ""),
        ("198.18.0.0", "benchmarking"),
        ("198.19.255.255", "benchmarking"),
        ("198.20.0.0", ""),
        ("198.51.99.255", ""),
        ("198.51.100.7", "documentation"),
        ("203.0.113.255", "documentation"),
        ("203.0.114.0", ""),
        ("223.255.255.255", ""),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.0", "reserved"),
        ("255.255.255.254", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("8.8.8.8", ""),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::2", "IPv4-compatible"),
        ("::127.0.0.1", "IPv4-compatible"),
        ("::8.8.8.8", "IPv4-compatible"),
        ("::1:0:0:0", "reserved"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.1.2.3", "private"),
        ("::ffff:169.254.169.254", "cloud metadata"),
        ("::ffff:8.8.8.8", ""),
        ("::ffff:0:127.0.0.1", "reserved"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::192.168.1.1", "private"),
        ("64:ff9b::8.8.8.8", ""),
        ("64:ff9b::1:7f00:1", "reserved"),
        ("64:ff9b:1::7f00:1", "local NAT64"),
        ("64:ff9b:1:ffff::8.8.8.8", "local NAT64"),
        ("64:ff9b:2::8.8.8.8", "reserved"),
        ("100::1", "discard-only"),
        ("100:0:0:1::1", "reserved"),
        ("1fff:ffff::", "reserved"),
        ("2001::1", "Teredo"),
        ("2001:0:7f00:1::", "Teredo"),
        ("2001:1::1", "reserved"),
        ("2001:10::1", "reserved"),
        ("2001:1ff:ffff::", "reserved"),
        ("2001:200::1", ""),
        ("2001:4860:4860::8888", ""),
        ("2001:db7:ffff::", ""),
        ("2001:db8::1", "documentation"),
        ("2001:db9::", ""),
        ("2002:7f00:1::", "6to4"),
        ("2002:808:808::", "6to4"),
        ("2003::1", ""),
        ("2606:4700::1111", ""),
        ("3ffe:ffff::", ""),
        ("3fff::1", "documentation"),
        ("3fff:fff:ffff::", "documentation"),
        ("3fff:1000::", ""),
        ("4000::", "reserved"),
        ("5f00::1", "reserved"),
        ("fbff::1", "reserved"),
        ("fc00::1", "unique local"),
        ("fd00:ec2::254", "unique local"),
        ("fdff:ffff::1", "unique local"),
        ("fe00::1", "reserved"),
        ("fe80::1", "link-local"),
        ("febf::1", "link-local"),
        ("fec0::1", "site-local"),
        ("feff::1", "site-local"),
        ("ff02::1", "multicast"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
    ];

    #[test]
    fn every_special_range_is_known_up_to_its_edges() {
        for (address, purpose) in CASES {
            let found = special_use(address.parse().unwrap());
            assert_eq!(found.unwrap_or(""), *purpose, "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_is_judged_the_same_in_its_ipv6_clothes() {
        for (address, purpose) in CASES {
            let Ok(v4) = address.parse::<Ipv4Addr>() else {
                continue;
            };
            let nat64 = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(v4.to_bits()));
            for dressed in [v4.to_ipv6_mapped(), nat64] {
                let found = special_use(IpAddr::V6(dressed));
                assert_eq!(found.unwrap_or(""), *purpose, "{dressed}");
            }
        }
    }

    #[test]
    fn public_is_what_has_no_special_use() {
        assert!(is_public("9.9.9.9".parse().unwrap()));
        assert!(!is_public("127.0.0.1".parse().unwrap()));
    }
}
