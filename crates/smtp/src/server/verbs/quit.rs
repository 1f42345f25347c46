//! QUIT (RFC 5321 §4.1.1.10): goodbye.

use crate::server::session::{Reading, Session};

pub(crate) fn handle(session: &mut Session<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"221 2.0.0 bye\r\n");
    session.reading = Reading::Nothing;
}
