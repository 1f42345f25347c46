//! VRFY (RFC 5321 §3.5.3): who exists here is nobody's business.

pub(crate) fn handle(out: &mut Vec<u8>) {
    out.extend_from_slice(b"252 2.5.1 send some mail and see\r\n");
}
