//! What a filter says, before it knows the columns of a list.

/// A filter or a part of one. Field names are in lower case.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// Every part is true.
    All(Vec<Expression>),
    /// Some part is true.
    Any(Vec<Expression>),
    /// The part is false.
    Not(Box<Expression>),
    /// The field is not empty.
    Filled(String),
    /// The field and the value stand in a relation.
    Compare {
        field: String,
        operator: Operator,
        value: Value,
    },
}

/// A relation between a field and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Contains,
    StartsWith,
    EndsWith,
}

/// The right side of a relation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Text that stood in quotes.
    Text(String),
    /// A field of that name, or else the word itself.
    Word(String),
}

impl Expression {
    /// Hands every field on a left side to `visit`, in their order.
    pub fn each_field(&self, visit: &mut impl FnMut(&str)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.each_field(visit));
            }
            Self::Not(part) => part.each_field(visit),
            Self::Filled(field) | Self::Compare { field, .. } => visit(field),
        }
    }
}

impl Operator {
    /// The operator that is written as a word, in any case; they are functions as well.
    pub fn from_word(word: &str) -> Option<Self> {
        const WORDS: [(&str, Operator); 3] = [
            ("contains", Operator::Contains),
            ("startsWith", Operator::StartsWith),
            ("endsWith", Operator::EndsWith),
        ];
        let is_meant = |(name, _): &&(&str, Self)| name.eq_ignore_ascii_case(word);
        WORDS.iter().find(is_meant).map(|(_, operator)| *operator)
    }
}
