//! Looking for submissions: every walk through the pages finds what fits, once and in order, whatever a look is bounded
//! by.

use model::{EventKind, Seq, SubmissionId};
use store::find::From;
use store::submissions::{FindSubmissions, SubmissionFilter, SubmissionState};

use crate::on_each_backend;
use crate::service::{Service, lease, mail, record, settle, submit};
use crate::support::directory::tenant_id;

/// Submissions of two tenants in turn: of each six, some sent, some failed, some with two recipients.
async fn some_of_everything(service: &dyn Service) {
    let mut leases = Vec::new();
    for owner in ["acme", "other"] {
        let pk = settle(service, owner).await;
        leases.push(lease(service, pk).await);
    }
    for number in 0..24_usize {
        let owner = ["acme", "other"][number % 2];
        let address = format!("Ada{number}@Example.org");
        let recipients: &[&str] = match number % 3 {
            0 => &[&address, "Bob@example.net"],
            _ => &[&address],
        };
        let id = submit(service, mail(owner, &format!("Order-{number}"), recipients)).await;
        let kind = match number % 6 {
            0 | 1 => EventKind::Delivered,
            2 => EventKind::Bounced,
            _ => continue,
        };
        for place in 0..recipients.len() {
            let seq = Seq::new(id.0.get() + place as i64);
            record(service, &leases[number % 2], seq, kind, 1).await;
        }
    }
}

/// Every submission that a query is about, found without the look.
async fn expected(service: &dyn Service, query: &FindSubmissions) -> Vec<SubmissionId> {
    let filter = SubmissionFilter {
        tenant: query.tenant.clone(),
        account: query.account,
        limit: 1_000,
        ..SubmissionFilter::default()
    };
    let part = query.part.as_deref().unwrap_or("").to_lowercase();
    let all = service.submissions(filter).await.unwrap();
    let fitting = all.into_iter().filter(|followed| {
        let submission = &followed.submission;
        let mut texts = vec![submission.client_id.as_str()];
        let messages = followed.messages.iter();
        texts.extend(messages.map(|followed| followed.message.address.as_str()));
        query.state.is_none_or(|state| state == submission.state())
            && texts.iter().any(|text| text.to_lowercase().contains(&part))
    });
    fitting.map(|followed| followed.submission.id).collect()
}

/// Goes through the pages to the end of the list.
async fn walked(service: &dyn Service, mut query: FindSubmissions) -> Vec<SubmissionId> {
    let mut all = Vec::new();
    for _ in 0..1_000 {
        let found = service.find_submissions(query.clone()).await.unwrap();
        assert!(found.submissions.len() <= query.limit);
        let page: Vec<SubmissionId> = (found.submissions.iter())
            .map(|listed| {
                assert_eq!(listed.first.message.id, listed.submission.message_id);
                listed.submission.id
            })
            .collect();
        let end = found.looked_to;
        query.from = match query.from {
            From::After(_) => {
                all.extend(&page);
                match end.or(page.last().copied()) {
                    Some(id) => From::After(id.0),
                    None => return all,
                }
            }
            From::Before(_) => {
                all.splice(0..0, page.iter().copied());
                match end.or(page.first().copied()) {
                    Some(id) => From::Before(Some(id.0)),
                    None => return all,
                }
            }
        };
    }
    panic!("the list has no end: {query:?}");
}

#[test]
fn every_walk_finds_what_fits_once_and_in_order() {
    on_each_backend(async |place| {
        let service = place.service().await;
        some_of_everything(&*service).await;
        let states = [
            None,
            Some(SubmissionState::Pending),
            Some(SubmissionState::Sent),
            Some(SubmissionState::Failed),
        ];
        let parts = [None, Some("order-1"), Some("BOB@"), Some("no\0body")];
        let mut sizes = Vec::new();
        for owner in [None, Some("acme"), Some("nobody")] {
            for (state, part) in states
                .iter()
                .flat_map(|state| parts.map(|part| (*state, part)))
            {
                for from in [From::After(Seq::START), From::Before(None)] {
                    for (limit, look_at_max) in [(50, 1_000), (2, 1_000), (50, 3), (1, 0)] {
                        let query = FindSubmissions {
                            tenant: owner.map(tenant_id),
                            account: None,
                            state,
                            part: part.map(Into::into),
                            from,
                            limit,
                            look_at_max,
                        };
                        let expected = expected(&*service, &query).await;
                        sizes.push(expected.len());
                        assert_eq!(
                            walked(&*service, query.clone()).await,
                            expected,
                            "{query:?}"
                        );
                    }
                }
            }
        }
        assert_eq!(sizes.iter().max(), Some(&24));
    });
}

#[test]
fn an_accounts_own_are_found_and_a_look_is_bounded() {
    on_each_backend(async |place| {
        let service = place.service().await;
        some_of_everything(&*service).await;
        let counts = service.account_counts().await.unwrap();
        let query = FindSubmissions {
            account: Some(counts[1].account),
            limit: 100,
            look_at_max: 100,
            ..FindSubmissions::default()
        };
        let own = service.find_submissions(query.clone()).await.unwrap();
        assert_eq!((own.submissions.len(), own.looked_to), (12, None));
        let narrow = FindSubmissions {
            part: Some("nowhere".into()),
            look_at_max: 4,
            ..query
        };
        let found = service.find_submissions(narrow).await.unwrap();
        assert!(found.submissions.is_empty() && found.looked_to.is_some());
    });
}
