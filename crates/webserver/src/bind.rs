//! Why an address cannot be listened on, in words that say what to do.

use std::io;
use std::net::SocketAddr;

/// Why a server could not begin to listen. [`BindError::with_flag`] names the flag that chooses the port.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has the port.
    #[error(
        "port {} on {} is taken: stop the program that listens there, or choose another port{}",
        .address.port(), .address.ip(), with(.flag)
    )]
    Taken {
        /// What was asked for.
        address: SocketAddr,
        /// The flag that chooses the port.
        flag: Option<&'static str>,
    },
    /// The system does not let this user have the port.
    #[error(
        "this user may not listen on port {} of {}: choose a port above 1023{}, or grant the right to bind low ports",
        .address.port(), .address.ip(), with(.flag)
    )]
    Denied {
        /// What was asked for.
        address: SocketAddr,
        /// The flag that chooses the port.
        flag: Option<&'static str>,
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
    pub(crate) fn new(address: SocketAddr, reason: io::Error) -> Self {
        let flag = None;
        match reason.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { address, flag },
            io::ErrorKind::PermissionDenied => Self::Denied { address, flag },
            io::ErrorKind::AddrNotAvailable => Self::NotHere { address },
            _ => Self::Other { address, reason },
        }
    }

    /// Names the flag that chooses the port, such as `--monitor-port`.
    #[must_use]
    pub fn with_flag(mut self, name: &'static str) -> Self {
        match &mut self {
            Self::Taken { flag, .. } | Self::Denied { flag, .. } => *flag = Some(name),
            Self::NotHere { .. } | Self::Other { .. } => {}
        }
        self
    }
}

fn with(flag: &Option<&'static str>) -> String {
    flag.map_or(String::new(), |flag| format!(" with {flag}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kind: io::ErrorKind) -> String {
        let address = "127.0.0.1:91".parse().unwrap();
        BindError::new(address, kind.into())
            .with_flag("--monitor-port")
            .to_string()
    }

    #[test]
    fn every_reason_says_what_to_do() {
        assert_eq!(
            words(io::ErrorKind::AddrInUse),
            "port 91 on 127.0.0.1 is taken: stop the program that listens there, or choose another port \
             with --monitor-port"
        );
        assert!(words(io::ErrorKind::PermissionDenied).contains("above 1023 with --monitor-port,"));
        assert!(words(io::ErrorKind::AddrNotAvailable).contains("has no address 127.0.0.1"));
        assert!(words(io::ErrorKind::OutOfMemory).starts_with("cannot listen on 127.0.0.1:91: "));
    }

    #[test]
    fn without_a_flag_none_is_named() {
        let error = BindError::new("[::1]:80".parse().unwrap(), io::ErrorKind::AddrInUse.into());
        assert!(error.to_string().ends_with("or choose another port"));
    }
}
