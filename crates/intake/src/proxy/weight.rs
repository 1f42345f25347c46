//! What a JSON text takes once it is read, which can be a hundred times its length: an object of seven bytes has a node
//! of more than half a kilobyte. It is told from the bytes before they are read.

/// What the values of one request may take, in bytes, their texts aside: a thousand messages of twenty attachments
/// each, or with a million recipients altogether, take half of it.
pub(super) const WEIGHT_MAX: usize = 64 * 1024 * 1024;
/// A value in its list.
const VALUE_BYTES: usize = 32;
/// The first node of an object's fields.
const OBJECT_BYTES: usize = 700;

/// An estimate of what the values of a JSON text take, in bytes, their texts aside. What is within quotes is none.
pub(super) fn weight(json: &[u8]) -> usize {
    let (mut objects, mut values) = (0, 1);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'{' => objects += 1,
            b',' | b'[' => values += 1,
            _ => {}
        }
    }
    objects * OBJECT_BYTES + values * VALUE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_weigh_and_texts_do_not() {
        assert_eq!(weight(b"0"), VALUE_BYTES);
        assert_eq!(weight(b"[0,0,0]"), 4 * VALUE_BYTES);
        assert_eq!(weight(br#"{"a":{}}"#), 2 * OBJECT_BYTES + VALUE_BYTES);
        assert_eq!(
            weight(br#"{"a{[,":"{,\"{,[\\"}"#),
            OBJECT_BYTES + VALUE_BYTES
        );
        let hostile = r#"{"":0},"#.repeat(100_000);
        assert!(weight(hostile.as_bytes()) > WEIGHT_MAX);
    }
}
