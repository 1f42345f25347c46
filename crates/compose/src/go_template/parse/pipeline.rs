//! Pipelines: declarations, commands and their operands.

use super::super::ast::{Command, Expr, Pipe};
use super::super::builtins::Function;
use super::super::error::ParseError;
use super::super::lex::{Kind, Token};
use super::super::literal;
use super::{Parser, VARIABLES_MAX};

impl<'s> Parser<'s> {
    /// Reads a pipeline and the token `end` that closes it.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, ParseError> {
        let line = self.peek()?.line;
        let mut pipe = Pipe {
            line,
            variables: Vec::new(),
            assigns: false,
            commands: Vec::new(),
        };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.peek()?;
            if token.kind == end {
                self.next()?;
                self.check_pipeline(&pipe, context)?;
                return Ok(pipe);
            }
            if !starts_operand(token.kind) {
                let token = self.next()?;
                return self.unexpected(token, context);
            }
            let command = self.command()?;
            pipe.commands.push(command);
        }
    }

    /// `$x :=`, `$x =` or, for a range, `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<(), ParseError> {
        while self.peek()?.kind == Kind::Variable {
            let variable = self.next()?;
            let sign = self.peek()?;
            match sign.kind {
                Kind::Assign | Kind::Declare => {
                    self.next()?;
                    pipe.assigns = sign.kind == Kind::Assign;
                    return self.declare(pipe, variable);
                }
                Kind::Comma => {
                    self.next()?;
                    self.declare(pipe, variable)?;
                    self.check_declarations(pipe, context)?;
                }
                _ => {
                    self.put_back(variable);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: Token<'s>) -> Result<(), ParseError> {
        pipe.variables.push(variable.text.into());
        // As in Go, that an assigned variable exists is found out only when it is.
        if !pipe.assigns || !self.variables.contains(&variable.text) {
            self.variables.push(variable.text);
        }
        if self.variables.len() > VARIABLES_MAX {
            return self.fail(format!("more than {VARIABLES_MAX} variables in scope"));
        }
        Ok(())
    }

    fn check_declarations(&mut self, pipe: &Pipe, context: &str) -> Result<(), ParseError> {
        if context != "range" || pipe.variables.len() > 1 {
            return self.fail(format!("too many declarations in {context}"));
        }
        match self.peek()?.kind {
            Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(()),
            _ => self.fail("range can only initialize variables"),
        }
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Result<(), ParseError> {
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (stage, command) in pipe.commands.iter().enumerate().skip(1) {
            let executable = matches!(
                command.head,
                Expr::Field(_)
                    | Expr::Variable { .. }
                    | Expr::Function(_)
                    | Expr::Chain(..)
                    | Expr::Pipe(_)
            );
            if !executable {
                return self.fail(format!(
                    "non executable command in pipeline stage {}",
                    stage + 1
                ));
            }
        }
        Ok(())
    }

    /// An operand and its arguments, up to a `|` (which it takes) or the end of the pipeline.
    fn command(&mut self) -> Result<Command, ParseError> {
        let mut command = Command {
            head: self.operand()?,
            arguments: Vec::new(),
        };
        loop {
            let token = self.peek()?;
            match token.kind {
                Kind::RightDelim | Kind::RightParen => return Ok(command),
                Kind::Pipe => {
                    self.next()?;
                    return Ok(command);
                }
                kind if token.spaced && starts_operand(kind) => {
                    let argument = self.operand()?;
                    command.arguments.push(argument);
                }
                _ => {
                    let token = self.next()?;
                    return self.unexpected(token, "operand");
                }
            }
        }
    }

    /// A term and the fields that follow it without a space.
    fn operand(&mut self) -> Result<Expr, ParseError> {
        let term = self.term()?;
        let fields = self.adjacent_fields()?;
        if fields.is_empty() {
            return Ok(term);
        }
        match term {
            Expr::Field(mut names) => {
                names.extend(fields);
                Ok(Expr::Field(names))
            }
            Expr::Variable { name, .. } => Ok(Expr::Variable { name, fields }),
            Expr::Function(_) | Expr::Pipe(_) | Expr::Chain(..) => {
                Ok(Expr::Chain(Box::new(term), fields))
            }
            Expr::Dot
            | Expr::Nil
            | Expr::Bool(_)
            | Expr::Int(_)
            | Expr::Float(_)
            | Expr::Text(_) => self.fail(format!("unexpected . after term {:?}", term.to_string())),
        }
    }

    fn adjacent_fields(&mut self) -> Result<Vec<Box<str>>, ParseError> {
        let mut fields = Vec::new();
        loop {
            let token = self.peek()?;
            if token.kind != Kind::Field || token.spaced {
                return Ok(fields);
            }
            self.next()?;
            fields.push(token.text[1..].into());
        }
    }

    fn term(&mut self) -> Result<Expr, ParseError> {
        let token = self.next()?;
        match token.kind {
            Kind::Dot => Ok(Expr::Dot),
            Kind::Nil => Ok(Expr::Nil),
            Kind::Bool => Ok(Expr::Bool(token.text == "true")),
            Kind::Field => Ok(Expr::Field(vec![token.text[1..].into()])),
            Kind::Variable => self.variable(token),
            Kind::Identifier => match Function::named(token.text) {
                Some(function) => Ok(Expr::Function(function)),
                None => self.fail(format!("function {:?} not defined", token.text)),
            },
            Kind::Quoted | Kind::Raw => Ok(Expr::Text(self.text_literal(token)?.into())),
            Kind::Number => literal::number(token.text).or_else(|problem| self.fail(problem)),
            Kind::Character => match literal::character(token.text) {
                Some(code) => Ok(Expr::Int(code)),
                None => self.fail(format!("malformed character constant: {}", token.text)),
            },
            Kind::LeftParen => {
                self.descend()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.nesting -= 1;
                Ok(Expr::Pipe(Box::new(pipe)))
            }
            _ => self.unexpected(token, "operand"),
        }
    }

    fn variable(&self, token: Token<'s>) -> Result<Expr, ParseError> {
        if !self.variables.contains(&token.text) {
            return self.fail(format!("undefined variable {:?}", token.text));
        }
        Ok(Expr::Variable {
            name: token.text.into(),
            fields: Vec::new(),
        })
    }
}

fn starts_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Dot
            | Kind::Nil
            | Kind::Bool
            | Kind::Field
            | Kind::Variable
            | Kind::Identifier
            | Kind::Quoted
            | Kind::Raw
            | Kind::Number
            | Kind::Character
            | Kind::LeftParen
    )
}
