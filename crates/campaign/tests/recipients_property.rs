//! Whatever the bytes, every row is accounted for; and where they are good CSV, an independent reader agrees.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

use std::io::Cursor;

use campaign::recipients::{ListSummary, RecipientList, Row};
use proptest::prelude::*;

/// All rows of a list, or `None` when its header is refused.
fn rows_of(csv: Vec<u8>) -> Option<Vec<Row>> {
    let list = RecipientList::from_csv(Cursor::new(csv)).ok()?;
    Some(list.map(|row| row.unwrap()).collect())
}

fn line_of(row: &Row) -> u64 {
    match row {
        Ok(recipient) => recipient.line,
        Err(problem) => problem.line,
    }
}

/// Bytes that come close to CSV.
fn csv_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"a@x.org".to_vec()),
        Just(b",".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\"\"".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b" ".to_vec()),
        Just(b";".to_vec()),
        Just(b"\t".to_vec()),
        Just("é".as_bytes().to_vec()),
        Just(vec![0xff]),
        Just(vec![0]),
        "[a-z]{1,3}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

/// The lines, from 1, that hold anything but spaces.
fn full_lines(csv: &[u8]) -> Vec<u64> {
    let text: Vec<char> = csv.iter().map(|&byte| char::from(byte)).collect();
    let text = String::from_iter(text)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let lines = text.split('\n').zip(1..);
    lines
        .filter(|(line, _)| !line.trim_matches([' ', '\t', '\x0c']).is_empty())
        .map(|(_, number)| number)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_without_panic(csv in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = rows_of(csv);
    }

    #[test]
    fn every_row_is_a_recipient_or_a_problem(tail in csv_like()) {
        let csv = [b"email,name\n", tail.as_slice()].concat();
        let rows = rows_of(csv.clone()).unwrap();
        let mut summary = ListSummary::default();
        rows.iter().for_each(|row| summary.record(row));
        prop_assert_eq!(summary.rows(), rows.len() as u64);
        prop_assert_eq!(summary.recipients() + summary.skipped(), summary.rows());
        let by_reason: u64 = summary.skipped_by_reason().map(|(_, skipped)| skipped.count).sum();
        prop_assert_eq!(by_reason, summary.skipped());
        prop_assert!(rows.is_sorted_by(|one, next| line_of(one) < line_of(next)));
    }

    #[test]
    fn without_quotes_every_line_is_one_row(tail in csv_like()) {
        let mut csv = [b"email,name\n", tail.as_slice()].concat();
        csv.retain(|&byte| byte != b'"');
        let rows = rows_of(csv.clone()).unwrap();
        let lines: Vec<u64> = rows.iter().map(line_of).collect();
        prop_assert_eq!(lines, &full_lines(&csv)[1..]);
    }

    #[test]
    fn an_independent_reader_reads_the_same(
        cells in prop::collection::vec(("[a-z]{1,8}@[a-z]{1,8}\\.org", any::<String>(), ".{0,9}"), 0..20)
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["email", "a", "b"]).unwrap();
        for (email, a, b) in &cells {
            writer.write_record([email, a, b]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let rows = rows_of(bytes).unwrap();
        prop_assert_eq!(rows.len(), cells.len());
        for (row, (email, a, b)) in rows.into_iter().zip(&cells) {
            match row {
                Ok(recipient) => {
                    prop_assert_eq!(recipient.address.as_str(), email);
                    prop_assert_eq!(recipient.fields.value(1), a.trim());
                    prop_assert_eq!(recipient.fields.value(2), b.trim());
                }
                Err(problem) => prop_assert!(a.contains('\0') || b.contains('\0'), "{}", problem),
            }
        }
    }

    #[test]
    fn a_damaged_list_loses_only_what_was_damaged(place in 0_usize..4_000, damage in any::<u8>()) {
        let rows: String = (0..100).map(|row| format!("person{row}@example.org,\"Person, {row}\"\n")).collect();
        let mut csv = format!("email,name\n{rows}").into_bytes();
        let start = "email,name\n".len();
        let hit = start + place % (csv.len() - start);
        csv[hit] = damage;
        let mut summary = ListSummary::default();
        rows_of(csv).unwrap().iter().for_each(|row| summary.record(row));
        prop_assert!(summary.recipients() >= 98, "{}", summary);
    }
}
