//! Whatever happens to a run, all that is shown of it agrees.

use std::collections::HashMap;
use std::sync::Arc;

use model::{ContentHash, EventKind, LaneId, Live, MessageState, Timestamp};
use proptest::prelude::*;
use store::{Campaign, Logged};

use super::sample;
use super::state::State;
use super::view::{Figures, GroupCounts, Moment, Seen};

/// Messages of a history.
const MESSAGES: i64 = 12;
/// Their domains; some belong to a provider.
const DOMAINS: [&str; 4] = ["gmail.com", "web.de", "example.org", "example.net"];

/// What happens next: to which message, what, how many milliseconds later; and which messages are under way then.
type Step = (i64, EventKind, i64, Vec<i64>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop::sample::select(EventKind::ALL.as_slice());
    let under_way = prop::collection::vec(0..MESSAGES, 0..6);
    let step = (0..MESSAGES, kind, -500..3_000_i64, under_way);
    prop::collection::vec(step, 1..120)
}

fn campaign() -> Campaign {
    Campaign {
        lane: LaneId(1),
        job_id: "spring".to_owned(),
        identity: "spring".to_owned(),
        name: None,
        content: ContentHash([0; 32]),
        settings: "{}".to_owned(),
        started_at: Timestamp::from_millis(0),
        listed_at: None,
        finished_at: None,
    }
}

/// Makes a step's event, if the message's history allows it.
fn next(
    known: &mut HashMap<i64, Logged>,
    number: i64,
    kind: EventKind,
    at_ms: i64,
) -> Option<Logged> {
    let before = known.get(&number).map(|logged| &logged.event);
    let is_possible = match before {
        None => kind == EventKind::Accepted,
        Some(before) => {
            let is_open = before.kind.state() == MessageState::Queued;
            let is_news = matches!(kind, EventKind::Returned | EventKind::Receipt);
            let is_delivered = before.kind.state() == MessageState::Delivered;
            kind != EventKind::Accepted && if is_news { is_delivered } else { is_open }
        }
    };
    let attempts = before.map_or(0, |event| event.attempts);
    let email = format!("name{number}@{}", DOMAINS[number as usize % DOMAINS.len()]);
    let mut logged = sample::logged(kind, number, &email, at_ms);
    logged.event.attempts += attempts;
    Arc::make_mut(&mut logged.message).attempts = logged.event.attempts;
    is_possible.then(|| {
        known.insert(number, logged.clone());
        logged
    })
}

fn sum(groups: impl Iterator<Item = GroupCounts>) -> GroupCounts {
    let mut sum = GroupCounts::default();
    groups.for_each(|group| sum.add(&group));
    sum
}

fn assert_agree(state: &State, moment: &Moment) {
    let Figures {
        total,
        pending,
        sending,
        sent,
        failed,
        retrying,
        ..
    } = moment.figures;
    assert_eq!(pending + sending + sent + failed + retrying, total);
    let by_provider = sum(moment.providers.iter().map(|row| row.counts));
    let by_domain = sum(state.domains(2).iter().map(|row| row.counts));
    assert_eq!(by_provider, by_domain);
    assert_eq!((by_domain.total(), by_domain.sent), (total, sent));
    assert_eq!(by_domain.failed, failed);
    let points = &moment.points;
    assert_eq!(points.iter().map(|point| point.sent).sum::<u64>(), sent);
    assert_eq!(points.iter().map(|point| point.failed).sum::<u64>(), failed);
    let deferred = points.iter().map(|point| point.deferred).sum::<u64>();
    assert_eq!(deferred, by_domain.deferred);
    assert_eq!(by_domain.mean_ms(), moment.figures.duration.mean_ms);
    let ends = points
        .iter()
        .map(|point| point.at_s + i64::from(point.span_s));
    assert!(
        ends.zip(points.iter().skip(1))
            .all(|(end_s, next)| end_s == next.at_s)
    );
}

proptest! {
    #[test]
    fn all_that_is_shown_agrees_at_every_moment(steps in steps()) {
        let (live, mut known) = (Arc::new(Live::default()), HashMap::new());
        let mut state = State::new(campaign());
        let mut now_ms = 10_000;
        let (mut seen, mut streamed) = (Seen { entry: 0, point_s: 1 }, 0);
        for (number, kind, later_ms, under_way) in steps {
            now_ms += later_ms;
            if let Some(logged) = next(&mut known, number, kind, now_ms) {
                state.count(&logged);
            }
            let held: Vec<_> = under_way
                .iter()
                .filter_map(|number| known.get(number))
                .map(|logged| live.begin_sending(&logged.message))
                .collect();
            let now = Timestamp::from_millis(now_ms);
            state.look(&live, now);
            let moment = state.moment(&live, now, Seen::default());
            assert_agree(&state, &moment);
            let delta = state.moment(&live, now, seen);
            seen = delta.seen;
            streamed += delta.points.iter().map(|point| point.sent).sum::<u64>();
            drop(held);
        }
        let end = Timestamp::from_millis(now_ms + 3_600_000);
        let last = state.moment(&live, end, seen);
        streamed += last.points.iter().map(|point| point.sent).sum::<u64>();
        prop_assert_eq!(streamed, last.figures.sent);
    }
}
