//! The blocks of fields in a delivery status (RFC 3464 §2.1): one about the message, then one a recipient.

/// How many blocks are read: one report about more recipients than a message may have is none of ours.
const BLOCKS_MAX: usize = 1_000;
/// How many fields of a block are read.
const FIELDS_MAX: usize = 100;

/// One block.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// All blocks of a text that hold a field.
    pub fn blocks(text: &str) -> Vec<Self> {
        let mut blocks = vec![Self::default()];
        for line in text.lines() {
            let count = blocks.len();
            let Some(block) = blocks.last_mut() else {
                break;
            };
            match line.trim().is_empty() {
                false => block.add(line),
                true if block.0.is_empty() => {}
                true if count == BLOCKS_MAX => break,
                true => blocks.push(Self::default()),
            }
        }
        blocks.retain(|block| !block.0.is_empty());
        blocks
    }

    fn add(&mut self, line: &str) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = self.0.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
            return;
        }
        let Some((name, value)) = line.split_once(':') else {
            return;
        };
        if self.0.len() < FIELDS_MAX {
            self.0
                .push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The value of a field, by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(other, _)| other == name);
        field
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The value of a field behind its type, as in `rfc822; ada@example.org`.
    pub fn typed(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        Some(value.split_once(';').map_or(value, |(_, rest)| rest).trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_split_at_empty_lines_and_values_unfolded() {
        let text = "Reporting-MTA: dns; mx\r\n\r\n\r\nAction: failed\r\nDiagnostic-Code: smtp; 550 no\r\n such user\r\n\
            odd line\r\nFinal-Recipient: a@example.org\r\n";
        let blocks = Fields::blocks(text);
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[1].typed("diagnostic-code"), Some("550 no such user"));
        assert_eq!(blocks[1].typed("final-recipient"), Some("a@example.org"));
        assert_eq!(blocks[1].get("status"), None);
    }

    #[test]
    fn endless_blocks_and_fields_are_bounded() {
        assert_eq!(Fields::blocks(&"A: b\n\n".repeat(9_999)).len(), BLOCKS_MAX);
        assert_eq!(
            Fields::blocks(&"A: b\n".repeat(9_999))[0].0.len(),
            FIELDS_MAX
        );
    }
}
