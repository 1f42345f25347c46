//! Messages of a mailbox: whatever arrives is read within bounds, and what is learned of it is printable.
#![no_main]

use intake::bounce::{Learned, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(Learned::Report(news)) = read(input) else {
        return;
    };
    assert!(!news.is_empty());
    for one in news {
        assert!(one.reason.chars().count() <= 500);
        assert!(
            !one.reason.contains(|c: char| c.is_control()),
            "{:?}",
            one.reason
        );
    }
});
