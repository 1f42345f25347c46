//! The older part of a series: a bounded number of spans, which double when there are too many.

use super::slot::Slot;
use super::view::Point;

/// Spans at most.
const SPANS_MAX: usize = 720;
/// The length of the first spans, in seconds: two hours without a pause before they double.
const SPAN_S_FIRST: i64 = 10;

/// What happened long ago, in order.
pub(super) struct Coarse {
    slots: Vec<Slot>,
    span_s: i64,
}

impl Default for Coarse {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            span_s: SPAN_S_FIRST,
        }
    }
}

impl Coarse {
    /// Adds what is later than everything before.
    pub fn add(&mut self, later: &Slot) {
        add_to(&mut self.slots, later, self.span_s);
        while self.slots.len() > SPANS_MAX {
            self.span_s *= 2;
            let mut merged = Vec::with_capacity(SPANS_MAX + 1);
            for slot in &self.slots {
                add_to(&mut merged, slot, self.span_s);
            }
            self.slots = merged;
        }
    }

    /// The spans as points, the last one ending before `end_s`, where the finer part begins.
    pub fn points(&self, end_s: i64) -> impl Iterator<Item = Point> {
        self.slots.iter().map(move |slot| {
            let span_end_s = (slot.at_s.div_euclid(self.span_s) + 1) * self.span_s;
            slot.point(span_end_s.min(end_s))
        })
    }
}

/// Adds to the last span when it covers the time too, as a new one otherwise.
fn add_to(slots: &mut Vec<Slot>, later: &Slot, span_s: i64) {
    let span = |slot: &Slot| slot.at_s.div_euclid(span_s);
    match slots.last_mut() {
        Some(last) if span(last) == span(later) => last.add(later),
        _ => slots.push(later.clone()),
    }
}
