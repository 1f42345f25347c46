//! The JSON of what an administrator looks after: read from requests into changes, and shown without its secrets.
//!
//! - `tenant`, `account`, `storage`: what the directory keeps
//! - `bounce`: where bounces are read
//! - `command`: what was asked for in the past
//! - `redacted`: what of a request may be written down
//! - `secrets`: which fields hold secrets
//! - `time`: moments

pub(super) mod account;
pub(super) mod bounce;
pub(super) mod command;
pub(super) mod redacted;
pub(super) mod secrets;
pub(super) mod storage;
pub(super) mod tenant;
pub(super) mod time;

use model::FieldError;

use super::object::Object;
use super::problem::Problem;

/// What a request says of something that can be without a value.
#[derive(Clone, Debug, Default)]
pub(super) enum Said<T> {
    /// Nothing, or `null`.
    #[default]
    Nothing,
    /// That it is to be without one: an empty text or object.
    Without,
    /// What it is to be.
    Value(T),
}

impl<T> Said<T> {
    /// The text of a field.
    fn read(
        input: &Object,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Result<Self, Problem> {
        if input.text(name)? == Some("") {
            return Ok(Self::Without);
        }
        let value = input.parsed(name, parse)?;
        Ok(value.map_or(Self::Nothing, Self::Value))
    }

    /// Does as was said.
    fn change(self, field: &mut Option<T>) {
        match self {
            Self::Nothing => {}
            Self::Without => *field = None,
            Self::Value(value) => *field = Some(value),
        }
    }
}

/// The text of a field; an empty one is as good as none.
fn filled<T>(
    input: &Object,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, FieldError>,
) -> Result<Option<T>, Problem> {
    match input.text(name)? {
        Some("") => Ok(None),
        _ => input.parsed(name, parse),
    }
}

/// Any whole number.
const ANY: std::ops::RangeInclusive<i64> = i64::MIN..=i64::MAX;
