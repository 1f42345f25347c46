//! Drafts: whatever JSON a client hands over is a draft or an error that names a field, and says the same of itself twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prepare::Draft;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Ok(message) = serde_json::from_slice::<Value>(input) else {
        return;
    };
    match Draft::read(&message) {
        Ok(draft) => {
            let recipients = draft.recipients();
            assert!((1..=1000).contains(&recipients.len()));
            let again = Draft::read(&message).map(|draft| draft.recipients());
            assert_eq!(again.ok(), Some(recipients));
            for line in [draft.subject().as_str()] {
                assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
            }
        }
        Err(error) => assert!(!error.field.is_empty() && !error.field.contains(['\r', '\n'])),
    }
});
