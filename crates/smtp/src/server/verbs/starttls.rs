//! STARTTLS (RFC 3207). The driver writes the reply, for only it knows whether something was sent behind the
//! command in clear.

use crate::server::session::{Event, Session};

/// The reply that TLS follows.
pub(crate) const READY: &[u8] = b"220 2.0.0 go ahead\r\n";

pub(crate) fn handle(
    session: &mut Session<'_>,
    argument: &str,
    out: &mut Vec<u8>,
) -> Option<Event> {
    if !argument.is_empty() {
        session.error(b"501 5.5.4 STARTTLS takes no argument\r\n", out);
        return None;
    }
    if !session.offers_starttls() {
        session.error(b"503 5.5.1 TLS is not available here\r\n", out);
        return None;
    }
    Some(Event::StartTls)
}
