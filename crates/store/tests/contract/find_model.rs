//! Looks with random questions, one after another, compared with a plain filter of the same messages.

use std::sync::Arc;

use model::{Address, EventKind, Message, MessageState, Seq};
use proptest::prelude::*;
use store::find::From;
use store::{Accepted, Campaign, Find, Lease, Standing, Store};

use crate::find::{ADDRESSES, PARTS, STANDINGS, attempt, seqs};
use crate::support::{accept, begin, event, message, second, stored};
use crate::{backends, on_random_values};

const CASES: u32 = 150;
const DOMAINS: [&str; 5] = [
    "example.org",
    "example.com",
    "xn--bcher-kva.example",
    "org",
    "Example.org",
];
const CODES: [u16; 4] = [0, 250, 451, 550];

/// What happens to one message, and whether it is repeated when it failed.
#[derive(Clone, Debug)]
struct Fate {
    address: usize,
    kinds: Vec<(usize, Option<Option<u16>>)>,
}

fn fate() -> impl Strategy<Value = Fate> {
    let code = prop::option::of(prop::option::of(prop::sample::select(vec![
        250_u16, 451, 550,
    ])));
    (
        0..ADDRESSES.len(),
        prop::collection::vec((1..7_usize, code), 0..4),
    )
        .prop_map(|(address, kinds)| Fate { address, kinds })
}

fn question() -> impl Strategy<Value = Find> {
    fn one_of<T: Clone + std::fmt::Debug + 'static>(
        values: &[T],
    ) -> impl Strategy<Value = Option<T>> + use<T> {
        prop::option::weighted(0.3, prop::sample::select(values.to_vec()))
    }
    let filters = (
        one_of(&STANDINGS),
        one_of(&PARTS),
        one_of(&DOMAINS),
        one_of(&CODES),
    );
    let from = prop_oneof![
        (0..60_i64).prop_map(|place| From::After(Seq::new(place))),
        prop::option::of((0..60_i64).prop_map(Seq::new)).prop_map(From::Before),
    ];
    (filters, from, 1..6_usize, 1..9_usize).prop_map(
        |((standing, part, domain, code), from, limit, look_at_max)| Find {
            standing,
            address_part: part.map(Into::into),
            domain: domain.map(Into::into),
            code,
            from,
            limit,
            look_at_max,
        },
    )
}

#[test]
fn looks_one_after_another_find_what_a_plain_filter_finds() {
    for (name, new_place) in backends() {
        let cases = (
            prop::collection::vec(fate(), 0..24),
            prop::collection::vec(question(), 1..12),
        );
        on_random_values(name, CASES, cases, async |(fates, questions)| {
            let place = new_place();
            let store = place.open().await;
            compare(&*store, fates, questions).await;
        });
    }
}

async fn compare(store: &dyn Store, fates: Vec<Fate>, questions: Vec<Find>) {
    let (campaign, other) = (begin(store, "case").await, begin(store, "other").await);
    let lease = store.lease(campaign.lane_key()).await.unwrap();
    let mut rows: Vec<(Arc<Message>, Option<u16>)> = Vec::new();
    for (number, fate) in fates.into_iter().enumerate() {
        accept(store, &other, &format!("other{number}-"), 1).await;
        rows.extend(live_through(store, &campaign, &lease, fate).await);
    }
    let repeated = store
        .retry_failed(&lease, Seq::new(60), 3, second(9))
        .await
        .unwrap();
    let log = store.messages(campaign.lane, Seq::START, 1_000).await;
    for row in &log.unwrap()[rows.len()..] {
        rows.push((Arc::clone(&row.message), None));
    }
    assert!(repeated <= 3);
    for question in questions {
        let expected: Vec<Seq> = rows
            .iter()
            .filter(|(message, code)| fits(&question, message, *code))
            .map(|(message, _)| message.seq)
            .collect();
        assert_eq!(
            look_on(store, &campaign, question.clone()).await,
            expected,
            "{question:?}"
        );
    }
}

/// One message and what happens to it; with the code of its latest attempt. `None` when its address is no new one.
async fn live_through(
    store: &dyn Store,
    campaign: &Campaign,
    lease: &Lease,
    fate: Fate,
) -> Option<(Arc<Message>, Option<u16>)> {
    Address::parse(ADDRESSES[fate.address]).ok()?;
    let new = message(campaign, ADDRESSES[fate.address]);
    let answer = store.accept(lease, vec![new]).await.unwrap()[0];
    let Accepted::New(seq) = answer else {
        return None;
    };
    let mut code = None;
    for (kind, answer) in fate.kinds {
        let message = stored(store, seq).await;
        if message.state != MessageState::Queued {
            break;
        }
        let mut new = event(&message, EventKind::ALL[kind]);
        new.attempt = answer.map(attempt);
        code = answer.map(|code| code.unwrap_or(0)).or(code);
        store.record(lease, vec![new]).await.unwrap();
    }
    Some((stored(store, seq).await, code))
}

fn fits(query: &Find, message: &Message, code: Option<u16>) -> bool {
    let standing = match message.state {
        MessageState::Queued if message.attempts > 0 => Standing::Retrying,
        MessageState::Queued => Standing::Pending,
        MessageState::Delivered => Standing::Sent,
        MessageState::Cancelled => Standing::Cancelled,
        MessageState::Bounced | MessageState::Expired | MessageState::Dropped => Standing::Failed,
    };
    let address = &message.address;
    let is_there = match query.from {
        From::After(place) => message.seq > place,
        From::Before(place) => place.is_none_or(|place| message.seq < place),
    };
    is_there
        && query.standing.is_none_or(|wanted| wanted == standing)
        && query
            .domain
            .as_deref()
            .is_none_or(|wanted| wanted == address.domain())
        && query.code.is_none_or(|wanted| code == Some(wanted))
        && query.address_part.as_deref().is_none_or(|part| {
            address
                .as_str()
                .to_lowercase()
                .contains(&part.to_lowercase())
        })
}

/// Looks on and on, as one who turns pages does, and checks each look's bounds.
async fn look_on(store: &dyn Store, campaign: &Campaign, mut query: Find) -> Vec<Seq> {
    let mut all = Vec::new();
    loop {
        let found = store.find(campaign.lane, query.clone()).await.unwrap();
        let page = seqs(&found);
        assert!(page.len() <= query.limit.min(query.look_at_max));
        assert!(page.is_sorted() && found.looked_to.is_none_or(|_| page.len() < query.limit));
        let next = found.looked_to;
        match query.from {
            From::After(_) => {
                query.from = From::After(match next.or(page.last().copied()) {
                    Some(place) => place,
                    None => return all,
                });
                all.extend(page);
            }
            From::Before(_) => {
                query.from = From::Before(match next.or(page.first().copied()) {
                    Some(place) => Some(place),
                    None => return all,
                });
                all.splice(..0, page);
            }
        }
    }
}
