//! A parsed template: nodes, pipelines and expressions, and how they are written.

use std::fmt;

use super::builtins::Function;
use super::filter::Filter;

/// A piece of a template's body.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text { line: u32, text: Box<str> },
    Action(Action),
    Branch(Branch),
    Range(Range),
    Call(Call),
    Break,
    Continue,
}

/// `{{pipeline}}`: its value is printed through the filters of its place in the document.
#[derive(Debug, Clone)]
pub(super) struct Action {
    pub(super) pipe: Pipe,
    pub(super) filters: Box<[Filter]>,
}

/// What a [`Branch`] does with a true value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BranchKind {
    If,
    With,
}

/// `{{if}}` or `{{with}}` with its `else if`s and its `else`.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) kind: BranchKind,
    pub(super) arms: Vec<Arm>,
    pub(super) otherwise: Vec<Node>,
}

/// One condition of a [`Branch`] and what it guards.
#[derive(Debug, Clone)]
pub(super) struct Arm {
    pub(super) pipe: Pipe,
    pub(super) body: Vec<Node>,
}

/// `{{range}}`.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub(super) pipe: Pipe,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// `{{template "name" pipeline}}`; `target` is the body it calls, once known.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) line: u32,
    pub(super) name: Box<str>,
    pub(super) target: Option<usize>,
    pub(super) pipe: Option<Pipe>,
}

/// `$x := command | command`.
#[derive(Debug, Clone)]
pub(super) struct Pipe {
    pub(super) line: u32,
    pub(super) variables: Vec<Box<str>>,
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

/// A first word and its arguments.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) head: Expr,
    pub(super) arguments: Vec<Expr>,
}

/// One operand.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    /// `.a.b`
    Field(Vec<Box<str>>),
    /// `$x.a.b`; the name keeps its `$`.
    Variable {
        name: Box<str>,
        fields: Vec<Box<str>>,
    },
    Function(Function),
    /// `(pipeline).a.b`
    Chain(Box<Expr>, Vec<Box<str>>),
    Pipe(Box<Pipe>),
}

impl Node {
    /// Whether it is nothing but white space (Go lets such a definition be replaced).
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Node::Text { text, .. } if text.trim().is_empty())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(out, "{} {sign} ", self.variables.join(", "))?;
        }
        for (nth, command) in self.commands.iter().enumerate() {
            let bar = if nth == 0 { "" } else { " | " };
            write!(out, "{bar}{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.head)?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(out, " {argument}"))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Dot => out.write_str("."),
            Expr::Nil => out.write_str("nil"),
            Expr::Bool(truth) => write!(out, "{truth}"),
            Expr::Int(number) => write!(out, "{number}"),
            Expr::Float(number) => write!(out, "{number}"),
            Expr::Text(text) => write!(out, "{text:?}"),
            Expr::Field(names) => write_fields(out, names),
            Expr::Variable { name, fields } => {
                out.write_str(name)?;
                write_fields(out, fields)
            }
            Expr::Function(function) => out.write_str(function.name()),
            Expr::Chain(base, names) => {
                write!(out, "{base}")?;
                write_fields(out, names)
            }
            Expr::Pipe(pipe) => write!(out, "({pipe})"),
        }
    }
}

fn write_fields(out: &mut fmt::Formatter<'_>, names: &[Box<str>]) -> fmt::Result {
    names.iter().try_for_each(|name| write!(out, ".{name}"))
}
