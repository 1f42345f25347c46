//! Looks through a run: what fits, in the log's order, within the bounds, whatever is asked for.

use model::{Address, Attempt, EventKind, Phase, PhaseTimes, Reply, Seq};
use store::find::From;
use store::{Find, Found, Standing};

use crate::support::{accept, begin, event, message, second, stored};
use crate::{OUTCOMES, on_each_backend};

/// Every standing.
pub const STANDINGS: [Standing; 5] = [
    Standing::Pending,
    Standing::Retrying,
    Standing::Sent,
    Standing::Failed,
    Standing::Cancelled,
];
/// Addresses with what means something to a database, to a pattern, or to whoever folds case.
pub const ADDRESSES: [&str; 12] = [
    "ada@example.org",
    "Ada.Lovelace@Example.org",
    "100%25@example.com",
    "a_b@example.com",
    "o'brien@example.com",
    "\"quoted@example.org\"@sub.example.com",
    "\"back\\\\slash%\"@example.com",
    "JÖRG@bücher.example",
    "jörg@example.org",
    "ΑΔΑ@example.org",
    "axb@mail.example.com",
    "*?[a]@example.org",
];
/// Parts to search for, of the same kind.
pub const PARTS: [&str; 16] = [
    "",
    "ada",
    "ADA",
    "%",
    "_",
    "a_b",
    "'",
    "\"",
    "\\",
    "*",
    "jÖr",
    "αδ",
    "@example.org",
    "example",
    "' OR 1=1 --",
    "\u{0}",
];
/// Everything, of which a look gives so many and looks at so many.
fn all(limit: usize, look_at_max: usize) -> Find {
    Find {
        limit,
        look_at_max,
        ..Find::default()
    }
}

/// The places of what was found.
pub fn seqs(found: &Found) -> Vec<Seq> {
    found.messages.iter().map(|row| row.message.seq).collect()
}

/// An address that can be one: those that cannot are left out by their owner, not by the store.
fn addresses() -> Vec<&'static str> {
    let is_address = |text: &&str| Address::parse(text).is_ok();
    ADDRESSES.into_iter().filter(is_address).collect()
}

#[test]
fn a_page_comes_in_the_logs_order_from_both_sides() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let mut expected = accept(&*store, &campaign, "ada", 5).await;
        accept(&*store, &other, "eve", 5).await;
        expected.extend(accept(&*store, &campaign, "bob", 5).await);
        let look = async |from| {
            let query = Find {
                from,
                ..all(4, 100)
            };
            store.find(campaign.lane, query).await.unwrap()
        };
        let first = look(From::default()).await;
        assert_eq!(seqs(&first), expected[..4]);
        assert_eq!(first.looked_to, None);
        assert_eq!(seqs(&look(From::After(expected[3])).await), expected[4..8]);
        assert_eq!(seqs(&look(From::After(expected[7])).await), expected[8..]);
        assert_eq!(seqs(&look(From::Before(None)).await), expected[6..]);
        let before = From::Before(Some(expected[6]));
        assert_eq!(seqs(&look(before).await), expected[2..6]);
        let before = From::Before(Some(expected[2]));
        assert_eq!(seqs(&look(before).await), expected[..2]);
        // A place between messages, as another run's message has it.
        let between = Seq::new(expected[4].get() + 2);
        assert_eq!(seqs(&look(From::After(between)).await), expected[5..9]);
        assert_eq!(
            seqs(&look(From::Before(Some(between))).await),
            expected[1..5]
        );
    });
}

#[test]
fn a_message_is_found_by_where_it_stands_and_comes_with_its_latest_event() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs_of = accept(&*store, &campaign, "ada", 7).await;
        for (number, kind) in (1..).zip(OUTCOMES) {
            let message = stored(&*store, seqs_of[number]).await;
            let new = event(&message, kind);
            store.record(&lease, vec![new]).await.unwrap();
        }
        let expected: [&[usize]; 5] = [&[0], &[2], &[1], &[3, 4, 5], &[6]];
        for (standing, numbers) in STANDINGS.into_iter().zip(expected) {
            let query = Find {
                standing: Some(standing),
                ..all(10, 100)
            };
            let found = store.find(campaign.lane, query).await.unwrap();
            let expected: Vec<Seq> = numbers.iter().map(|&number| seqs_of[number]).collect();
            assert_eq!(seqs(&found), expected, "{standing:?}");
            for (row, &number) in found.messages.iter().zip(numbers) {
                assert_eq!(row.event.kind, EventKind::ALL[number]);
                assert_eq!(*row.message, *stored(&*store, row.message.seq).await);
            }
        }
    });
}

