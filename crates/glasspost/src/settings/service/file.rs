//! The configuration file: TOML, one table a subject.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::table::{Key, SETTINGS};

/// The largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A setting, its value as text, and its line.
pub type Said = (Key, String, usize);

/// The settings of a file.
pub fn read(path: &Path) -> Result<Vec<Said>, ConfigError> {
    let unreadable = |reason| ConfigError::File {
        path: path.to_owned(),
        reason,
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        let reason = std::io::Error::other("larger than a configuration can be");
        return Err(unreadable(reason));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text).map_err(|(line, problem)| ConfigError::Line {
        path: path.to_owned(),
        line,
        problem,
    })
}

/// The same of a text. An error is a line and what is wrong there.
fn parse(text: &str) -> Result<Vec<Said>, (usize, String)> {
    let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let tables = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (line(at), error.message().to_owned())
    })?;
    let mut found = Vec::new();
    for (table, values) in tables.get_ref() {
        let DeValue::Table(values) = values.get_ref() else {
            let problem = format!(
                "{} stands outside of any table: {}",
                table.get_ref(),
                tables_hint()
            );
            return Err((line(table.span().start), problem));
        };
        for (name, value) in values {
            let full = format!("{}.{}", table.get_ref(), name.get_ref());
            let at = line(name.span().start);
            let setting = SETTINGS
                .iter()
                .find(|setting| setting.name == full)
                .ok_or_else(|| (at, unknown(&full)))?;
            let text = as_text(value).ok_or_else(|| {
                (
                    at,
                    format!("{full} must be text, a number, true or false, or a list of those"),
                )
            })?;
            found.push((setting.key, text, at));
        }
    }
    Ok(found)
}

/// A value as it would stand in the environment.
fn as_text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(word) => Some(word.to_string()),
        DeValue::Array(values) => {
            let texts: Option<Vec<String>> = values.iter().map(as_text).collect();
            texts.map(|texts| texts.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn tables_hint() -> String {
    let mut tables: Vec<&str> = SETTINGS
        .iter()
        .filter_map(|setting| setting.name.split('.').next())
        .collect();
    tables.dedup();
    format!("the tables are [{}]", tables.join("], ["))
}

/// An unknown name, with the nearest that is known.
fn unknown(full: &str) -> String {
    let (table, _) = full.split_once('.').unwrap_or((full, ""));
    let same: Vec<&str> = SETTINGS
        .iter()
        .filter(|setting| setting.name.split('.').next() == Some(table))
        .map(|setting| setting.name)
        .collect();
    match same.is_empty() {
        true => format!("there is no setting {full}: {}", tables_hint()),
        false => format!(
            "there is no setting {full}: [{table}] has {}",
            same.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_becomes_the_text_that_the_environment_would_have() {
        let found = parse(
            "[http]\nlisten = \"0.0.0.0:8000\"\n\n[delivery]\nactive = false\nretry_delays = [1, 2_000, 3]\n",
        )
        .unwrap();
        assert_eq!(
            found,
            [
                (Key::DeliveryActive, "false".to_owned(), 5),
                (Key::RetryDelays, "1,2000,3".to_owned(), 6),
                (Key::Listen, "0.0.0.0:8000".to_owned(), 2),
            ]
        );
    }

    #[test]
    fn an_error_names_its_line_and_what_there_is() {
        let (line, problem) = parse("[http]\n\nlisen = \"x\"\n").unwrap_err();
        assert_eq!(line, 3);
        assert!(
            problem.contains("no setting http.lisen") && problem.contains("http.listen"),
            "{problem}"
        );
        let (line, problem) = parse("\nlisten = 1\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(problem.contains("[http]"), "{problem}");
        let (line, _) = parse("[http]\nport = \n").unwrap_err();
        assert_eq!(line, 2);
        assert_eq!(parse("[http]\nport = 1979-05-27\n").unwrap_err().0, 2);
    }
}
