//! Bytes that came in and were not yet used, in one reused, bounded block of memory.

/// Room that is always offered for the next read, in bytes.
const READ_BYTES_MIN: usize = 1024;

/// A reused input buffer: bytes are read into [`InputBuffer::space`] and taken from its front.
///
/// It never grows beyond the bound given at its making; a user who leaves more than that unused gets an
/// empty space, which reads as "the other side may not send more".
#[derive(Debug)]
pub struct InputBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    bytes_max: usize,
}

impl InputBuffer {
    /// A buffer that starts with `bytes` of memory and never holds more than `bytes_max`.
    pub fn new(bytes: usize, bytes_max: usize) -> Self {
        Self {
            bytes: vec![0; bytes.min(bytes_max)],
            start: 0,
            end: 0,
            bytes_max,
        }
    }

    /// Where the next read goes. Call [`InputBuffer::filled`] with the number of bytes read.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.bytes.len() - self.end < READ_BYTES_MIN {
            self.make_room();
        }
        &mut self.bytes[self.end..]
    }

    fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.bytes.len() - self.end < READ_BYTES_MIN {
            let doubled = (self.bytes.len() * 2).max(READ_BYTES_MIN);
            self.bytes.resize(doubled.min(self.bytes_max), 0);
        }
    }

    /// Says that `count` bytes of the last space now hold input.
    pub fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// What is there and unused.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes `count` bytes from the front. They stay readable through the result until the next read.
    pub fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.start = (from + count).min(self.end);
        &self.bytes[from..self.start]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffer: &mut InputBuffer, bytes: &[u8]) -> usize {
        let space = buffer.space();
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        buffer.filled(count);
        count
    }

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut buffer = InputBuffer::new(16, 4096);
        fill(&mut buffer, b"one two");
        assert_eq!(buffer.take(4), b"one ");
        fill(&mut buffer, b" three");
        assert_eq!(buffer.unread(), b"two three");
        assert_eq!(buffer.take(99), b"two three");
        assert!(buffer.is_empty());
    }

    #[test]
    fn it_stops_growing_at_its_bound() {
        let mut buffer = InputBuffer::new(16, 4096);
        while fill(&mut buffer, &[b'x'; 999]) > 0 {}
        assert_eq!(buffer.unread().len(), 4096);
    }
}
