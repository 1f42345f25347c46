//! What a report or a receipt says of one message.

use std::collections::HashMap;

use model::{Address, EventKind, News, Permanence, ReceiptKind};

use crate::bounce::{self, Receipt};

/// What is to be noted of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    pub kind: EventKind,
    pub news: News,
    pub reason: Box<str>,
}

/// Which entries of a report may be about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sole {
    /// The report is about this message alone: where no entry names its address, it was forwarded to the one that is
    /// named.
    Yes,
    /// It may be about others of the same submission: only the address tells.
    No,
}

/// The entries of a report, by address.
pub(super) struct Entries<'r> {
    entries: &'r [bounce::News],
    by_address: HashMap<String, &'r bounce::News>,
}

impl<'r> Entries<'r> {
    /// Of several entries about one address, the first counts.
    pub fn of(entries: &'r [bounce::News]) -> Self {
        let mut by_address = HashMap::new();
        for entry in entries {
            let named = [&entry.recipient, &entry.original_recipient];
            for address in named.into_iter().flatten() {
                if let Some(key) = key(address) {
                    by_address.entry(key).or_insert(entry);
                }
            }
        }
        Self {
            entries,
            by_address,
        }
    }

    /// What the report says of the message to this address: one thing, whatever the number of its entries; `None` when
    /// that is no bounce.
    pub fn about(&self, address: &Address, sole: Sole) -> Option<Telling> {
        let entry = match (self.by_address.get(&address.key()), sole) {
            (Some(entry), _) => entry,
            (None, Sole::Yes) => self.entries.iter().find(|entry| is_bounce(entry))?,
            (None, Sole::No) => return None,
        };
        let permanence = match entry.kind {
            bounce::Kind::Bounced(bounce::Permanence::Hard) => Permanence::Hard,
            bounce::Kind::Bounced(bounce::Permanence::Soft) => Permanence::Soft,
            bounce::Kind::Delayed
            | bounce::Kind::Delivered
            | bounce::Kind::Relayed
            | bounce::Kind::Expanded => return None,
        };
        let code = entry.bounce_code().map(String::into_boxed_str);
        Some(Telling {
            kind: EventKind::Returned,
            news: News::Bounce { permanence, code },
            reason: entry.reason.clone(),
        })
    }
}

impl Telling {
    /// What a receipt says; `None` for a warning: the message may still arrive, and a receipt says so or not.
    pub fn of_receipt(receipt: &Receipt) -> Option<Self> {
        let (kind, words) = match receipt.kind {
            bounce::ReceiptKind::Acceptance => {
                (ReceiptKind::Acceptance, "accepted by the provider")
            }
            bounce::ReceiptKind::Delivery => (ReceiptKind::Delivery, "in the recipient's mailbox"),
            bounce::ReceiptKind::Relay => {
                (ReceiptKind::Relay, "taken over by the recipient's provider")
            }
            bounce::ReceiptKind::Error => (ReceiptKind::Error, "refused or not delivered"),
            bounce::ReceiptKind::Warning => return None,
        };
        let reason = match receipt.reason.is_empty() {
            true => words.into(),
            false => receipt.reason.clone(),
        };
        Some(Self::receipt(kind, reason))
    }

    /// A receipt, or that there was none.
    pub fn receipt(kind: ReceiptKind, reason: Box<str>) -> Self {
        Self {
            kind: EventKind::Receipt,
            news: News::Receipt(kind),
            reason,
        }
    }
}

/// What makes two spellings one address; `None` for what is none.
pub(super) fn key(written: &str) -> Option<String> {
    Address::parse(written).ok().map(|address| address.key())
}

fn is_bounce(entry: &bounce::News) -> bool {
    matches!(entry.kind, bounce::Kind::Bounced(_))
}

#[cfg(test)]
mod tests {
    use model::EnhancedCode;

    use super::*;

    fn entry(recipient: &str, kind: bounce::Kind) -> bounce::News {
        bounce::News {
            about: None,
            recipient: Some(recipient.into()),
            original_recipient: None,
            kind,
            status: Some(EnhancedCode(5, 1, 1)),
            reply_code: Some(550),
            reason: "no such user".into(),
            evidence: bounce::Evidence::Report,
        }
    }

    fn hard(recipient: &str) -> bounce::News {
        entry(recipient, bounce::Kind::Bounced(bounce::Permanence::Hard))
    }

    fn ada() -> Address {
        Address::parse("Ada@example.org").unwrap()
    }

    #[test]
    fn the_entry_of_the_address_counts_whatever_its_case() {
        let delayed = entry("bob@example.org", bounce::Kind::Delayed);
        let entries = [delayed, hard("ada@EXAMPLE.org")];
        let telling = Entries::of(&entries).about(&ada(), Sole::No).unwrap();
        let code = Some("511".into());
        let permanence = Permanence::Hard;
        assert_eq!(telling.news, News::Bounce { permanence, code });
        assert_eq!(&*telling.reason, "no such user");
        let mut forwarded = hard("a@other.example");
        forwarded.original_recipient = Some("ada@example.org".into());
        assert!(Entries::of(&[forwarded]).about(&ada(), Sole::No).is_some());
    }

    #[test]
    fn an_entry_of_another_address_counts_only_where_no_other_message_is_meant() {
        let entries = [hard("a@other.example")];
        assert_eq!(Entries::of(&entries).about(&ada(), Sole::No), None);
        assert!(Entries::of(&entries).about(&ada(), Sole::Yes).is_some());
        let delivered = entry("ada@example.org", bounce::Kind::Delivered);
        let entries = [hard("a@other.example"), delivered];
        assert_eq!(Entries::of(&entries).about(&ada(), Sole::Yes), None);
    }

    #[test]
    fn only_what_came_back_is_a_bounce() {
        for kind in [
            bounce::Kind::Delayed,
            bounce::Kind::Delivered,
            bounce::Kind::Relayed,
            bounce::Kind::Expanded,
        ] {
            let entries = [entry("ada@example.org", kind)];
            let telling = Entries::of(&entries).about(&ada(), Sole::Yes);
            assert_eq!(telling, None, "{kind:?}");
        }
    }

    #[test]
    fn receipts_have_words_and_a_warning_is_none() {
        let receipt = |kind, reason: &str| Receipt {
            kind,
            about: None,
            recipient: None,
            reason: reason.into(),
        };
        let error = receipt(bounce::ReceiptKind::Error, "casella inesistente");
        let telling = Telling::of_receipt(&error).unwrap();
        assert_eq!(telling.news, News::Receipt(ReceiptKind::Error));
        assert_eq!(&*telling.reason, "casella inesistente");
        let relay = Telling::of_receipt(&receipt(bounce::ReceiptKind::Relay, "")).unwrap();
        assert_eq!(&*relay.reason, "taken over by the recipient's provider");
        let warning = receipt(bounce::ReceiptKind::Warning, "12 ore");
        assert_eq!(Telling::of_receipt(&warning), None);
    }
}
