//! Reads a filter by recursive descent: one function for each rule of the grammar, with a bound on their depth.

use super::compare::number;
use super::expression::{Expression, Operator, Value};
use super::token::{Kind, Token, Tokens};

/// Most parentheses and `!` inside each other.
pub const DEPTH_MAX: usize = 64;
/// Longest filter in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 64 << 10;
/// How much of the text an error shows.
const FOUND_CHARS_MAX: usize = 40;

const FIELD: &str = "a field, ! or (";
const VALUE: &str = "a value: \"text\", a number or a word";

/// Where a filter stops making sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid filter: at column {column}: expected {expected}, found {found}")]
pub struct FilterError {
    /// The character, from 1.
    pub column: usize,
    /// What could stand there.
    pub expected: &'static str,
    /// What stands there, shortened.
    pub found: String,
}

impl FilterError {
    pub(super) fn new(column: usize, expected: &'static str, found: String) -> Self {
        let found = match found.char_indices().nth(FOUND_CHARS_MAX) {
            Some((place, _)) => format!("{}…", &found[..place]),
            None => found,
        };
        Self {
            column,
            expected,
            found,
        }
    }
}

/// Reads a whole filter.
pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let found = format!("{} bytes", text.len());
        return Err(FilterError::new(1, "at most 64 KiB of filter", found));
    }
    let mut tokens = Tokens::new(text);
    let mut parser = Parser {
        next: tokens.next()?,
        tokens,
        depth: 0,
    };
    let expression = parser.any()?;
    match parser.next.kind {
        Kind::End => Ok(expression),
        Kind::Close => Err(parser.unexpected("no ) without its (")),
        _ => Err(parser.unexpected("&&, || or the end")),
    }
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    /// The piece that is looked at.
    next: Token<'a>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Expression, FilterError> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.next.kind == Kind::Or || self.next.kind.is_word("or") {
            self.take()?;
            parts.push(self.all()?);
        }
        Ok(single_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let first = self.not()?;
        let mut parts = vec![first];
        while self.next.kind == Kind::And || self.next.kind.is_word("and") {
            self.take()?;
            parts.push(self.not()?);
        }
        Ok(single_or(parts, Expression::All))
    }

    fn not(&mut self) -> Result<Expression, FilterError> {
        if self.next.kind != Kind::Not && !self.next.kind.is_word("not") {
            return self.test();
        }
        self.deeper(|parser| {
            parser.take()?;
            Ok(Expression::Not(Box::new(parser.not()?)))
        })
    }

    fn test(&mut self) -> Result<Expression, FilterError> {
        if self.next.kind == Kind::Open {
            return self.deeper(Self::parenthesis);
        }
        let name = self.take()?;
        let field = match &name.kind {
            Kind::Word(word) if self.next.kind == Kind::Open => return self.function(&name, word),
            Kind::Word(word) if is_field(word) => word.to_lowercase(),
            Kind::Text(text) if !text.trim().is_empty() => text.trim().to_lowercase(),
            _ => return Err(FilterError::new(name.column, FIELD, name.kind.shown())),
        };
        match self.operator()? {
            None => Ok(Expression::Filled(field)),
            Some(operator) => Ok(Expression::Compare {
                field,
                operator,
                value: self.value()?,
            }),
        }
    }

    fn parenthesis(&mut self) -> Result<Expression, FilterError> {
        self.take()?;
        let inner = self.any()?;
        self.expect(Kind::Close, "&&, || or )")?;
        Ok(inner)
    }

    /// `contains(field, "text")`, of which `name` has been taken.
    fn function(&mut self, name: &Token<'_>, word: &str) -> Result<Expression, FilterError> {
        let Some(operator) = Operator::from_word(word) else {
            let expected = "contains(, startsWith( or endsWith(";
            return Err(FilterError::new(name.column, expected, format!("{word}(")));
        };
        self.take()?;
        let field = match self.value()? {
            Value::Text(field) | Value::Word(field) => field.trim().to_lowercase(),
        };
        self.expect(Kind::Comma, "a comma")?;
        let value = self.value()?;
        self.expect(Kind::Close, ")")?;
        Ok(Expression::Compare {
            field,
            operator,
            value,
        })
    }

    fn operator(&mut self) -> Result<Option<Operator>, FilterError> {
        let operator = match self.next.kind {
            Kind::Operator(operator) => Some(operator),
            Kind::Word(word) => Operator::from_word(word),
            _ => None,
        };
        if operator.is_some() {
            self.take()?;
        }
        Ok(operator)
    }

    /// A value. After an operator nothing else can come, so that here even `or` is a word: `state = OR`.
    fn value(&mut self) -> Result<Value, FilterError> {
        let token = self.take()?;
        match token.kind {
            Kind::Text(text) => Ok(Value::Text(text)),
            Kind::Word(word) => Ok(Value::Word(word.to_owned())),
            other => Err(FilterError::new(token.column, VALUE, other.shown())),
        }
    }

    fn expect(&mut self, kind: Kind<'_>, expected: &'static str) -> Result<(), FilterError> {
        if self.next.kind != kind {
            return Err(self.unexpected(expected));
        }
        self.take().map(|_| ())
    }

    /// Passes the piece that is looked at.
    fn take(&mut self) -> Result<Token<'a>, FilterError> {
        let following = self.tokens.next()?;
        Ok(std::mem::replace(&mut self.next, following))
    }

    /// Follows a rule that contains itself.
    fn deeper(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Result<Expression, FilterError>,
    ) -> Result<Expression, FilterError> {
        if self.depth == DEPTH_MAX {
            return Err(self.unexpected("at most 64 parentheses and ! inside each other"));
        }
        self.depth += 1;
        let expression = rule(self)?;
        self.depth -= 1;
        Ok(expression)
    }

    fn unexpected(&self, expected: &'static str) -> FilterError {
        FilterError::new(self.next.column, expected, self.next.kind.shown())
    }
}

