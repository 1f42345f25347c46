//! The ledger: who is in a run, once, and with what.

use std::sync::Arc;

use model::{ContentHash, EventKind, LaneId, MessageState, Seq};
use store::{Accepted, Renewal, StoreError};

use crate::support::{accept, begin, event, message, messages, second, stored, whole_log};
use crate::{ALWAYS, on_each_backend};

#[test]
fn an_address_is_in_a_run_once_whatever_its_case() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let spellings = [
            ["ada@example.org", "Ada@Example.ORG", "ADA@example.org"],
            [
                "Grace.Hopper@example.org",
                "grace.hopper@EXAMPLE.org",
                "GRACE.HOPPER@example.org",
            ],
            // Beyond ASCII, where databases' own ideas of case differ.
            [
                "jörg@bücher.example",
                "JÖRG@BÜCHER.example",
                "Jörg@xn--bcher-kva.example",
            ],
            ["ΑΛΦΑ@example.org", "αλφα@example.org", "Αλφα@example.org"],
        ];
        for [first, second, third] in spellings {
            let batch = [first, second].map(|address| message(&campaign, address));
            let answers = store.accept(&lease, batch.to_vec()).await.unwrap();
            let Accepted::New(seq) = answers[0] else {
                panic!("{first} is new: {answers:?}");
            };
            let known = Accepted::Known {
                seq,
                state: MessageState::Queued,
            };
            assert_eq!(answers[1], known, "{second} in one batch");
            let later = store
                .accept(&lease, vec![message(&campaign, third)])
                .await
                .unwrap();
            assert_eq!(later, [known], "{third} in a later batch");
            assert_eq!(
                stored(&*store, seq).await.address.local_part(),
                first.split('@').next().unwrap()
            );
        }
        assert_eq!(store.books(campaign.lane).await.unwrap().accepted, 4);
        assert_eq!(whole_log(&*store).await.len(), 4);
    });
}

#[test]
fn a_message_comes_back_as_it_was_accepted() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let mut new = message(&campaign, "\"Odd Name\"@Example.org");
        new.data = r#"{"name":"Zoë 🦀","note":"line\nbreak \u0000"}"#.into();
        (new.at, new.due_at) = (second(3), second(9));
        let seq = store.accept(&lease, vec![new.clone()]).await.unwrap()[0].seq();
        let found = stored(&*store, seq).await;
        assert_eq!((found.seq, found.id.seq()), (seq, seq));
        assert_eq!(found.lane, campaign.lane);
        assert_eq!(found.content.letter(), Some(campaign.content));
        assert_eq!(found.address, new.address);
        assert_eq!(found.data, new.data);
        assert_eq!((found.accepted_at, found.attempts), (new.at, 0));
        assert_eq!(found.state, MessageState::Queued);
        let again = place.open().await;
        assert_eq!(
            stored(&*again, seq).await.id,
            found.id,
            "the same id for everybody"
        );
        assert_eq!(store.message(Seq::new(9_999)).await.unwrap(), None);
    });
}

#[test]
fn one_address_may_be_in_two_runs() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (first, second) = (begin(&*store, "one").await, begin(&*store, "two").await);
        for campaign in [&first, &second] {
            let lease = store.lease(campaign.lane_key()).await.unwrap();
            let answers = store
                .accept(&lease, messages(campaign, "ada", 2))
                .await
                .unwrap();
            assert!(
                answers
                    .iter()
                    .all(|answer| matches!(answer, Accepted::New(_)))
            );
            assert_eq!(store.books(campaign.lane).await.unwrap().queued, 2);
        }
    });
}

#[test]
fn answers_are_in_the_order_of_the_batch() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let known = accept(&*store, &campaign, "known", 3).await;
        let batch = ["new0", "known2", "new1", "known0", "NEW1", "known1", "new2"]
            .map(|name| message(&campaign, &format!("{name}@example.org")));
        let answers = store.accept(&lease, batch.to_vec()).await.unwrap();
        let is_new: Vec<bool> = answers
            .iter()
            .map(|answer| matches!(answer, Accepted::New(_)))
            .collect();
        assert_eq!(is_new, [true, false, true, false, false, false, true]);
        let seqs: Vec<Seq> = answers.iter().map(|answer| answer.seq()).collect();
        assert_eq!([seqs[1], seqs[3], seqs[5]], [known[2], known[0], known[1]]);
        assert_eq!(seqs[4], seqs[2]);
        assert!(
            seqs[0] < seqs[2] && seqs[2] < seqs[6],
            "places grow with the batch"
        );
        assert!(store.accept(&lease, Vec::new()).await.unwrap().is_empty());
    });
}

