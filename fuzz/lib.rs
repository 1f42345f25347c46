//! What several fuzz targets need: taking an input apart, and cutting bytes into pieces.

/// What stands between the parts of an input, so that a seed can be written and read by a person.
const SEPARATOR: &str = "\n----\n";

/// The first byte as a piece's size, from 1 (a seed writes `0`) to 16, and the rest.
pub fn split_size(input: &[u8]) -> Option<(usize, &[u8])> {
    let (&size, rest) = input.split_first()?;
    Some((usize::from(size % 16) + 1, rest))
}

/// The parts of an input; those that it does not have are empty.
pub fn parts<const COUNT: usize>(input: &str) -> [&str; COUNT] {
    let mut parts = [""; COUNT];
    for (part, text) in parts.iter_mut().zip(input.splitn(COUNT, SEPARATOR)) {
        *part = text;
    }
    parts
}
