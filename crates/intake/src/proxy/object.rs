//! What a request holds, read field by field, so that every error names its field and repeats no value.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use model::FieldError;
use serde::Serialize;
use serde_json::{Map, Value};

use super::problem::{Fault, Problem};

/// Unknown fields of one place that are named.
const UNKNOWN_SHOWN_MAX: usize = 20;
/// The longest name of an unknown field that is repeated, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Where in a request something stands, from the outside in: `body`, `messages`, 3, `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Place(Vec<Step>);

/// One step inwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Step {
    Name(Cow<'static, str>),
    Index(usize),
}

/// Fields with the place that they are in. A field that is `null` counts as not given.
/// Numbers and yes-or-no may be written as text, as they have to be behind the question mark.
#[derive(Clone, Debug)]
pub(super) struct Object {
    place: Place,
    fields: Map<String, Value>,
    /// Where a field is looked for next.
    next: Option<Box<Object>>,
}

impl Place {
    /// The body of a request.
    pub(super) fn body() -> Self {
        Self::of("body")
    }

    /// What is behind the question mark.
    pub(super) fn query() -> Self {
        Self::of("query")
    }

    /// The names in the path.
    pub(super) fn path() -> Self {
        Self::of("path")
    }

    fn of(name: &'static str) -> Self {
        Self(vec![Step::Name(Cow::Borrowed(name))])
    }

    /// A field in it.
    pub(super) fn field(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.with(Step::Name(name.into()))
    }

    /// An item in it.
    pub(super) fn item(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// A field in it that the model names with dots and brackets, such as `client_auth.token` or `to[2]`.
    pub(super) fn dotted(&self, name: &str) -> Self {
        name.split(['.', '['])
            .map(|part| part.trim_end_matches(']'))
            .filter(|part| !part.is_empty())
            .fold(self.clone(), |place, part| match part.parse() {
                Ok(index) => place.item(index),
                Err(_) => place.field(part.to_owned()),
            })
    }

    /// How it is called seen from a place around it: `to[2]`, `headers.X-Note`.
    pub(super) fn within(&self, around: &Self) -> String {
        let steps = self.0.strip_prefix(around.0.as_slice()).unwrap_or(&self.0);
        let mut text = String::new();
        for step in steps {
            match step {
                Step::Index(index) => text.push_str(&format!("[{index}]")),
                Step::Name(name) if text.is_empty() => text.push_str(name),
                Step::Name(name) => text.extend([".", name]),
            }
        }
        text
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl Object {
    /// The fields of a place.
    pub(super) fn new(place: Place, fields: Map<String, Value>) -> Self {
        Self {
            place,
            fields,
            next: None,
        }
    }

    /// Takes what must be an object.
    pub(super) fn of(place: Place, value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(fields) => Ok(Self::new(place, fields)),
            _ => Err(Problem::value(place, "must be an object")),
        }
    }

    /// The same, with where else its fields are looked for.
    pub(super) fn or_in(mut self, next: Self) -> Self {
        self.next = Some(Box::new(next));
        self
    }

    /// Its own place and fields.
    pub(super) fn into_parts(self) -> (Place, Value) {
        (self.place, Value::Object(self.fields))
    }

    /// The fields that stand in a place, this one or one beyond.
    pub(super) fn into_named(self, place: &Place) -> Value {
        let mut holder = self;
        loop {
            match (holder.place == *place, holder.next) {
                (true, _) => return Value::Object(holder.fields),
                (false, Some(next)) => holder = *next,
                (false, None) => return Value::Object(Map::new()),
            }
        }
    }

    /// Where a field stands, or would.
    pub(super) fn place_of(&self, name: &str) -> Place {
        let holder = self
            .holders()
            .find(|object| object.fields.contains_key(name))
            // What is missing could never stand in the path.
            .or_else(|| self.holders().find(|object| object.place != Place::path()));
        holder.unwrap_or(self).place.field(name.to_owned())
    }

    /// A field as it is.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        let value = self.holders().find_map(|object| object.fields.get(name))?;
        (!value.is_null()).then_some(value)
    }

    /// Takes a field out, so that it need not be copied.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let value = match self.fields.remove(name) {
            Some(value) => value,
            None => return self.next.as_mut()?.take(name),
        };
        (!value.is_null()).then_some(value)
    }

    /// Refuses fields that nobody reads, so that a slip of the pen is not taken for a field that was not given.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Problem> {
        let mut faults = Vec::new();
        for object in self.holders() {
            let others = object
                .fields
                .keys()
                .filter(|name| !names.contains(&name.as_str()));
            for name in others.take(UNKNOWN_SHOWN_MAX) {
                let name: String = name.chars().take(NAME_CHARS_MAX).collect();
                faults.push(Fault::value(object.place.field(name), "no such field"));
            }
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Problem::Invalid(faults)),
        }
    }

    /// Every value that a field has, in its own place and in those beyond.
    pub(super) fn values(&self, name: &str) -> Vec<&Value> {
        let values = self.holders().filter_map(|object| object.fields.get(name));
        values.filter(|value| !value.is_null()).collect()
    }

    /// A field of text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "must be text")),
        }
    }

    /// A field of text that must be there.
    pub(super) fn needed_text(&self, name: &str) -> Result<&str, Problem> {
        self.needed(name, self.text(name)?)
    }

    /// A field of text as the model reads it.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let parsed = parse(text).map_err(|error| self.wrong(name, error.problem))?;
        Ok(Some(parsed))
    }

    /// A field that must be there, as the model reads it.
    pub(super) fn needed_parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Result<T, Problem> {
        let parsed = self.parsed(name, parse)?;
        self.needed(name, parsed)
    }

    /// A whole number within a range.
    pub(super) fn integer(
        &self,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            number => number.as_i64().or_else(|| whole(number.as_f64()?)),
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let (first, last) = range.into_inner();
                let expected = match last {
                    i64::MAX => format!("must be a whole number from {first}"),
                    _ => format!("must be a whole number from {first} to {last}"),
                };
                Err(self.wrong(name, expected))
            }
        }
    }

    /// A finite number.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            number => number.as_f64(),
        };
        match number.filter(|number: &f64| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, "must be a number")),
        }
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let text = match self.value(name) {
            None => return Ok(None),
            Some(Value::Bool(flag)) => return Ok(Some(*flag)),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.trim().to_ascii_lowercase(),
            Some(_) => String::new(),
        };
        match text.as_str() {
            "true" | "1" | "yes" | "on" => Ok(Some(true)),
            "false" | "0" | "no" | "off" => Ok(Some(false)),
            _ => Err(self.wrong(name, "must be true or false")),
        }
    }

    /// A list.
    pub(super) fn list(&self, name: &str) -> Result<Option<&[Value]>, Problem> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(self.wrong(name, "must be a list")),
        }
    }

    /// An object inside of it.
    pub(super) fn object(&self, name: &str) -> Result<Option<Object>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        Self::of(self.place_of(name), value.clone()).map(Some)
    }

    /// What must be there.
    pub(super) fn needed<T>(&self, name: &str, value: Option<T>) -> Result<T, Problem> {
        value.ok_or_else(|| Problem::missing(self.place_of(name)))
    }

    /// A field cannot be what it is.
    pub(super) fn wrong(&self, name: &str, problem: impl Into<Cow<'static, str>>) -> Problem {
        Problem::value(self.place_of(name), problem)
    }

    /// The object and those beyond, in which a field is looked for.
    fn holders(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |object| object.next.as_deref())
    }
}

/// A number without a fraction that an `i64` holds.
fn whole(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() < 9.0e15;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and within the range"
    )]
    is_whole.then_some(number as i64)
}
