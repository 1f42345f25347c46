//! What a JSON text takes once it is read, which can be a hundred times its length: an object of seven bytes has a node
//! of more than half a kilobyte. It is told from the bytes before they are read, and so is how deep they nest.

use super::commands::MESSAGES_MAX;

/// What the values of one request may take, in bytes, their texts aside: a thousand messages of twenty attachments
/// each, or with a million recipients altogether, take half of it.
const WEIGHT_MAX: usize = 64 * 1024 * 1024;
/// A value in its list.
const VALUE_BYTES: usize = 32;
/// The first node of an object's fields.
const OBJECT_BYTES: usize = 700;
/// Lists and objects within each other, the outermost one counted: what the API knows takes six.
pub(super) const DEPTH_MAX: usize = 32;
/// The list of a request that has a bound of its own.
const MESSAGES: &[u8] = b"messages";

/// Why a text is not read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// Its values would take more than one request may.
    Values,
    /// It hands over more messages than one request may.
    Messages,
    /// Its lists and objects are within more than [`DEPTH_MAX`] of each other.
    Depth,
}

/// An estimate of what the values of a JSON text take, in bytes, their texts aside. What is within quotes is none. It
/// looks no further than it has to.
pub(super) fn weigh(json: &[u8]) -> Result<usize, TooMuch> {
    let mut scale = Scale::default();
    let (mut quoted_from, mut is_escaped) = (None, false);
    for (at, byte) in json.iter().enumerate() {
        match (byte, quoted_from) {
            _ if is_escaped => is_escaped = false,
            (b'\\', Some(_)) => is_escaped = true,
            (b'"', None) => quoted_from = Some(at + 1),
            (b'"', Some(from)) => {
                scale.text(&json[from..at]);
                quoted_from = None;
            }
            (_, Some(_)) => {}
            (byte, None) => scale.mark(*byte)?,
        }
    }
    Ok(scale.weight())
}

/// What was seen of a text so far.
#[derive(Default)]
struct Scale {
    objects: usize,
    commas: usize,
    depth: usize,
    /// Whether the last text in the outermost object was [`MESSAGES`].
    is_next_messages: bool,
    is_in_messages: bool,
    messages: usize,
}

impl Scale {
    fn weight(&self) -> usize {
        self.objects * OBJECT_BYTES + (self.commas + 1) * VALUE_BYTES
    }

    fn text(&mut self, text: &[u8]) {
        if self.depth == 1 {
            self.is_next_messages = text == MESSAGES;
        }
    }

    /// One byte outside of texts.
    fn mark(&mut self, byte: u8) -> Result<(), TooMuch> {
        match byte {
            b'{' => {
                self.objects += 1;
                self.depth += 1;
            }
            b'[' => {
                self.is_in_messages |= self.depth == 1 && self.is_next_messages;
                self.commas += 1;
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.is_in_messages &= self.depth > 1;
                return Ok(());
            }
            b',' => {
                self.messages += usize::from(self.is_in_messages && self.depth == 2);
                self.commas += 1;
            }
            _ => return Ok(()),
        }
        match () {
            () if self.depth > DEPTH_MAX => Err(TooMuch::Depth),
            () if self.messages >= MESSAGES_MAX => Err(TooMuch::Messages),
            () if self.weight() > WEIGHT_MAX => Err(TooMuch::Values),
            () => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_weigh_and_texts_do_not() {
        assert_eq!(weigh(b"0"), Ok(VALUE_BYTES));
        assert_eq!(weigh(b"[0,0,0]"), Ok(4 * VALUE_BYTES));
        let two = 2 * OBJECT_BYTES + VALUE_BYTES;
        assert_eq!(weigh(br#"{"a":{}}"#), Ok(two));
        let one = OBJECT_BYTES + VALUE_BYTES;
        assert_eq!(weigh(br#"{"a{[,":"{,\"{,[\\"}"#), Ok(one));
        let hostile = r#"{"":0},"#.repeat(100_000);
        assert_eq!(weigh(hostile.as_bytes()), Err(TooMuch::Values));
    }

    #[test]
    fn brackets_are_counted_by_how_deep_they_are() {
        let nested = |open: &str, close: &str, depth: usize| {
            format!("{}0{}", open.repeat(depth), close.repeat(depth))
        };
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            assert!(weigh(nested(open, close, DEPTH_MAX).as_bytes()).is_ok());
            let deeper = nested(open, close, DEPTH_MAX + 1);
            assert_eq!(weigh(deeper.as_bytes()), Err(TooMuch::Depth), "{open}");
        }
        // It does not wait for the end, which may never come.
        assert_eq!(weigh(&[b'['; 10_000]), Err(TooMuch::Depth));
        let side_by_side = format!("[{}0]", "[[]],".repeat(DEPTH_MAX * 2));
        assert!(weigh(side_by_side.as_bytes()).is_ok());
        let brackets = "[{".repeat(DEPTH_MAX);
        let in_texts = format!(r#"["{brackets}","\"{brackets}","\\",[]]"#);
        assert!(weigh(in_texts.as_bytes()).is_ok());
        let after_a_text = format!(r#"["\\",{brackets}"#);
        assert_eq!(weigh(after_a_text.as_bytes()), Err(TooMuch::Depth));
    }

    #[test]
    fn messages_are_counted_and_nothing_else_is() {
        let list = |name: &str, count: usize| {
            format!(
                r#"{{"x":["messages",[]],"{name}":[{}{{"a":[1,2]}}]}}"#,
                r#"{"a":[1,2]},"#.repeat(count - 1)
            )
        };
        assert!(weigh(list("messages", 1_000).as_bytes()).is_ok());
        assert_eq!(
            weigh(list("messages", 1_001).as_bytes()),
            Err(TooMuch::Messages)
        );
        assert!(weigh(list("others", 1_001).as_bytes()).is_ok());
        let inside = format!(
            r#"{{"messages":[{}],"b":[{}0]}}"#,
            list("messages", 1_001),
            "0,".repeat(2_000)
        );
        assert!(weigh(inside.as_bytes()).is_ok());
        assert!(weigh(b"]]}}{\"messages\":[").is_ok());
    }
}
