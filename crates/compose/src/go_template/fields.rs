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
            search.list(&body.nodes, true);
        }
    }
    search.names.into_iter().map(Into::into).collect()
}

struct Search<'p> {
    names: BTreeSet<&'p str>,
    /// Bodies called with the top-level data, not all looked at yet.
    called: Vec<usize>,
}

impl<'p> Search<'p> {
    fn list(&mut self, nodes: &'p [Node], at_top: bool) {
        for node in nodes {
            match node {
                Node::Text { .. } | Node::Break | Node::Continue => {}
                Node::Action(action) => self.pipe(&action.pipe, at_top),
                Node::Branch(branch) => self.branch(branch, at_top),
                Node::Range(range) => {
                    self.pipe(&range.pipe, at_top);
                    self.list(&range.body, false);
                    self.list(&range.otherwise, at_top);
                }
                Node::Call(call) => self.call(call, at_top),
            }
        }
    }

    fn branch(&mut self, branch: &'p Branch, at_top: bool) {
        for arm in &branch.arms {
            self.pipe(&arm.pipe, at_top);
            let keeps_dot = branch.kind == BranchKind::If || is_data(&arm.pipe, at_top);
            self.list(&arm.body, at_top && keeps_dot);
        }
        self.list(&branch.otherwise, at_top);
    }

    fn call(&mut self, call: &'p Call, at_top: bool) {
        let Some(pipe) = &call.pipe else { return };
        self.pipe(pipe, at_top);
        if is_data(pipe, at_top) {
            self.called.extend(call.target);
        }
    }

    fn pipe(&mut self, pipe: &'p Pipe, at_top: bool) {
        for command in &pipe.commands {
            self.indexed(command, at_top);
            self.expr(&command.head, at_top);
            command
                .arguments
                .iter()
                .for_each(|argument| self.expr(argument, at_top));
        }
    }

    fn expr(&mut self, expr: &'p Expr, at_top: bool) {
        match expr {
            Expr::Field(names) if at_top => self.names.extend(names.first().map(AsRef::as_ref)),
            Expr::Variable { name, fields } if **name == *"$" => {
                self.names.extend(fields.first().map(AsRef::as_ref));
            }
            Expr::Chain(base, names) => {
                self.expr(base, at_top);
                if is_data_expr(base, at_top) {
                    self.names.extend(names.first().map(AsRef::as_ref));
                }
            }
            Expr::Pipe(pipe) => self.pipe(pipe, at_top),
            _ => {}
        }
    }

    /// `index . "First name"` is how a column whose name is no word is written.
    fn indexed(&mut self, command: &'p Command, at_top: bool) {
        if let (Expr::Function(Function::Index), [data, Expr::Text(name), ..]) =
            (&command.head, command.arguments.as_slice())
            && is_data_expr(data, at_top)
        {
            self.names.insert(name);
        }
    }
}

fn is_data(pipe: &Pipe, at_top: bool) -> bool {
    match pipe.commands.as_slice() {
        [only] => only.arguments.is_empty() && is_data_expr(&only.head, at_top),
        _ => false,
    }
}

fn is_data_expr(expr: &Expr, at_top: bool) -> bool {
    match expr {
        Expr::Dot => at_top,
        Expr::Variable { name, fields } => **name == *"$" && fields.is_empty(),
        Expr::Pipe(pipe) => is_data(pipe, at_top),
        _ => false,
    }
}
