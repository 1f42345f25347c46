//! The directives of a `printf` pattern: flags, width, precision, argument numbers, verb.

use super::super::datum::Datum;
use super::value::Printer;
use super::{TooLong, check};

/// A width, precision or argument number beyond this is refused: Go's check comes a digit late.
const NUMBER_MAX: usize = 10_000_009;

/// The same for one that is taken from the arguments.
const STARRED_MAX: u64 = 1_000_000;

/// What a directive says before its verb.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spec {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v` and `%#v`, whose flags mean something of their own.
    pub(super) plus_v: bool,
    pub(super) sharp_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// A pattern being worked through.
pub(super) struct Directives<'p, 'd, 'a> {
    pattern: &'p str,
    data: &'d [Datum<'a>],
    bytes_max: usize,
    next: usize,
    /// Whether any directive chose its argument by number: then none counts as extra.
    reordered: bool,
    good_number: bool,
}

impl<'p, 'd, 'a> Directives<'p, 'd, 'a> {
    pub(super) fn new(pattern: &'p str, data: &'d [Datum<'a>], bytes_max: usize) -> Self {
        Self {
            pattern,
            data,
            bytes_max,
            next: 0,
            reordered: false,
            good_number: true,
        }
    }

    pub(super) fn write(mut self, out: &mut String) -> Result<(), TooLong> {
        while let Some(at) = memchr::memchr(b'%', self.pattern.as_bytes()) {
            out.push_str(&self.pattern[..at]);
            self.pattern = &self.pattern[at + 1..];
            self.directive(out);
            check(out, self.bytes_max)?;
        }
        out.push_str(self.pattern);
        if !self.reordered && self.next < self.data.len() {
            self.write_extra(out);
        }
        check(out, self.bytes_max)
    }

    fn directive(&mut self, out: &mut String) {
        let mut spec = self.flags();
        self.good_number = true;
        let mut numbered = self.argument_number();
        if self.eat('*') {
            self.starred_width(&mut spec, out);
            numbered = false;
        } else {
            spec.width = self.number();
            // "%[3]2d": the number must stand right before what it is for.
            self.good_number &= !(numbered && spec.width.is_some());
        }
        if self.eat('.') {
            self.good_number &= !numbered;
            numbered = self.precision(&mut spec, out);
        }
        if !numbered {
            self.argument_number();
        }
        self.verb(spec, out);
    }

    fn verb(&mut self, mut spec: Spec, out: &mut String) {
        let Some(verb) = self.pattern.chars().next() else {
            out.push_str("%!(NOVERB)");
            return;
        };
        self.pattern = &self.pattern[verb.len_utf8()..];
        match self.data.get(self.next) {
            _ if verb == '%' => out.push('%'),
            _ if !self.good_number => write_bad(out, verb, "(BADINDEX)"),
            None => write_bad(out, verb, "(MISSING)"),
            Some(datum) => {
                if verb == 'v' {
                    spec.sharp_v = std::mem::take(&mut spec.sharp);
                    spec.plus_v = std::mem::take(&mut spec.plus);
                }
                Printer::with(out, spec).argument(verb, datum);
                self.next += 1;
            }
        }
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        loop {
            match self.pattern.as_bytes().first() {
                Some(b'#') => spec.sharp = true,
                Some(b'0') => spec.zero = !spec.minus,
                Some(b'+') => spec.plus = true,
                Some(b'-') => (spec.minus, spec.zero) = (true, false),
                Some(b' ') => spec.space = true,
                _ => return spec,
            }
            self.pattern = &self.pattern[1..];
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        match self.pattern.strip_prefix(wanted) {
            Some(rest) => {
                self.pattern = rest;
                true
            }
            None => false,
        }
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.pattern.len()
            - self
                .pattern
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .len();
        let (number, rest) = self.pattern.split_at(digits);
        self.pattern = rest;
        match number.parse() {
            Ok(number) if number <= NUMBER_MAX => Some(number),
            // A number past all sense ends the pattern.
            _ if digits > 0 => {
                self.pattern = "";
                None
            }
            _ => None,
        }
    }

    /// `[n]`: the next argument is number n. Says whether one was there and good.
    fn argument_number(&mut self) -> bool {
        let Some(inner) = self.pattern.strip_prefix('[') else {
            return false;
        };
        self.reordered = true;
        let closed = if self.pattern.len() < 3 {
            None
        } else {
            inner.split_once(']')
        };
        let Some((number, rest)) = closed else {
            self.pattern = inner;
            self.good_number = false;
            return false;
        };
        self.pattern = rest;
        let well_formed = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        match number.parse::<usize>() {
            Ok(number) if well_formed && (1..=self.data.len()).contains(&number) => {
                self.next = number - 1;
                true
            }
            _ => {
                self.good_number = false;
                well_formed
            }
        }
    }

    fn starred_width(&mut self, spec: &mut Spec, out: &mut String) {
        match self.starred() {
            Some(width) => {
                spec.width = usize::try_from(width.unsigned_abs()).ok();
                if width < 0 {
                    (spec.minus, spec.zero) = (true, false);
                }
            }
            None => out.push_str("%!(BADWIDTH)"),
        }
    }

    fn precision(&mut self, spec: &mut Spec, out: &mut String) -> bool {
        let numbered = self.argument_number();
        if !self.eat('*') {
            spec.precision = Some(self.number().unwrap_or(0));
            return numbered;
        }
        let starred = self.starred();
        spec.precision = starred.and_then(|precision| usize::try_from(precision).ok());
        if spec.precision.is_none() {
            out.push_str("%!(BADPREC)");
        }
        false
    }

    /// The whole number that `*` takes from the arguments.
    fn starred(&mut self) -> Option<i64> {
        let datum = self.data.get(self.next)?;
        self.next += 1;
        let number = match datum {
            Datum::Int(number) => *number,
            Datum::Byte(byte) => i64::from(*byte),
            _ => return None,
        };
        (number.unsigned_abs() <= STARRED_MAX).then_some(number)
    }

    fn write_extra(&self, out: &mut String) {
        out.push_str("%!(EXTRA ");
        for (nth, datum) in self.data[self.next..].iter().enumerate() {
            if nth > 0 {
                out.push_str(", ");
            }
            out.push_str(datum.type_name());
            if !datum.is_nothing() {
                out.push('=');
                super::value(datum, out);
            }
        }
        out.push(')');
    }
}

fn write_bad(out: &mut String, verb: char, why: &str) {
    out.push_str("%!");
    out.push(verb);
    out.push_str(why);
}
