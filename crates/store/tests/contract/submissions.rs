//! What clients hand over: taken once under its id, replaced while it is unsent, read back as it stands.

use model::{Address, BatchCode, Content, EventKind, MessageState, Priority, Seq};
use store::submissions::SubmissionState;
use store::{StoreError, Submitted};

use crate::on_each_backend;
use crate::service::{client_id, due, followed, lease, mail, record, seqs, settle, submit};
use crate::support::directory::{account, account_id, tenant_id};
use crate::support::{START, second, whole_log};

#[test]
fn what_is_handed_over_is_one_message_a_recipient() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let mut new = mail("acme", "order 1", &["ada@example.org", "BOB@example.org"]);
        (new.priority, new.batch) = (Priority::High, BatchCode::parse("spring").ok());
        new.deferred_until = Some(second(60));
        let id = submit(&*service, new.clone()).await;

        let found = followed(&*service, &new.tenant, "order 1").await;
        let submission = &found.submission;
        assert_eq!((submission.id, submission.account), (id, pk));
        assert_eq!(submission.account_id, new.account);
        assert_eq!(
            (&submission.tenant, &submission.client_id),
            (&new.tenant, &new.client_id)
        );
        assert_eq!(
            (submission.priority, &submission.batch),
            (new.priority, &new.batch)
        );
        assert_eq!(submission.deferred_until, new.deferred_until);
        assert_eq!(
            (submission.recipients, submission.open, submission.failed),
            (2, 2, 0)
        );
        assert_eq!(
            (submission.created_at, submission.updated_at),
            (START, START)
        );
        assert!(!submission.is_held && submission.state() == SubmissionState::Pending);
        assert_eq!(&*found.payload, new.payload.expose());
        assert_eq!(found.messages[0].message.id, submission.message_id);
        for (place, (found, address)) in found.messages.iter().zip(&new.recipients).enumerate() {
            let message = &found.message;
            assert_eq!(message.seq, Seq::new(id.0.get() + place as i64));
            assert_eq!(message.content, Content::Submission(id));
            assert_eq!(
                (&message.address, message.priority),
                (address, Priority::High)
            );
            assert_eq!(
                (&*message.data, message.state),
                ("{}", MessageState::Queued)
            );
            assert_eq!(found.due_at, Some(second(60)));
            assert_eq!(found.last.kind, EventKind::Accepted);
            assert_eq!(
                service.message(message.seq).await.unwrap().as_ref(),
                Some(message)
            );
        }
        let (of_payload, payload) = service.payload(id).await.unwrap().unwrap();
        assert_eq!(of_payload, found.submission);
        assert_eq!(&*payload, new.payload.expose());
        let lease = lease(&*service, pk).await;
        assert_eq!(
            due(&*service, &lease, START, 10).await.next_at,
            Some(second(60))
        );
        let messages = due(&*service, &lease, second(60), 10).await.messages;
        assert_eq!(seqs(&messages), [id.0, id.0.next()]);
        assert_eq!(service.books(lease.lane).await.unwrap().queued, 2);
    });
}

#[test]
fn an_id_is_taken_once_in_a_tenant_and_again_in_another() {
    on_each_backend(async |place| {
        let service = place.service().await;
        for owner in ["acme", "other"] {
            settle(&*service, owner).await;
        }
        let new = mail("acme", "1", &["ada@example.org"]);
        let batch = vec![
            new.clone(),
            new.clone(),
            mail("other", "1", &["ada@example.org"]),
        ];
        let answers = service.submit(batch).await.unwrap();
        let [
            Submitted::New(id),
            Submitted::Known(again),
            Submitted::New(other),
        ] = answers[..]
        else {
            panic!("{answers:?}");
        };
        assert!(id == again && id != other);
        let later = service.submit(vec![new]).await.unwrap();
        assert_eq!(later, [Submitted::Known(id)]);
        assert_eq!(whole_log(&*service).await.len(), 2);
    });
}

