//! The bounds of a server.

use std::time::Duration;

/// What the bodies of all requests may hold together, in bytes.
const BUFFERED_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Longest body for programs, in bytes: a thousand messages with small attachments.
const PROGRAM_BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long a program may take for one: half a megabyte a second for the longest.
const PROGRAM_BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// What a server grants its clients. The default suits a surface of small requests, for thousands of clients.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a client may take for the head of a request, counted from the answer before it: so this is also
    /// how long a connection may idle.
    pub head_timeout: Duration,
    /// How long a client may take for the whole body of a request.
    pub body_timeout: Duration,
    /// Longest body of a request in bytes. It is read whole when a handler takes it, so never of a client that no
    /// guard let in.
    pub body_bytes_max: usize,
    /// What the bodies of all requests under way may hold together, in bytes; further ones are put off with a 503.
    /// A body holds its place until its request is answered. While the pieces of a growing one are joined, the
    /// system may see up to twice as much of it.
    pub buffered_bytes_max: usize,
    /// How long a client may take no byte of an answer that waits for it. What its own system takes for it counts
    /// as taken, which can be megabytes of small writes: a stream that has to notice sooner ends itself now and then.
    pub write_timeout: Duration,
    /// Connections at once; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// Connections at once from one address (IPv6: from one /64 network); further ones are turned away.
    pub connections_per_client_max: usize,
    /// How long requests that are under way may go on after the stop token. A handler that streams has to watch the
    /// token itself.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            body_bytes_max: 64 * 1024,
            buffered_bytes_max: BUFFERED_BYTES_MAX,
            write_timeout: Duration::from_secs(10),
            connections_max: 16_384,
            connections_per_client_max: 512,
            grace: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// For a surface to which programs hand over mail: bodies of up to 32 MiB, each within a minute.
    pub fn for_programs() -> Self {
        Self {
            body_timeout: PROGRAM_BODY_TIMEOUT,
            body_bytes_max: PROGRAM_BODY_BYTES_MAX,
            ..Self::default()
        }
    }
}
