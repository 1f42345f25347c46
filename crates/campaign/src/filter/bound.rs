//! A filter that knows where its fields stand, so that a row costs no look-up by name.

use crate::recipients::{Columns, Fields};

use super::compare;
use super::expression::{Expression, Operator, Value};

/// A filter for the rows of one list.
#[derive(Clone, Debug)]
pub struct BoundFilter {
    root: Node,
}

/// An [`Expression`] with its fields looked up. Its depth is bounded where it was parsed.
#[derive(Clone, Debug)]
enum Node {
    All(Box<[Node]>),
    Any(Box<[Node]>),
    Not(Box<Node>),
    Filled(Place),
    Compare {
        left: Place,
        operator: Operator,
        right: Right,
    },
}

/// The column of a field; `None` for one that the list does not have, which is always empty.
#[derive(Clone, Copy, Debug)]
struct Place(Option<usize>);

#[derive(Clone, Debug)]
enum Right {
    Field(usize),
    Literal {
        text: String,
        /// What it is as a number, found once.
        number: Option<f64>,
    },
}

impl BoundFilter {
    pub(super) fn new(expression: &Expression, columns: &Columns) -> Self {
        Self {
            root: Node::new(expression, columns),
        }
    }

    /// Whether the row is wanted. Its columns are those that the filter was bound to.
    pub fn matches(&self, fields: &Fields) -> bool {
        self.root.matches(fields)
    }
}

impl Node {
    fn new(expression: &Expression, columns: &Columns) -> Self {
        let all =
            |parts: &[Expression]| parts.iter().map(|part| Self::new(part, columns)).collect();
        match expression {
            Expression::All(parts) => Self::All(all(parts)),
            Expression::Any(parts) => Self::Any(all(parts)),
            Expression::Not(part) => Self::Not(Box::new(Self::new(part, columns))),
            Expression::Filled(field) => Self::Filled(Place(columns.place_of(field))),
            Expression::Compare {
                field,
                operator,
                value,
            } => Self::Compare {
                left: Place(columns.place_of(field)),
                operator: *operator,
                right: Right::new(value, columns),
            },
        }
    }

    fn matches(&self, fields: &Fields) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(fields)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(fields)),
            Self::Not(part) => !part.matches(fields),
            Self::Filled(place) => !place.value(fields).is_empty(),
            Self::Compare {
                left,
                operator,
                right,
            } => holds(left.value(fields), *operator, right, fields),
        }
    }
}

impl Place {
    fn value(self, fields: &Fields) -> &str {
        self.0.map_or("", |place| fields.value(place))
    }
}

impl Right {
    fn new(value: &Value, columns: &Columns) -> Self {
        let text = match value {
            Value::Text(text) => text,
            Value::Word(word) => match columns.place_of(&word.to_lowercase()) {
                Some(place) => return Self::Field(place),
                None => word,
            },
        };
        Self::Literal {
            text: text.clone(),
            number: compare::number(text),
        }
    }

    fn text<'a>(&'a self, fields: &'a Fields) -> &'a str {
        match self {
            Self::Field(place) => fields.value(*place),
            Self::Literal { text, .. } => text,
        }
    }

    fn number(&self, fields: &Fields) -> Option<f64> {
        match self {
            Self::Field(place) => compare::number(fields.value(*place)),
            Self::Literal { number, .. } => *number,
        }
    }
}

fn holds(left: &str, operator: Operator, right: &Right, fields: &Fields) -> bool {
    let numbers = || compare::number(left).zip(right.number(fields));
    let is_equal = || {
        let other = right.text(fields);
        compare::same_text(left, other)
            || (compare::is_exact(left) && compare::is_exact(other))
                && numbers().is_some_and(|(left, right)| left == right)
    };
    match operator {
        Operator::Equal => is_equal(),
        Operator::NotEqual => !is_equal(),
        Operator::Greater => numbers().is_some_and(|(left, right)| left > right),
        Operator::GreaterOrEqual => numbers().is_some_and(|(left, right)| left >= right),
        Operator::Less => numbers().is_some_and(|(left, right)| left < right),
        Operator::LessOrEqual => numbers().is_some_and(|(left, right)| left <= right),
        Operator::Contains => compare::contains(left, right.text(fields)),
        Operator::StartsWith => compare::starts_with(left, right.text(fields)),
        Operator::EndsWith => compare::ends_with(left, right.text(fields)),
    }
}
