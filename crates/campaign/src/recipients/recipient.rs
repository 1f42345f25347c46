//! One row of the list: an address, and the values that its message is rendered with.

use std::sync::Arc;

use model::{Address, AddressError, Mailbox};

use super::Row;
use super::columns::Columns;
use super::problem::{Reason, RowProblem};
use super::row::{Cells, RawRow};

/// How much of a wrong address is shown.
const VALUE_CHARS_SHOWN_MAX: usize = 80;

/// Someone to write to.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The line of the file where the row begins, from 1, or the row of the sheet.
    pub line: u64,
    /// Where the mail goes.
    pub address: Address,
    /// The row's values.
    pub fields: Fields,
}

/// The values of one row by column, trimmed. The column `email` holds the bare address, also where the list
/// has `Name <address>`.
#[derive(Clone, Debug)]
pub struct Fields {
    columns: Arc<Columns>,
    text: String,
    /// Where each value ends in `text`.
    ends: Vec<u32>,
}

// === impl Recipient ===

impl Recipient {
    pub(super) fn from_row(columns: &Arc<Columns>, row: RawRow<'_>) -> Row {
        let line = row.line;
        row.cells
            .and_then(|cells| Self::from_cells(columns, line, cells))
            .map_err(|reason| RowProblem { line, reason })
    }

    fn from_cells(columns: &Arc<Columns>, line: u64, cells: Cells<'_>) -> Result<Self, Reason> {
        if cells.count() != columns.count() {
            return Err(Reason::CellCount {
                found: cells.count(),
                expected: columns.count(),
            });
        }
        let email = cells.value(columns.email());
        let address = Mailbox::parse(&email)
            .map_err(|error| address_problem(&email, error))?
            .address;
        let mut fields = Fields::with_room(columns, cells.bytes());
        for (place, value) in cells.values().enumerate() {
            match place == columns.email() {
                true => fields.push(address.as_str()),
                false => fields.push(&value),
            }
        }
        Ok(Self {
            line,
            address,
            fields,
        })
    }

    /// Appends the row's data as a JSON object: every column that has a name, each value a string.
    pub fn write_json(&self, out: &mut String) {
        self.fields.write_json(out);
    }
}

fn address_problem(value: &str, error: AddressError) -> Reason {
    match error {
        AddressError::Empty if value.is_empty() => Reason::BlankEmail,
        error => Reason::Address {
            value: value.chars().take(VALUE_CHARS_SHOWN_MAX).collect(),
            error,
        },
    }
}

// === impl Fields ===

impl Fields {
    /// The values of one row, as many as there are columns; missing ones are empty.
    pub fn new<S: AsRef<str>>(columns: &Arc<Columns>, values: &[S]) -> Self {
        let mut fields = Self::with_room(columns, 0);
        for value in values.iter().take(columns.count()) {
            fields.push(value.as_ref().trim());
        }
        fields
    }

    fn with_room(columns: &Arc<Columns>, bytes: usize) -> Self {
        Self {
            columns: Arc::clone(columns),
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(columns.count()),
        }
    }

    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        // A row is far shorter than 4 GiB.
        self.ends.push(self.text.len() as u32);
    }

    /// The columns that the values belong to.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// The value in the column at `place`; empty when there is none.
    pub fn value(&self, place: usize) -> &str {
        let Some(&end) = self.ends.get(place) else {
            return "";
        };
        let start = match place {
            0 => 0,
            _ => self.ends[place - 1],
        };
        &self.text[start as usize..end as usize]
    }

    /// The value in the column `name`, which is given in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.columns.place_of(name).map(|place| self.value(place))
    }

    /// Appends a JSON object with every column that has a name, each value a string.
    pub fn write_json(&self, out: &mut String) {
        let mut separator = '{';
        for (place, key) in self.columns.json_keys().enumerate() {
            if key.is_empty() {
                continue;
            }
            out.push(separator);
            out.push_str(key);
            push_json_text(out, self.value(place));
            separator = ',';
        }
        out.push('}');
    }
}

/// Appends a JSON string (RFC 8259 §7). Most values need no escape and are copied in one piece.
pub(super) fn push_json_text(out: &mut String, text: &str) {
    let needs_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    out.push('"');
    let mut rest = text;
    while let Some(place) = rest.bytes().position(needs_escape) {
        out.push_str(&rest[..place]);
        push_json_escape(out, rest.as_bytes()[place]);
        rest = &rest[place + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn push_json_escape(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        control => {
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(control >> 4)]));
            out.push(char::from(HEX[usize::from(control & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(names: &[&str], values: &[&str]) -> Fields {
        Fields::new(&Arc::new(Columns::new(names).unwrap()), values)
    }

    fn json(fields: &Fields) -> String {
        let mut out = String::new();
        fields.write_json(&mut out);
        out
    }

    #[test]
    fn json_holds_every_named_column() {
        let row = fields(&["Email", "", "N\"ame"], &["a@b.c", "lost", "x\\y\n\u{1}ü"]);
        assert_eq!(json(&row), r#"{"email":"a@b.c","n\"ame":"x\\y\n\u0001ü"}"#);
    }

    #[test]
    fn values_are_found_by_place_and_name() {
        let row = fields(&["email", "name", "plan"], &["a@b.c", " Ada "]);
        assert_eq!((row.value(1), row.value(2), row.value(9)), ("Ada", "", ""));
        assert_eq!((row.get("name"), row.get("other")), (Some("Ada"), None));
    }

    proptest! {
        #[test]
        fn json_is_what_a_json_reader_reads_back(value in any::<String>(), name in "[a-z\"\\\\\u{1}é]{1,9}") {
            prop_assume!(name.trim() != "email");
            let row = fields(&["email", &name], &["a@b.c", &value]);
            let read: serde_json::Value = serde_json::from_str(&json(&row)).unwrap();
            prop_assert_eq!(read[name.trim().to_lowercase()].as_str(), Some(value.trim()));
        }
    }
}
