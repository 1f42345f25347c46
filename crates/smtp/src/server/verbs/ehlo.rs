//! EHLO and HELO (RFC 5321 §4.1.1.1): who is there, and what is on offer.

use crate::server::config::Extension;
use crate::server::session::Session;

const NO_NAME: &[u8] = b"501 5.5.4 syntax: EHLO your.host.name\r\n";

pub(crate) fn ehlo(session: &mut Session<'_>, argument: &str, out: &mut Vec<u8>) {
    if !begin(session, argument, out) {
        return;
    }
    let mut lines = vec![session.config.hostname.to_string()];
    lines.extend(offers(session));
    let last = lines.len() - 1;
    for (number, line) in lines.iter().enumerate() {
        let separator = if number == last { ' ' } else { '-' };
        out.extend_from_slice(format!("250{separator}{line}\r\n").as_bytes());
    }
}

pub(crate) fn helo(session: &mut Session<'_>, argument: &str, out: &mut Vec<u8>) {
    if begin(session, argument, out) {
        let reply = format!("250 {}\r\n", session.config.hostname);
        out.extend_from_slice(reply.as_bytes());
    }
}

/// A new hello ends whatever was under way (RFC 5321 §4.1.4).
fn begin(session: &mut Session<'_>, argument: &str, out: &mut Vec<u8>) -> bool {
    if argument.is_empty() {
        session.error(NO_NAME, out);
        return false;
    }
    session.reset();
    session.hello = Some(argument.into());
    true
}

fn offers(session: &Session<'_>) -> Vec<String> {
    let size = format!("SIZE {}", session.config.message_bytes_max);
    let extensions = [
        (Extension::Pipelining, "PIPELINING"),
        (Extension::Chunking, "CHUNKING"),
        (Extension::Size, &size),
        (Extension::EightBitMime, "8BITMIME"),
        (Extension::Smtputf8, "SMTPUTF8"),
        (Extension::EnhancedStatusCodes, "ENHANCEDSTATUSCODES"),
    ];
    let mut offers: Vec<String> = extensions
        .into_iter()
        .filter(|(extension, _)| session.offers(*extension))
        .map(|(_, line)| line.to_owned())
        .collect();
    if session.offers_starttls() {
        offers.push("STARTTLS".to_owned());
    }
    if session.offers_auth() {
        offers.push("AUTH PLAIN LOGIN".to_owned());
    }
    offers
}