#[test]
fn renewed_data_and_template_win_while_queued_and_not_after() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let template = store.put_content(b"A better text".to_vec()).await.unwrap();
        let mut changed = message(&campaign, "ADA0@example.org");
        (changed.data, changed.content, changed.due_at) = ("{}".into(), template, second(60));
        let answers = store.accept(&lease, vec![changed.clone()]).await.unwrap();
        assert_eq!(
            answers,
            [Accepted::Known {
                seq,
                state: MessageState::Queued
            }]
        );
        let first = stored(&*store, seq).await;
        assert_ne!(&*first.data, "{}", "the first to come is kept");
        let renewal = Renewal {
            seq,
            content: template,
            data: changed.data.clone(),
        };
        store.renew(&lease, vec![renewal.clone()]).await.unwrap();
        let queued = stored(&*store, seq).await;
        assert_eq!(
            (&*queued.data, queued.content.letter()),
            ("{}", Some(template))
        );
        assert_eq!(
            queued.address.as_str(),
            "ada0@example.org",
            "it keeps its first spelling"
        );

        store
            .record(&lease, vec![event(&queued, EventKind::Delivered)])
            .await
            .unwrap();
        changed.data = r#"{"too":"late"}"#.into();
        let answers = store.accept(&lease, vec![changed]).await.unwrap();
        assert_eq!(
            answers,
            [Accepted::Known {
                seq,
                state: MessageState::Delivered
            }]
        );
        let late = Renewal {
            data: r#"{"too":"late"}"#.into(),
            ..renewal
        };
        store.renew(&lease, vec![late]).await.unwrap();
        assert_eq!(&*stored(&*store, seq).await.data, "{}");
        assert!(
            store
                .due(&lease, ALWAYS, 10, &Default::default())
                .await
                .unwrap()
                .messages
                .is_empty()
        );
    });
}

#[test]
fn what_a_message_refers_to_must_be_there() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let good = message(&campaign, "good@example.org");
        let mut no_content = message(&campaign, "a@example.org");
        no_content.content = ContentHash([7; 32]);
        let batch = vec![good.clone(), no_content];
        let error = store.accept(&lease, batch).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
        assert_eq!(error.to_string(), "content 07070707… is not in the store");
        let mut no_lane = message(&campaign, "b@example.org");
        no_lane.lane = LaneId(999);
        let of_other = message(&other, "c@example.org");
        for batch in [vec![no_lane], vec![of_other.clone()], vec![good, of_other]] {
            let error = store.accept(&lease, batch).await.unwrap_err();
            assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        }
        assert!(
            whole_log(&*store).await.is_empty(),
            "a refused batch leaves nothing"
        );
        assert_eq!(store.books(campaign.lane).await.unwrap().accepted, 0);
    });
}

#[test]
fn many_who_accept_the_same_list_at_once_take_each_address_once() {
    on_each_backend(async |place| {
        let stores = [place.open().await, place.open().await];
        let campaign = begin(&*stores[0], "spring").await;
        let lease = stores[0].lease(campaign.lane_key()).await.unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (store, lease) = (Arc::clone(&stores[task % 2]), lease.clone());
                let list = messages(&campaign, "ada", 200);
                tokio::spawn(async move {
                    let mut new = 0;
                    for batch in list.chunks(7 + task) {
                        let answers = store.accept(&lease, batch.to_vec()).await.unwrap();
                        new += answers
                            .iter()
                            .filter(|answer| matches!(answer, Accepted::New(_)))
                            .count();
                    }
                    new
                })
            })
            .collect();
        let mut new = 0;
        for task in tasks {
            new += task.await.unwrap();
        }
        assert_eq!(new, 200);
        assert_eq!(stores[1].books(campaign.lane).await.unwrap().accepted, 200);
    });
}
