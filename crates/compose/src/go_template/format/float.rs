//! Floating-point numbers under `%e %f %g %v`, and as JSON writes them.

use super::bits::Bits;
use super::value::Printer;

/// More decimals than this are all zeros: no double has more.
const DECIMALS_MAX: usize = 1100;

/// Whether a float knows `verb`.
pub(super) fn has_verb(verb: char) -> bool {
    matches!(
        verb,
        'v' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'b' | 'x' | 'X'
    )
}

/// A decimal number as digits: `0.d1d2d3… × 10^point`.
struct Decimal {
    digits: String,
    point: i32,
}

impl Printer<'_> {
    pub(super) fn float(&mut self, verb: char, number: f64) {
        if !number.is_finite() {
            self.infinite(number);
            return;
        }
        let mut text = self.magnitude(verb, number.abs());
        if self.spec.sharp && verb != 'b' {
            text = self.with_point(verb, &text);
        }
        match self.float_sign(number) {
            Some(sign) => self.signed(sign, &text),
            None => self.pad(&text),
        }
    }

    fn magnitude(&self, verb: char, number: f64) -> String {
        let precision = self.spec.precision;
        match verb {
            'e' | 'E' => exponential(number, precision.unwrap_or(6), verb),
            'f' | 'F' => fixed(number, precision.unwrap_or(6)),
            'G' => general(number, precision, 'E'),
            'b' => Bits::of(number).binary(),
            'x' => Bits::of(number).hexadecimal(precision),
            'X' => Bits::of(number).hexadecimal(precision).to_uppercase(),
            _ => general(number, precision, 'e'),
        }
    }

    fn float_sign(&self, number: f64) -> Option<char> {
        match (number.is_sign_negative(), self.spec.plus, self.spec.space) {
            (true, _, _) => Some('-'),
            (false, true, _) => Some('+'),
            (false, false, true) => Some(' '),
            (false, false, false) => None,
        }
    }

    /// The sign stands before the zeros that fill the width.
    fn signed(&mut self, sign: char, text: &str) {
        let length = text.len() + 1;
        match self.spec.width {
            Some(width) if self.spec.zero && width > length => {
                self.out.push(sign);
                self.fill(width - length);
                self.out.push_str(text);
            }
            _ => self.pad(&format!("{sign}{text}")),
        }
    }

    fn infinite(&mut self, number: f64) {
        let name = if number.is_nan() { "NaN" } else { "Inf" };
        let sign = match (
            number.is_nan(),
            number < 0.0,
            self.spec.plus,
            self.spec.space,
        ) {
            (_, true, _, _) => "-",
            (_, _, true, _) => "+",
            (_, _, _, true) => " ",
            (true, ..) => "",
            (false, ..) => "+",
        };
        self.pad_with_spaces(&format!("{sign}{name}"));
    }

    /// `#`: always a decimal point, and for `%g` the zeros that were cut.
    fn with_point(&self, verb: char, text: &str) -> String {
        let hex = matches!(verb, 'x' | 'X');
        let exponent = if hex { ['p', 'P'] } else { ['e', 'E'] };
        let (mantissa, tail) = text
            .find(exponent)
            .map_or((text, ""), |at| text.split_at(at));
        // Of a hexadecimal number Go counts the `x` as well.
        let digits = mantissa.trim_start_matches(['0', '.']);
        let significant = digits.bytes().filter(u8::is_ascii_alphanumeric).count();
        let mut out = String::from(mantissa);
        if !mantissa.contains('.') {
            out.push('.');
        }
        if hex || matches!(verb, 'g' | 'G' | 'v') {
            let held = if mantissa == "0" { 1 } else { significant };
            let zeros = self.spec.precision.unwrap_or(6).saturating_sub(held);
            out.extend(std::iter::repeat_n('0', zeros));
        }
        out.push_str(tail);
        out
    }
}

/// `%f`.
fn fixed(number: f64, decimals: usize) -> String {
    let mut text = format!("{number:.*}", decimals.min(DECIMALS_MAX));
    text.extend(std::iter::repeat_n(
        '0',
        decimals.saturating_sub(DECIMALS_MAX),
    ));
    text
}

/// `%e`.
fn exponential(number: f64, decimals: usize, letter: char) -> String {
    let text = format!("{number:.*e}", decimals.min(DECIMALS_MAX));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let zeros = "0".repeat(decimals.saturating_sub(DECIMALS_MAX));
    format!(
        "{mantissa}{zeros}{}",
        exponent_text(exponent.parse().unwrap_or(0), letter)
    )
}

fn exponent_text(exponent: i32, letter: char) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{letter}{sign}{:02}", exponent.unsigned_abs())
}

/// `%g`: the form that is shorter, without trailing zeros. No precision means the fewest digits
/// that name the number.
fn general(number: f64, precision: Option<usize>, letter: char) -> String {
    let precision = precision.map(|precision| precision.max(1));
    let decimal = decimal(number, precision);
    let length = i32::try_from(decimal.digits.len()).unwrap_or(i32::MAX);
    let threshold = match precision {
        // Fewer digits than asked for, all before the point.
        Some(precision) if precision > decimal.digits.len() && length >= decimal.point => length,
        Some(precision) => i32::try_from(precision).unwrap_or(i32::MAX),
        None => 6,
    };
    let exponent = decimal.point - 1;
    if exponent < -4 || exponent >= threshold {
        return scientific(&decimal.digits, exponent, letter);
    }
    plain(&decimal)
}

/// The digits of `number`, all that name it or as many as `precision`, without trailing zeros.
fn decimal(number: f64, precision: Option<usize>) -> Decimal {
    let text = match precision {
        Some(precision) => format!("{number:.*e}", (precision - 1).min(DECIMALS_MAX)),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.replace('.', "");
    let trimmed = digits.trim_end_matches('0');
    if trimmed.is_empty() {
        return Decimal {
            digits: "0".into(),
            point: 1,
        };
    }
    Decimal {
        digits: trimmed.into(),
        point: exponent.parse::<i32>().unwrap_or(0) + 1,
    }
}

fn scientific(digits: &str, exponent: i32, letter: char) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}{}", exponent_text(exponent, letter))
}

fn plain(decimal: &Decimal) -> String {
    let digits = &decimal.digits;
    match usize::try_from(decimal.point) {
        Ok(point) if point >= digits.len() => {
            format!("{digits}{}", "0".repeat(point - digits.len()))
        }
        Ok(point) if point > 0 => format!("{}.{}", &digits[..point], &digits[point..]),
        _ => {
            let zeros = usize::try_from(-decimal.point).unwrap_or(0);
            format!("0.{}{digits}", "0".repeat(zeros))
        }
    }
}

/// As Go's JSON encoder writes it.
pub(in super::super) fn shortest_json(number: f64) -> String {
    let magnitude = number.abs();
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let decimal = decimal(magnitude, None);
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = scientific(&decimal.digits, decimal.point - 1, 'e');
        return format!("{sign}{}", text.replace("e-0", "e-"));
    }
    format!("{sign}{}", plain(&decimal))
}
