//! The templates of a letter, filled in with one recipient's data.

use std::collections::BTreeSet;

use model::HeaderText;

use super::data::Recipient;
use super::error::{ComposeError, Part};
use super::source::MissingFields;
use super::{Letter, MissingField, RENDERED_LINE_BYTES_MAX, Scratch};
use crate::go_template::{Limits, Missing, RenderCause, RenderError, Rendered, Template, Value};
use crate::mime::Link;

// === impl Letter ===

impl Letter {
    /// The subject. A line break that the data brings in costs nobody their mail: it becomes a
    /// space.
    pub(super) fn subject_of(
        &self,
        values: &Value<'_>,
        line: &mut String,
    ) -> Result<HeaderText, ComposeError> {
        render_line(Part::Subject, &self.subject, values, line)?;
        Ok(HeaderText::cleaned(line))
    }

    /// The links to unsubscribe.
    pub(super) fn links_of(
        &self,
        values: &Value<'_>,
        line: &mut String,
    ) -> Result<Vec<Link>, ComposeError> {
        let mut links = Vec::with_capacity(self.links.len());
        for template in &self.links {
            render_line(Part::Unsubscribe, template, values, line)?;
            links.push(Link::parse(line).map_err(ComposeError::Link)?);
        }
        match self.one_click && !links.iter().any(Link::is_https) {
            true => Err(ComposeError::OneClickNeedsHttps),
            false => Ok(links),
        }
    }

    /// Renders the bodies into `scratch`. Gives which fields were missing in both together.
    pub(super) fn render_bodies<'t>(
        &'t self,
        values: &'t Value<'_>,
        scratch: &mut Scratch,
    ) -> Result<Rendered<'t>, ComposeError> {
        let mut both = Rendered::default();
        let bodies = [
            (Part::Text, &self.text, &mut scratch.text),
            (Part::Html, &self.html, &mut scratch.html),
        ];
        for (part, template, out) in bodies {
            out.clear();
            if let Some(template) = template {
                let rendered = self.render_body(part, template, values, out)?;
                both.missing_uses += rendered.missing_uses;
                both.missing_names.extend(rendered.missing_names);
            }
        }
        Ok(both)
    }

    /// The fields that the letter uses and one recipient's data lacks: those that its templates
    /// name, whether or not this data leads there, and those that turn up as they run.
    pub fn missing_fields(
        &self,
        recipient: Recipient<'_>,
    ) -> Result<Vec<MissingField>, ComposeError> {
        let values = recipient.values()?;
        let mut missing = Vec::new();
        for (part, template) in self.templates() {
            let fields = lacking(part, template, &values)?;
            missing.extend(fields.into_iter().map(|field| MissingField { part, field }));
        }
        Ok(missing)
    }

    fn templates(&self) -> impl Iterator<Item = (Part, &Template)> {
        let links = self.links.iter().map(|link| (Part::Unsubscribe, link));
        let text = self.text.iter().map(|text| (Part::Text, text));
        let html = self.html.iter().map(|html| (Part::Html, html));
        let subject = std::iter::once((Part::Subject, &self.subject));
        subject.chain(text).chain(html).chain(links)
    }

    fn render_body<'t>(
        &self,
        part: Part,
        template: &'t Template,
        values: &'t Value<'_>,
        out: &mut String,
    ) -> Result<Rendered<'t>, ComposeError> {
        let missing = match self.missing_fields {
            MissingFields::Empty => Missing::Empty,
            MissingFields::Refuse => Missing::Error,
        };
        template
            .render(values, missing, &Limits::default(), out)
            .map_err(|error| failed(part, error))
    }
}

fn lacking(
    part: Part,
    template: &Template,
    values: &Value<'_>,
) -> Result<BTreeSet<String>, ComposeError> {
    let has = |field: &str| match values {
        Value::Map(map) => map.get(field).is_some(),
        _ => false,
    };
    let rendered = template
        .render(
            values,
            Missing::Empty,
            &Limits::default(),
            &mut String::new(),
        )
        .map_err(|error| failed(part, error))?;
    let named = template.fields().filter(|field| !has(field));
    Ok(named
        .chain(rendered.missing_names)
        .map(str::to_owned)
        .collect())
}

/// Renders what becomes a header: nothing may be missing in it, and it is kept short.
fn render_line(
    part: Part,
    template: &Template,
    values: &Value<'_>,
    line: &mut String,
) -> Result<(), ComposeError> {
    line.clear();
    let limits = Limits {
        output_bytes_max: RENDERED_LINE_BYTES_MAX,
        ..Limits::default()
    };
    template
        .render(values, Missing::Error, &limits, line)
        .map_err(|error| failed(part, error))?;
    Ok(())
}

fn failed(part: Part, error: RenderError) -> ComposeError {
    match error.cause {
        RenderCause::MissingField(field) => ComposeError::MissingField { part, field },
        RenderCause::Failed(_) | RenderCause::Limit(_) => ComposeError::Render {
            part,
            source: error,
        },
    }
}
