//! What a tenant holds back: nothing of it is due, and all of it is there when it is let go.

use model::{BatchCode, EventKind, Seq, TenantId};
use store::Submitted;

use crate::service::{Service, due, followed, lease, mail, record, seqs, settle, submit};
use crate::support::directory::tenant_id;
use crate::support::second;
use crate::{ALWAYS, on_each_backend};

fn batch(code: &str) -> Option<BatchCode> {
    Some(BatchCode::parse(code).unwrap())
}

/// Suspends one batch, or all.
async fn suspend(service: &dyn Service, owner: &TenantId, batch: Option<BatchCode>) {
    let change = |tenant: &mut model::Tenant| tenant.suspension.suspend(batch);
    let changed = service.change_tenant(owner, Box::new(change), second(1));
    changed.await.unwrap().unwrap();
}

async fn activate(service: &dyn Service, owner: &TenantId, batch: Option<BatchCode>) {
    let change = move |tenant: &mut model::Tenant| tenant.suspension.activate(batch.as_ref());
    let changed = service.change_tenant(owner, Box::new(change), second(1));
    changed.await.unwrap().unwrap();
}

/// Brings all into line, some at a time; gives how many it were.
async fn align(service: &dyn Service, owner: &TenantId) -> usize {
    let mut aligned = 0;
    loop {
        let some = service.align_suspension(owner, 2).await.unwrap();
        assert!(some <= 2);
        if some == 0 {
            return aligned;
        }
        aligned += some;
    }
}

/// Mail of batches `a` and `b` and of none, three of each; gives their messages by batch.
async fn fill(service: &dyn Service, owner: &str) -> [Vec<Seq>; 3] {
    let mut all = [const { Vec::new() }; 3];
    for number in 0..9 {
        let mut new = mail(
            owner,
            &number.to_string(),
            &["ada@example.org", "bob@example.org"],
        );
        new.batch = [batch("a"), batch("b"), None][number % 3].clone();
        let id = submit(service, new).await;
        all[number % 3].extend([id.0, id.0.next()]);
    }
    all
}

#[test]
fn a_suspended_batch_waits_and_the_rest_goes_on() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let owner = tenant_id("acme");
        let [a, b, none] = fill(&*service, "acme").await;
        let lease = lease(&*service, pk).await;
        let due = async || {
            let mut due = seqs(&due(&*service, &lease, ALWAYS, 100).await.messages);
            due.sort_unstable();
            due
        };
        let sorted = |parts: &[&Vec<Seq>]| {
            let mut all: Vec<Seq> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(align(&*service, &owner).await, 0);
        suspend(&*service, &owner, batch("a")).await;
        assert_eq!(align(&*service, &owner).await, 3);
        assert_eq!(due().await, sorted(&[&b, &none]));
        suspend(&*service, &owner, batch("b")).await;
        activate(&*service, &owner, batch("a")).await;
        assert_eq!(align(&*service, &owner).await, 6);
        assert_eq!(due().await, sorted(&[&a, &none]));
        suspend(&*service, &owner, None).await;
        assert_eq!(align(&*service, &owner).await, 6);
        assert!(due().await.is_empty());
        for (code, expected) in [(batch("a"), 3), (batch("c"), 0), (None, 9)] {
            assert_eq!(
                service.pending(&owner, code.as_ref()).await.unwrap(),
                expected
            );
        }
        let waiting = service.waiting_lanes().await.unwrap();
        assert_eq!(waiting.len(), 1, "held back, and still queued");
        activate(&*service, &owner, None).await;
        suspend(&*service, &owner, batch("b")).await;
        assert_eq!(align(&*service, &owner).await, 6);
        assert_eq!(due().await, sorted(&[&a, &none]));
        activate(&*service, &owner, batch("b")).await;
        assert_eq!(align(&*service, &owner).await, 3);
        assert_eq!(due().await, sorted(&[&a, &b, &none]));
        let held = service.books(lease.lane).await.unwrap();
        assert_eq!((held.queued, held.accepted), (18, 18));
    });
}

