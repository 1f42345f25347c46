//! BDAT (RFC 3030): the message by counted bytes. A refused chunk's bytes are read all the same, so that they
//! are never taken for commands.

use crate::server::config::Extension;
use crate::server::session::{Progress, Reading, Session, chunk_ended};
use crate::wire::InputBuffer;
use crate::wire::chunk::{ChunkHeader, ChunkPosition};

/// A chunk whose bytes are being read.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub bytes_left: u64,
    position: ChunkPosition,
    refusal: Option<&'static [u8]>,
}

pub(crate) fn handle(session: &mut Session<'_>, argument: &str, out: &mut Vec<u8>) {
    let Some(header) = ChunkHeader::parse(argument).filter(|_| session.offers(Extension::Chunking))
    else {
        // Without a count nobody knows where the next command begins.
        out.extend_from_slice(b"501 5.5.4 syntax: BDAT count [LAST]\r\n");
        session.reading = Reading::Nothing;
        return;
    };
    let recipients = session.envelope().map(|envelope| envelope.recipients.len());
    let refusal: Option<&'static [u8]> = match recipients {
        None => Some(b"503 5.5.1 need MAIL before BDAT\r\n"),
        Some(0) => Some(b"554 5.5.1 no valid recipients\r\n"),
        Some(_) => None,
    };
    session.body.is_begun |= refusal.is_none();
    session.reading = Reading::Chunk(Chunk {
        bytes_left: header.bytes,
        position: header.position,
        refusal,
    });
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
    let (position, refusal) = (chunk.position, chunk.refusal);
    match refusal {
        None => chunk_ended(session, position, out),
        Some(reply) => {
            session.reading = Reading::Commands;
            session.out_of_order(reply, out);
            Progress::Continue
        }
    }
}
