//! What was said, kept as raw lines while it is said and made readable only when somebody wants it.

use crate::wire::text;

/// Most bytes of a dialogue that are kept.
pub(crate) const DIALOGUE_BYTES_MAX: usize = 8 * 1024;

/// A running record of one attempt. Its memory is reused from message to message.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    raw: Vec<u8>,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    speaker: Speaker,
    end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    Client,
    Server,
}

impl Transcript {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.raw.clear();
        self.parts.clear();
    }

    /// Records lines we wrote. Never hand credentials to this.
    pub(crate) fn client(&mut self, lines: &[u8]) {
        self.push(Speaker::Client, lines);
    }

    /// Records lines the server wrote.
    pub(crate) fn server(&mut self, lines: &[u8]) {
        self.push(Speaker::Server, lines);
    }

    fn push(&mut self, speaker: Speaker, lines: &[u8]) {
        let room = DIALOGUE_BYTES_MAX - self.raw.len();
        self.raw.extend_from_slice(&lines[..lines.len().min(room)]);
        let end = self.raw.len();
        match self.parts.last_mut() {
            Some(part) if part.speaker == speaker => part.end = end,
            _ if room == 0 => {}
            _ => self.parts.push(Part { speaker, end }),
        }
    }

    /// The dialogue as text, `C: ` and `S: ` in front of each line.
    pub(crate) fn render(&self) -> Option<Box<str>> {
        let mut shown = String::with_capacity(self.raw.len() * 5 / 4);
        let mut start = 0;
        for part in &self.parts {
            let prefix = match part.speaker {
                Speaker::Client => "C: ",
                Speaker::Server => "S: ",
            };
            for line in self.raw[start..part.end].split_inclusive(|&b| b == b'\n') {
                shown.push_str(prefix);
                text::push_clean(&mut shown, line.trim_ascii_end());
                shown.push('\n');
            }
            start = part.end;
        }
        shown.pop();
        text::truncate(&mut shown, DIALOGUE_BYTES_MAX);
        (!shown.is_empty()).then(|| shown.into_boxed_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_their_speaker() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.render(), None);
        transcript.client(b"MAIL FROM:<>\r\nDATA\r\n");
        transcript.server(b"250 ok\r\n");
        transcript.server(b"354 \x1bgo\r\n");
        let expected = "C: MAIL FROM:<>\nC: DATA\nS: 250 ok\nS: 354 \u{fffd}go";
        assert_eq!(transcript.render().as_deref(), Some(expected));
    }

    #[test]
    fn it_is_bounded() {
        let mut transcript = Transcript::default();
        for _ in 0..10_000 {
            transcript.client(b"NOOP\r\n");
            transcript.server(b"250 ok\r\n");
        }
        assert!(transcript.raw.len() <= DIALOGUE_BYTES_MAX);
        assert!(transcript.parts.len() <= DIALOGUE_BYTES_MAX);
        assert!(transcript.render().unwrap().len() <= DIALOGUE_BYTES_MAX);
    }
}
