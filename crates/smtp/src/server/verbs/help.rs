//! HELP (RFC 5321 §4.1.1.8).

pub(crate) fn handle(out: &mut Vec<u8>) {
    out.extend_from_slice(b"214 2.0.0 see RFC 5321\r\n");
}
