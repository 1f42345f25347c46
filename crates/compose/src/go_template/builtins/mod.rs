//! The functions a template may call: Go's, and no others.

mod access;
mod compare;
mod escape;

use std::rc::Rc;

use super::datum::Datum;
use super::format;

pub(super) use escape::{html, query};

/// A function by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    UrlQuery,
    /// Not for templates to name: the text of all arguments, put in place of a trailing
    /// `html` or `urlquery` whose work the filters of the place do.
    Joined,
}

const NAMED: [(&str, Function); 19] = [
    ("and", Function::And),
    ("call", Function::Call),
    ("eq", Function::Eq),
    ("ge", Function::Ge),
    ("gt", Function::Gt),
    ("html", Function::Html),
    ("index", Function::Index),
    ("js", Function::Js),
    ("le", Function::Le),
    ("len", Function::Len),
    ("lt", Function::Lt),
    ("ne", Function::Ne),
    ("not", Function::Not),
    ("or", Function::Or),
    ("print", Function::Print),
    ("printf", Function::Printf),
    ("println", Function::Println),
    ("slice", Function::Slice),
    ("urlquery", Function::UrlQuery),
];

impl Function {
    /// The function that templates call `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, function)| *function)
    }

    pub(super) fn name(self) -> &'static str {
        NAMED
            .iter()
            .find(|(_, function)| *function == self)
            .map_or("print", |(name, _)| name)
    }

    /// How many arguments it takes, at least and at most.
    fn arity(self) -> (usize, usize) {
        match self {
            Function::And
            | Function::Or
            | Function::Call
            | Function::Eq
            | Function::Index
            | Function::Printf
            | Function::Slice => (1, usize::MAX),
            Function::Len | Function::Not => (1, 1),
            Function::Ge | Function::Gt | Function::Le | Function::Lt | Function::Ne => (2, 2),
            Function::Html
            | Function::Js
            | Function::Print
            | Function::Println
            | Function::UrlQuery
            | Function::Joined => (0, usize::MAX),
        }
    }

    /// Refuses a wrong number of arguments.
    pub(super) fn check_arity(self, given: usize) -> Result<(), String> {
        let (least, most) = self.arity();
        let name = self.name();
        if given < least && most > least {
            return Err(format!(
                "wrong number of args for {name}: want at least {least} got {given}"
            ));
        }
        if given < least || given > most {
            return Err(format!(
                "wrong number of args for {name}: want {least} got {given}"
            ));
        }
        Ok(())
    }
}

/// Calls `function`. Text it makes may not be longer than `bytes_max`.
///
/// # Errors
/// In words, what is wrong with the arguments. [`TooLong`](format::TooLong) is told apart, since
/// it is a bound and not a mistake.
pub(super) fn call<'a>(
    function: Function,
    arguments: &[Datum<'a>],
    bytes_max: usize,
) -> Result<Datum<'a>, CallError> {
    match function {
        Function::And => Ok(short_circuit(arguments, |truth| !truth)),
        Function::Or => Ok(short_circuit(arguments, |truth| truth)),
        Function::Not => Ok(Datum::Bool(!arguments.first().is_some_and(Datum::truth))),
        Function::Call => Err(access::not_callable(arguments).into()),
        Function::Eq => Ok(Datum::Bool(compare::equal_to_any(arguments)?)),
        Function::Ne => Ok(Datum::Bool(!compare::equal_to_any(arguments)?)),
        Function::Lt => Ok(Datum::Bool(compare::less(arguments)?)),
        Function::Le => Ok(Datum::Bool(compare::less_or_equal(arguments)?)),
        Function::Gt => Ok(Datum::Bool(!compare::less_or_equal(arguments)?)),
        Function::Ge => Ok(Datum::Bool(!compare::less(arguments)?)),
        Function::Index => Ok(access::index(arguments)?),
        Function::Slice => Ok(access::slice(arguments)?),
        Function::Len => Ok(Datum::Int(access::length(arguments)?)),
        Function::Print
        | Function::Printf
        | Function::Println
        | Function::Html
        | Function::Js
        | Function::UrlQuery
        | Function::Joined => made_text(function, arguments, bytes_max),
    }
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(super) enum CallError {
    Wrong(String),
    TooLong,
}

impl From<String> for CallError {
    fn from(problem: String) -> Self {
        CallError::Wrong(problem)
    }
}

impl From<format::TooLong> for CallError {
    fn from(_: format::TooLong) -> Self {
        CallError::TooLong
    }
}

fn short_circuit<'a>(arguments: &[Datum<'a>], decides: fn(bool) -> bool) -> Datum<'a> {
    let decided = arguments.iter().find(|argument| decides(argument.truth()));
    decided
        .or(arguments.last())
        .cloned()
        .unwrap_or(Datum::Absent)
}

fn made_text<'a>(
    function: Function,
    arguments: &[Datum<'a>],
    bytes_max: usize,
) -> Result<Datum<'a>, CallError> {
    let mut text = String::new();
    match (function, arguments) {
        (Function::Printf, [pattern, rest @ ..]) => match pattern.text() {
            Some(pattern) => format::printf(pattern, rest, bytes_max, &mut text)?,
            None => return Err(bad_pattern(pattern).into()),
        },
        (Function::Println, _) => format::println(arguments, bytes_max, &mut text)?,
        (Function::Print, _) => format::print(arguments, bytes_max, &mut text)?,
        (Function::Html, _) => html(&joined(arguments, bytes_max)?, &mut text),
        (Function::Js, _) => escape::js(&joined(arguments, bytes_max)?, &mut text),
        (Function::UrlQuery, _) => query(&joined(arguments, bytes_max)?, &mut text),
        _ => text = joined(arguments, bytes_max)?,
    }
    if text.len() > bytes_max {
        return Err(CallError::TooLong);
    }
    Ok(Datum::Made(Rc::from(text)))
}

fn bad_pattern(pattern: &Datum<'_>) -> String {
    format!(
        "wrong type for value; expected string; got {}",
        pattern.type_name()
    )
}

/// All arguments printed. Where Go would write `<no value>` for an absent one, nothing is written:
/// a missing field renders empty however it is escaped.
fn joined(arguments: &[Datum<'_>], bytes_max: usize) -> Result<String, format::TooLong> {
    let mut text = String::new();
    let blank = |argument: &Datum<'_>| argument.is_nothing();
    if arguments.iter().any(blank) {
        let shown: Vec<Datum<'_>> = arguments
            .iter()
            .map(|argument| {
                if blank(argument) {
                    Datum::Str("")
                } else {
                    argument.clone()
                }
            })
            .collect();
        format::print(&shown, bytes_max, &mut text)?;
    } else {
        format::print(arguments, bytes_max, &mut text)?;
    }
    Ok(text)
}
