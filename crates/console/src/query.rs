//! What may be asked for behind the question mark, checked name by name.

use std::ops::RangeInclusive;

use url::form_urlencoded;

use crate::problem::Problem;

/// The parameters of a request: known ones, each once.
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads the part behind the question mark.
    pub(crate) fn read(text: Option<&str>, known: &[&'static str]) -> Result<Self, Problem> {
        let mut values: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            let Some(known) = known.iter().copied().find(|known| *known == name) else {
                let names = known.join(", ");
                return Err(Problem::parameter(
                    &name,
                    format!("unknown; known are {names}"),
                ));
            };
            if values.iter().any(|(earlier, _)| *earlier == known) {
                return Err(Problem::parameter(known, "given more than once"));
            }
            values.push((known, value.into_owned()));
        }
        Ok(Self(values))
    }

    /// A parameter's value; an empty one counts as not given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// A parameter as a whole number within a range.
    pub(crate) fn number(
        &self,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (first, last) = range.into_inner();
                let expected = match last {
                    i64::MAX => format!("expected a whole number from {first}"),
                    _ => format!("expected a whole number from {first} to {last}"),
                };
                Err(Problem::parameter(name, expected))
            }
        }
    }

    /// Whether nothing is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let read = Query::read(Some(text), &["limit", "search"]);
        match read.and_then(|query| query.number("limit", 1..=1_000).map(|_| ())) {
            Ok(()) => "none".to_owned(),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn a_problem_names_the_parameter() {
        for (text, told) in [
            ("", "none"),
            ("limit=", "none"),
            ("limit=7&search=a%26b", "none"),
            ("limit=0", "limit: expected a whole number from 1 to 1000"),
            (
                "limit=1001",
                "limit: expected a whole number from 1 to 1000",
            ),
            (
                "limit=99999999999999999999",
                "limit: expected a whole number from 1 to 1000",
            ),
            (
                "limit=%F0%9F",
                "limit: expected a whole number from 1 to 1000",
            ),
            ("limit=1&limit=2", "limit: given more than once"),
            ("Limit=1", "Limit: unknown; known are limit, search"),
            ("=1", ": unknown; known are limit, search"),
        ] {
            assert_eq!(problem(text), told, "{text}");
        }
    }
}
