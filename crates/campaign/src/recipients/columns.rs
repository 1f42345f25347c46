//! The header row: the names of the columns, and where the address stands.

use std::collections::HashMap;

use model::Address;

use super::problem::ListError;
use super::recipient::push_json_text;
use super::row::Cells;

/// Most columns that a list may have.
pub const COLUMNS_MAX: usize = 4_096;
/// The column that every list must have.
pub(super) const EMAIL: &str = "email";
/// How many names an error lists at most, and how much of each.
const NAMES_SHOWN_MAX: usize = 20;
const NAME_CHARS_SHOWN_MAX: usize = 40;

/// The columns of a list, shared by its rows.
///
/// Names are lower case and trimmed. A column without a name is read over: nothing could refer to it.
#[derive(Debug)]
pub struct Columns {
    names: Box<[Box<str>]>,
    /// What stands before each value in a row's JSON; nothing for a column without a name.
    json_keys: Box<[Box<str>]>,
    email: usize,
}

impl Columns {
    /// Takes the names of a list's columns, in any case.
    pub fn new<S: AsRef<str>>(names: &[S]) -> Result<Self, ListError> {
        let clean = |name: &S| name.as_ref().trim().to_lowercase().into_boxed_str();
        let names: Box<[Box<str>]> = names.iter().map(clean).collect();
        if names.len() > COLUMNS_MAX {
            let found = names.len();
            return Err(ListError::TooManyColumns { found });
        }
        let email = match names.iter().position(|name| **name == *EMAIL) {
            Some(email) => email,
            None => return Err(no_email(&names)),
        };
        refuse_duplicates(&names)?;
        let json_keys = names.iter().map(|name| json_key(name)).collect();
        Ok(Self {
            names,
            json_keys,
            email,
        })
    }

    pub(super) fn from_header(cells: Cells<'_>) -> Result<Self, ListError> {
        if cells.count() > COLUMNS_MAX {
            let found = cells.count();
            return Err(ListError::TooManyColumns { found });
        }
        let names: Vec<_> = cells.values().collect();
        Self::new(&names)
    }

    /// How many there are, those without a name included.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// The names in their order; empty for a column without one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// The place of the column `name`, which is given in lower case.
    pub fn place_of(&self, name: &str) -> Option<usize> {
        match name.is_empty() {
            true => None,
            false => self.names.iter().position(|other| **other == *name),
        }
    }

    /// The place of the column `email`.
    pub fn email(&self) -> usize {
        self.email
    }

    pub(super) fn json_keys(&self) -> impl Iterator<Item = &str> {
        self.json_keys.iter().map(AsRef::as_ref)
    }
}

fn json_key(name: &str) -> Box<str> {
    let mut key = String::new();
    if !name.is_empty() {
        push_json_text(&mut key, name);
        key.push(':');
    }
    key.into_boxed_str()
}

fn refuse_duplicates(names: &[Box<str>]) -> Result<(), ListError> {
    let mut places = HashMap::with_capacity(names.len());
    for (place, name) in names
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty())
    {
        if let Some(first) = places.insert(name, place) {
            return Err(ListError::DuplicateColumn {
                name: shortened(name),
                first: first + 1,
                second: place + 1,
            });
        }
    }
    Ok(())
}

/// Says what the header names instead, or that there is no header at all.
fn no_email(names: &[Box<str>]) -> ListError {
    if let Some(address) = names.iter().find(|name| Address::parse(name).is_ok()) {
        let address = shortened(address);
        return ListError::NoHeader { address };
    }
    let shown: Vec<_> = names
        .iter()
        .take(NAMES_SHOWN_MAX)
        .map(|name| shortened(name))
        .collect();
    let more = match names.len().saturating_sub(NAMES_SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    ListError::NoEmail {
        found: format!("{:?}{more}", shown),
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(NAME_CHARS_SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_lower_case() {
        let columns = Columns::new(&[" First Name ", "EMAIL", ""]).unwrap();
        let names: Vec<_> = columns.names().collect();
        assert_eq!(names, ["first name", "email", ""]);
        assert_eq!(
            (columns.email(), columns.place_of("first name")),
            (1, Some(0))
        );
        assert_eq!(columns.place_of(""), None);
    }

    #[test]
    fn errors_name_what_was_found() {
        let cases: [(&[&str], &str); 4] = [
            (
                &["Name", "E-Mail"],
                "the list must include an 'email' column; its first row names [\"name\", \"e-mail\"]",
            ),
            (
                &["ada@example.org", "Ada"],
                "the list has no header: its first row must name the columns, but holds the address \"ada@example.org\"",
            ),
            (
                &["email", "name", " NAME"],
                "columns 2 and 3 are both named \"name\": rename one of them",
            ),
            (
                &["email", "x", "Email"],
                "columns 1 and 3 are both named \"email\": rename one of them",
            ),
        ];
        for (names, expected) in cases {
            assert_eq!(Columns::new(names).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn columns_without_a_name_are_no_duplicates() {
        assert_eq!(Columns::new(&["email", "", ""]).unwrap().count(), 3);
    }
}
