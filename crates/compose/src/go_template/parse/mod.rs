//! Tokens in, the definitions of a template out: text, actions and control blocks.

mod pipeline;

use std::collections::{HashMap, VecDeque};

use super::ast::{Action, Arm, Branch, BranchKind, Call, Node, Pipe, Range};
use super::error::ParseError;
use super::lex::{Keyword, Kind, Lexer, Token};
use super::literal;

/// How deep blocks and parentheses may nest: what bounds the recursion of everything after.
pub(super) const NESTING_MAX: u32 = 100;

/// How many variables may be in scope at one place.
const VARIABLES_MAX: usize = 256;

/// The longest source that is parsed.
const SOURCE_BYTES_MAX: usize = 4 << 20;

/// A named body: the template itself, a `{{define}}` or a `{{block}}`.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: Box<str>,
    pub(super) body: Vec<Node>,
}

/// All definitions of a template, by name.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    list: Vec<Definition>,
    by_name: Positions,
}

/// Where each name stands in a list of definitions.
pub(super) type Positions = HashMap<Box<str>, usize>;

impl Definitions {
    pub(super) fn get(&self, name: &str) -> Option<&Definition> {
        self.position(name).and_then(|at| self.list.get(at))
    }

    /// Where in the list the one called `name` stands.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(super) fn into_parts(self) -> (Vec<Definition>, Positions) {
        (self.list, self.by_name)
    }

    /// Adds one and says whether that was possible. As in Go, a blank definition gives way to
    /// another of its name.
    fn add(&mut self, new: Definition) -> bool {
        let blank = |definition: &Definition| definition.body.iter().all(Node::is_blank);
        match self.position(&new.name).map(|at| &mut self.list[at]) {
            None => {
                self.by_name.insert(new.name.clone(), self.list.len());
                self.list.push(new);
            }
            Some(held) if blank(held) => *held = new,
            Some(_) => return blank(&new),
        }
        true
    }
}

/// Parses `source` into its definitions, of which one is called `name`.
pub(super) fn parse(name: &str, source: &str) -> Result<Definitions, ParseError> {
    let mut parser = Parser::new(name, source);
    if source.len() > SOURCE_BYTES_MAX {
        return parser.fail(format!("longer than {SOURCE_BYTES_MAX} bytes"));
    }
    let body = parser.top_level()?;
    parser.define(Definition {
        name: name.into(),
        body,
    })?;
    Ok(parser.definitions)
}

/// What ended a list of nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Terminator {
    End,
    Else,
}

struct Parser<'s> {
    name: &'s str,
    lexer: Lexer<'s>,
    ahead: VecDeque<Token<'s>>,
    line: u32,
    definitions: Definitions,
    /// The variables in scope, innermost last.
    variables: Vec<&'s str>,
    range_depth: u32,
    nesting: u32,
}

impl<'s> Parser<'s> {
    fn new(name: &'s str, source: &'s str) -> Self {
        Self {
            name,
            lexer: Lexer::new(source),
            ahead: VecDeque::new(),
            line: 1,
            definitions: Definitions::default(),
            variables: vec!["$"],
            range_depth: 0,
            nesting: 0,
        }
    }

