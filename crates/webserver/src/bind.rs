//! Why an address cannot be listened on, in words that say what to do.

use std::io;
use std::net::SocketAddr;

/// Why a server could not begin to listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has the port.
    #[error(
        "port {} on {} is taken: stop the program that listens there, or choose another port with {flag}",
        .address.port(), .address.ip()
    )]
    Taken {
        /// What was asked for.
        address: SocketAddr,
        /// The flag that chooses the port.
        flag: &'static str,
    },
    /// The system does not let this user have the port.
    #[error(
        "this user may not listen on port {} of {}: choose one above 1023 with {flag}, or grant the right to it",
        .address.port(), .address.ip()
    )]
    Denied {
        /// What was asked for.
        address: SocketAddr,
        /// The flag that chooses the port.
        flag: &'static str,
    },
    /// The address belongs to no network interface of this machine.
    #[error("this machine has no address {}: choose one of its own, or 127.0.0.1", .address.ip())]
    NotHere {
        /// What was asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {reason}")]
    Other {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
}

impl BindError {
    pub(crate) fn new(address: SocketAddr, flag: &'static str, reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { address, flag },
            io::ErrorKind::PermissionDenied => Self::Denied { address, flag },
            io::ErrorKind::AddrNotAvailable => Self::NotHere { address },
            _ => Self::Other { address, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kind: io::ErrorKind) -> String {
        let address = "127.0.0.1:91".parse().unwrap();
        BindError::new(address, "--monitor-port", kind.into()).to_string()
    }

    #[test]
    fn every_reason_says_what_to_do() {
        assert_eq!(
            words(io::ErrorKind::AddrInUse),
            "port 91 on 127.0.0.1 is taken: stop the program that listens there, or choose another port \
             with --monitor-port"
        );
        assert!(words(io::ErrorKind::PermissionDenied).contains("above 1023 with --monitor-port"));
        assert!(words(io::ErrorKind::AddrNotAvailable).contains("has no address 127.0.0.1"));
        assert!(words(io::ErrorKind::OutOfMemory).starts_with("cannot listen on 127.0.0.1:91: "));
    }
}
