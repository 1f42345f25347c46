//! Lists of recipients: each row of any bytes is a recipient or a problem, whatever pieces they come in.
#![no_main]

use std::io::{self, Read};

use campaign::recipients::{ListSummary, RecipientList};
use glasspost_fuzz::split_size;
use libfuzzer_sys::fuzz_target;

/// Hands out its bytes in pieces.
struct Pieces {
    bytes: Vec<u8>,
    place: usize,
    piece: usize,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.place..];
        let count = rest.len().min(self.piece).min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.place += count;
        Ok(count)
    }
}

/// What a list came to, as text: its columns and rows, or why it is none.
fn read(bytes: &[u8], piece: usize) -> Vec<String> {
    let input = Pieces {
        bytes: bytes.to_vec(),
        place: 0,
        piece,
    };
    let list = match RecipientList::from_csv(input) {
        Ok(list) => list,
        Err(error) => return vec![error.to_string()],
    };
    let columns = list.columns().clone();
    let mut lines = vec![format!("{:?}", columns.names().collect::<Vec<_>>())];
    let mut summary = ListSummary::default();
    let (mut last_line, mut json) = (0, String::new());
    for row in list {
        let row = row.expect("memory does not fail to be read");
        summary.record(&row);
        let line = row
            .as_ref()
            .map_or_else(|problem| problem.line, |recipient| recipient.line);
        assert!(line > last_line, "line {line} comes after line {last_line}");
        last_line = line;
        lines.push(match &row {
            Err(problem) => problem.to_string(),
            Ok(recipient) => {
                assert_eq!(
                    recipient.fields.get("email"),
                    Some(recipient.address.as_str())
                );
                json.clear();
                recipient.write_json(&mut json);
                let object: serde_json::Value = serde_json::from_str(&json).expect("JSON");
                let named = columns.names().filter(|name| !name.is_empty()).count();
                assert_eq!(object.as_object().map(|object| object.len()), Some(named));
                format!("{line}: {json}")
            }
        });
    }
    assert_eq!(summary.rows(), lines.len() as u64 - 1);
    assert_eq!(summary.recipients() + summary.skipped(), summary.rows());
    lines
}

/// How many rows a list has where that is plain to see: no quotes, no odd spaces, no encoding but UTF-8.
fn plain_rows(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_odd =
        |c: char| c == '"' || c == '\u{feff}' || (c.is_ascii_whitespace() && !"\r\n ".contains(c));
    // The line that names the delimiter is no row, wherever the first one that is not empty stands.
    if text.contains(is_odd) || text.trim_start().starts_with("sep=") {
        return None;
    }
    let rows = text
        .split(['\r', '\n'])
        .filter(|line| !line.trim_ascii().is_empty())
        .count();
    rows.checked_sub(1)
}

fuzz_target!(|input: &[u8]| {
    let Some((piece, bytes)) = split_size(input) else {
        return;
    };
    let whole = read(bytes, bytes.len());
    assert_eq!(whole, read(bytes, piece), "in pieces of {piece}");
    let is_list = RecipientList::from_csv(io::Cursor::new(bytes.to_vec())).is_ok();
    if let Some(rows) = plain_rows(bytes).filter(|_| is_list) {
        assert_eq!(whole.len() - 1, rows, "rows were lost or made up");
    }
});