#[test]
fn the_numbers_of_what_is_open_are_found_by_the_ids_of_their_tenant() {
    on_each_backend(async |place| {
        let service = place.service().await;
        settle(&*service, "acme").await;
        settle(&*service, "beta").await;
        let two = mail("acme", "two", &["ada@example.org", "bob@example.org"]);
        let two = submit(&*service, two).await;
        let one = submit(&*service, mail("acme", "one", &["ada@example.org"])).await;
        submit(&*service, mail("beta", "three", &["ada@example.org"])).await;
        let ids = ["one", "three", "two", "one"].map(client_id).to_vec();
        let found = service.open_numbers(&tenant_id("acme"), ids).await.unwrap();
        let one = Some((one, 1));
        assert_eq!(found, [one, None, Some((two, 2)), one]);
        let none = service.open_numbers(&tenant_id("acme"), Vec::new()).await;
        assert!(none.unwrap().is_empty());
    });
}

#[test]
fn nothing_is_taken_for_who_is_not_there() {
    on_each_backend(async |place| {
        let service = place.service().await;
        settle(&*service, "acme").await;
        let mut asleep = service.tenant(&tenant_id("acme")).await.unwrap().unwrap();
        (asleep.id, asleep.is_active) = (tenant_id("asleep"), false);
        service.put_tenant(asleep).await.unwrap();
        service
            .put_account(account("asleep", "main"))
            .await
            .unwrap();
        let to = ["ada@example.org"];
        let mut elsewhere = mail("acme", "3", &to);
        elsewhere.account = account_id("nowhere");
        let batch = vec![
            mail("nobody", "1", &to),
            mail("asleep", "2", &to),
            elsewhere,
            mail("acme", "4", &to),
        ];
        let answers = service.submit(batch).await.unwrap();
        let [
            Submitted::NoTenant,
            Submitted::NoTenant,
            Submitted::NoAccount,
            Submitted::New(_),
        ] = answers[..]
        else {
            panic!("{answers:?}");
        };
        assert_eq!(whole_log(&*service).await.len(), 1);
        let error = service
            .submit(vec![mail("acme", "5", &[])])
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        assert!(service.submit(Vec::new()).await.unwrap().is_empty());
    });
}

#[test]
fn unsent_mail_takes_another_content_and_stays_who_it_is() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let old = mail("acme", "1", &["ada@example.org", "bob@example.org"]);
        let id = submit(&*service, old.clone()).await;
        let lease = lease(&*service, pk).await;
        record(&*service, &lease, id.0, EventKind::Deferred, 5).await;
        let mut new = old.clone();
        new.payload = r#"{"subject":"another"}"#.into();
        (new.priority, new.batch) = (Priority::Immediate, BatchCode::parse("b").ok());
        (new.deferred_until, new.at) = (Some(second(90)), second(10));
        let answer = service.submit(vec![new.clone()]).await.unwrap();
        assert_eq!(answer, [Submitted::Replaced(id)]);

        let found = followed(&*service, &new.tenant, "1").await;
        assert_eq!(&*found.payload, new.payload.expose());
        let submission = &found.submission;
        assert_eq!(
            (submission.priority, &submission.batch),
            (new.priority, &new.batch)
        );
        assert_eq!(
            (submission.created_at, submission.updated_at),
            (START, second(10))
        );
        assert_eq!(submission.deferred_until, new.deferred_until);
        assert!(
            found
                .messages
                .iter()
                .all(|found| found.due_at == Some(second(90))
                    && found.message.priority == Priority::Immediate)
        );
        assert_eq!(
            found.messages[0].message.attempts, 0,
            "it has all its tries"
        );
        let history = service.history(id).await.unwrap();
        assert_eq!(history.len(), 3, "what happened stays");
        let again = service.submit(vec![new]).await.unwrap();
        assert_eq!(again, [Submitted::Known(id)]);
        // And back: what is compared is what is there now.
        let back = service.submit(vec![old]).await.unwrap();
        assert_eq!(back, [Submitted::Replaced(id)]);
        assert_eq!(service.pending(&tenant_id("acme"), None).await.unwrap(), 1);
    });
}

