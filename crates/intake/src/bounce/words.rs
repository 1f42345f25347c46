//! The table of the words that mail systems write, and how a text is compared with it.

use std::sync::LazyLock;

/// One line of the table.
#[derive(Debug)]
struct Row {
    place: Place,
    meaning: Meaning,
    words: &'static str,
}

/// Where words stand, and how they are compared there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The local part of the sender's address, all of it.
    Sender,
    /// Within the sender's name.
    Name,
    /// At the beginning of the subject.
    Subject,
    /// Within the body, as far as it is no copy of the message.
    Body,
    /// At the beginning of a line.
    Line,
}

/// What they tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A mail system writes this.
    System,
    /// A message was not delivered.
    Bounce,
    /// A message was not delivered yet.
    Delay,
    /// Somebody's machine answers for them.
    Automatic,
    /// The failure may pass.
    Soft,
    /// Here begins a copy of the message.
    Copy,
    /// Behind these stands the address that failed.
    Address,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| lines().filter_map(Row::read).collect());

fn lines() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("words.tsv").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Row {
    fn read(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        let place = match columns.next()? {
            "sender" => Place::Sender,
            "name" => Place::Name,
            "subject" => Place::Subject,
            "body" => Place::Body,
            "line" => Place::Line,
            _ => return None,
        };
        let meaning = match columns.next()? {
            "system" => Meaning::System,
            "bounce" => Meaning::Bounce,
            "delay" => Meaning::Delay,
            "automatic" => Meaning::Automatic,
            "soft" => Meaning::Soft,
            "copy" => Meaning::Copy,
            "address" => Meaning::Address,
            _ => return None,
        };
        let words = columns.next().filter(|words| !words.is_empty())?;
        columns.next().is_none().then_some(Self {
            place,
            meaning,
            words,
        })
    }

    fn fits(&self, plain: &str) -> bool {
        match self.place {
            Place::Sender => plain == self.words,
            Place::Subject | Place::Line => plain.starts_with(self.words),
            Place::Name | Place::Body => plain.contains(self.words),
        }
    }
}

/// Whether a text that went through [`plain`] holds words of this meaning.
pub(crate) fn tells(place: Place, meaning: Meaning, plain: &str) -> bool {
    words(place, meaning).any(|row| row.fits(plain))
}

/// What follows the words of this meaning that a plain text begins with.
pub(crate) fn behind(place: Place, meaning: Meaning, plain: &str) -> Option<usize> {
    let found = words(place, meaning).find(|row| plain.starts_with(row.words));
    found.map(|row| row.words.len())
}

fn words(place: Place, meaning: Meaning) -> impl Iterator<Item = &'static Row> {
    let fits = move |row: &&Row| row.place == place && row.meaning == meaning;
    ROWS.iter().filter(fits)
}

/// A text for comparing: lower case, one space for any white space, one kind of apostrophe.
pub(crate) fn plain(text: &str) -> String {
    let straight = |c| {
        if matches!(c, '\u{2018}' | '\u{2019}' | '`' | '\u{b4}') {
            '\''
        } else {
            c
        }
    };
    let lower = text.chars().map(straight).flat_map(char::to_lowercase);
    let mut plain = String::with_capacity(text.len());
    for c in lower {
        match c.is_whitespace() {
            false => plain.push(c),
            true if plain.ends_with(' ') || plain.is_empty() => {}
            true => plain.push(' '),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_can_fit() {
        for line in lines() {
            let row = Row::read(line).unwrap_or_else(|| panic!("cannot be read: {line:?}"));
            assert_eq!(
                plain(row.words).trim_end(),
                row.words.trim_end(),
                "never fits: {line:?}"
            );
        }
        assert!(ROWS.len() > 100);
    }

    #[test]
    fn texts_are_compared_whatever_their_case_spaces_and_apostrophes() {
        assert_eq!(plain(" N\u{2019}a  PAS\r\n pu "), "n'a pas pu ");
        assert!(tells(
            Place::Subject,
            Meaning::Bounce,
            "undelivered mail returned to sender"
        ));
        assert!(!tells(
            Place::Subject,
            Meaning::Bounce,
            "re: undelivered mail returned to sender"
        ));
    }
}
