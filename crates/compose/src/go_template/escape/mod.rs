//! Contextual escaping: follows the document through every branch of a template, and gives each
//! action the filters that its place needs.
//!
//! A template is rewritten once for each context it is called in. Nothing is decided while
//! rendering.

mod attribute;
mod context;
mod entity;
mod markup;
mod place;
mod script;
mod style;
mod text;

use std::collections::HashMap;

use super::ast::{Action, Arm, Branch, BranchKind, Call, Node, Range};
use super::error::ParseError;
use super::parse::{Definition, Definitions};
use context::{Context, State};

/// How much work escaping one template may be: nested loops and templates called in many contexts
/// multiply it. A newsletter of 100 KB takes some thousand units.
const EFFORT_MAX: usize = 200_000;

/// How deep templates may call each other.
const DEPTH_MAX: u32 = 64;

/// One unit of effort passes this much text.
const EFFORT_BYTES: usize = 64;

/// What is wrong, before it is known where.
type Problem = String;

/// A context, or `None` where the template never gets to: after a `{{break}}`.
type Reach = Option<Context>;

/// A body ready to run, under the name of its template.
pub(super) struct Escaped {
    pub(super) name: Box<str>,
    pub(super) body: Vec<Node>,
}

/// Escapes `main` and all it calls; the first of the bodies is `main`'s.
pub(super) fn escape(definitions: &Definitions, main: &str) -> Result<Vec<Escaped>, ParseError> {
    let mut escaper = Escaper {
        definitions,
        calls: HashMap::new(),
        bodies: Vec::new(),
        loops: Vec::new(),
        template: main,
        line: 1,
        effort: 0,
        depth: 0,
    };
    let (_, end) = escaper.template(main, Context::TEXT, 1)?;
    if end.is_some_and(|end| end.state != State::Text) {
        return escaper.fail(1, "ends in a non-text context");
    }
    Ok(escaper.bodies)
}

/// A template in the context it starts in.
type Place<'d> = (&'d str, Context);

/// What is known about a template in its place.
struct CallState {
    body: usize,
    end: Reach,
    /// Whether it was called while it was being worked out.
    recursive: bool,
}

struct Escaper<'d> {
    definitions: &'d Definitions,
    calls: HashMap<Place<'d>, CallState>,
    bodies: Vec<Escaped>,
    /// For each loop around the current node, where its breaks and continues leave it.
    loops: Vec<Vec<Context>>,
    template: &'d str,
    /// The line last come by, for errors.
    line: u32,
    effort: usize,
    depth: u32,
}

impl<'d> Escaper<'d> {
    fn fail<T>(&self, line: u32, problem: impl Into<Problem>) -> Result<T, ParseError> {
        Err(ParseError::new(self.template, line, problem.into()))
    }

    fn spend(&mut self, effort: usize) -> Result<(), ParseError> {
        self.effort += effort;
        if self.effort > EFFORT_MAX {
            return self.fail(
                self.line,
                "too many loops or calls within each other to be escaped",
            );
        }
        Ok(())
    }

