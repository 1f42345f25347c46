//! Source text in, tokens out, one at a time: text outside `{{ }}`, words inside.

use super::literal;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    LeftDelim,
    RightDelim,
    LeftParen,
    RightParen,
    Pipe,
    Assign,
    Declare,
    Comma,
    Dot,
    Field,
    Variable,
    Identifier,
    Keyword(Keyword),
    Bool,
    Nil,
    Number,
    Character,
    Quoted,
    Raw,
    /// Any other visible ASCII character; no rule wants it.
    Other,
    End,
}

/// The words that control the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

/// One token with the line it starts on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    pub(super) line: u32,
    /// Whether white space stands before it: Go's grammar separates arguments by it.
    pub(super) spaced: bool,
}

/// A token that cannot be, and the line of it.
#[derive(Debug)]
pub(super) struct LexError {
    pub(super) line: u32,
    pub(super) problem: String,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];
const LEFT: &str = "{{";
const RIGHT: &str = "}}";

/// Reads a template's source.
pub(super) struct Lexer<'s> {
    source: &'s str,
    at: usize,
    line: u32,
    in_action: bool,
    open_parens: u32,
    /// Whether white space stands before the token being read.
    spaced: bool,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            at: 0,
            line: 1,
            in_action: false,
            open_parens: 0,
            spaced: false,
        }
    }

    /// The next token; at the end of the source, [`Kind::End`] for ever.
    pub(super) fn token(&mut self) -> Result<Token<'s>, LexError> {
        if self.in_action {
            self.inside()
        } else {
            self.outside()
        }
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn fail<T>(&self, problem: impl Into<String>) -> Result<T, LexError> {
        Err(LexError {
            line: self.line,
            problem: problem.into(),
        })
    }

    /// Takes `bytes` of the source as a token.
    fn take(&mut self, kind: Kind, bytes: usize) -> Token<'s> {
        let line = self.line;
        let text = &self.rest()[..bytes];
        self.skip(bytes);
        Token {
            kind,
            text,
            line,
            spaced: self.spaced,
        }
    }

    fn skip(&mut self, bytes: usize) {
        let newlines = memchr::memchr_iter(b'\n', &self.rest().as_bytes()[..bytes]).count();
        self.line = self
            .line
            .saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.at += bytes;
    }

    fn skip_spaces(&mut self) -> bool {
        let spaces = self.rest().len() - self.rest().trim_start_matches(SPACES).len();
        self.skip(spaces);
        spaces > 0
    }

    fn outside(&mut self) -> Result<Token<'s>, LexError> {
        loop {
            let rest = self.rest();
            let Some(text_bytes) = memchr::memmem::find(rest.as_bytes(), LEFT.as_bytes()) else {
                let kind = if rest.is_empty() {
                    Kind::End
                } else {
                    Kind::Text
                };
                return Ok(self.take(kind, rest.len()));
            };
            let trims = has_left_marker(&rest[text_bytes + LEFT.len()..]);
            let text = &rest[..text_bytes];
            let kept = if trims {
                text.trim_end_matches(SPACES).len()
            } else {
                text_bytes
            };
            if kept > 0 {
                let token = self.take(Kind::Text, kept);
                self.skip(text_bytes - kept);
                return Ok(token);
            }
            self.skip(text_bytes);
            if let Some(token) = self.open(trims)? {
                return Ok(token);
            }
        }
    }

    /// Enters an action, or passes over a comment and yields nothing.
    fn open(&mut self, trims: bool) -> Result<Option<Token<'s>>, LexError> {
        let marker = if trims { 2 } else { 0 };
        if self.rest()[LEFT.len() + marker..].starts_with("/*") {
            self.skip(LEFT.len() + marker);
            self.comment()?;
            return Ok(None);
        }
        let token = self.take(Kind::LeftDelim, LEFT.len());
        self.skip(marker);
        self.in_action = true;
        self.open_parens = 0;
        Ok(Some(token))
    }

    fn comment(&mut self) -> Result<(), LexError> {
        let Some(end) = memchr::memmem::find(self.rest().as_bytes(), b"*/") else {
            return self.fail("unclosed comment");
        };
        self.skip(end + 2);
        let rest = self.rest();
        let spaced = rest.starts_with(SPACES);
        match right_delim(if spaced { &rest[1..] } else { rest }, spaced) {
            Some(Closing { bytes, trims }) if trims || !spaced => {
                self.skip(bytes + usize::from(spaced));
                if trims {
                    self.skip_spaces();
                }
                Ok(())
            }
            _ => self.fail("comment ends before closing delimiter"),
        }
    }

    fn inside(&mut self) -> Result<Token<'s>, LexError> {
        self.spaced = self.skip_spaces();
        if let Some(closing) = right_delim(self.rest(), self.spaced) {
            return self.close(closing);
        }
        let Some(first) = self.rest().chars().next() else {
            return self.fail("unclosed action");
        };
        match first {
            '=' => Ok(self.take(Kind::Assign, 1)),
            ':' if self.rest().starts_with(":=") => Ok(self.take(Kind::Declare, 2)),
            ':' => self.fail("expected :="),
            '|' => Ok(self.take(Kind::Pipe, 1)),
            ',' => Ok(self.take(Kind::Comma, 1)),
            '(' | ')' => self.paren(first),
            '"' => self.quoted('"', Kind::Quoted, "quoted string"),
            '\'' => self.quoted('\'', Kind::Character, "character constant"),
            '`' => self.raw(),
            '$' => self.named(Kind::Variable, Kind::Variable),
            '.' if !self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.named(Kind::Field, Kind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => self.number(),
            _ if is_word(first) => self.word(),
            '!'..='~' => Ok(self.take(Kind::Other, 1)),
            _ => self.fail(format!("unrecognized character in action: {first:?}")),
        }
    }

    fn close(&mut self, closing: Closing) -> Result<Token<'s>, LexError> {
        if self.open_parens > 0 {
            return self.fail("unclosed left paren");
        }
        let token = self.take(Kind::RightDelim, closing.bytes);
        self.in_action = false;
        if closing.trims {
            self.skip_spaces();
        }
        Ok(token)
    }

    fn paren(&mut self, paren: char) -> Result<Token<'s>, LexError> {
        if paren == '(' {
            self.open_parens += 1;
            return Ok(self.take(Kind::LeftParen, 1));
        }
        match self.open_parens.checked_sub(1) {
            Some(still_open) => self.open_parens = still_open,
            None => return self.fail("unexpected right paren"),
        }
        Ok(self.take(Kind::RightParen, 1))
    }

    fn quoted(&mut self, quote: char, kind: Kind, what: &str) -> Result<Token<'s>, LexError> {
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            match char {
                '\\' if matches!(chars.next(), None | Some((_, '\n'))) => break,
                '\n' => break,
                _ if char == quote => return Ok(self.take(kind, at + 1)),
                _ => {}
            }
        }
        self.fail(format!("unterminated {what}"))
    }

    fn raw(&mut self) -> Result<Token<'s>, LexError> {
        match self.rest()[1..].find('`') {
            Some(end) => Ok(self.take(Kind::Raw, end + 2)),
            None => self.fail("unterminated raw quoted string"),
        }
    }

    /// `.name` or `$name`; the sign alone is `bare`.
    fn named(&mut self, kind: Kind, bare: Kind) -> Result<Token<'s>, LexError> {
        let name = word_length(&self.rest()[1..]);
        self.terminated(1 + name)?;
        Ok(self.take(if name == 0 { bare } else { kind }, 1 + name))
    }

    fn word(&mut self) -> Result<Token<'s>, LexError> {
        let bytes = word_length(self.rest());
        self.terminated(bytes)?;
        let kind = word_kind(&self.rest()[..bytes]);
        Ok(self.take(kind, bytes))
    }

    /// A word must be followed by something that can follow one: `$x+2` is refused.
    fn terminated(&self, bytes: usize) -> Result<(), LexError> {
        let tail = &self.rest()[bytes..];
        match tail.chars().next() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => Ok(()),
            Some(_) if tail.starts_with(RIGHT) => Ok(()),
            Some(other) => self.fail(format!("bad character {other:?}")),
        }
    }

    fn number(&mut self) -> Result<Token<'s>, LexError> {
        let bytes = literal::number_length(self.rest());
        let follows = self.rest()[bytes..].chars().next();
        if follows.is_some_and(|c| is_word(c) || c == '+' || c == '-') {
            return self.fail(format!("bad number syntax: {:?}", &self.rest()[..bytes]));
        }
        Ok(self.take(Kind::Number, bytes))
    }
}

