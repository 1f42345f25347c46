//! Evaluates pipelines, commands and operands.

use super::super::Missing;
use super::super::ast::{Command, Expr, Pipe};
use super::super::builtins::{self, CallError, Function};
use super::super::datum::Datum;
use super::super::error::{LimitReached, RenderCause};
use super::{FRAMES_MAX, Outcome, Run, budget};

/// Variables further down the stack than this cost another step to find.
const NEAR_VARIABLES: usize = 8;

/// What a first word is given: its arguments and what was piped in.
struct Given<'c, 'a> {
    arguments: &'a [Expr],
    piped: Option<Datum<'a>>,
    dot: &'c Datum<'a>,
}

/// Whether a first word is given any: fields take none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arguments {
    None,
    Some,
}

impl Given<'_, '_> {
    fn arguments(&self) -> Arguments {
        if self.arguments.is_empty() && self.piped.is_none() {
            Arguments::None
        } else {
            Arguments::Some
        }
    }
}

impl<'a> Run<'a, '_> {
    /// The value of a pipeline, which is also set to its variables.
    pub(super) fn pipe(&mut self, pipe: &'a Pipe, dot: &Datum<'a>) -> Outcome<Datum<'a>> {
        self.line = pipe.line;
        let mut value = None;
        for command in &pipe.commands {
            self.spend(1)?;
            value = Some(self.command(command, value, dot)?.settled());
        }
        let value = value.unwrap_or(Datum::Absent);
        for name in &pipe.variables {
            if pipe.assigns {
                self.set_variable(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        command: &'a Command,
        piped: Option<Datum<'a>>,
        dot: &Datum<'a>,
    ) -> Outcome<Datum<'a>> {
        let given = Given {
            arguments: &command.arguments,
            piped,
            dot,
        };
        match &command.head {
            Expr::Function(function) => self.function(*function, given),
            Expr::Field(names) => self.fields(dot.clone(), names, given.arguments(), &command.head),
            Expr::Chain(base, names) => {
                let base = self.operand(base, dot)?.settled();
                self.fields(base, names, given.arguments(), &command.head)
            }
            Expr::Variable { name, fields } if !fields.is_empty() => {
                let base = self.variable(name)?;
                self.fields(base, fields, given.arguments(), &command.head)
            }
            head if given.arguments() == Arguments::Some => {
                let problem = format!("can't give argument to non-function {head}");
                self.fail(head, RenderCause::Failed(problem))
            }
            Expr::Nil => self.fail("nil", RenderCause::Failed("nil is not a command".into())),
            head => self.operand(head, dot),
        }
    }

    /// The value of an operand that is given no arguments.
    fn operand(&mut self, expr: &'a Expr, dot: &Datum<'a>) -> Outcome<Datum<'a>> {
        match expr {
            Expr::Dot => Ok(dot.clone()),
            Expr::Nil => Ok(Datum::Nil),
            Expr::Bool(truth) => Ok(Datum::Bool(*truth)),
            Expr::Int(number) => Ok(Datum::Int(*number)),
            Expr::Float(number) => Ok(Datum::Float(*number)),
            Expr::Text(text) => Ok(Datum::Str(text)),
            Expr::Field(names) => self.fields(dot.clone(), names, Arguments::None, expr),
            Expr::Variable { name, fields } => {
                let base = self.variable(name)?;
                self.fields(base, fields, Arguments::None, expr)
            }
            Expr::Function(function) => self.function(
                *function,
                Given {
                    arguments: &[],
                    piped: None,
                    dot,
                },
            ),
            Expr::Chain(base, names) => {
                let base = self.operand(base, dot)?.settled();
                self.fields(base, names, Arguments::None, expr)
            }
            Expr::Pipe(pipe) => self.parenthesized(pipe, dot),
        }
    }

    fn parenthesized(&mut self, pipe: &'a Pipe, dot: &Datum<'a>) -> Outcome<Datum<'a>> {
        self.frames += 1;
        if self.frames > FRAMES_MAX {
            return self.stop(LimitReached::Nesting(FRAMES_MAX));
        }
        let value = self.pipe(pipe, dot)?;
        self.frames -= 1;
        Ok(value)
    }

    fn fields(
        &mut self,
        base: Datum<'a>,
        names: &'a [Box<str>],
        given: Arguments,
        at: &'a Expr,
    ) -> Outcome<Datum<'a>> {
        let mut value = base;
        for (nth, name) in names.iter().enumerate() {
            let is_last = nth + 1 == names.len();
            if nth > 0 {
                self.spend(1)?;
            }
            value = self.field(
                value,
                name,
                if is_last { given } else { Arguments::None },
                at,
            )?;
        }
        Ok(value)
    }

    fn field(
        &mut self,
        receiver: Datum<'a>,
        name: &'a str,
        given: Arguments,
        at: &'a Expr,
    ) -> Outcome<Datum<'a>> {
        let problem = match receiver {
            Datum::Absent if self.missing == Missing::Error => {
                return self.fail(at, RenderCause::MissingField(name.to_owned()));
            }
            Datum::Absent => return Ok(Datum::Absent),
            Datum::Nil => format!("null has no field {name}"),
            Datum::Map(_) if given == Arguments::Some => {
                format!("{name} is not a method but has arguments")
            }
            Datum::Map(map) => match map.get(name) {
                Some(value) => return Ok(Datum::from(value)),
                None => return self.missing_field(name, at),
            },
            _ => format!(
                "can't evaluate field {name} in type {}",
                receiver.type_name()
            ),
        };
        self.fail(at, RenderCause::Failed(problem))
    }

    #[cold]
    fn missing_field(&mut self, name: &'a str, at: &'a Expr) -> Outcome<Datum<'a>> {
        if self.missing == Missing::Error {
            return self.fail(at, RenderCause::MissingField(name.to_owned()));
        }
        self.note_missing(name);
        Ok(Datum::Absent)
    }

    fn function(&mut self, function: Function, given: Given<'_, 'a>) -> Outcome<Datum<'a>> {
        let count = given.arguments.len() + usize::from(given.piped.is_some());
        if let Err(problem) = function.check_arity(count) {
            return self.fail(function.name(), RenderCause::Failed(problem));
        }
        let first = self.operands.len();
        self.push_operands(function, given)?;
        let operands = self.operands.get(first..).unwrap_or_default();
        let bytes: usize = operands.iter().filter_map(Datum::text).map(str::len).sum();
        if let (Function::Index, [Datum::Map(map), Datum::Str(name)]) = (function, operands)
            && map.get(name).is_none()
        {
            self.note_missing(name);
        }
        self.spend(budget::steps_for(bytes))?;
        let operands = self.operands.get(first..).unwrap_or_default();
        let outcome = builtins::call(function, operands, self.budget.text_bytes_max());
        self.operands.truncate(first);
        match outcome {
            Ok(value) => {
                if let Datum::Made(text) = &value {
                    self.spend(budget::steps_for(text.len()))?;
                }
                Ok(value)
            }
            Err(CallError::TooLong) => {
                self.stop(LimitReached::Output(self.budget.text_bytes_max()))
            }
            Err(CallError::Wrong(problem)) => {
                let problem = format!("error calling {}: {problem}", function.name());
                self.fail(function.name(), RenderCause::Failed(problem))
            }
        }
    }

    /// Evaluates the arguments; `and` and `or` evaluate no more than they need.
    fn push_operands(&mut self, function: Function, given: Given<'_, 'a>) -> Outcome<()> {
        for argument in given.arguments {
            self.spend(1)?;
            let value = self.operand(argument, given.dot)?;
            let decided = match function {
                Function::And => !value.truth(),
                Function::Or => value.truth(),
                _ => false,
            };
            self.operands.push(value);
            if decided {
                return Ok(());
            }
        }
        self.operands.extend(given.piped);
        Ok(())
    }

    fn variable(&mut self, name: &'a str) -> Outcome<Datum<'a>> {
        match self.find_variable(name)? {
            Some(at) => Ok(self.variables[at].1.clone()),
            None => self.undefined(name),
        }
    }

    /// Gives a variable that is in scope another value.
    pub(super) fn set_variable(&mut self, name: &'a str, value: Datum<'a>) -> Outcome<()> {
        match self.find_variable(name)? {
            Some(at) => {
                self.variables[at].1 = value;
                Ok(())
            }
            None => self.undefined(name),
        }
    }

    fn find_variable(&mut self, name: &'a str) -> Outcome<Option<usize>> {
        let scope = self.variables.get(self.scope..).unwrap_or_default();
        let found = scope.iter().rposition(|(held, _)| *held == name);
        let depth = scope.len() - found.unwrap_or(0);
        self.spend(depth / NEAR_VARIABLES)?;
        Ok(found.map(|at| self.scope + at))
    }

    #[cold]
    fn undefined<T>(&self, name: &'a str) -> Outcome<T> {
        self.fail(
            name,
            RenderCause::Failed(format!("undefined variable: {name}")),
        )
    }
}
