//! How much waits for its delivery, and since when.

use model::EventKind;
use store::submissions::Waiting;

use crate::on_each_backend;
use crate::service::{Service, due, lease, mail, record, settle, submit};
use crate::support::directory::tenant_id;
use crate::support::second;

async fn waiting(service: &dyn Service) -> (u64, Option<u64>) {
    let Waiting {
        count,
        first_due_at,
    } = service.waiting().await.unwrap();
    (count, first_due_at.map(|at| at.as_secs().unsigned_abs()))
}

#[test]
fn what_waits_is_counted_and_the_first_that_is_due_is_known() {
    on_each_backend(async |place| {
        let service = place.service().await;
        assert_eq!(waiting(&*service).await, (0, None));
        let account = settle(&*service, "acme").await;
        settle(&*service, "other").await;
        let mut later = mail("acme", "1", &["ada@example.org", "bob@example.org"]);
        later.deferred_until = Some(second(500));
        submit(&*service, later).await;
        let in_500 = second(500).as_secs().unsigned_abs();
        assert_eq!(waiting(&*service).await, (2, Some(in_500)));

        let mut urgent = mail("other", "2", &["ada@example.org"]);
        (urgent.priority, urgent.at) = (model::Priority::Immediate, second(30));
        submit(&*service, urgent).await;
        let mut first = mail("acme", "3", &["ada@example.org"]);
        first.at = second(20);
        let first = submit(&*service, first).await;
        let at_20 = second(20).as_secs().unsigned_abs();
        assert_eq!(waiting(&*service).await, (4, Some(at_20)));

        // What is done is gone, and what is held back is no one's turn.
        let own = lease(&*service, account).await;
        assert_eq!(due(&*service, &own, second(40), 9).await.messages.len(), 1);
        record(&*service, &own, first.0, EventKind::Delivered, 40).await;
        let at_30 = second(30).as_secs().unsigned_abs();
        assert_eq!(waiting(&*service).await, (3, Some(at_30)));
        let suspend = |tenant: &mut model::Tenant| tenant.suspension.suspend(None);
        let other = tenant_id("other");
        let changed = service.change_tenant(&other, Box::new(suspend), second(41));
        changed.await.unwrap().unwrap();
        while service.align_suspension(&other, 9).await.unwrap() > 0 {}
        assert_eq!(waiting(&*service).await, (3, Some(in_500)));
    });
}