struct Closing {
    bytes: usize,
    trims: bool,
}

/// The closing delimiter at the start of `text`; ` -}}` trims, and needs the space before it.
fn right_delim(text: &str, spaced: bool) -> Option<Closing> {
    if text.starts_with(RIGHT) {
        return Some(Closing {
            bytes: 2,
            trims: false,
        });
    }
    (spaced && text.starts_with("-}}")).then_some(Closing {
        bytes: 3,
        trims: true,
    })
}

fn has_left_marker(text: &str) -> bool {
    text.strip_prefix('-')
        .is_some_and(|tail| tail.starts_with(SPACES))
}

fn is_word(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

fn word_length(text: &str) -> usize {
    text.find(|char| !is_word(char)).unwrap_or(text.len())
}

fn word_kind(word: &str) -> Kind {
    match word {
        "block" => Kind::Keyword(Keyword::Block),
        "break" => Kind::Keyword(Keyword::Break),
        "continue" => Kind::Keyword(Keyword::Continue),
        "define" => Kind::Keyword(Keyword::Define),
        "else" => Kind::Keyword(Keyword::Else),
        "end" => Kind::Keyword(Keyword::End),
        "if" => Kind::Keyword(Keyword::If),
        "range" => Kind::Keyword(Keyword::Range),
        "template" => Kind::Keyword(Keyword::Template),
        "with" => Kind::Keyword(Keyword::With),
        "nil" => Kind::Nil,
        "true" | "false" => Kind::Bool,
        _ => Kind::Identifier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        let mut lexer = Lexer::new(source);
        let mut words = Vec::new();
        loop {
            match lexer.token() {
                Ok(token) if token.kind == Kind::End => return words,
                Ok(token) => words.push(format!("{:?}:{}", token.kind, token.text)),
                Err(error) => {
                    words.push(format!("line {}: {}", error.line, error.problem));
                    return words;
                }
            }
        }
    }

    #[test]
    fn trim_markers_eat_the_space_around_an_action() {
        assert_eq!(
            words("a \n{{- .b -}}\n c"),
            [
                "Text:a",
                "LeftDelim:{{",
                "Field:.b",
                "RightDelim:-}}",
                "Text:c"
            ]
        );
        assert_eq!(words("a {{- /* b */ -}} c"), ["Text:a", "Text:c"]);
        assert_eq!(
            words("{{-3}}"),
            ["LeftDelim:{{", "Number:-3", "RightDelim:}}"]
        );
    }

    #[test]
    fn an_error_names_its_line() {
        assert_eq!(
            words("a\n{{/* b").last().map(String::as_str),
            Some("line 2: unclosed comment")
        );
        assert_eq!(
            words("{{\n\n\"a").last().map(String::as_str),
            Some("line 3: unterminated quoted string")
        );
        assert_eq!(
            words("{{(.a}}").last().map(String::as_str),
            Some("line 1: unclosed left paren")
        );
    }
}
