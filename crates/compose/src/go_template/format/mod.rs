//! What Go's `fmt` does with the values of a template: `print`, `println` and `printf`.

mod bits;
mod float;
mod integer;
mod quote;
mod spec;
mod value;

use super::datum::Datum;
use value::Printer;

pub(super) use float::shortest_json;
pub(super) use quote::is_printable;

/// The text would be longer than its bound.
#[derive(Debug)]
pub(super) struct TooLong;

/// Appends `datum` as `%v` prints it.
pub(super) fn value(datum: &Datum<'_>, out: &mut String) {
    match datum {
        Datum::Str(text) => out.push_str(text),
        Datum::Made(text) => out.push_str(text),
        _ => Printer::new(out).argument('v', datum),
    }
}

/// `fmt.Sprint`: a space between two operands when neither is text.
pub(super) fn print(data: &[Datum<'_>], bytes_max: usize, out: &mut String) -> Result<(), TooLong> {
    let mut after_text = true;
    for (nth, datum) in data.iter().enumerate() {
        let is_text = datum.text().is_some();
        if nth > 0 && !is_text && !after_text {
            out.push(' ');
        }
        after_text = is_text;
        value(datum, out);
        check(out, bytes_max)?;
    }
    Ok(())
}

/// `fmt.Sprintln`: a space between all operands, a newline at the end.
pub(super) fn println(
    data: &[Datum<'_>],
    bytes_max: usize,
    out: &mut String,
) -> Result<(), TooLong> {
    for (nth, datum) in data.iter().enumerate() {
        if nth > 0 {
            out.push(' ');
        }
        value(datum, out);
        check(out, bytes_max)?;
    }
    out.push('\n');
    Ok(())
}

/// `fmt.Sprintf`.
pub(super) fn printf(
    pattern: &str,
    data: &[Datum<'_>],
    bytes_max: usize,
    out: &mut String,
) -> Result<(), TooLong> {
    spec::Directives::new(pattern, data, bytes_max).write(out)
}

fn check(out: &str, bytes_max: usize) -> Result<(), TooLong> {
    if out.len() > bytes_max {
        Err(TooLong)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(pattern: &str, data: &[Datum<'_>]) -> String {
        let mut out = String::new();
        printf(pattern, data, 1 << 20, &mut out).unwrap();
        out
    }

    #[test]
    fn directives_follow_go() {
        assert_eq!(
            formatted(
                "%05.2f|%-5s|%5d",
                &[Datum::Float(3.145), Datum::Str("ab"), Datum::Int(7)]
            ),
            "03.15|ab   |    7"
        );
        assert_eq!(formatted("%d", &[Datum::Str("x")]), "%!d(string=x)");
        assert_eq!(formatted("%s %s", &[Datum::Str("x")]), "x %!s(MISSING)");
        assert_eq!(
            formatted("%s", &[Datum::Str("x"), Datum::Int(1)]),
            "x%!(EXTRA int=1)"
        );
        assert_eq!(
            formatted("%[2]d %[1]s %%", &[Datum::Str("x"), Datum::Int(1)]),
            "1 x %"
        );
        assert_eq!(formatted("%", &[]), "%!(NOVERB)");
        assert_eq!(
            formatted("%q %x", &[Datum::Str("a\"é\n"), Datum::Str("hi")]),
            r#""a\"é\n" 6869"#
        );
    }

    #[test]
    fn a_pattern_of_wide_directives_stops_at_the_bound() {
        let pattern = "%1000000d".repeat(1000);
        let data = vec![Datum::Int(1); 1000];
        assert!(printf(&pattern, &data, 1 << 20, &mut String::new()).is_err());
    }
}
