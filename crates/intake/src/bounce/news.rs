//! What is learned from a bounce.

use std::fmt::Write;

use model::EnhancedCode;

/// Longest reason, in characters.
pub(crate) const REASON_CHARS_MAX: usize = 500;

/// What a report says about one recipient of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The message it is about, when the report returned enough of it.
    pub about: Option<Original>,
    /// The address that the report is about, as the reporting server knew it in the end.
    pub recipient: Option<Box<str>>,
    /// The address that the message was sent to, when the report says that it was another one.
    pub original_recipient: Option<Box<str>>,
    /// What happened.
    pub kind: Kind,
    /// The enhanced status code (RFC 3463), such as 5.1.1.
    pub status: Option<EnhancedCode>,
    /// The reply code of SMTP, 400 to 599, when one is named.
    pub reply_code: Option<u16>,
    /// What the server said: one line without control characters, at most 500 characters.
    pub reason: Box<str>,
    /// How sure we are.
    pub evidence: Evidence,
}

/// What happened to a message after the next server took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It was not delivered and nobody tries again.
    Bounced(Permanence),
    /// It was not delivered yet; the server goes on trying.
    Delayed,
    /// It is in the mailbox.
    Delivered,
    /// It went on to a server that sends no reports.
    Relayed,
    /// It went on to the members of a list or to several other addresses.
    Expanded,
}

/// Whether another message to the same address would fail too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permanence {
    /// It would: status class 5, or no class named.
    Hard,
    /// It may not: status class 4, for instance when the time allowed ran out.
    Soft,
}

/// What a piece of news rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// A delivery status by the standard (RFC 3464).
    Report,
    /// The words of a mail system.
    Text,
}

/// The names of the message that a report is about. At least one is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Original {
    /// Our own id of it, from `X-Genro-Mail-ID`.
    pub mail_id: Option<Box<str>>,
    /// Its `Message-ID`, without the angle brackets.
    pub message_id: Option<Box<str>>,
}

impl News {
    /// The code as genro-mail-proxy reports it: the digits of the status without their dots, else the reply code.
    pub fn bounce_code(&self) -> Option<String> {
        match (self.status, self.reply_code) {
            (Some(EnhancedCode(class, subject, detail)), _) => {
                Some(format!("{class}{subject}{detail}"))
            }
            (None, code) => code.map(|code| code.to_string()),
        }
    }

    /// `hard` or `soft` in genro-mail-proxy's sense; `None` for good news.
    pub fn bounce_type(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Bounced(Permanence::Hard) => Some("hard"),
            Kind::Bounced(Permanence::Soft) | Kind::Delayed => Some("soft"),
            Kind::Delivered | Kind::Relayed | Kind::Expanded => None,
        }
    }
}

impl Permanence {
    /// By the class of the code: 4 is soft, everything else hard.
    pub(crate) fn of(status: Option<EnhancedCode>, reply_code: Option<u16>) -> Self {
        let class = status.map(|status| u16::from(status.0));
        match class.or(reply_code.map(|code| code / 100)) {
            Some(4) => Self::Soft,
            _ => Self::Hard,
        }
    }
}

impl Original {
    /// Itself, unless it names nothing.
    pub(crate) fn known(self) -> Option<Self> {
        (self.mail_id.is_some() || self.message_id.is_some()).then_some(self)
    }

    /// Takes from another what it does not know itself.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            mail_id: self.mail_id.or(other.mail_id),
            message_id: self.message_id.or(other.message_id),
        }
    }
}

/// A text as one line: white space and control characters become single spaces, and what is too long is cut.
pub(crate) fn one_line(text: &str, chars_max: usize) -> Box<str> {
    let breaks = |c: char| c.is_whitespace() || is_unprintable(c);
    let mut line = String::new();
    let mut left = chars_max;
    for word in text.split(breaks).filter(|word| !word.is_empty()) {
        let gap = if line.is_empty() { "" } else { " " };
        if left <= gap.len() {
            break;
        }
        left -= gap.len();
        let cut: String = word.chars().take(left).collect();
        left -= cut.chars().count();
        // Writing to a string cannot fail.
        let _ = write!(line, "{gap}{cut}");
    }
    line.into()
}

/// Control characters, and those that reorder or hide what stands around them.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_printable_line_of_bounded_length() {
        assert_eq!(
            &*one_line(" a\r\n\tb\0c\u{1b}[31m \u{202e}d ", 500),
            "a b c [31m d"
        );
        assert_eq!(&*one_line("ab cd", 4), "ab c");
        assert_eq!(&*one_line("ab cd", 3), "ab");
        assert_eq!(&*one_line("grün grün", 6), "grün g");
        assert_eq!(one_line(&"x".repeat(9_999), 500).len(), 500);
    }

    #[test]
    fn the_class_of_the_code_decides_between_hard_and_soft() {
        let status = |class| Some(EnhancedCode(class, 2, 2));
        assert_eq!(Permanence::of(status(4), Some(550)), Permanence::Soft);
        assert_eq!(Permanence::of(status(5), Some(450)), Permanence::Hard);
        assert_eq!(Permanence::of(None, Some(452)), Permanence::Soft);
        assert_eq!(Permanence::of(None, None), Permanence::Hard);
    }
}
