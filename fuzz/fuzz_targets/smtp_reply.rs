//! A server's replies: whatever it sends, and however the network cuts it, the same replies come out, clean and
//! within their bounds.
#![no_main]

use glasspost_fuzz::split_size;
use libfuzzer_sys::fuzz_target;
use model::Reply;
use smtp::wire::reply::{REPLY_BYTES_MAX, REPLY_TEXT_BYTES_MAX};
use smtp::wire::{ReplyError, ReplyReader};

/// What was read up to the end, or up to the error.
#[derive(Debug, Default, PartialEq)]
struct Reading {
    replies: Vec<Reply>,
    /// The bytes of the replies, as they came.
    bytes: Vec<u8>,
    error: Option<ReplyError>,
}

fn read(wire: &[u8], piece: usize) -> Reading {
    let mut reading = Reading::default();
    if let Err(error) = read_into(&mut reading, wire, piece) {
        reading.error = Some(error);
    }
    reading
}

fn read_into(reading: &mut Reading, mut wire: &[u8], piece: usize) -> Result<(), ReplyError> {
    let mut reader = ReplyReader::default();
    while !wire.is_empty() {
        let space = reader.space();
        assert!(
            !space.is_empty(),
            "a full buffer without a reply or an error"
        );
        let count = space.len().min(piece).min(wire.len());
        space[..count].copy_from_slice(&wire[..count]);
        reader.filled(count);
        wire = &wire[count..];
        while let Some(reply) = reader.take()? {
            reading.replies.push(reply.to_reply());
            reading.bytes.extend_from_slice(reply.as_bytes());
        }
    }
    Ok(())
}

fn check(reply: &Reply) {
    assert!((200..=599).contains(&reply.code), "{reply:?}");
    assert!(reply.text.len() <= REPLY_TEXT_BYTES_MAX, "{reply:?}");
    let is_unclean = |c: char| c.is_control() && c != '\n';
    assert!(!reply.text.contains(is_unclean), "{reply:?}");
    if let Some(enhanced) = reply.enhanced {
        assert_eq!(u16::from(enhanced.0), reply.code / 100, "{reply:?}");
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((piece, wire)) = split_size(input) else {
        return;
    };
    let whole = read(wire, REPLY_BYTES_MAX);
    assert_eq!(whole, read(wire, piece), "in pieces of {piece}");
    assert!(
        wire.starts_with(&whole.bytes),
        "bytes were lost between replies"
    );
    whole.replies.iter().for_each(check);
});
