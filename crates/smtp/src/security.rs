//! Where the other side is and how the way to it is protected: what decides whether a password may be shown.

/// Where the other end of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// On this machine: nobody listens in between.
    Loopback,
    /// Anywhere else.
    Remote,
}

/// Whether a password may cross a connection that is not encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClearTextAuth {
    /// Only to and from this machine.
    #[default]
    LoopbackOnly,
    /// Everywhere. For networks that are protected by other means.
    Allow,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Everybody on the way can read along.
    Clear,
    /// Inside TLS.
    Tls,
}

impl Peer {
    /// Where an address is.
    pub fn of(address: std::net::IpAddr) -> Self {
        match address.to_canonical().is_loopback() {
            true => Self::Loopback,
            false => Self::Remote,
        }
    }
}

impl ClearTextAuth {
    /// Whether a password may be shown on this connection.
    pub fn permits(self, protection: Protection, peer: Peer) -> bool {
        protection == Protection::Tls || peer == Peer::Loopback || self == Self::Allow
    }
}
