//! Which recipients of a list a campaign is for: `--filter 'plan == "pro" and age > 25'`.
//!
//! A filter is parsed once, bound to the columns of a list once, and then asked about each row.
//!
//! # The language
//! ```text
//! filter  := and  (("||" | "or")  and)*
//! and     := not  (("&&" | "and") not)*
//! not     := ("!" | "not") not | test
//! test    := "(" filter ")" | field | field operator value | function "(" field "," value ")"
//! operator:= "==" "=" "!=" ">" ">=" "<" "<=" contains startsWith endsWith
//! function:= contains startsWith endsWith
//! value   := "text" | 'text' | word
//! ```
//! Words of the language are known in any case. A field is a word; one whose name holds spaces is put in
//! quotes. A word as a value is the field of that name if the list has one, else the word itself. A field alone
//! is true when it is not empty; a field that the list does not have is empty. Texts are compared without
//! regard to case. `==` and `!=` compare numbers when both sides are; `>` and its kin are false unless both are.
//!
//! # Layout
//! - `bound`: a filter that knows its columns
//! - `compare`: texts and numbers side by side
//! - `expression`: what a filter says
//! - `parse`, `token`: from text to that

mod bound;
mod compare;
mod expression;
mod parse;
mod token;

pub use bound::BoundFilter;
pub use parse::{DEPTH_MAX, EXPRESSION_BYTES_MAX, FilterError};

use crate::recipients::Columns;
use expression::Expression;

/// What `--filter` asks of a recipient.
#[derive(Clone, Debug)]
pub struct Filter {
    expression: Expression,
}

impl Filter {
    /// Reads a filter; the error says where it stops making sense, and what could stand there.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expression = parse::parse(text)?;
        Ok(Self { expression })
    }

    /// Looks up the fields among the columns of a list.
    pub fn bind(&self, columns: &Columns) -> BoundFilter {
        BoundFilter::new(&self.expression, columns)
    }

    /// The fields, lower case, that the list has no column for: each once, in the order of the filter.
    pub fn unknown_fields(&self, columns: &Columns) -> Vec<String> {
        let mut unknown: Vec<String> = Vec::new();
        self.expression.each_field(&mut |field| {
            if columns.place_of(field).is_none() && !unknown.iter().any(|known| known == field) {
                unknown.push(field.to_owned());
            }
        });
        unknown
    }
}
