//! How far a mailbox was read, as the store keeps it.

use serde::{Deserialize, Serialize};

use crate::bounce::mailbox::Cursor;

/// A cursor, with the mailbox that it belongs to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    mailbox: String,
    uid_validity: u32,
    last_uid: u32,
}

/// A cursor into this mailbox, as text.
pub(super) fn write(mailbox: &str, cursor: Cursor) -> String {
    let kept = Kept {
        mailbox: mailbox.to_owned(),
        uid_validity: cursor.uid_validity,
        last_uid: cursor.last_uid,
    };
    // Text and numbers can always be written.
    serde_json::to_string(&kept).unwrap_or_default()
}

/// The cursor of a text; `None` when it is another mailbox's. Two servers may well give the same UIDVALIDITY.
pub(super) fn read(mailbox: &str, text: &str) -> Option<Cursor> {
    let kept: Kept = serde_json::from_str(text).ok()?;
    (kept.mailbox == mailbox).then_some(Cursor {
        uid_validity: kept.uid_validity,
        last_uid: kept.last_uid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_to_its_own_mailbox_only() {
        let cursor = Cursor {
            uid_validity: 7,
            last_uid: 9,
        };
        let text = write("ada@imap.example.org/INBOX", cursor);
        assert_eq!(read("ada@imap.example.org/INBOX", &text), Some(cursor));
        assert_eq!(read("bob@imap.example.org/INBOX", &text), None);
        assert_eq!(read("ada@imap.example.org/INBOX", "7:9"), None);
    }
}