#[test]
fn each_part_of_the_content_is_compared() {
    on_each_backend(async |place| {
        let service = place.service().await;
        settle(&*service, "acme").await;
        let other_account = account("acme", "other");
        service.put_account(other_account.clone()).await.unwrap();
        let old = mail("acme", "1", &["ada@example.org"]);
        submit(&*service, old.clone()).await;
        let changes: [fn(&mut store::NewSubmission); 6] = [
            |new| new.payload = "{}".into(),
            |new| new.priority = Priority::Low,
            |new| new.batch = BatchCode::parse("spring").ok(),
            |new| new.deferred_until = Some(START),
            |new| new.account = account_id("other"),
            |new| new.recipients = vec![Address::parse("eve@example.org").unwrap()],
        ];
        for change in changes {
            let mut new = old.clone();
            change(&mut new);
            for content in [&new, &old] {
                let answer = service.submit(vec![content.clone()]).await.unwrap();
                assert!(
                    matches!(answer[..], [Submitted::Replaced(_)]),
                    "{answer:?}: {content:?}"
                );
                let answer = service.submit(vec![content.clone()]).await.unwrap();
                assert!(
                    matches!(answer[..], [Submitted::Known(_)]),
                    "{answer:?}: {content:?}"
                );
            }
        }
        // When it was handed over is no content.
        let mut later = old;
        later.at = second(100);
        let answer = service.submit(vec![later]).await.unwrap();
        assert!(matches!(answer[..], [Submitted::Known(_)]), "{answer:?}");
    });
}

#[test]
fn other_recipients_are_a_new_submission_and_the_old_one_is_cancelled() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let mut tail = service.tail();
        let old = submit(
            &*service,
            mail("acme", "1", &["ada@example.org", "bob@example.org"]),
        )
        .await;
        let mut new = mail("acme", "1", &["bob@example.org"]);
        new.at = second(3);
        let answers = service.submit(vec![new]).await.unwrap();
        let [Submitted::Replaced(id)] = answers[..] else {
            panic!("{answers:?}");
        };
        assert!(id.0 > old.0);
        assert!(service.payload(old).await.unwrap().is_none());
        let found = followed(&*service, &tenant_id("acme"), "1").await;
        assert_eq!((found.submission.id, found.messages.len()), (id, 1));
        let lease = lease(&*service, pk).await;
        let messages = due(&*service, &lease, second(9), 10).await.messages;
        assert_eq!(seqs(&messages), [id.0]);

        tail.next().await.unwrap();
        let seen = tail.next().await.unwrap();
        let [first, second_, accepted] = &seen.events[..] else {
            panic!("{seen:?}");
        };
        let reason = format!("replaced by {}", found.submission.message_id);
        for (event, message) in [(first, old.0), (second_, old.0.next())] {
            let event = &event.event;
            assert_eq!((event.kind, event.message), (EventKind::Cancelled, message));
            assert_eq!(
                (event.reason.as_deref(), event.at),
                (Some(&*reason), second(3))
            );
        }
        assert_eq!(
            (accepted.event.kind, accepted.event.seq),
            (EventKind::Accepted, id.0)
        );
        assert_eq!(seen.last, id.0);
        let counts = &service.account_counts().await.unwrap()[0];
        assert_eq!(
            (counts.accepted, counts.cancelled, counts.pending()),
            (2, 1, 1)
        );
        let books = service.books(lease.lane).await.unwrap();
        assert_eq!((books.accepted, books.cancelled, books.queued), (3, 2, 1));
        assert_eq!(service.count_books(lease.lane).await.unwrap(), books);
    });
}

#[test]
fn what_began_to_be_sent_keeps_its_content_so_that_nobody_has_two_letters() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let old = mail("acme", "1", &["ada@example.org", "bob@example.org"]);
        let id = submit(&*service, old.clone()).await;
        let lease = lease(&*service, pk).await;
        record(&*service, &lease, id.0, EventKind::Delivered, 1).await;
        let mut other_content = old.clone();
        other_content.payload = "{}".into();
        let mut others = old.clone();
        others.recipients.reverse();
        let batch = vec![old.clone(), other_content.clone(), others];
        let answers = service.submit(batch).await.unwrap();
        assert_eq!(
            answers,
            [
                Submitted::Known(id),
                Submitted::Final(id),
                Submitted::Final(id)
            ]
        );
        let found = followed(&*service, &old.tenant, "1").await;
        assert_eq!(&*found.payload, old.payload.expose());
        assert_eq!(found.messages[1].message.state, MessageState::Queued);

        record(&*service, &lease, id.0.next(), EventKind::Bounced, 2).await;
        let answers = service.submit(vec![old, other_content]).await.unwrap();
        assert_eq!(answers, [Submitted::Final(id), Submitted::Final(id)]);
        assert_eq!(whole_log(&*service).await.len(), 4);
    });
}
