//! A value while a template runs: data, a literal, or what a function made.

use std::rc::Rc;

use super::value::{Map, Value};

/// What an expression evaluates to. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Datum<'a> {
    /// No value at all: a missing field, or a null that went through a pipeline.
    Absent,
    /// A null that is present in the data. Unlike an absent value it has no fields to ask for.
    Nil,
    Bool(bool),
    Int(i64),
    /// One byte of a string.
    Byte(u8),
    Float(f64),
    /// Text that lives in the data or in the template.
    Str(&'a str),
    /// Text that a function made.
    Made(Rc<str>),
    List(&'a [Value<'a>]),
    Map(&'a Map<'a>),
}

impl<'a> From<&'a Value<'a>> for Datum<'a> {
    fn from(value: &'a Value<'a>) -> Self {
        match value {
            Value::Null => Datum::Nil,
            Value::Bool(truth) => Datum::Bool(*truth),
            Value::Int(number) => Datum::Int(*number),
            Value::Float(number) => Datum::Float(*number),
            Value::String(text) => Datum::Str(text),
            Value::List(items) => Datum::List(items),
            Value::Map(map) => Datum::Map(map),
        }
    }
}

impl<'a> Datum<'a> {
    /// As the result of a pipeline: Go forgets there that a null came from an interface.
    pub(super) fn settled(self) -> Self {
        match self {
            Datum::Nil => Datum::Absent,
            other => other,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Datum::Absent | Datum::Nil)
    }

    /// The text, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Datum::Str(text) => Some(text),
            Datum::Made(text) => Some(text),
            _ => None,
        }
    }

    /// Go's truth: not the zero of its type.
    pub(super) fn truth(&self) -> bool {
        match self {
            Datum::Absent | Datum::Nil => false,
            Datum::Bool(truth) => *truth,
            Datum::Int(number) => *number != 0,
            Datum::Byte(byte) => *byte != 0,
            Datum::Float(number) => *number != 0.0,
            Datum::Str(text) => !text.is_empty(),
            Datum::Made(text) => !text.is_empty(),
            Datum::List(items) => !items.is_empty(),
            Datum::Map(map) => !map.is_empty(),
        }
    }

    /// The name of Go's type for it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Datum::Absent | Datum::Nil => "<nil>",
            Datum::Bool(_) => "bool",
            Datum::Int(_) => "int",
            Datum::Byte(_) => "uint8",
            Datum::Float(_) => "float64",
            Datum::Str(_) | Datum::Made(_) => "string",
            Datum::List(_) => "[]interface {}",
            Datum::Map(_) => "map[string]interface {}",
        }
    }
}
