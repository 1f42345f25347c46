//! The dot codec agrees with a naive model, and the reply reader with any input, whatever the pieces.

use proptest::prelude::*;
use smtp::wire::reply::{REPLY_BYTES_MAX, REPLY_TEXT_BYTES_MAX};
use smtp::wire::{DotDecoder, DotStuffer, ReplyReader};

/// What a decoder is to find in a stream: the message, or nothing but the reason why not.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Message { body: Vec<u8>, consumed: usize },
    BareLineBreak,
    Unfinished,
}

/// Line by line, as RFC 5321 §4.5.2 puts it.
fn naive(stream: &[u8]) -> Found {
    let (mut body, mut line, mut at) = (Vec::new(), Vec::new(), 0);
    while at < stream.len() {
        match (stream[at], stream.get(at + 1)) {
            (b'\r', Some(b'\n')) => {
                at += 2;
                if line == b"." {
                    return Found::Message { body, consumed: at };
                }
                body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                body.extend_from_slice(b"\r\n");
                line.clear();
            }
            (b'\r', None) => return Found::Unfinished,
            (b'\r' | b'\n', _) => return Found::BareLineBreak,
            (byte, _) => {
                line.push(byte);
                at += 1;
            }
        }
    }
    Found::Unfinished
}

fn decoded(stream: &[u8], cuts: &[usize]) -> Found {
    let (mut decoder, mut body, mut consumed) = (DotDecoder::default(), Vec::new(), 0);
    for piece in pieces(stream, cuts) {
        match decoder.decode(piece, |bytes| body.extend_from_slice(bytes)) {
            Err(_) => return Found::BareLineBreak,
            Ok(decoded) => {
                consumed += decoded.consumed;
                if decoded.ended {
                    return Found::Message { body, consumed };
                }
            }
        }
    }
    Found::Unfinished
}

fn pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut edges: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    edges.extend([0, stream.len()]);
    edges.sort_unstable();
    edges
        .windows(2)
        .map(|edge| &stream[edge[0]..edge[1]])
        .collect()
}

/// Streams made of what matters: line breaks whole and broken, dots, and other bytes.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\r\n.\r\n".to_vec()),
        Just(b".".to_vec()),
        Just(b"ab".to_vec()),
        Just(b"\0".to_vec()),
        prop_oneof![19 => Just(b"x".to_vec()), 1 => Just(b"\r".to_vec()), 1 => Just(b"\n".to_vec())],
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// Messages whose lines end as they must.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![Just("\r\n"), Just("."), Just("text"), Just("é\0")];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_decoder_agrees_with_the_model(
        stream in stream(),
        cuts in prop::collection::vec(0..200_usize, 0..8),
    ) {
        prop_assert_eq!(decoded(&stream, &cuts), naive(&stream));
    }

    #[test]
    fn what_is_stuffed_is_decoded_to_the_same(
        message in message(),
        cuts in prop::collection::vec(0..200_usize, 0..8),
    ) {
        let (mut stuffer, mut wire) = (DotStuffer::default(), Vec::new());
        for piece in pieces(&message, &cuts) {
            stuffer.stuff(piece, &mut wire);
        }
        stuffer.finish(&mut wire);
        let consumed = wire.len();
        wire.extend_from_slice(b"QUIT\r\n");
        let mut body = message;
        if !body.is_empty() && !body.ends_with(b"\r\n") {
            body.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!(naive(&wire), Found::Message { body, consumed });
    }

    #[test]
    fn the_reply_reader_takes_anything_and_stays_bounded(
        parts in prop::collection::vec(
            prop_oneof![
                Just(b"250-a\r\n".to_vec()),
                Just(b"250 a\r\n".to_vec()),
                Just(b"550 5.1.1 \xff\x1b\0x\n".to_vec()),
                prop::collection::vec(any::<u8>(), 0..6000),
            ],
            0..60,
        ),
    ) {
        let mut reader = ReplyReader::default();
        for part in parts {
            let mut rest = part.as_slice();
            while !rest.is_empty() {
                let space = reader.space();
                prop_assert!(!space.is_empty());
                let count = space.len().min(rest.len());
                space[..count].copy_from_slice(&rest[..count]);
                reader.filled(count);
                rest = &rest[count..];
                loop {
                    match reader.take() {
                        Err(_) => return Ok(()),
                        Ok(None) => break,
                        Ok(Some(reply)) => {
                            prop_assert!(reply.as_bytes().len() <= REPLY_BYTES_MAX);
                            let kept = reply.to_reply();
                            prop_assert!((200..600).contains(&kept.code));
                            prop_assert!(kept.text.len() <= REPLY_TEXT_BYTES_MAX);
                            prop_assert!(!kept.text.chars().any(|c| c.is_control() && c != '\n'));
                        }
                    }
                }
            }
        }
    }
}
