//! AUTH PLAIN and AUTH LOGIN (RFC 4954): who is it?

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::Secret;

use crate::server::handler::Action;
use crate::server::session::{Event, Reading, Session};

/// What the next line answers.
#[derive(Debug)]
pub(crate) enum AuthStep {
    /// The one line of PLAIN.
    Plain,
    /// The user name of LOGIN.
    LoginUser,
    /// The password of LOGIN.
    LoginPassword(Box<str>),
}

const NOT_BASE64: &[u8] = b"501 5.5.2 that is not base64 of what was asked\r\n";

pub(crate) fn handle(
    session: &mut Session<'_>,
    argument: &str,
    out: &mut Vec<u8>,
) -> Option<Event> {
    if !session.offers_auth() {
        session.error(
            b"538 5.7.11 authentication is not available without encryption\r\n",
            out,
        );
        return None;
    }
    if session.hello.is_none() || session.user.is_some() || session.transaction.is_some() {
        session.error(b"503 5.5.1 not now\r\n", out);
        return None;
    }
    let (mechanism, initial) = match argument.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial.trim())),
        None => (argument, None),
    };
    match mechanism.to_ascii_uppercase().as_str() {
        "PLAIN" => start(session, AuthStep::Plain, initial, b"334 \r\n", out),
        "LOGIN" => start(
            session,
            AuthStep::LoginUser,
            initial,
            b"334 VXNlcm5hbWU6\r\n",
            out,
        ),
        _ => {
            session.error(b"504 5.5.4 unknown mechanism\r\n", out);
            None
        }
    }
}

fn start(
    session: &mut Session<'_>,
    step: AuthStep,
    initial: Option<&str>,
    prompt: &[u8],
    out: &mut Vec<u8>,
) -> Option<Event> {
    session.reading = Reading::Auth(step);
    match initial {
        // A lone `=` stands for an empty response (RFC 4954 §4).
        Some("=") => line(session, "", out),
        Some(initial) => line(session, initial, out),
        None => {
            out.extend_from_slice(prompt);
            None
        }
    }
}

/// Takes the client's next line.
pub(crate) fn line(session: &mut Session<'_>, line: &str, out: &mut Vec<u8>) -> Option<Event> {
    let reading = std::mem::replace(&mut session.reading, Reading::Commands);
    let Reading::Auth(step) = reading else {
        return None;
    };
    if line == "*" {
        session.error(b"501 5.7.0 authentication cancelled\r\n", out);
        return None;
    }
    let Some(text) = decode(line) else {
        session.error(NOT_BASE64, out);
        return None;
    };
    match step {
        AuthStep::Plain => plain(session, &text, out),
        AuthStep::LoginUser => {
            session.reading = Reading::Auth(AuthStep::LoginPassword(text.into()));
            out.extend_from_slice(b"334 UGFzc3dvcmQ6\r\n");
            None
        }
        AuthStep::LoginPassword(user) => Some(Event::Authenticate(user, Secret::new(text))),
    }
}

fn decode(line: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(line).ok()?).ok()
}

/// `[act as] NUL user NUL password` (RFC 4616 §2). Acting for somebody else is not supported.
fn plain(session: &mut Session<'_>, text: &str, out: &mut Vec<u8>) -> Option<Event> {
    let fields: Vec<&str> = text.split('\0').collect();
    match fields[..] {
        [act_as, user, password] if act_as.is_empty() || act_as == user => {
            Some(Event::Authenticate(user.into(), Secret::new(password)))
        }
        _ => {
            session.error(NOT_BASE64, out);
            None
        }
    }
}

pub(crate) fn answered(
    session: &mut Session<'_>,
    user: Box<str>,
    action: Action,
    out: &mut Vec<u8>,
) {
    let is_refusal = matches!(&action, Action::Reply(reply) if !reply.is_positive());
    if session.settle(action, b"235 2.7.0 welcome\r\n", 200..300, out) {
        session.user = Some(user);
    } else if is_refusal {
        session.error(b"", out);
    }
}
