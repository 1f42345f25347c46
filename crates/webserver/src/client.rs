//! Who is one client, and how many connections it holds.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::refusal::Refusal;

/// The address that a request came from: an extension of every request. Behind a proxy it is the proxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// How many bits of an IPv6 address are a network, which one client has to itself (RFC 4291 §2.5.4).
const NETWORK_BITS: u32 = 64;

impl Peer {
    /// An IPv4 address is one, however the socket spells it.
    pub(crate) fn new(ip: IpAddr) -> Self {
        Self(ip.to_canonical())
    }

    /// Whom a request came from, as the server notes it.
    pub(crate) fn of(head: &Parts) -> Result<Self, Refusal> {
        let peer = head.extensions.get().copied();
        let message = "this router is not served by this room's server, so nobody knows who asks";
        peer.ok_or_else(|| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
    }

    /// What limits count as one client: an IPv4 address, or a whole IPv6 network, within which addresses are free.
    pub(crate) fn client(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(ip) => {
                let network = ip.to_bits() >> NETWORK_BITS << NETWORK_BITS;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        }
    }
}

/// The connections that each client holds. It has at most as many entries as there are connections.
#[derive(Debug, Default)]
pub struct Crowd {
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place in the crowd, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    crowd: Arc<Crowd>,
    client: IpAddr,
}

impl Crowd {
    /// A place for one more connection of the client, unless it has `places_max`.
    pub fn enter(self: &Arc<Self>, client: IpAddr, places_max: usize) -> Option<Place> {
        let mut held = self.held();
        let places = held.entry(client).or_default();
        if *places >= places_max {
            return None;
        }
        *places += 1;
        Some(Place {
            crowd: Arc::clone(self),
            client,
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.crowd.held();
        if let Some(places) = held.get_mut(&self.client) {
            *places -= 1;
            if *places == 0 {
                held.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(ip: &str) -> IpAddr {
        Peer::new(ip.parse().unwrap()).client()
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8:0:1::1"), client("2001:db8:0:2::1"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let crowd = Arc::new(Crowd::default());
        let one = client("10.0.0.1");
        let places: Vec<_> = (0..2).map(|_| crowd.enter(one, 2)).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(crowd.enter(one, 2).is_none());
        assert!(crowd.enter(client("10.0.0.2"), 2).is_some());
        drop(places);
        assert!(crowd.enter(one, 2).is_some());
        assert!(
            crowd.held().is_empty(),
            "nobody is remembered who holds nothing"
        );
    }
}
