//! Runs a parsed template over data: walks its nodes and writes what they make.

mod budget;
mod eval;

use super::ast::{Action, Branch, BranchKind, Call, Node, Range};
use super::datum::Datum;
use super::error::{LimitReached, RenderCause, RenderError};
use super::filter::{self, Scratch};
use super::value::Value;
use super::{Limits, Missing, Rendered};
use budget::Budget;

/// How deep blocks and calls may nest together: what bounds the stack.
const FRAMES_MAX: u32 = 400;

/// How many names of missing fields are kept for the caller.
const MISSING_NAMES_MAX: usize = 64;

/// Bodies that can run, each under the name of its template.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) bodies: Vec<Body>,
    pub(super) main: usize,
}

/// One body of a [`Program`].
#[derive(Debug)]
pub(super) struct Body {
    pub(super) name: Box<str>,
    pub(super) nodes: Vec<Node>,
}

/// Runs `program` and appends to `out`, which keeps what it held when it fails.
pub(super) fn render<'a>(
    program: &'a Program,
    data: &'a Value<'_>,
    missing: Missing,
    limits: &Limits,
    out: &mut String,
) -> Result<Rendered<'a>, Box<RenderError>> {
    let length_before = out.len();
    let mut run = Run {
        program,
        missing,
        template_depth_max: limits.template_depth_max,
        body: program.main,
        line: 1,
        frames: 0,
        calls: 0,
        budget: Budget::new(limits, length_before),
        variables: Vec::with_capacity(4),
        scope: 0,
        operands: Vec::new(),
        scratch: Scratch::default(),
        rendered: Rendered::default(),
        out,
    };
    match run.start(Datum::from(data).settled()) {
        Ok(_) => Ok(run.rendered),
        Err(error) => {
            run.out.truncate(length_before);
            Err(error)
        }
    }
}

type Outcome<T> = Result<T, Box<RenderError>>;

/// How a list of nodes was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Onward,
    Break,
    Continue,
}

/// A template on its way.
struct Run<'a, 'o> {
    program: &'a Program,
    missing: Missing,
    template_depth_max: u32,
    /// Where we are, for errors.
    body: usize,
    line: u32,
    frames: u32,
    calls: u32,
    budget: Budget,
    /// All variables, innermost last; those of the current template start at `scope`.
    variables: Vec<(&'a str, Datum<'a>)>,
    scope: usize,
    /// Arguments of the calls under way.
    operands: Vec<Datum<'a>>,
    scratch: Scratch,
    rendered: Rendered<'a>,
    out: &'o mut String,
}

