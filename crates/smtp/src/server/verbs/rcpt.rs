//! RCPT TO (RFC 5321 §4.1.1.3): one recipient more.

use model::Address;

use crate::server::handler::Action;
use crate::server::session::{Event, Session};
use crate::wire::path;

pub(crate) fn handle(
    session: &mut Session<'_>,
    argument: &str,
    out: &mut Vec<u8>,
) -> Option<Event> {
    let Some(envelope) = &session.transaction else {
        session.out_of_order(b"503 5.5.1 need MAIL before RCPT\r\n", out);
        return None;
    };
    if envelope.recipients.len() >= session.config.recipients_max {
        session.refused = true;
        out.extend_from_slice(b"452 4.5.3 too many recipients\r\n");
        return None;
    }
    match parse(session, argument) {
        Ok(recipient) => Some(Event::Recipient(recipient)),
        Err(reply) => {
            session.error(reply.as_bytes(), out);
            None
        }
    }
}

fn parse(session: &Session<'_>, argument: &str) -> Result<Address, String> {
    let argument = path::split("TO", argument).map_err(|error| format!("501 5.5.4 {error}\r\n"))?;
    if !argument.parameters.is_empty() {
        return Err("555 5.5.4 unsupported RCPT parameter\r\n".to_owned());
    }
    path::recipient(argument.path, &session.config.hostname)
        .map_err(|error| format!("501 5.1.3 {error}\r\n"))
}

pub(crate) fn answered(
    session: &mut Session<'_>,
    recipient: Address,
    action: Action,
    out: &mut Vec<u8>,
) {
    if !session.settle(action, b"250 2.1.5 recipient ok\r\n", 200..300, out) {
        session.refused = true;
        return;
    }
    if let Some(envelope) = &mut session.transaction {
        envelope.recipients.push(recipient);
    }
}
