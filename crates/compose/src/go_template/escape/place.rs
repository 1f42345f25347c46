//! Which filters an action needs in its place.

use super::super::ast::{Action, Command, Expr, Pipe};
use super::super::builtins::Function;
use super::super::filter::Filter;
use super::Problem;
use super::context::{Context, Delim, Quote, Slash, State, UrlPart};

/// `pipe` as an action with the filters for `context`, and the context after it.
pub(super) fn filtered(pipe: &Pipe, context: Context) -> Result<(Action, Context), Problem> {
    check_own_escapers(pipe, context)?;
    let (mut filters, after) = filters(pipe, context)?;
    let pipe = give_way(pipe.clone(), &mut filters);
    Ok((
        Action {
            pipe,
            filters: without_redundant(&filters),
        },
        after,
    ))
}

/// A template's own `html` and `urlquery` may only stand at the end of a pipeline, where the
/// filters can take their place into account.
fn check_own_escapers(pipe: &Pipe, context: Context) -> Result<(), Problem> {
    let unquoted = context.state == State::Value && context.delim == Delim::Space;
    for (nth, command) in pipe.commands.iter().enumerate() {
        let Some(own) = own_escaper(command) else {
            continue;
        };
        let is_last = nth + 1 == pipe.commands.len();
        if !is_last || (unquoted && own == Function::Html) {
            return Err(format!(
                "predefined escaper {:?} disallowed in template",
                own.name()
            ));
        }
    }
    Ok(())
}

fn own_escaper(command: &Command) -> Option<Function> {
    match command.head {
        Expr::Function(own @ (Function::Html | Function::UrlQuery)) => Some(own),
        _ => None,
    }
}

fn filters(pipe: &Pipe, context: Context) -> Result<(Vec<Filter>, Context), Problem> {
    let mut after = context;
    let mut filters = match context.state {
        State::Text | State::Rcdata => vec![Filter::Html],
        State::Value => vec![],
        State::AttributeName | State::Tag => {
            after.state = State::AttributeName;
            vec![Filter::AttributeName]
        }
        State::Url | State::CssText(_) | State::CssUrl(_) => url_filters(pipe, context)?,
        State::Srcset => vec![Filter::Srcset],
        State::Js => {
            // A slash after a value divides by it.
            after.slash = Slash::Division;
            vec![Filter::JsValue]
        }
        State::JsText(Quote::Back) => {
            return Err(format!("{{{{{pipe}}}}} appears in a JS template literal"));
        }
        State::JsText(_) => vec![Filter::JsText],
        State::JsRegexp => vec![Filter::JsRegexp],
        State::Css => vec![Filter::CssValue],
        State::Comment | State::JsComment(_) | State::CssComment(_) => vec![Filter::Comment],
        State::AfterName | State::BeforeValue => {
            return Err(format!("{{{{{pipe}}}}} appears where no value can stand"));
        }
    };
    match context.delim {
        Delim::None => {}
        Delim::Space => filters.push(Filter::Unquoted),
        Delim::Double | Delim::Single => filters.push(Filter::Html),
    }
    Ok((filters, after))
}

/// Strings in a style sheet are taken for URLs, as most that matter are.
fn url_filters(pipe: &Pipe, context: Context) -> Result<Vec<Filter>, Problem> {
    let whole = match context.state {
        State::CssText(_) => Filter::CssText,
        _ => Filter::UrlPath,
    };
    match context.url {
        UrlPart::Start => Ok(vec![Filter::UrlScheme, whole]),
        UrlPart::BeforeQuery => Ok(vec![whole]),
        UrlPart::Query => Ok(vec![Filter::UrlQuery]),
        UrlPart::Unknown => Err(format!(
            "{{{{{pipe}}}}} appears in an ambiguous context within a URL"
        )),
    }
}

/// Lets a trailing `html` or `urlquery` of the template do the work of the filter it equals, and
/// takes it off the pipeline: twice escaped is wrong.
fn give_way(mut pipe: Pipe, filters: &mut [Filter]) -> Pipe {
    let Some(own) = pipe.commands.last().and_then(own_escaper) else {
        return pipe;
    };
    let mut replaced = false;
    for filter in filters.iter_mut() {
        match (own, *filter) {
            (Function::Html, Filter::Html) => *filter = Filter::OwnHtml,
            (Function::UrlQuery, Filter::UrlQuery | Filter::UrlPath) => *filter = Filter::OwnQuery,
            _ => continue,
        }
        replaced = true;
    }
    if let ([command], true) = (pipe.commands.as_mut_slice(), replaced)
        && !command.arguments.is_empty()
    {
        command.head = Expr::Function(Function::Joined);
    } else if replaced {
        pipe.commands.pop();
    }
    pipe
}

/// Leaves out a filter whose work the one before has done.
fn without_redundant(filters: &[Filter]) -> Box<[Filter]> {
    let mut kept: Vec<Filter> = Vec::with_capacity(filters.len());
    for filter in filters {
        let done = kept.last().is_some_and(|last| covers(*last, *filter));
        if !done {
            kept.push(*filter);
        }
    }
    kept.into()
}

fn covers(last: Filter, next: Filter) -> bool {
    match next {
        Filter::Html => matches!(
            last,
            Filter::Comment | Filter::CssText | Filter::JsRegexp | Filter::JsText
        ),
        Filter::Unquoted => last == Filter::Comment,
        Filter::UrlPath => last == Filter::UrlQuery,
        _ => false,
    }
}