impl<'a> Run<'a, '_> {
    fn start(&mut self, data: Datum<'a>) -> Outcome<Flow> {
        let program = self.program;
        self.variables.push(("$", data.clone()));
        match program.bodies.get(program.main) {
            Some(body) => self.list(&body.nodes, &data),
            None => Ok(Flow::Onward),
        }
    }

    #[cold]
    fn fail<T>(&self, at: impl std::fmt::Display, cause: RenderCause) -> Outcome<T> {
        let name = self
            .program
            .bodies
            .get(self.body)
            .map_or("", |body| &body.name);
        let error = RenderError::new(name, self.line, &at.to_string(), cause);
        Err(Box::new(error))
    }

    #[cold]
    fn stop<T>(&self, limit: LimitReached) -> Outcome<T> {
        self.fail("", RenderCause::Limit(limit))
    }

    fn spend(&mut self, steps: usize) -> Outcome<()> {
        match self.budget.spend(steps) {
            Ok(()) => Ok(()),
            Err(limit) => self.stop(limit),
        }
    }

    fn check_output(&self) -> Outcome<()> {
        match self.budget.check_output(self.out.len()) {
            Ok(()) => Ok(()),
            Err(limit) => self.stop(limit),
        }
    }

    fn list(&mut self, nodes: &'a [Node], dot: &Datum<'a>) -> Outcome<Flow> {
        self.frames += 1;
        if self.frames > FRAMES_MAX {
            return self.stop(LimitReached::Nesting(FRAMES_MAX));
        }
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::Onward {
                self.frames -= 1;
                return Ok(flow);
            }
        }
        self.frames -= 1;
        Ok(Flow::Onward)
    }

    fn node(&mut self, node: &'a Node, dot: &Datum<'a>) -> Outcome<Flow> {
        match node {
            Node::Text { line, text } => {
                self.line = *line;
                self.spend(1 + budget::steps_for(text.len()))?;
                self.out.push_str(text);
                self.check_output()?;
                Ok(Flow::Onward)
            }
            Node::Action(action) => self.action(action, dot),
            Node::Branch(branch) => self.branch(branch, dot),
            Node::Range(range) => self.range(range, dot),
            Node::Call(call) => self.call(call, dot),
            Node::Break => Ok(Flow::Break),
            Node::Continue => Ok(Flow::Continue),
        }
    }

    fn action(&mut self, action: &'a Action, dot: &Datum<'a>) -> Outcome<Flow> {
        let value = self.pipe(&action.pipe, dot)?;
        if !action.pipe.variables.is_empty() {
            return Ok(Flow::Onward);
        }
        let bytes = value.text().map_or(0, str::len);
        if let Err(limit) = self.budget.check_output(self.out.len() + bytes) {
            return self.stop(limit);
        }
        let length_before = self.out.len();
        filter::apply(&action.filters, &value, &mut self.scratch, self.out);
        self.spend(budget::steps_for(self.out.len() - length_before))?;
        self.check_output()?;
        Ok(Flow::Onward)
    }

    fn branch(&mut self, branch: &'a Branch, dot: &Datum<'a>) -> Outcome<Flow> {
        let in_scope = self.variables.len();
        let mut chosen = (&branch.otherwise, None);
        for arm in &branch.arms {
            let value = self.pipe(&arm.pipe, dot)?;
            if value.truth() {
                let inner = (branch.kind == BranchKind::With).then_some(value);
                chosen = (&arm.body, inner);
                break;
            }
        }
        let (body, inner) = chosen;
        let flow = self.list(body, inner.as_ref().unwrap_or(dot))?;
        self.variables.truncate(in_scope);
        Ok(flow)
    }

    fn range(&mut self, range: &'a Range, dot: &Datum<'a>) -> Outcome<Flow> {
        let in_scope = self.variables.len();
        let value = self.pipe(&range.pipe, dot)?;
        let rounds = self.rounds(range, &value)?;
        let flow = if rounds {
            Flow::Onward
        } else {
            self.list(&range.otherwise, dot)?
        };
        self.variables.truncate(in_scope);
        Ok(flow)
    }

    /// Goes round the loop for each element; says whether there was any.
    fn rounds(&mut self, range: &'a Range, value: &Datum<'a>) -> Outcome<bool> {
        match value {
            Datum::Absent | Datum::Nil => Ok(false),
            Datum::List(items) => {
                let elements = items.iter().enumerate();
                self.each(
                    range,
                    elements.map(|(nth, item)| (counted(nth), Datum::from(item))),
                )
            }
            Datum::Map(map) => self.each(
                range,
                map.iter()
                    .map(|(name, item)| (Datum::Str(name), Datum::from(item))),
            ),
            // Go 1.22 counts.
            Datum::Int(end) => self.each(range, (0..*end).map(|n| (Datum::Int(n), Datum::Int(n)))),
            _ => {
                let problem = format!("range can't iterate over a {}", value.type_name());
                self.fail(&range.pipe, RenderCause::Failed(problem))
            }
        }
    }

    fn each(
        &mut self,
        range: &'a Range,
        elements: impl Iterator<Item = (Datum<'a>, Datum<'a>)>,
    ) -> Outcome<bool> {
        let in_scope = self.variables.len();
        let mut any = false;
        for (key, element) in elements {
            any = true;
            self.spend(1)?;
            self.set_loop_variables(range, key, element.clone())?;
            let flow = self.list(&range.body, &element)?;
            self.variables.truncate(in_scope);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(any)
    }

    /// `range $element :=` or `range $key, $element :=`.
    fn set_loop_variables(
        &mut self,
        range: &'a Range,
        key: Datum<'a>,
        element: Datum<'a>,
    ) -> Outcome<()> {
        match range.pipe.variables.as_slice() {
            [] => Ok(()),
            [only] => self.set_variable(only, element),
            [first, second, ..] => {
                self.set_variable(first, key)?;
                self.set_variable(second, element)
            }
        }
    }

    fn call(&mut self, call: &'a Call, dot: &Datum<'a>) -> Outcome<Flow> {
        self.line = call.line;
        self.spend(1)?;
        let program = self.program;
        let Some((target, body)) = call
            .target
            .and_then(|at| Some((at, program.bodies.get(at)?)))
        else {
            let problem = format!("template {:?} not defined", call.name);
            return self.fail(&call.name, RenderCause::Failed(problem));
        };
        if self.calls == self.template_depth_max {
            return self.stop(LimitReached::TemplateDepth(self.template_depth_max));
        }
        let data = match &call.pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Datum::Absent,
        };
        let caller = (self.scope, self.body, self.variables.len());
        self.scope = self.variables.len();
        self.body = target;
        self.calls += 1;
        self.variables.push(("$", data.clone()));
        self.list(&body.nodes, &data)?;
        self.calls -= 1;
        let in_scope;
        (self.scope, self.body, in_scope) = caller;
        self.variables.truncate(in_scope);
        Ok(Flow::Onward)
    }

    /// Counts a field that the data does not have.
    fn note_missing(&mut self, name: &'a str) {
        let rendered = &mut self.rendered;
        rendered.missing_uses = rendered.missing_uses.saturating_add(1);
        let names = &mut rendered.missing_names;
        if names.len() < MISSING_NAMES_MAX && !names.contains(&name) {
            names.push(name);
        }
    }
}

fn counted<'a>(nth: usize) -> Datum<'a> {
    Datum::Int(i64::try_from(nth).unwrap_or(i64::MAX))
}
