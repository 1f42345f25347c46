//! Paths of MAIL and RCPT: `FROM:<address> PARAMETER=value …` (RFC 5321 §4.1.2).

use model::Address;

/// Most parameters of one command.
pub const PARAMETERS_MAX: usize = 16;

/// A path argument, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathArgument<'a> {
    /// What stood between the angle brackets.
    pub path: &'a str,
    /// What followed, unsplit.
    pub parameters: &'a str,
}

/// A command's path is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not `FROM:<…>` or `TO:<…>`.
    #[error("syntax: {0}:<address>")]
    Shape(&'static str),
    /// No mailbox address between the brackets.
    #[error("that is not a mailbox address")]
    Address,
}

/// Takes `keyword:<path> parameters` apart. The brackets are found outside of a quoted local part.
pub fn split<'a>(keyword: &'static str, argument: &'a str) -> Result<PathArgument<'a>, PathError> {
    let shape = PathError::Shape(keyword);
    let (name, rest) = argument.split_once(':').ok_or(shape)?;
    if !name.trim_end().eq_ignore_ascii_case(keyword) {
        return Err(shape);
    }
    let inner = rest.trim_start().strip_prefix('<').ok_or(shape)?;
    let end = closing_bracket(inner).ok_or(shape)?;
    let after = &inner[end + 1..];
    if !after.is_empty() && !after.starts_with(' ') {
        return Err(shape);
    }
    Ok(PathArgument {
        path: &inner[..end],
        parameters: after.trim(),
    })
}

fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(place),
            _ => {}
        }
    }
    None
}

/// The sender in a path; `None` is the null sender `<>`.
pub fn sender(path: &str) -> Result<Option<Address>, PathError> {
    match path {
        "" => Ok(None),
        _ => exact(path).map(Some),
    }
}

/// The recipient in a path. `<Postmaster>` alone is this host's (RFC 5321 §4.1.1.3).
pub fn recipient(path: &str, hostname: &str) -> Result<Address, PathError> {
    if path.eq_ignore_ascii_case("postmaster") {
        return exact(&format!("postmaster@{hostname}"));
    }
    exact(path)
}

/// An address with nothing around it. Source routes (`@a,@b:c@d`) are refused with all else.
fn exact(path: &str) -> Result<Address, PathError> {
    if path.trim().len() != path.len() {
        return Err(PathError::Address);
    }
    Address::parse(path).map_err(|_| PathError::Address)
}

/// Each parameter as name and value.
pub fn parameters(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split_ascii_whitespace()
        .take(PARAMETERS_MAX)
        .map(|parameter| match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let found = split("FROM", "from:<\"a>b\"@x.org> SIZE=10 SMTPUTF8").unwrap();
        assert_eq!(found.path, "\"a>b\"@x.org");
        let names: Vec<_> = parameters(found.parameters).collect();
        assert_eq!(names, [("SIZE", Some("10")), ("SMTPUTF8", None)]);
        assert_eq!(sender("").unwrap(), None);
        let postmaster = recipient("Postmaster", "mx.example.org").unwrap();
        assert_eq!(postmaster.as_str(), "postmaster@mx.example.org");
    }

    #[test]
    fn other_shapes_are_refused() {
        for bad in [
            "",
            "FROM",
            "FROM:",
            "FROM:a@b.c",
            "FROM:<a@b.c",
            "TO:<a@b.c>",
            "FROM:<a@b.c>x",
        ] {
            assert!(split("FROM", bad).is_err(), "{bad}");
        }
        for bad in ["a", "@x,@y:a@b.c", " a@b.c", "a@b@c", "a b@c.d", ""] {
            assert!(recipient(bad, "mx.example.org").is_err(), "{bad}");
        }
    }
}
