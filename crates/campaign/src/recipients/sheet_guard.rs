//! Looks at a spreadsheet file before its reader does, which takes the sizes that the file states for true and
//! asks for that much memory.

use std::io::{Cursor, Read, copy, sink};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::problem::ListError;
use super::spreadsheet::{SHEET_UNPACKED_BYTES_MAX, damaged};
use super::xls_guard;

/// How much of a file tells whether it is a spreadsheet.
pub(super) const SIGNATURE_BYTES: usize = 8;
/// A ZIP archive's first bytes: XLSX and ODS.
const ZIP_SIGNATURE: &[u8] = b"PK\x03\x04";
/// A compound file's first bytes: XLS.
const COMPOUND_FILE_SIGNATURE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The part that every ODS archive has, and no XLSX.
const ODS_MARK: &str = "mimetype";
/// The part of an XLSX archive with the texts of all cells, and the attribute that states how many.
const SHARED_TEXTS: &str = "sharedStrings.xml";
const SHARED_TEXTS_COUNT: &[u8] = b"uniqueCount=";
/// How far into that part the attribute is looked for.
const SHARED_TEXTS_HEAD_BYTES: u64 = 4 << 10;
/// The least that one text takes there: `<si/>`.
const SHARED_TEXT_BYTES_MIN: u64 = 5;
/// The kinds of spreadsheet files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Xlsx,
    Xls,
    Ods,
}

/// Whether a file that begins with `start` is a spreadsheet.
pub(super) fn is_spreadsheet(start: &[u8]) -> bool {
    start.starts_with(ZIP_SIGNATURE) || start.starts_with(COMPOUND_FILE_SIGNATURE)
}

/// Tells what a spreadsheet file is, and refuses one that would fill the memory.
pub(super) fn check(bytes: &[u8]) -> Result<Kind, ListError> {
    match bytes.starts_with(COMPOUND_FILE_SIGNATURE) {
        true => xls_guard::check(bytes).map(|()| Kind::Xls),
        false => check_archive(bytes),
    }
}

/// Unpacks the archive once to nowhere, since the sizes that it states need not be true either.
fn check_archive(bytes: &[u8]) -> Result<Kind, ListError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut left = SHEET_UNPACKED_BYTES_MAX;
    for place in 0..archive.len() {
        let part = archive.by_index(place).map_err(damaged)?;
        let unpacked = check_part(part, left)?;
        left = left
            .checked_sub(unpacked)
            .ok_or(ListError::SheetUnpacksTooLarge)?;
    }
    match archive.index_for_name(ODS_MARK) {
        Some(_) => Ok(Kind::Ods),
        None => Ok(Kind::Xlsx),
    }
}

/// Unpacks one part, a byte further than `bytes_max` at most, and gives its size.
fn check_part(part: ZipFile<'_, Cursor<&[u8]>>, bytes_max: u64) -> Result<u64, ListError> {
    let has_texts = part.name().map_err(damaged)?.ends_with(SHARED_TEXTS);
    let mut part = part.take(bytes_max + 1);
    let mut head = Vec::new();
    part.by_ref()
        .take(SHARED_TEXTS_HEAD_BYTES)
        .read_to_end(&mut head)
        .map_err(damaged)?;
    let unpacked = head.len() as u64 + copy(&mut part, &mut sink()).map_err(damaged)?;
    if has_texts && stated_texts(&head) > unpacked / SHARED_TEXT_BYTES_MIN {
        return Err(damaged("it states more texts than it holds"));
    }
    Ok(unpacked)
}

/// How many texts the part claims to hold; 0 when it does not say.
fn stated_texts(head: &[u8]) -> u64 {
    let Some(place) = memchr::memmem::find(head, SHARED_TEXTS_COUNT) else {
        return 0;
    };
    let rest = &head[place + SHARED_TEXTS_COUNT.len()..];
    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |count: u64, digit| {
        count
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    fn archive(name: &str, content: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        content.for_each(|piece| archive.write_all(&piece).unwrap());
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn an_archive_that_unpacks_too_large_is_refused() {
        let pieces = 1 + (SHEET_UNPACKED_BYTES_MAX >> 20);
        let bytes = archive("bomb", (0..pieces).map(|_| vec![0; 1 << 20]));
        let found = check(&bytes).unwrap_err();
        assert!(matches!(found, ListError::SheetUnpacksTooLarge), "{found}");
    }

    #[test]
    fn an_archive_that_states_texts_it_does_not_hold_is_refused() {
        let texts = |count: &str| {
            let xml = format!("<sst count=\"1\" uniqueCount=\"{count}\"><si/><si/></sst>");
            check(&archive(
                "xl/sharedStrings.xml",
                std::iter::once(xml.into_bytes()),
            ))
        };
        assert_eq!(texts("2").unwrap(), Kind::Xlsx);
        assert!(texts("99999999999").is_err());
        assert!(texts("99999999999999999999999999").is_err());
    }

    #[test]
    fn damaged_files_are_refused() {
        assert!(check(ZIP_SIGNATURE).is_err());
        assert!(check(COMPOUND_FILE_SIGNATURE).is_err());
    }
}
