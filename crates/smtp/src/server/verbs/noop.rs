//! NOOP (RFC 5321 §4.1.1.9): are you there?

pub(crate) fn handle(out: &mut Vec<u8>) {
    out.extend_from_slice(b"250 2.0.0 ok\r\n");
}
