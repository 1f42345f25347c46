//! Go's templates: what `text/template` and `html/template` make of a source and its data.
//!
//! A [`Template`] is parsed once and rendered for each message. [`Template::parse_text`] gives the
//! plain form, for subjects and plain bodies; [`Template::parse_html`] the one that escapes each
//! value for its place in an HTML document, decided when it is parsed.
//!
//! **Promises.** The same output as Go 1.19 for the same template and data, byte for byte, but for
//! the cases that `tests/golden/go_template/differences.tsv` lists with reasons. No template, however
//! made, reads anything but its data, panics, overflows the stack, or goes past [`Limits`]. A
//! failed render leaves the output as it was.
//!
//! **Does not know** files, the environment, the network, the time, or what the text is for.
//!
//! | module | what it is for |
//! |---|---|
//! | `value`, `datum` | the data given; a value while a template runs |
//! | `lex`, `literal`, `parse`, `ast` | source → tokens → nodes |
//! | `escape` | follows the document and gives each action its filters |
//! | `filter` | the filters: one file a language |
//! | `exec` | walks the nodes, within a budget |
//! | `builtins`, `format` | Go's functions; Go's `fmt` |
//! | `fields` | which fields a template uses |

mod ast;
mod builtins;
mod datum;
mod error;
mod escape;
mod exec;
mod fields;
mod filter;
mod format;
mod lex;
mod literal;
mod parse;
mod value;

pub use error::{LimitReached, ParseError, RenderCause, RenderError};
pub use value::{Map, Value};

use ast::Node;
use exec::{Body, Program};
use parse::Definitions;

/// A parsed template, to be rendered any number of times, from any thread.
#[derive(Debug)]
pub struct Template {
    program: Program,
    fields: Box<[Box<str>]>,
}

/// What a field that the data does not have renders as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// As nothing; [`Rendered`] counts it.
    Empty,
    /// As an error that names it (Go's `missingkey=error`).
    Error,
}

/// The bounds of one render.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes a render may append, and any text within it be long.
    pub output_bytes_max: usize,
    /// How many steps it may take: a node, an operand, a round of a loop, 32 bytes of text.
    pub steps_max: u64,
    /// How deep templates may call each other.
    pub template_depth_max: u32,
}

impl Default for Limits {
    /// 2 MiB, 500,000 steps (some 30 ms), 64 calls.
    fn default() -> Self {
        Self {
            output_bytes_max: 2 << 20,
            steps_max: 500_000,
            template_depth_max: 64,
        }
    }
}

/// What a render tells besides its output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered<'t> {
    /// How often a field was asked for that the data does not have.
    pub missing_uses: u32,
    /// The names of those fields, each once, as first asked for; at most 64.
    pub missing_names: Vec<&'t str>,
}

impl Template {
    /// Parses a template for plain text.
    ///
    /// # Errors
    /// What is wrong with `source`, under `name` and with its line.
    pub fn parse_text(name: &str, source: &str) -> Result<Template, ParseError> {
        let definitions = parse::parse(name, source)?;
        let main = definitions.position(name).unwrap_or_default();
        Ok(Template::new(Program {
            bodies: linked(definitions),
            main,
        }))
    }

    /// Parses a template for HTML and decides how each of its values is escaped.
    ///
    /// # Errors
    /// What is wrong with `source`, or where its HTML leaves open what a value would be.
    pub fn parse_html(name: &str, source: &str) -> Result<Template, ParseError> {
        let definitions = parse::parse(name, source)?;
        let escaped = escape::escape(&definitions, name)?;
        let bodies = escaped
            .into_iter()
            .map(|escaped| Body {
                name: escaped.name,
                nodes: escaped.body,
            })
            .collect();
        Ok(Template::new(Program { bodies, main: 0 }))
    }

    fn new(program: Program) -> Template {
        Template {
            fields: fields::used_by(&program),
            program,
        }
    }

    /// Renders `data` and appends the result to `out`.
    ///
    /// # Errors
    /// Why it could not be rendered; `out` is then as it was before.
    pub fn render<'a>(
        &'a self,
        data: &'a Value<'_>,
        missing: Missing,
        limits: &Limits,
        out: &mut String,
    ) -> Result<Rendered<'a>, RenderError> {
        exec::render(&self.program, data, missing, limits, out).map_err(|error| *error)
    }

    /// The names of the top-level fields that the template uses, in order: `.name`, `$.name` and
    /// `index . "name"`.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(AsRef::as_ref)
    }
}

/// The bodies of `definitions`, with each call pointed at its target.
fn linked(definitions: Definitions) -> Vec<Body> {
    let (definitions, positions) = definitions.into_parts();
    let body = |mut definition: parse::Definition| {
        link(&mut definition.body, &positions);
        Body {
            name: definition.name,
            nodes: definition.body,
        }
    };
    definitions.into_iter().map(body).collect()
}

fn link(nodes: &mut [Node], positions: &parse::Positions) {
    for node in nodes {
        match node {
            Node::Call(call) => call.target = positions.get(&call.name).copied(),
            Node::Branch(branch) => {
                branch
                    .arms
                    .iter_mut()
                    .for_each(|arm| link(&mut arm.body, positions));
                link(&mut branch.otherwise, positions);
            }
            Node::Range(range) => {
                link(&mut range.body, positions);
                link(&mut range.otherwise, positions);
            }
            Node::Text { .. } | Node::Action(_) | Node::Break | Node::Continue => {}
        }
    }
}
