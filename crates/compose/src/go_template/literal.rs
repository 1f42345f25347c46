//! Go's literals: strings, characters and numbers as a template may write them.

use super::ast::Expr;

/// The text of a `"quoted"` literal, without its quotes. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn unquote(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        match next_char(rest, '"')? {
            (Unit::Char(char), tail) => {
                bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                rest = tail;
            }
            (Unit::Byte(byte), tail) => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    Some(
        String::from_utf8(bytes)
            .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into()),
    )
}

/// The text of a `` `raw` `` literal: Go drops carriage returns in it.
pub(super) fn unquote_raw(literal: &str) -> Option<String> {
    Some(
        literal
            .strip_prefix('`')?
            .strip_suffix('`')?
            .replace('\r', ""),
    )
}

/// The code of a `'c'` literal.
pub(super) fn character(literal: &str) -> Option<i64> {
    let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
    match next_char(inner, '\'')? {
        (Unit::Char(char), "") => Some(i64::from(u32::from(char))),
        (Unit::Byte(byte), "") => Some(i64::from(byte)),
        _ => None,
    }
}

/// A number literal as an expression, or why it is none.
pub(super) fn number(literal: &str) -> Result<Expr, String> {
    if literal.ends_with('i') {
        return Err(format!("complex number {literal} is not supported"));
    }
    if let Some(whole) = integer(literal) {
        return i64::try_from(whole)
            .map(Expr::Int)
            .map_err(|_| format!("integer overflow: {literal:?}"));
    }
    let looks_fractional = literal.contains(['.', 'e', 'E', 'p', 'P']);
    match float(literal) {
        Some(value) if looks_fractional && value.is_finite() => Ok(Expr::Float(value)),
        Some(_) if !looks_fractional => Err(format!("integer overflow: {literal:?}")),
        _ => Err(format!("illegal number syntax: {literal:?}")),
    }
}

/// How many bytes look like a number; [`number`] says whether they are one.
pub(super) fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let run = |mut index: usize, digit: fn(u8) -> bool| {
        while at(index) == b'_' || digit(at(index)) {
            index += 1;
        }
        index
    };
    let mut end = usize::from(matches!(at(0), b'+' | b'-'));
    let hex = at(end) == b'0' && matches!(at(end + 1), b'x' | b'X');
    if at(end) == b'0' && matches!(at(end + 1), b'x' | b'X' | b'o' | b'O' | b'b' | b'B') {
        end += 2;
    }
    let digit: fn(u8) -> bool = if hex {
        |b| b.is_ascii_hexdigit()
    } else {
        |b| b.is_ascii_digit()
    };
    end = run(end, digit);
    if at(end) == b'.' {
        end = run(end + 1, digit);
    }
    let exponent = if hex {
        matches!(at(end), b'p' | b'P')
    } else {
        matches!(at(end), b'e' | b'E')
    };
    if exponent {
        end += 1 + usize::from(matches!(at(end + 1), b'+' | b'-'));
        end = run(end, |b| b.is_ascii_digit());
    }
    end + usize::from(at(end) == b'i')
}

enum Unit {
    Char(char),
    Byte(u8),
}

/// Reads one character or escape; `quote` is the delimiter, which must be escaped.
fn next_char(text: &str, quote: char) -> Option<(Unit, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote || first == '\n' {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Char(first), chars.as_str()));
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let simple = match escape {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        '\'' | '"' if escape == quote => escape,
        'x' => return byte_escape(rest, 2, 16),
        '0'..='7' => return byte_escape(&text[1..], 3, 8),
        'u' => return unicode_escape(rest, 4),
        'U' => return unicode_escape(rest, 8),
        _ => return None,
    };
    Some((Unit::Char(simple), rest))
}

fn byte_escape(text: &str, digits: usize, radix: u32) -> Option<(Unit, &str)> {
    let (code, rest) = digits_value(text, digits, radix)?;
    Some((Unit::Byte(u8::try_from(code).ok()?), rest))
}

fn unicode_escape(text: &str, digits: usize) -> Option<(Unit, &str)> {
    let (code, rest) = digits_value(text, digits, 16)?;
    Some((Unit::Char(char::from_u32(code)?), rest))
}

fn digits_value(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let head = text.get(..digits)?;
    if !head.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(head, radix).ok()?, &text[digits..]))
}

/// A whole number in any of Go's bases; wide enough to tell an overflow from bad syntax.
fn integer(literal: &str) -> Option<i128> {
    let (negative, digits) = split_sign(literal);
    let (radix, digits) = split_base(digits);
    let mut value: i128 = 0;
    for digit in separated(digits, radix != 10)?.chars() {
        value = value
            .checked_mul(i128::from(radix))?
            .checked_add(i128::from(digit.to_digit(radix)?))?;
    }
    Some(if negative { -value } else { value })
}

fn split_sign(literal: &str) -> (bool, &str) {
    match literal.as_bytes().first() {
        Some(b'-') => (true, &literal[1..]),
        Some(b'+') => (false, &literal[1..]),
        _ => (false, literal),
    }
}

fn split_base(digits: &str) -> (u32, &str) {
    let prefix = digits.get(..2).unwrap_or_default();
    match prefix {
        "0x" | "0X" => (16, &digits[2..]),
        "0o" | "0O" => (8, &digits[2..]),
        "0b" | "0B" => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    }
}

/// Digits without their `_`, which may stand only between digits or, if `prefixed`, in front.
fn separated(digits: &str, prefixed: bool) -> Option<String> {
    let misplaced = digits.contains("__")
        || digits.ends_with('_')
        || (digits.starts_with('_') && !prefixed)
        || digits.is_empty();
    (!misplaced).then(|| digits.replace('_', ""))
}

fn float(literal: &str) -> Option<f64> {
    let (negative, digits) = split_sign(literal);
    let magnitude = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => hex_float(hex)?,
        None if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            digits.parse().ok()?
        }
        None => return None,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// `1.8p3` after `0x`: a mantissa in base 16 and an exponent of 2.
fn hex_float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    let exponent: i32 = exponent.parse().ok()?;
    Some(value * 2f64.powi(exponent.checked_sub(places)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_knows_gos_escapes() {
        assert_eq!(
            unquote(r#""a\n\x41\101\u00e9\"""#).as_deref(),
            Some("a\nAAé\"")
        );
        assert_eq!(unquote(r#""\'""#), None);
        assert_eq!(unquote(r#""\xff""#).as_deref(), Some("\u{fffd}"));
        assert_eq!(unquote(r#""\ud800""#), None);
        assert_eq!(character(r"'\''"), Some(39));
        assert_eq!(character("'ab'"), None);
    }

    #[test]
    fn numbers_keep_gos_kinds() {
        let shown = |text: &str| number(text).map(|expr| format!("{expr:?}"));
        assert_eq!(shown("0x1e"), Ok("Int(30)".into()));
        assert_eq!(shown("1e3"), Ok("Float(1000.0)".into()));
        assert_eq!(shown("1_000"), Ok("Int(1000)".into()));
        assert_eq!(shown("017"), Ok("Int(15)".into()));
        assert_eq!(shown("0x1.8p1"), Ok("Float(3.0)".into()));
        assert_eq!(shown("-5"), Ok("Int(-5)".into()));
        assert!(shown("9223372036854775808").is_err());
        assert!(shown("089").is_err());
        assert!(shown("1i").is_err());
        assert!(shown("-").is_err());
    }
}
