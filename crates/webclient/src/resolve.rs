//! The check between a name's lookup and the connection: what reqwest connects to is what was judged.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::Guard;

/// How many addresses of one name are used. More would only prolong a connection that fails anyway.
const ADDRESSES_MAX: usize = 16;

/// The answer to a name, some time later.
pub type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// How names become addresses. The system's way is [`SystemResolver`]; a test can be its own DNS.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of `host`. An unknown name is an error.
    fn lookup(&self, host: &str) -> Lookup;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn lookup(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// What reqwest calls before it connects to a name. It has no second way to an address: the hook is
/// called once for each connection, and the connection is made to what it returned.
pub(crate) struct GuardedResolver {
    guard: Arc<Guard>,
    resolver: Arc<dyn Resolver>,
}

impl GuardedResolver {
    pub(crate) fn new(guard: Arc<Guard>, resolver: Arc<dyn Resolver>) -> GuardedResolver {
        GuardedResolver { guard, resolver }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.guard);
        let lookup = self.resolver.lookup(name.as_str());
        Box::pin(async move {
            let mut addresses = lookup.await?;
            if addresses.is_empty() {
                return Err("the name has no address".into());
            }
            addresses.truncate(ADDRESSES_MAX);
            guard.check_addresses(name.as_str(), &addresses)?;
            // Port 0 is replaced by the port of the URL.
            let targets = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(targets) as Addrs)
        })
    }
}
