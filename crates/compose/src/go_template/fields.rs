//! Which fields of the data a template uses, read off the template alone.

use std::collections::{BTreeSet, HashSet};

use super::ast::{Branch, BranchKind, Call, Command, Expr, Node, Pipe};
use super::builtins::Function;
use super::exec::Program;

/// The names of all fields that `program` may ask of its top-level data, in order.
///
/// Known by sight: `.name` where the dot is the data itself, `$.name`, and `index . "name"`, also
/// in templates called with `.` or `$`. What goes through variables is not followed.
pub(super) fn used_by(program: &Program) -> Box<[Box<str>]> {
    let mut search = Search {
        names: BTreeSet::new(),
        called: vec![program.main],
    };
    let mut seen = HashSet::new();
    while let Some(at) = search.called.pop() {
        if seen.insert(at)
            && let Some(body) = program.bodies.get(at)
        {
            search.list(&body.nodes, Dot::Data);
        }
    }
    search.names.into_iter().map(Into::into).collect()
}

/// What the dot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dot {
    /// The data itself.
    Data,
    Other,
}

struct Search<'p> {
    names: BTreeSet<&'p str>,
    /// Bodies called with the top-level data, not all looked at yet.
    called: Vec<usize>,
}

impl<'p> Search<'p> {
    fn list(&mut self, nodes: &'p [Node], dot: Dot) {
        for node in nodes {
            match node {
                Node::Text { .. } | Node::Break | Node::Continue => {}
                Node::Action(action) => self.pipe(&action.pipe, dot),
                Node::Branch(branch) => self.branch(branch, dot),
                Node::Range(range) => {
                    self.pipe(&range.pipe, dot);
                    self.list(&range.body, Dot::Other);
                    self.list(&range.otherwise, dot);
                }
                Node::Call(call) => self.call(call, dot),
            }
        }
    }

    fn branch(&mut self, branch: &'p Branch, dot: Dot) {
        for arm in &branch.arms {
            self.pipe(&arm.pipe, dot);
            let keeps_dot = branch.kind == BranchKind::If || is_data(&arm.pipe, dot);
            let inner = if keeps_dot { dot } else { Dot::Other };
            self.list(&arm.body, inner);
        }
        self.list(&branch.otherwise, dot);
    }

    fn call(&mut self, call: &'p Call, dot: Dot) {
        let Some(pipe) = &call.pipe else { return };
        self.pipe(pipe, dot);
        if is_data(pipe, dot) {
            self.called.extend(call.target);
        }
    }

    fn pipe(&mut self, pipe: &'p Pipe, dot: Dot) {
        for command in &pipe.commands {
            self.indexed(command, dot);
            self.expr(&command.head, dot);
            command
                .arguments
                .iter()
                .for_each(|argument| self.expr(argument, dot));
        }
    }

    fn expr(&mut self, expr: &'p Expr, dot: Dot) {
        match expr {
            Expr::Field(names) if dot == Dot::Data => {
                self.names.extend(names.first().map(AsRef::as_ref))
            }
            Expr::Variable { name, fields } if **name == *"$" => {
                self.names.extend(fields.first().map(AsRef::as_ref));
            }
            Expr::Chain(base, names) => {
                self.expr(base, dot);
                if is_data_expr(base, dot) {
                    self.names.extend(names.first().map(AsRef::as_ref));
                }
            }
            Expr::Pipe(pipe) => self.pipe(pipe, dot),
            _ => {}
        }
    }

    /// `index . "First name"` is how a column whose name is no word is written.
    fn indexed(&mut self, command: &'p Command, dot: Dot) {
        if let (Expr::Function(Function::Index), [data, Expr::Text(name), ..]) =
            (&command.head, command.arguments.as_slice())
            && is_data_expr(data, dot)
        {
            self.names.insert(name);
        }
    }
}

fn is_data(pipe: &Pipe, dot: Dot) -> bool {
    match pipe.commands.as_slice() {
        [only] => only.arguments.is_empty() && is_data_expr(&only.head, dot),
        _ => false,
    }
}

fn is_data_expr(expr: &Expr, dot: Dot) -> bool {
    match expr {
        Expr::Dot => dot == Dot::Data,
        Expr::Variable { name, fields } => **name == *"$" && fields.is_empty(),
        Expr::Pipe(pipe) => is_data(pipe, dot),
        _ => false,
    }
}