#[test]
fn the_code_is_that_of_the_latest_attempt_also_when_something_else_came_after_it() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs_of = accept(&*store, &campaign, "ada", 3).await;
        let tried = [(0, Some(451)), (0, Some(550)), (1, None)];
        for (number, code) in tried {
            let message = stored(&*store, seqs_of[number]).await;
            let mut new = event(&message, EventKind::Deferred);
            new.attempt = Some(attempt(code));
            store.record(&lease, vec![new]).await.unwrap();
        }
        let taken = store.cancel(&lease, seqs_of.clone(), "by hand", second(9));
        assert_eq!(taken.await.unwrap(), 3);
        for (code, expected) in [
            (550, &seqs_of[..1]),
            (0, &seqs_of[1..2]),
            (451, &[]),
            (250, &[]),
        ] {
            let query = Find {
                code: Some(code),
                ..all(10, 100)
            };
            let found = store.find(campaign.lane, query).await.unwrap();
            assert_eq!(seqs(&found), expected, "{code}");
        }
    });
}

#[test]
fn a_look_that_ended_says_where_and_one_that_came_to_the_end_does_not() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let seqs_of = accept(&*store, &campaign, "ada", 10).await;
        let nobody = |from, look_at_max| {
            let query = Find {
                address_part: Some("nobody".into()),
                from,
                ..all(5, look_at_max)
            };
            let (store, id) = (&store, campaign.lane);
            async move { store.find(id, query).await.unwrap().looked_to }
        };
        let start = From::default();
        assert_eq!(nobody(start, 4).await, Some(seqs_of[3]));
        assert_eq!(nobody(From::After(seqs_of[3]), 4).await, Some(seqs_of[7]));
        assert_eq!(nobody(From::After(seqs_of[7]), 4).await, None);
        assert_eq!(nobody(start, 9).await, Some(seqs_of[8]));
        assert_eq!(nobody(start, 10).await, None, "it came to the end");
        assert_eq!(nobody(start, usize::MAX).await, None);
        assert_eq!(nobody(start, 0).await, Some(seqs_of[0]), "it goes on");
        assert_eq!(nobody(From::Before(None), 4).await, Some(seqs_of[6]));
        assert_eq!(nobody(From::Before(Some(seqs_of[4])), 4).await, None);
        let full = Find {
            from: start,
            ..all(4, 4)
        };
        let found = store.find(campaign.lane, full).await.unwrap();
        assert_eq!((found.messages.len(), found.looked_to), (4, None));
        let none = store.find(campaign.lane, all(0, 4)).await.unwrap();
        assert!(none.messages.is_empty() && none.looked_to.is_none());
        let unknown = model::LaneId(99);
        let none = store.find(unknown, all(5, 4)).await.unwrap();
        assert!(none.messages.is_empty() && none.looked_to.is_none());
    });
}

#[test]
fn what_is_searched_for_is_text_and_neither_pattern_nor_statement() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let addresses = addresses();
        assert!(addresses.len() >= 10, "{addresses:?}");
        let batch = addresses.iter().map(|text| message(&campaign, text));
        store.accept(&lease, batch.collect()).await.unwrap();
        for part in PARTS {
            let query = Find {
                address_part: Some(part.into()),
                ..all(100, 100)
            };
            let found = store.find(campaign.lane, query).await.unwrap();
            let found: Vec<&str> = found
                .messages
                .iter()
                .map(|row| row.message.address.as_str())
                .collect();
            let fits = |text: &&Address| {
                let (text, part) = (text.as_str().to_lowercase(), part.to_lowercase());
                text.contains(&part)
            };
            let parsed: Vec<Address> = addresses
                .iter()
                .map(|text| Address::parse(text).unwrap())
                .collect();
            let expected: Vec<&str> = parsed.iter().filter(fits).map(Address::as_str).collect();
            assert_eq!(found, expected, "{part:?}");
        }
        for (part, count) in [("%", 2), ("_", 1), ("'", 1), ("jörg", 2), ("αδα", 1)] {
            let query = Find {
                address_part: Some(part.into()),
                ..all(100, 100)
            };
            let found = store.find(campaign.lane, query).await.unwrap();
            assert_eq!(found.messages.len(), count, "{part:?}");
        }
    });
}

/// An attempt that was answered so, or not at all.
pub fn attempt(code: Option<u16>) -> Attempt {
    Attempt {
        remote: "mx.example.org:25".into(),
        tls: None,
        phase: Phase::Recipient,
        reply: code.map(|code| Reply {
            code,
            enhanced: None,
            text: "so it is".into(),
        }),
        category: None,
        error: None,
        times: PhaseTimes::default(),
        refused_copies: Vec::new(),
        dialogue: None,
    }
}
