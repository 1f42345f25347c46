//! BDAT (RFC 3030): the message by counted bytes. A refused chunk's bytes are read all the same, so that they
//! are never taken for commands.

use crate::server::config::Extension;
use crate::server::handler::Action;
use crate::server::session::{Event, Progress, Reading, Session, chunk_ended};
use crate::wire::InputBuffer;
use crate::wire::chunk::{ChunkHeader, ChunkPosition};

/// A chunk whose bytes are being read.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub bytes_left: u64,
    position: ChunkPosition,
    refusal: Option<Vec<u8>>,
}

pub(crate) fn handle(
    session: &mut Session<'_>,
    argument: &str,
    out: &mut Vec<u8>,
) -> Option<Event> {
    let Some(header) = ChunkHeader::parse(argument).filter(|_| session.offers(Extension::Chunking))
    else {
        // Without a count nobody knows where the next command begins.
        out.extend_from_slice(b"501 5.5.4 syntax: BDAT count [LAST]\r\n");
        session.reading = Reading::Nothing;
        return None;
    };
    let recipients = session.envelope().map(|envelope| envelope.recipients.len());
    let refusal = match recipients {
        None => Some(b"503 5.5.1 need MAIL before BDAT\r\n".to_vec()),
        Some(0) => Some(b"554 5.5.1 no valid recipients\r\n".to_vec()),
        Some(_) => None,
    };
    let asks = refusal.is_none() && !session.body.is_begun;
    session.body.is_begun |= asks;
    session.reading = Reading::Chunk(Chunk {
        bytes_left: header.bytes,
        position: header.position,
        refusal,
    });
    asks.then_some(Event::Data)
}

/// The handler said whether the message may come. Its bytes come in any case; a refusal waits for their end.
pub(crate) fn answered(session: &mut Session<'_>, action: Action, out: &mut Vec<u8>) {
    let mut reply = Vec::new();
    if session.settle(action, b"", 354..355, &mut reply) {
        return;
    }
    session.reset();
    session.refused = true;
    match &mut session.reading {
        Reading::Chunk(chunk) => chunk.refusal = Some(reply),
        _ => out.extend_from_slice(&reply),
    }
}

pub(crate) fn advance(
    session: &mut Session<'_>,
    input: &mut InputBuffer,
    out: &mut Vec<u8>,
) -> Progress {
    let Reading::Chunk(chunk) = &mut session.reading else {
        return Progress::Continue;
    };
    let available = input.unread().len() as u64;
    let count = chunk.bytes_left.min(available);
    chunk.bytes_left -= count;
    // No more than the input holds, so it fits.
    let bytes = input.take(count as usize);
    if chunk.refusal.is_none() {
        let max = session.config.message_bytes_max;
        session.body.push(bytes, max);
    }
    if chunk.bytes_left > 0 {
        return Progress::NeedsInput;
    }
    let (position, refusal) = (chunk.position, chunk.refusal.take());
    match refusal {
        None => chunk_ended(session, position, out),
        Some(reply) => {
            session.reading = Reading::Commands;
            session.out_of_order(&reply, out);
            Progress::Continue
        }
    }
}
