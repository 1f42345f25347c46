//! Fields that the letter uses and the list lacks.

use compose::letter::{Letter, Part, Recipient as Reader};

use crate::recipients::Recipient;

/// Counts what is missing while the list is read. A list's rows all have its columns, so the first row tells
/// what can be missing at all, and a list that lacks nothing costs nothing more.
pub(crate) struct MissingFields {
    in_bodies: Vec<String>,
    in_head: bool,
    recipients: u64,
    unmade: u64,
    data: String,
}

impl MissingFields {
    pub(crate) fn of(letter: &Letter, first: &Recipient) -> Self {
        let mut data = String::new();
        first.write_json(&mut data);
        let missing = letter.missing_fields(Reader {
            address: &first.address,
            data: &data,
        });
        let missing = missing.unwrap_or_default();
        let refuses = |part: Part| matches!(part, Part::Subject | Part::Unsubscribe);
        let in_head = missing.iter().any(|field| refuses(field.part));
        let mut in_bodies: Vec<String> = missing
            .into_iter()
            .filter(|field| !refuses(field.part))
            .map(|field| field.field)
            .collect();
        in_bodies.sort();
        in_bodies.dedup();
        Self {
            in_bodies,
            in_head,
            recipients: 0,
            unmade: 0,
            data,
        }
    }

    /// Counts one recipient; one whose subject or links cannot be made will get no mail.
    pub(crate) fn count(&mut self, letter: &Letter, recipient: &Recipient) {
        self.recipients += 1;
        if !self.in_head {
            return;
        }
        self.data.clear();
        recipient.write_json(&mut self.data);
        let reader = Reader {
            address: &recipient.address,
            data: &self.data,
        };
        if letter.preview(reader).is_err() {
            self.unmade += 1;
        }
    }

    /// Says once what was counted.
    pub(crate) fn warn(&self) {
        if !self.in_bodies.is_empty() {
            tracing::warn!(
                recipients = self.recipients,
                "the list has no column for these fields of the body, they are empty: {}",
                self.in_bodies.join(", ")
            );
        }
        if self.unmade > 0 {
            tracing::warn!(
                recipients = self.unmade,
                "a field of the subject or of an unsubscribe link is missing: these recipients get no mail"
            );
        }
    }
}
