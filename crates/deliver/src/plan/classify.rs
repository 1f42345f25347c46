//! What a refusing reply is about, from one data file.

use std::sync::LazyLock;

use model::{Category, EnhancedCode, Outcome, Reply};

/// What a reply means for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classification {
    /// Whether trying again can help.
    pub outcome: Outcome,
    /// Why it was refused; `None` when it was not.
    pub category: Option<Category>,
}

/// One line of the data file.
struct Rule {
    code: Option<u16>,
    subject: Option<u16>,
    detail: Option<u16>,
    text: Option<&'static str>,
    category: Category,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    include_str!("replies.tsv")
        .lines()
        .filter_map(Rule::parse)
        .collect()
});

/// Reads a reply: 2xx is delivered, 5xx never works, everything else may work later (RFC 5321 §4.2.1).
pub fn classify(reply: &Reply) -> Classification {
    if reply.is_positive() {
        return Classification {
            outcome: Outcome::Delivered,
            category: None,
        };
    }
    let outcome = if reply.is_permanent() {
        Outcome::Bounced
    } else {
        Outcome::Deferred
    };
    let text = reply.text.to_lowercase();
    let fitting = RULES.iter().find(|rule| rule.fits(reply, &text));
    Classification {
        outcome,
        category: Some(fitting.map_or(Category::Other, |rule| rule.category)),
    }
}

impl Rule {
    fn parse(line: &'static str) -> Option<Self> {
        let mut cells = line.split('\t').map(str::trim);
        let (code, enhanced, text) = (cells.next()?, cells.next()?, cells.next()?);
        let category = category(cells.next()?)?;
        let mut numbers = enhanced
            .split('.')
            .skip(1)
            .map(|number| number.parse().ok());
        Some(Self {
            code: code.parse().ok(),
            subject: numbers.next().flatten(),
            detail: numbers.next().flatten(),
            text: (text != "*").then_some(text),
            category,
        })
    }

    fn fits(&self, reply: &Reply, text: &str) -> bool {
        self.code.is_none_or(|code| code == reply.code)
            && self.fits_enhanced(reply.enhanced)
            && self.text.is_none_or(|part| text.contains(part))
    }

    fn fits_enhanced(&self, enhanced: Option<EnhancedCode>) -> bool {
        let Some(subject) = self.subject else {
            return true;
        };
        enhanced.is_some_and(|code| {
            code.1 == subject && self.detail.is_none_or(|detail| detail == code.2)
        })
    }
}

/// A category by its word.
fn category(word: &str) -> Option<Category> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> Reply {
        let (code, text) = line.split_once(' ').unwrap();
        let (enhanced, text) = match EnhancedCode::split_from(text) {
            Some((enhanced, rest)) => (Some(enhanced), rest),
            None => (None, text),
        };
        Reply {
            code: code.parse().unwrap(),
            enhanced,
            text: text.into(),
        }
    }

    #[test]
    fn every_line_of_the_data_file_is_read() {
        let lines = include_str!("replies.tsv")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        assert_eq!(lines.count(), RULES.len());
    }

    #[test]
    fn replies_of_the_field() {
        let cases = [
            ("250 2.0.0 OK", Outcome::Delivered, None),
            (
                "550 5.1.1 no such user",
                Outcome::Bounced,
                Some(Category::UnknownRecipient),
            ),
            (
                "552 5.2.2 mailbox full",
                Outcome::Bounced,
                Some(Category::MailboxFull),
            ),
            (
                "452 4.2.2 over quota",
                Outcome::Deferred,
                Some(Category::MailboxFull),
            ),
            (
                "421 4.7.0 too many messages, slow down",
                Outcome::Deferred,
                Some(Category::RateLimited),
            ),
            (
                "554 5.7.1 relay access denied",
                Outcome::Bounced,
                Some(Category::Policy),
            ),
            (
                "554 5.6.0 message content rejected",
                Outcome::Bounced,
                Some(Category::Content),
            ),
            (
                "535 5.7.8 bad credentials",
                Outcome::Bounced,
                Some(Category::Authentication),
            ),
            (
                "450 greylisted, come back",
                Outcome::Deferred,
                Some(Category::Policy),
            ),
            (
                "550 user unknown",
                Outcome::Bounced,
                Some(Category::UnknownRecipient),
            ),
            ("499 what", Outcome::Deferred, Some(Category::Other)),
        ];
        for (line, outcome, category) in cases {
            assert_eq!(
                classify(&reply(line)),
                Classification { outcome, category },
                "{line}"
            );
        }
    }
}