/// A word that can name a field: no number, which is always a value, and no word of the language.
fn is_field(word: &str) -> bool {
    let is_reserved = ["and", "or"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(word));
    !is_reserved && number(word).is_none()
}

fn single_or(mut parts: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => several(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(field: &str, operator: Operator, value: Value) -> Expression {
        let field = field.to_owned();
        Expression::Compare {
            field,
            operator,
            value,
        }
    }

    #[test]
    fn not_binds_closer_than_and_and_and_closer_than_or() {
        let filled = |name: &str| Expression::Filled(name.to_owned());
        let expected = Expression::Any(vec![
            filled("a"),
            Expression::All(vec![Expression::Not(Box::new(filled("b"))), filled("c")]),
        ]);
        assert_eq!(parse("a || !b && c"), Ok(expected.clone()));
        assert_eq!(parse("A OR NOT B AND C"), Ok(expected));
    }

    #[test]
    fn operators_are_infix_or_functions() {
        let expected = compare("email", Operator::EndsWith, Value::Text("@x.org".into()));
        assert_eq!(parse(r#"email endsWith "@x.org""#), Ok(expected.clone()));
        assert_eq!(parse(r#"ENDSWITH(Email, '@x.org')"#), Ok(expected));
    }

    #[test]
    fn values_may_be_words_even_those_of_the_language() {
        let expected = compare("state", Operator::Equal, Value::Word("OR".into()));
        assert_eq!(parse("state = OR"), Ok(expected));
        let expected = compare("day", Operator::Less, Value::Word("2026-03-01".into()));
        assert_eq!(parse("day<2026-03-01"), Ok(expected));
    }

    #[test]
    fn quotes_can_be_escaped_and_name_fields_with_spaces() {
        let expected = compare(
            "first name",
            Operator::Equal,
            Value::Text("a\"b\\c\\d".into()),
        );
        assert_eq!(parse(r#""First Name" == "a\"b\\c\d""#), Ok(expected));
    }

    #[test]
    fn depth_is_bounded_and_the_stack_safe() {
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        assert!(parse(&nested(DEPTH_MAX + 1)).is_err());
        assert!(parse(&"(".repeat(60_000)).is_err());
        assert!(parse(&"!".repeat(60_000)).is_err());
        assert!(parse(&"not ".repeat(16_000)).is_err());
        assert!(parse(&"a".repeat(EXPRESSION_BYTES_MAX + 1)).is_err());
        assert!(parse(&format!("a{}", "||a".repeat(20_000))).is_ok());
    }
}