    fn descend(&mut self, line: u32) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.fail(
                line,
                format!("templates call each other deeper than {DEPTH_MAX}"),
            );
        }
        Ok(())
    }

    /// The body of `name` for `start`, and the context after it.
    fn template(
        &mut self,
        name: &str,
        start: Context,
        line: u32,
    ) -> Result<(usize, Reach), ParseError> {
        let Some(definition) = self.definitions.get(name) else {
            return self.fail(line, format!("no such template {name:?}"));
        };
        if let Some(known) = self.calls.get_mut(&(&*definition.name, start)) {
            known.recursive = true;
            return Ok((known.body, known.end));
        }
        let caller = std::mem::replace(&mut self.template, &definition.name);
        let loops = std::mem::take(&mut self.loops);
        let outcome = self.work_out(definition, start, line);
        self.loops = loops;
        self.template = caller;
        outcome
    }

    /// A template that calls itself ends in a context that depends on itself: assume one, and see
    /// whether it comes out again. Few need a second assumption, none is given a third.
    fn work_out(
        &mut self,
        definition: &'d Definition,
        start: Context,
        line: u32,
    ) -> Result<(usize, Reach), ParseError> {
        let place = (&*definition.name, start);
        let mut assumed = Some(start);
        for _ in 0..2 {
            let body = self.bodies.len();
            self.bodies.push(Escaped {
                name: definition.name.clone(),
                body: Vec::new(),
            });
            self.calls.insert(
                place,
                CallState {
                    body,
                    end: assumed,
                    recursive: false,
                },
            );
            self.descend(line)?;
            let (nodes, end) = self.list(&definition.body, Some(start))?;
            self.depth -= 1;
            let recursive = self.calls.get(&place).is_some_and(|state| state.recursive);
            if !recursive || end == assumed {
                self.bodies[body].body = nodes;
                self.calls.insert(
                    place,
                    CallState {
                        body,
                        end,
                        recursive: false,
                    },
                );
                return Ok((body, end));
            }
            // What was worked out meanwhile rests on the wrong assumption.
            self.calls.retain(|_, state| state.body < body);
            self.bodies.truncate(body);
            assumed = end;
        }
        self.fail(
            line,
            format!(
                "cannot compute output context for template {:?}",
                definition.name
            ),
        )
    }

    /// Rewrites `nodes`; what cannot be reached is left out.
    fn list(&mut self, nodes: &[Node], start: Reach) -> Result<(Vec<Node>, Reach), ParseError> {
        let mut written = Vec::with_capacity(nodes.len());
        let mut reach = start;
        self.spend(1)?;
        for node in nodes {
            let Some(context) = reach else { break };
            self.spend(1)?;
            let (node, after) = self.node(node, context)?;
            written.push(node);
            reach = after;
        }
        Ok((written, reach))
    }

    fn node(&mut self, node: &Node, context: Context) -> Result<(Node, Reach), ParseError> {
        match node {
            Node::Text { line, text } => self.text(*line, text, context),
            Node::Action(action) => self.action(action, context),
            Node::Branch(branch) => self.branch(branch, context),
            Node::Range(range) => self.range(range, context),
            Node::Call(call) => self.call(call, context),
            Node::Break | Node::Continue => {
                if let Some(exits) = self.loops.last_mut() {
                    exits.push(context);
                }
                Ok((node.clone(), None))
            }
        }
    }

    fn text(
        &mut self,
        line: u32,
        source: &str,
        start: Context,
    ) -> Result<(Node, Reach), ParseError> {
        self.line = line;
        self.spend(source.len() / EFFORT_BYTES)?;
        match text::rewrite(start, source) {
            Ok((text, end)) => Ok((
                Node::Text {
                    line,
                    text: text.into(),
                },
                Some(end),
            )),
            Err((at, problem)) => {
                let lines_before = source.as_bytes()[..at]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                let line = line.saturating_add(u32::try_from(lines_before).unwrap_or(u32::MAX));
                self.fail(line, problem)
            }
        }
    }

    fn action(&mut self, action: &Action, context: Context) -> Result<(Node, Reach), ParseError> {
        let line = action.pipe.line;
        self.line = line;
        if !action.pipe.variables.is_empty() {
            return Ok((Node::Action(action.clone()), Some(context)));
        }
        match place::filtered(&action.pipe, context.nudged()) {
            Ok((action, after)) => Ok((Node::Action(action), Some(after))),
            Err(problem) => self.fail(line, problem),
        }
    }

    fn call(&mut self, call: &Call, context: Context) -> Result<(Node, Reach), ParseError> {
        let (body, end) = self.template(&call.name, context, call.line)?;
        Ok((
            Node::Call(Call {
                target: Some(body),
                ..call.clone()
            }),
            end,
        ))
    }

    fn branch(&mut self, branch: &Branch, context: Context) -> Result<(Node, Reach), ParseError> {
        let name = match branch.kind {
            BranchKind::If => "if",
            BranchKind::With => "with",
        };
        let mut arms = Vec::with_capacity(branch.arms.len());
        let mut ends = Vec::with_capacity(branch.arms.len());
        for arm in &branch.arms {
            let (body, end) = self.list(&arm.body, Some(context))?;
            arms.push(Arm {
                pipe: arm.pipe.clone(),
                body,
            });
            ends.push((arm.pipe.line, end));
        }
        let (otherwise, mut reach) = self.list(&branch.otherwise, Some(context))?;
        for (line, end) in ends.into_iter().rev() {
            reach = self.join(end, reach, line, name)?;
        }
        Ok((
            Node::Branch(Branch {
                kind: branch.kind,
                arms,
                otherwise,
            }),
            reach,
        ))
    }

    /// A loop's body must leave the document as it found it, for it may come round again.
    fn range(&mut self, range: &Range, context: Context) -> Result<(Node, Reach), ParseError> {
        let line = range.pipe.line;
        let (body, once) = self.pass(range, Some(context))?;
        let (_, twice) = self.pass(range, once)?;
        let looped = self.join(once, twice, line, "range")?;
        let (otherwise, skipped) = self.list(&range.otherwise, Some(context))?;
        let reach = self.join(looped, skipped, line, "range")?;
        Ok((
            Node::Range(Range {
                pipe: range.pipe.clone(),
                body,
                otherwise,
            }),
            reach,
        ))
    }

    /// One time round a loop: where it leads by its end, a `{{break}}` or a `{{continue}}`.
    fn pass(&mut self, range: &Range, start: Reach) -> Result<(Vec<Node>, Reach), ParseError> {
        self.loops.push(Vec::new());
        let outcome = self.list(&range.body, start);
        let exits = self.loops.pop().unwrap_or_default();
        let (body, mut reach) = outcome?;
        for exit in exits {
            reach = self.join(reach, Some(exit), range.pipe.line, "range")?;
        }
        Ok((body, reach))
    }

    fn join(&self, left: Reach, right: Reach, line: u32, name: &str) -> Result<Reach, ParseError> {
        let (Some(one), Some(other)) = (left, right) else {
            return Ok(left.or(right));
        };
        match one.joined(other) {
            Some(joined) => Ok(Some(joined)),
            None => self.fail(
                line,
                format!("{{{{{name}}}}} branches end in different contexts"),
            ),
        }
    }
}
