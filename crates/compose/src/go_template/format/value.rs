//! One value under one verb.

use super::super::datum::Datum;
use super::quote::Charset;
use super::spec::Spec;
use super::{float, integer, quote};

/// Writes values by a [`Spec`].
pub(super) struct Printer<'o> {
    pub(super) spec: Spec,
    pub(super) out: &'o mut String,
}

impl<'o> Printer<'o> {
    pub(super) fn new(out: &'o mut String) -> Self {
        Self {
            spec: Spec::default(),
            out,
        }
    }

    pub(super) fn with(out: &'o mut String, spec: Spec) -> Self {
        Self { spec, out }
    }

    /// Writes a whole operand.
    pub(super) fn argument(&mut self, verb: char, datum: &Datum<'_>) {
        match verb {
            'T' => self.text('s', datum.type_name()),
            'v' if datum.is_nothing() => self.pad("<nil>"),
            _ => self.nested(verb, datum),
        }
    }

    fn nested(&mut self, verb: char, datum: &Datum<'_>) {
        match datum {
            Datum::Absent | Datum::Nil => self.bad_verb(verb, datum),
            Datum::Bool(truth) if matches!(verb, 't' | 'v') => {
                self.pad(if *truth { "true" } else { "false" });
            }
            Datum::Int(number) if integer::has_verb(verb) => self.int(verb, *number),
            Datum::Byte(byte) if integer::has_verb(verb) => self.byte(verb, *byte),
            Datum::Float(number) if float::has_verb(verb) => self.float(verb, *number),
            Datum::Str(text) if has_text_verb(verb) => self.text(verb, text),
            Datum::Made(text) if has_text_verb(verb) => self.text(verb, text),
            Datum::List(_) | Datum::Map(_) if verb == 'p' => self.bad_verb(verb, datum),
            Datum::List(items) => {
                self.open("[]interface {}{", "[");
                for (nth, item) in items.iter().enumerate() {
                    self.separate(nth);
                    self.element(verb, &Datum::from(item));
                }
                self.close();
            }
            Datum::Map(map) => {
                self.open("map[string]interface {}{", "map[");
                for (nth, (name, value)) in map.iter().enumerate() {
                    self.separate(nth);
                    self.element(verb, &Datum::Str(name));
                    self.out.push(':');
                    self.element(verb, &Datum::from(value));
                }
                self.close();
            }
            _ => self.bad_verb(verb, datum),
        }
    }

    fn element(&mut self, verb: char, datum: &Datum<'_>) {
        match datum {
            Datum::Absent | Datum::Nil if self.spec.sharp_v => {
                self.out.push_str("interface {}(nil)")
            }
            Datum::Absent | Datum::Nil => self.out.push_str("<nil>"),
            _ => self.nested(verb, datum),
        }
    }

    fn open(&mut self, source: &str, plain: &str) {
        self.out
            .push_str(if self.spec.sharp_v { source } else { plain });
    }

    fn separate(&mut self, nth: usize) {
        if nth > 0 {
            self.out
                .push_str(if self.spec.sharp_v { ", " } else { " " });
        }
    }

    fn close(&mut self) {
        self.out.push(if self.spec.sharp_v { '}' } else { ']' });
    }

    fn text(&mut self, verb: char, text: &str) {
        match verb {
            'x' | 'X' => self.hex_text(verb, text.as_bytes()),
            'q' => self.quoted(text),
            'v' if self.spec.sharp_v => self.quoted(text),
            _ => {
                let text = self.truncated(text);
                self.pad(text);
            }
        }
    }

    /// `text` cut to as many characters as the precision says.
    fn truncated<'t>(&self, text: &'t str) -> &'t str {
        let end = self
            .spec
            .precision
            .and_then(|length| text.char_indices().nth(length));
        end.map_or(text, |(at, _)| &text[..at])
    }

    fn quoted(&mut self, text: &str) {
        let text = self.truncated(text);
        let quoted = if self.spec.sharp && quote::can_backquote(text) {
            format!("`{text}`")
        } else {
            quote::quoted(text, '"', self.charset())
        };
        self.pad(&quoted);
    }

    /// `+` asks for ASCII.
    pub(super) fn charset(&self) -> Charset {
        if self.spec.plus {
            Charset::Ascii
        } else {
            Charset::Unicode
        }
    }

    fn hex_text(&mut self, verb: char, bytes: &[u8]) {
        let length = self
            .spec
            .precision
            .map_or(bytes.len(), |length| length.min(bytes.len()));
        let mut hex = String::with_capacity(length * 2);
        for (nth, byte) in bytes[..length].iter().enumerate() {
            if self.spec.space && nth > 0 {
                hex.push(' ');
            }
            if self.spec.sharp && (self.spec.space || nth == 0) {
                hex.push('0');
                hex.push(verb);
            }
            hex.push_str(&integer::digits(u64::from(byte >> 4), 16, verb));
            hex.push_str(&integer::digits(u64::from(byte & 15), 16, verb));
        }
        self.pad(&hex);
    }

    /// Writes `text` within the width.
    pub(super) fn pad(&mut self, text: &str) {
        let Some(width) = self.spec.width else {
            self.out.push_str(text);
            return;
        };
        let missing = width.saturating_sub(text.chars().count());
        if !self.spec.minus {
            self.fill(missing);
        }
        self.out.push_str(text);
        if self.spec.minus {
            self.fill(missing);
        }
    }

    /// Writes `text` within the width, with spaces even if zeros are asked for.
    pub(super) fn pad_with_spaces(&mut self, text: &str) {
        let zero = std::mem::take(&mut self.spec.zero);
        self.pad(text);
        self.spec.zero = zero;
    }

    pub(super) fn fill(&mut self, count: usize) {
        let fill = if self.spec.zero { '0' } else { ' ' };
        self.out.extend(std::iter::repeat_n(fill, count));
    }

    /// `%!d(string=hi)`: a verb that the value does not know.
    fn bad_verb(&mut self, verb: char, datum: &Datum<'_>) {
        self.out.push_str("%!");
        self.out.push(verb);
        self.out.push('(');
        self.out.push_str(datum.type_name());
        if !datum.is_nothing() {
            self.out.push('=');
            self.nested('v', datum);
        }
        self.out.push(')');
    }
}

fn has_text_verb(verb: char) -> bool {
    matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
}
