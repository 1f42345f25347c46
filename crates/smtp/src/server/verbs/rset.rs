//! RSET (RFC 5321 §4.1.1.5): the transaction is off.

use crate::server::session::Session;

pub(crate) fn handle(session: &mut Session<'_>, out: &mut Vec<u8>) {
    session.reset();
    out.extend_from_slice(b"250 2.0.0 reset\r\n");
}
