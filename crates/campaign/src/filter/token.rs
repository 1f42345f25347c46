//! The pieces that a filter's text is made of.

use super::expression::Operator;
use super::parse::FilterError;

/// A piece and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    /// The character it begins with, from 1.
    pub column: usize,
    pub kind: Kind<'a>,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    Word(&'a str),
    /// Text in quotes, without them.
    Text(String),
    Operator(Operator),
    And,
    Or,
    Not,
    Open,
    Close,
    Comma,
    End,
}

/// Takes piece after piece from a filter's text.
pub(super) struct Tokens<'a> {
    rest: &'a str,
    column: usize,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            column: 1,
        }
    }

    /// The next piece; [`Kind::End`] when there is none.
    pub fn next(&mut self) -> Result<Token<'a>, FilterError> {
        let spaces = self.rest.len() - self.rest.trim_start().len();
        self.advance(spaces);
        let column = self.column;
        let kind = match self.rest.chars().next() {
            None => Kind::End,
            Some(quote @ ('"' | '\'')) => Kind::Text(self.text(quote)?),
            Some(quote @ ('“' | '”' | '„' | '‘' | '’')) => {
                let expected = "straight quotes, \" or '";
                return Err(FilterError::new(column, expected, format!("{quote}")));
            }
            Some(c) if is_special(c) => self.symbol(c)?,
            Some(_) => Kind::Word(self.word()),
        };
        Ok(Token { column, kind })
    }

    /// Passes so many bytes.
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (passed, rest) = self.rest.split_at(bytes);
        self.column += passed.chars().count();
        self.rest = rest;
        passed
    }

    fn word(&mut self) -> &'a str {
        let ends = |c: char| is_special(c) || c.is_whitespace();
        let bytes = self.rest.find(ends).unwrap_or(self.rest.len());
        self.advance(bytes)
    }

    /// Text up to the same quote. A backslash keeps the meaning from a quote or a backslash.
    fn text(&mut self, quote: char) -> Result<String, FilterError> {
        let column = self.column;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((place, c)) = chars.next() {
            if c == quote {
                self.advance(place + quote.len_utf8());
                return Ok(text);
            }
            let escaped =
                chars.next_if(|&(_, next)| c == '\\' && matches!(next, '"' | '\'' | '\\'));
            text.push(escaped.map_or(c, |(_, next)| next));
        }
        let found = self.rest.to_owned();
        Err(FilterError::new(column, "a closing quote", found))
    }

    fn symbol(&mut self, first: char) -> Result<Kind<'a>, FilterError> {
        let second = self.rest[first.len_utf8()..].chars().next();
        let (kind, bytes) = match (first, second) {
            ('&', Some('&')) => (Kind::And, 2),
            ('|', Some('|')) => (Kind::Or, 2),
            ('=', Some('=')) => (Kind::Operator(Operator::Equal), 2),
            ('!', Some('=')) => (Kind::Operator(Operator::NotEqual), 2),
            ('>', Some('=')) => (Kind::Operator(Operator::GreaterOrEqual), 2),
            ('<', Some('=')) => (Kind::Operator(Operator::LessOrEqual), 2),
            ('=', _) => (Kind::Operator(Operator::Equal), 1),
            ('>', _) => (Kind::Operator(Operator::Greater), 1),
            ('<', _) => (Kind::Operator(Operator::Less), 1),
            ('!', _) => (Kind::Not, 1),
            ('(', _) => (Kind::Open, 1),
            (')', _) => (Kind::Close, 1),
            (',', _) => (Kind::Comma, 1),
            _ => {
                let expected = "&& or ||";
                return Err(FilterError::new(self.column, expected, first.to_string()));
            }
        };
        self.advance(bytes);
        Ok(kind)
    }
}

/// What ends a word.
fn is_special(c: char) -> bool {
    matches!(
        c,
        '(' | ')' | '"' | '\'' | ',' | '!' | '<' | '>' | '=' | '&' | '|'
    )
}

impl Kind<'_> {
    /// The piece as it is shown in an error.
    pub fn shown(&self) -> String {
        let symbol = match self {
            Self::Word(word) => return (*word).to_owned(),
            Self::Text(text) => return format!("{text:?}"),
            Self::End => return "the end".to_owned(),
            Self::And => "&&",
            Self::Or => "||",
            Self::Not => "!",
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => ",",
            Self::Operator(Operator::Equal) => "==",
            Self::Operator(Operator::NotEqual) => "!=",
            Self::Operator(Operator::Greater) => ">",
            Self::Operator(Operator::GreaterOrEqual) => ">=",
            Self::Operator(Operator::Less) => "<",
            Self::Operator(Operator::LessOrEqual) => "<=",
            Self::Operator(Operator::Contains) => "contains",
            Self::Operator(Operator::StartsWith) => "startsWith",
            Self::Operator(Operator::EndsWith) => "endsWith",
        };
        symbol.to_owned()
    }

    /// Whether this is `word`, which is written in lower case.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(other) if other.eq_ignore_ascii_case(word))
    }
}
