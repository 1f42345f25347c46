//! MAIL FROM (RFC 5321 §4.1.1.2): a transaction begins.

use model::{Address, Envelope};

use crate::server::config::{AuthPolicy, Extension};
use crate::server::handler::Action;
use crate::server::session::{Event, Session};
use crate::wire::path;

pub(crate) fn handle(
    session: &mut Session<'_>,
    argument: &str,
    out: &mut Vec<u8>,
) -> Option<Event> {
    match accept(session, argument) {
        Ok(sender) => Some(Event::Mail(sender)),
        Err(reply) => {
            session.error(reply.as_bytes(), out);
            None
        }
    }
}

fn accept(session: &mut Session<'_>, argument: &str) -> Result<Option<Address>, String> {
    if session.hello.is_none() {
        return Err("503 5.5.1 say EHLO first\r\n".to_owned());
    }
    if session.config.auth == AuthPolicy::Required && session.user.is_none() {
        return Err("530 5.7.0 authentication required\r\n".to_owned());
    }
    if session.transaction.is_some() {
        return Err("503 5.5.1 nested MAIL command\r\n".to_owned());
    }
    let argument =
        path::split("FROM", argument).map_err(|error| format!("501 5.5.4 {error}\r\n"))?;
    for (name, value) in path::parameters(argument.parameters) {
        check_parameter(session, name, value)?;
    }
    let sender = path::sender(argument.path).map_err(|error| format!("501 5.1.7 {error}\r\n"))?;
    session.refused = false;
    Ok(sender)
}

fn check_parameter(session: &Session<'_>, name: &str, value: Option<&str>) -> Result<(), String> {
    let max = session.config.message_bytes_max as u64;
    let name = name.to_ascii_uppercase();
    let known = match (name.as_str(), value) {
        ("SIZE", Some(value)) => match value.parse::<u64>() {
            Ok(size) if size > max => {
                return Err("552 5.3.4 the message is too large\r\n".to_owned());
            }
            parsed => parsed.is_ok(),
        },
        ("BODY", Some(value)) => {
            let bodies = ["7BIT", "8BITMIME"];
            let is_body = bodies.iter().any(|body| value.eq_ignore_ascii_case(body));
            is_body && session.offers(Extension::EightBitMime)
        }
        ("SMTPUTF8", None) => session.offers(Extension::Smtputf8),
        // Who authenticated at the first hop (RFC 4954 §5); nobody here trusts it.
        ("AUTH", Some(_)) => true,
        _ => false,
    };
    match known {
        true => Ok(()),
        false => Err("555 5.5.4 unsupported MAIL parameter\r\n".to_owned()),
    }
}

pub(crate) fn answered(
    session: &mut Session<'_>,
    sender: Option<Address>,
    action: Action,
    out: &mut Vec<u8>,
) {
    if !session.settle(action, b"250 2.1.0 sender ok\r\n", 200..300, out) {
        session.refused = true;
        return;
    }
    session.transaction = Some(Envelope {
        sender,
        recipients: Vec::new(),
    });
}
