//! `eq`, `lt` and their kin: values compare only with their own kind, as in Go.

use std::cmp::Ordering;

use super::super::datum::Datum;

const INCOMPATIBLE: &str = "incompatible types for comparison";
const INVALID: &str = "invalid type for comparison";

/// The kinds that compare by value.
enum Basic<'d> {
    Bool(bool),
    Whole(i64),
    Float(f64),
    Text(&'d str),
}

fn basic<'d>(datum: &'d Datum<'_>) -> Option<Basic<'d>> {
    match datum {
        Datum::Bool(truth) => Some(Basic::Bool(*truth)),
        Datum::Int(number) => Some(Basic::Whole(*number)),
        Datum::Byte(byte) => Some(Basic::Whole(i64::from(*byte))),
        Datum::Float(number) => Some(Basic::Float(*number)),
        Datum::Str(_) | Datum::Made(_) => datum.text().map(Basic::Text),
        Datum::Absent | Datum::Nil | Datum::List(_) | Datum::Map(_) => None,
    }
}

/// Whether the first argument equals any of the others.
pub(super) fn equal_to_any(arguments: &[Datum<'_>]) -> Result<bool, String> {
    let Some((first, others)) = arguments.split_first() else {
        return Err("missing argument for comparison".into());
    };
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(left: &Datum<'_>, right: &Datum<'_>) -> Result<bool, String> {
    match (basic(left), basic(right)) {
        (Some(Basic::Bool(left)), Some(Basic::Bool(right))) => Ok(left == right),
        (Some(Basic::Whole(left)), Some(Basic::Whole(right))) => Ok(left == right),
        (Some(Basic::Float(left)), Some(Basic::Float(right))) => Ok(left == right),
        (Some(Basic::Text(left)), Some(Basic::Text(right))) => Ok(left == right),
        // Nothing equals nothing, and differs from everything else without complaint.
        _ if left.is_nothing() || right.is_nothing() => Ok(left.is_nothing() && right.is_nothing()),
        (None, None) => Err(format!("non-comparable type {}", left.type_name())),
        _ => Err(INCOMPATIBLE.into()),
    }
}

/// Whether the first of two arguments is less than the second.
pub(super) fn less(arguments: &[Datum<'_>]) -> Result<bool, String> {
    Ok(order(arguments)? == Some(Ordering::Less))
}

/// Whether the first of two arguments is not greater than the second.
pub(super) fn less_or_equal(arguments: &[Datum<'_>]) -> Result<bool, String> {
    Ok(matches!(
        order(arguments)?,
        Some(Ordering::Less | Ordering::Equal)
    ))
}

fn order(arguments: &[Datum<'_>]) -> Result<Option<Ordering>, String> {
    let [left, right] = arguments else {
        return Err("missing argument for comparison".into());
    };
    match (basic(left), basic(right)) {
        (Some(Basic::Whole(left)), Some(Basic::Whole(right))) => Ok(Some(left.cmp(&right))),
        (Some(Basic::Float(left)), Some(Basic::Float(right))) => Ok(left.partial_cmp(&right)),
        (Some(Basic::Text(left)), Some(Basic::Text(right))) => Ok(Some(left.cmp(right))),
        (None, _) | (_, None) | (Some(Basic::Bool(_)), Some(Basic::Bool(_))) => Err(INVALID.into()),
        _ => Err(INCOMPATIBLE.into()),
    }
}
