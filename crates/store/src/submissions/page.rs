//! How much is on a page of submissions.

use super::PAGE_MAX;

/// Messages on one page, unless one submission alone has more.
const MESSAGES_MAX: usize = 10_000;
/// What those of one page say, in bytes, unless one submission alone says more.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// What is on a page so far.
#[derive(Default)]
pub(crate) struct Page {
    submissions: usize,
    messages: usize,
    bytes: usize,
}

impl Page {
    /// Whether there is room for one more, whatever its size.
    pub(crate) fn has_room(&self, limit: usize) -> bool {
        self.room(limit) > 0 && self.messages < MESSAGES_MAX && self.bytes < BYTES_MAX
    }

    /// How many more there may be.
    pub(crate) fn room(&self, limit: usize) -> usize {
        limit.min(PAGE_MAX).saturating_sub(self.submissions)
    }

    /// Adds a submission of so many messages, that says so much.
    pub(crate) fn add(&mut self, messages: usize, bytes: usize) {
        self.submissions += 1;
        self.messages += messages;
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_whichever_bound_is_met_first() {
        let filled = |count: usize, messages: usize, bytes: usize| {
            let mut page = Page::default();
            (0..count).for_each(|_| page.add(messages, bytes));
            page
        };
        assert!(filled(9, 1, 1).has_room(10));
        assert!(!filled(10, 1, 1).has_room(10));
        assert!(!filled(PAGE_MAX, 1, 1).has_room(usize::MAX));
        assert!(!filled(1, MESSAGES_MAX, 1).has_room(10));
        assert!(!filled(1, 1, BYTES_MAX).has_room(10));
        assert!(filled(0, 0, 0).has_room(1), "one goes in any case");
    }
}
