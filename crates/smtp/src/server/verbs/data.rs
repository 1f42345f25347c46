//! DATA (RFC 5321 §4.1.1.4): the message, up to CRLF "." CRLF and nothing else.

use crate::server::handler::Action;
use crate::server::session::{Event, Progress, Reading, Session, message_ended};
use crate::wire::{DotDecoder, InputBuffer};

pub(crate) fn handle(
    session: &mut Session<'_>,
    argument: &str,
    out: &mut Vec<u8>,
) -> Option<Event> {
    let recipients = session.envelope().map(|envelope| envelope.recipients.len());
    match recipients {
        _ if !argument.is_empty() => session.error(b"501 5.5.4 DATA takes no argument\r\n", out),
        None => session.out_of_order(b"503 5.5.1 need MAIL before DATA\r\n", out),
        _ if session.body.is_begun => session.error(b"503 5.5.1 chunks came already\r\n", out),
        Some(0) => session.out_of_order(b"554 5.5.1 no valid recipients\r\n", out),
        Some(_) => return Some(Event::Data),
    }
    None
}

pub(crate) fn answered(session: &mut Session<'_>, action: Action, out: &mut Vec<u8>) {
    let usual = b"354 end with <CR><LF>.<CR><LF>\r\n";
    match session.settle(action, usual, 354..355, out) {
        true => session.reading = Reading::Data(DotDecoder::default()),
        false => session.refused = true,
    }
}

pub(crate) fn advance(
    session: &mut Session<'_>,
    input: &mut InputBuffer,
    out: &mut Vec<u8>,
) -> Progress {
    let Reading::Data(decoder) = &mut session.reading else {
        return Progress::Continue;
    };
    let (body, max) = (&mut session.body, session.config.message_bytes_max);
    match decoder.decode(input.unread(), |bytes| body.push(bytes, max)) {
        Err(error) => {
            // Whether the message ends here is exactly what servers disagree on: nothing after it is believed.
            out.extend_from_slice(format!("521 5.5.2 {error}\r\n").as_bytes());
            session.reading = Reading::Nothing;
            Progress::Closed
        }
        Ok(decoded) => {
            input.take(decoded.consumed);
            match decoded.ended {
                true => message_ended(session, out),
                false => Progress::NeedsInput,
            }
        }
    }
}