    fn fail<T>(&self, problem: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.name, self.line, problem.into()))
    }

    fn unexpected<T>(&self, token: Token<'_>, context: &str) -> Result<T, ParseError> {
        match token.kind {
            Kind::End => self.fail("unexpected EOF"),
            Kind::Keyword(_) => self.fail(format!("unexpected <{}> in {context}", token.text)),
            _ => self.fail(format!("unexpected {:?} in {context}", token.text)),
        }
    }

    fn lex(&mut self) -> Result<Token<'s>, ParseError> {
        let token = self.lexer.token();
        token.map_err(|error| ParseError::new(self.name, error.line, error.problem))
    }

    fn next(&mut self) -> Result<Token<'s>, ParseError> {
        let token = match self.ahead.pop_front() {
            Some(token) => token,
            None => self.lex()?,
        };
        self.line = token.line;
        Ok(token)
    }

    fn peek(&mut self) -> Result<Token<'s>, ParseError> {
        if let Some(token) = self.ahead.front() {
            return Ok(*token);
        }
        let token = self.lex()?;
        self.ahead.push_back(token);
        Ok(token)
    }

    fn put_back(&mut self, token: Token<'s>) {
        self.ahead.push_front(token);
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token<'s>, ParseError> {
        let token = self.next()?;
        if token.kind == kind {
            Ok(token)
        } else {
            self.unexpected(token, context)
        }
    }

    /// Goes one level deeper; the caller comes back up.
    fn descend(&mut self) -> Result<(), ParseError> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return self.fail(format!("nested deeper than {NESTING_MAX} levels"));
        }
        Ok(())
    }

    fn define(&mut self, new: Definition) -> Result<(), ParseError> {
        let name = new.name.clone();
        if self.definitions.add(new) {
            return Ok(());
        }
        self.fail(format!("multiple definition of template {name:?}"))
    }

    fn top_level(&mut self) -> Result<Vec<Node>, ParseError> {
        let mut nodes = Vec::new();
        loop {
            let token = self.next()?;
            match token.kind {
                Kind::End => return Ok(nodes),
                Kind::Text => nodes.push(text_node(token)),
                _ if self.peek()?.kind == Kind::Keyword(Keyword::Define) => self.definition()?,
                _ => match self.action()? {
                    Piece::Node(node) => nodes.push(node),
                    Piece::Terminator(Terminator::End) => return self.fail("unexpected {{end}}"),
                    Piece::Terminator(Terminator::Else) => return self.fail("unexpected {{else}}"),
                },
            }
        }
    }

    fn definition(&mut self) -> Result<(), ParseError> {
        self.next()?;
        let name = self.template_name("define clause")?;
        self.expect(Kind::RightDelim, "define clause")?;
        let body = self.own_scope("define clause")?;
        self.define(Definition { name, body })
    }

    /// The body of a definition: it sees no variables but `$`, and no loop around it.
    fn own_scope(&mut self, context: &str) -> Result<Vec<Node>, ParseError> {
        let variables = std::mem::replace(&mut self.variables, vec!["$"]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let (body, terminator) = self.items()?;
        self.variables = variables;
        self.range_depth = range_depth;
        match terminator {
            Terminator::End => Ok(body),
            Terminator::Else => self.fail(format!("unexpected {{{{else}}}} in {context}")),
        }
    }

    /// Nodes up to an `{{end}}` or `{{else}}`.
    fn items(&mut self) -> Result<(Vec<Node>, Terminator), ParseError> {
        self.descend()?;
        let mut nodes = Vec::new();
        loop {
            let token = self.next()?;
            match token.kind {
                Kind::Text => nodes.push(text_node(token)),
                Kind::LeftDelim => match self.action()? {
                    Piece::Node(node) => nodes.push(node),
                    Piece::Terminator(terminator) => {
                        self.nesting -= 1;
                        return Ok((nodes, terminator));
                    }
                },
                _ => return self.unexpected(token, "input"),
            }
        }
    }

    /// What stands after a `{{`.
    fn action(&mut self) -> Result<Piece, ParseError> {
        let token = self.peek()?;
        let Kind::Keyword(keyword) = token.kind else {
            let pipe = self.pipeline("command", Kind::RightDelim)?;
            return Ok(Piece::Node(Node::Action(Action {
                pipe,
                filters: Box::default(),
            })));
        };
        self.next()?;
        let node = match keyword {
            Keyword::If => self.branch(BranchKind::If)?,
            Keyword::With => self.branch(BranchKind::With)?,
            Keyword::Range => self.range()?,
            Keyword::Template => self.call(token.line)?,
            Keyword::Block => self.block(token.line)?,
            Keyword::Break => self.leave_loop(Node::Break, "{{break}}")?,
            Keyword::Continue => self.leave_loop(Node::Continue, "{{continue}}")?,
            Keyword::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Piece::Terminator(Terminator::End));
            }
            Keyword::Else => {
                self.else_delim()?;
                return Ok(Piece::Terminator(Terminator::Else));
            }
            Keyword::Define => return self.unexpected(token, "command"),
        };
        Ok(Piece::Node(node))
    }

    /// Closes `{{else}}`, unless an `if` or `with` of the next arm follows.
    fn else_delim(&mut self) -> Result<(), ParseError> {
        match self.peek()?.kind {
            Kind::Keyword(Keyword::If | Keyword::With) => Ok(()),
            _ => self.expect(Kind::RightDelim, "else").map(drop),
        }
    }

    fn branch(&mut self, kind: BranchKind) -> Result<Node, ParseError> {
        let (word, context) = match kind {
            BranchKind::If => (Keyword::If, "if"),
            BranchKind::With => (Keyword::With, "with"),
        };
        let in_scope = self.variables.len();
        let mut branch = Branch {
            kind,
            arms: Vec::new(),
            otherwise: Vec::new(),
        };
        loop {
            let pipe = self.pipeline(context, Kind::RightDelim)?;
            let (body, terminator) = self.items()?;
            branch.arms.push(Arm { pipe, body });
            if terminator == Terminator::End {
                break;
            }
            if self.peek()?.kind != Kind::Keyword(word) {
                branch.otherwise = self.otherwise()?;
                break;
            }
            self.next()?;
        }
        self.variables.truncate(in_scope);
        Ok(Node::Branch(branch))
    }

    fn range(&mut self) -> Result<Node, ParseError> {
        let in_scope = self.variables.len();
        let pipe = self.pipeline("range", Kind::RightDelim)?;
        self.range_depth += 1;
        let (body, terminator) = self.items()?;
        self.range_depth -= 1;
        let otherwise = match terminator {
            Terminator::End => Vec::new(),
            Terminator::Else => self.otherwise()?,
        };
        self.variables.truncate(in_scope);
        Ok(Node::Range(Range {
            pipe,
            body,
            otherwise,
        }))
    }

    fn otherwise(&mut self) -> Result<Vec<Node>, ParseError> {
        match self.items()? {
            (nodes, Terminator::End) => Ok(nodes),
            (_, Terminator::Else) => self.fail("expected end; found {{else}}"),
        }
    }

    fn leave_loop(&mut self, node: Node, context: &str) -> Result<Node, ParseError> {
        self.expect(Kind::RightDelim, context)?;
        if self.range_depth == 0 {
            return self.fail(format!("{context} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn call(&mut self, line: u32) -> Result<Node, ParseError> {
        let name = self.template_name("template clause")?;
        let pipe = match self.peek()?.kind {
            Kind::RightDelim => {
                self.next()?;
                None
            }
            _ => Some(self.pipeline("template clause", Kind::RightDelim)?),
        };
        Ok(call_node(line, name, pipe))
    }

    /// `{{block "name" pipeline}}body{{end}}` defines a template and calls it in place.
    fn block(&mut self, line: u32) -> Result<Node, ParseError> {
        let name = self.template_name("block clause")?;
        let pipe = self.pipeline("block clause", Kind::RightDelim)?;
        let body = self.own_scope("block clause")?;
        self.define(Definition {
            name: name.clone(),
            body,
        })?;
        Ok(call_node(line, name, Some(pipe)))
    }

    fn template_name(&mut self, context: &str) -> Result<Box<str>, ParseError> {
        let token = self.next()?;
        match token.kind {
            Kind::Quoted | Kind::Raw => self.text_literal(token).map(Into::into),
            _ => self.unexpected(token, context),
        }
    }

    fn text_literal(&self, token: Token<'_>) -> Result<String, ParseError> {
        let text = match token.kind {
            Kind::Raw => literal::unquote_raw(token.text),
            _ => literal::unquote(token.text),
        };
        text.map_or_else(|| self.fail(format!("invalid string {}", token.text)), Ok)
    }
}

enum Piece {
    Node(Node),
    Terminator(Terminator),
}

fn text_node(token: Token<'_>) -> Node {
    Node::Text {
        line: token.line,
        text: token.text.into(),
    }
}

fn call_node(line: u32, name: Box<str>, pipe: Option<Pipe>) -> Node {
    Node::Call(Call {
        line,
        name,
        target: None,
        pipe,
    })
}
