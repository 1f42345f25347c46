//! Dots and the end mark, against a model of twenty lines: what is sent arrives, and nothing but CRLF "." CRLF
//! ends it.
#![no_main]

use glasspost_fuzz::split_size;
use libfuzzer_sys::fuzz_target;
use smtp::wire::dot::{BareLineBreak, Decoded, DotDecoder, DotStuffer, check_line_breaks};

/// RFC 5321 §4.5.2 line by line: the message, and how many bytes it took with its end mark.
fn model_decode(wire: &[u8]) -> Result<(Vec<u8>, Option<usize>), BareLineBreak> {
    let (mut message, mut rest) = (Vec::new(), wire);
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n");
        let line = &rest[..end.unwrap_or(rest.len())];
        // A CR at the very end may still become a line break.
        let settled = if end.is_none() {
            line.strip_suffix(b"\r").unwrap_or(line)
        } else {
            line
        };
        if settled.iter().any(|byte| b"\r\n".contains(byte)) {
            return Err(BareLineBreak);
        }
        let text = line.strip_prefix(b".").unwrap_or(line);
        match end {
            Some(end) if line == b"." => {
                return Ok((message, Some(wire.len() - rest.len() + end + 2)));
            }
            Some(end) => {
                message.extend_from_slice(text);
                message.extend_from_slice(b"\r\n");
                rest = &rest[end + 2..];
            }
            None => {
                message.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                return Ok((message, None));
            }
        }
    }
}

fn decode(wire: &[u8], piece: usize) -> Result<(Vec<u8>, Option<usize>), BareLineBreak> {
    let (mut decoder, mut message, mut read) = (DotDecoder::default(), Vec::new(), 0);
    for part in wire.chunks(piece) {
        let Decoded { consumed, ended } =
            decoder.decode(part, |bytes| message.extend_from_slice(bytes))?;
        assert!(
            ended || consumed == part.len(),
            "bytes were left over before the end"
        );
        read += consumed;
        if ended {
            return Ok((message, Some(read)));
        }
    }
    Ok((message, None))
}

fn stuff(message: &[u8], piece: usize) -> Vec<u8> {
    let (mut stuffer, mut wire) = (DotStuffer::default(), Vec::new());
    message
        .chunks(piece)
        .for_each(|part| stuffer.stuff(part, &mut wire));
    stuffer.finish(&mut wire);
    wire
}

fuzz_target!(|input: &[u8]| {
    let Some((piece, bytes)) = split_size(input) else {
        return;
    };
    assert_eq!(
        decode(bytes, piece),
        model_decode(bytes),
        "as read, in pieces of {piece}"
    );

    let is_bare = bytes.iter().enumerate().any(|(place, byte)| match byte {
        b'\r' => bytes.get(place + 1) != Some(&b'\n'),
        b'\n' => place == 0 || bytes[place - 1] != b'\r',
        _ => false,
    });
    assert_eq!(check_line_breaks(bytes).is_err(), is_bare);
    if is_bare {
        return;
    }
    let wire = stuff(bytes, piece);
    let mut message = bytes.to_vec();
    if !message.is_empty() && !message.ends_with(b"\r\n") {
        message.extend_from_slice(b"\r\n");
    }
    assert_eq!(
        model_decode(&wire),
        Ok((message, Some(wire.len()))),
        "as written, in pieces of {piece}"
    );
});
