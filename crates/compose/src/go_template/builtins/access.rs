//! `index`, `slice`, `len` and `call`.

use std::rc::Rc;

use super::super::datum::Datum;

/// `index x 1 "a"`: `x[1]["a"]`.
pub(super) fn index<'a>(arguments: &[Datum<'a>]) -> Result<Datum<'a>, String> {
    let Some((item, keys)) = arguments.split_first() else {
        return Err("index of untyped nil".into());
    };
    if item.is_nothing() {
        return Err("index of untyped nil".into());
    }
    keys.iter()
        .try_fold(item.clone(), |item, key| element(&item, key))
}

fn element<'a>(item: &Datum<'a>, key: &Datum<'a>) -> Result<Datum<'a>, String> {
    match item {
        Datum::Nil | Datum::Absent => Err("index of nil pointer".into()),
        Datum::List(items) => {
            let at = position(key, items.len())?;
            items
                .get(at)
                .map(Datum::from)
                .ok_or_else(|| out_of_range(at))
        }
        Datum::Str(_) | Datum::Made(_) => {
            let bytes = item.text().unwrap_or_default().as_bytes();
            let at = position(key, bytes.len())?;
            bytes
                .get(at)
                .copied()
                .map(Datum::Byte)
                .ok_or_else(|| out_of_range(at))
        }
        Datum::Map(map) => match key.text() {
            Some(name) => Ok(map.get(name).map_or(Datum::Nil, Datum::from)),
            None if key.is_nothing() => Err("value is nil; should be of type string".into()),
            None => Err(format!(
                "value has type {}; should be string",
                key.type_name()
            )),
        },
        Datum::Bool(_) | Datum::Int(_) | Datum::Byte(_) | Datum::Float(_) => {
            Err(format!("can't index item of type {}", item.type_name()))
        }
    }
}

fn out_of_range(at: usize) -> String {
    format!("index out of range: {at}")
}

/// A position from 0 to `end` inclusive.
fn position(key: &Datum<'_>, end: usize) -> Result<usize, String> {
    let at = match key {
        Datum::Int(number) => *number,
        Datum::Byte(byte) => i64::from(*byte),
        _ if key.is_nothing() => return Err("cannot index slice/array with nil".into()),
        _ => {
            return Err(format!(
                "cannot index slice/array with type {}",
                key.type_name()
            ));
        }
    };
    match usize::try_from(at) {
        Ok(at) if at <= end => Ok(at),
        _ => Err(format!("index out of range: {at}")),
    }
}

/// `slice x 1 2`: `x[1:2]`. Half a character becomes U+FFFD, for the output is always UTF-8.
pub(super) fn slice<'a>(arguments: &[Datum<'a>]) -> Result<Datum<'a>, String> {
    let Some((item, bounds)) = arguments.split_first() else {
        return Err("slice of untyped nil".into());
    };
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let length = match item {
        Datum::Absent | Datum::Nil => return Err("slice of untyped nil".into()),
        Datum::Str(_) | Datum::Made(_) if bounds.len() == 3 => {
            return Err("cannot 3-index slice a string".into());
        }
        Datum::Str(text) => text.len(),
        Datum::Made(text) => text.len(),
        Datum::List(items) => items.len(),
        _ => return Err(format!("can't slice item of type {}", item.type_name())),
    };
    let mut marks = [0, length, length];
    for (mark, bound) in marks.iter_mut().zip(bounds) {
        *mark = position(bound, length)?;
    }
    let [start, end, capacity] = marks;
    if start > end || end > capacity {
        return Err(format!("invalid slice index: {start}:{end}:{capacity}"));
    }
    Ok(part(item, start, end))
}

fn part<'a>(item: &Datum<'a>, start: usize, end: usize) -> Datum<'a> {
    match item {
        Datum::List(items) => Datum::List(&items[start..end]),
        Datum::Str(text) => match text.get(start..end) {
            Some(part) => Datum::Str(part),
            None => lossy(&text.as_bytes()[start..end]),
        },
        Datum::Made(text) => lossy(&text.as_bytes()[start..end]),
        _ => Datum::Absent,
    }
}

fn lossy<'a>(bytes: &[u8]) -> Datum<'a> {
    Datum::Made(Rc::from(String::from_utf8_lossy(bytes)))
}

/// `len x`: bytes of text, entries of a list or map.
pub(super) fn length(arguments: &[Datum<'_>]) -> Result<i64, String> {
    let item = arguments.first().unwrap_or(&Datum::Absent);
    let length = match item {
        Datum::Str(text) => text.len(),
        Datum::Made(text) => text.len(),
        Datum::List(items) => items.len(),
        Datum::Map(map) => map.len(),
        _ if item.is_nothing() => return Err("len of nil pointer".into()),
        _ => return Err(format!("len of type {}", item.type_name())),
    };
    Ok(i64::try_from(length).unwrap_or(i64::MAX))
}

/// Merge data holds no functions, so `call` never finds one.
pub(super) fn not_callable(arguments: &[Datum<'_>]) -> String {
    match arguments.first() {
        Some(item) if !item.is_nothing() => format!("non-function of type {}", item.type_name()),
        _ => "call of nil".into(),
    }
}
