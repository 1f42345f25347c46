//! Whole numbers under `%d %b %o %O %x %X %c %q %U %v`.

use super::quote;
use super::value::Printer;

/// Whether a whole number knows `verb`.
pub(super) fn has_verb(verb: char) -> bool {
    matches!(
        verb,
        'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' | 'c' | 'q' | 'U'
    )
}

/// `number` in `radix`; `X` asks for capitals.
pub(super) fn digits(number: u64, radix: u64, verb: char) -> String {
    let mut reversed = Vec::with_capacity(20);
    let mut rest = number;
    loop {
        let digit = u32::try_from(rest % radix).unwrap_or_default();
        let char = char::from_digit(digit, 16).unwrap_or('0');
        reversed.push(if verb == 'X' {
            char.to_ascii_uppercase()
        } else {
            char
        });
        rest /= radix;
        if rest == 0 {
            return reversed.iter().rev().collect();
        }
    }
}

impl Printer<'_> {
    pub(super) fn int(&mut self, verb: char, number: i64) {
        match verb {
            'c' => self.pad(character(number).encode_utf8(&mut [0; 4])),
            'q' => {
                let text = quote::quoted(
                    character(number).encode_utf8(&mut [0; 4]),
                    '\'',
                    self.charset(),
                );
                self.pad(&text);
            }
            'U' => self.code_point(number),
            _ => self.based(verb, number.unsigned_abs(), number < 0),
        }
    }

    pub(super) fn byte(&mut self, verb: char, byte: u8) {
        if verb == 'v' && self.spec.sharp_v {
            self.out.push_str("0x");
            self.out.push_str(&digits(u64::from(byte), 16, 'x'));
            return;
        }
        self.int(verb, i64::from(byte));
    }

    fn based(&mut self, verb: char, magnitude: u64, negative: bool) {
        let radix = match verb {
            'b' => 2,
            'o' | 'O' => 8,
            'x' | 'X' => 16,
            _ => 10,
        };
        if self.spec.precision == Some(0) && magnitude == 0 {
            self.pad_with_spaces("");
            return;
        }
        let digits = digits(magnitude, radix, verb);
        let zeros = self.digits_min(negative).saturating_sub(digits.len());
        let mut text = String::from(self.sign(negative));
        text.push_str(self.prefix(verb, zeros == 0 && !digits.starts_with('0')));
        text.extend(std::iter::repeat_n('0', zeros));
        text.push_str(&digits);
        self.pad_with_spaces(&text);
    }

    /// `%.3d` and `%03d` both ask for leading zeros; the sign takes a place of the latter.
    fn digits_min(&self, negative: bool) -> usize {
        match (self.spec.precision, self.spec.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if self.spec.zero => {
                width.saturating_sub(usize::from(negative || self.spec.plus || self.spec.space))
            }
            _ => 0,
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.spec.plus, self.spec.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn prefix(&self, verb: char, lacks_zero: bool) -> &'static str {
        match verb {
            'O' => {
                if self.spec.sharp && lacks_zero {
                    "0o0"
                } else {
                    "0o"
                }
            }
            'b' if self.spec.sharp => "0b",
            'o' if self.spec.sharp && lacks_zero => "0",
            'x' if self.spec.sharp => "0x",
            'X' if self.spec.sharp => "0X",
            _ => "",
        }
    }

    /// `U+0041`, with `#` also `'A'`.
    fn code_point(&mut self, number: i64) {
        let digits = digits(number.cast_unsigned(), 16, 'X');
        let zeros = self
            .spec
            .precision
            .unwrap_or(4)
            .max(4)
            .saturating_sub(digits.len());
        let mut text = format!("U+{}{digits}", "0".repeat(zeros));
        let shown = u32::try_from(number).ok().and_then(char::from_u32);
        if let Some(char) = shown.filter(|char| self.spec.sharp && quote::is_printable(*char)) {
            text.push_str(&format!(" '{char}'"));
        }
        self.pad_with_spaces(&text);
    }
}

/// The character of a code; no character at all is U+FFFD.
fn character(number: i64) -> char {
    u32::try_from(number)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or('\u{fffd}')
}