#[test]
fn what_comes_while_its_batch_is_suspended_is_held_at_once() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let owner = tenant_id("acme");
        suspend(&*service, &owner, batch("a")).await;
        let mut held = mail("acme", "held", &["ada@example.org"]);
        held.batch = batch("a");
        let id = submit(&*service, held.clone()).await;
        let free = submit(&*service, mail("acme", "free", &["ada@example.org"])).await;
        let lease = lease(&*service, pk).await;
        let now = due(&*service, &lease, ALWAYS, 10).await;
        assert_eq!(seqs(&now.messages), [free.0]);
        assert!(followed(&*service, &owner, "held").await.submission.is_held);
        assert_eq!(service.align_suspension(&owner, 10).await.unwrap(), 0);

        // Another batch lets it go, and its own one holds it again.
        let mut moved = held.clone();
        moved.batch = batch("b");
        for (new, expected) in [(moved, vec![id.0, free.0]), (held, vec![free.0])] {
            let answer = service.submit(vec![new]).await.unwrap();
            assert_eq!(answer, [Submitted::Replaced(id)]);
            let now = due(&*service, &lease, ALWAYS, 10).await;
            assert_eq!(seqs(&now.messages), expected);
        }
    });
}

#[test]
fn what_is_final_is_never_held_and_never_comes_back() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let owner = tenant_id("acme");
        let all = fill(&*service, "acme").await.concat();
        let lease = lease(&*service, pk).await;
        for &seq in &all {
            record(&*service, &lease, seq, EventKind::Delivered, 1).await;
        }
        suspend(&*service, &owner, None).await;
        assert_eq!(align(&*service, &owner).await, 0);
        activate(&*service, &owner, None).await;
        assert_eq!(align(&*service, &owner).await, 0);
        assert!(
            due(&*service, &lease, ALWAYS, 100)
                .await
                .messages
                .is_empty()
        );
    });
}

#[test]
fn a_held_message_whose_outcome_comes_late_counts_all_the_same() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let owner = tenant_id("acme");
        let id = submit(
            &*service,
            mail("acme", "1", &["ada@example.org", "bob@example.org"]),
        )
        .await;
        let lease = lease(&*service, pk).await;
        suspend(&*service, &owner, None).await;
        assert_eq!(align(&*service, &owner).await, 1);
        record(&*service, &lease, id.0, EventKind::Deferred, 2).await;
        record(&*service, &lease, id.0.next(), EventKind::Delivered, 2).await;
        assert!(due(&*service, &lease, ALWAYS, 10).await.messages.is_empty());
        activate(&*service, &owner, None).await;
        assert_eq!(align(&*service, &owner).await, 1);
        assert_eq!(
            seqs(&due(&*service, &lease, ALWAYS, 10).await.messages),
            [id.0]
        );
    });
}

#[test]
fn nobody_else_s_mail_is_touched() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let mut leases = Vec::new();
        for owner in ["acme", "other"] {
            let pk = settle(&*service, owner).await;
            fill(&*service, owner).await;
            leases.push(lease(&*service, pk).await);
        }
        suspend(&*service, &tenant_id("acme"), None).await;
        assert_eq!(align(&*service, &tenant_id("other")).await, 0);
        assert_eq!(align(&*service, &tenant_id("acme")).await, 9);
        assert_eq!(align(&*service, &tenant_id("nobody")).await, 0);
        let mut waiting = Vec::new();
        for lease in &leases {
            waiting.push(due(&*service, lease, ALWAYS, 100).await.messages.len());
        }
        assert_eq!(waiting, [0, 18]);
        let spring = BatchCode::parse("a").unwrap();
        assert_eq!(
            service
                .pending(&tenant_id("other"), Some(&spring))
                .await
                .unwrap(),
            3
        );
    });
}
