//! The walls between tenants: nothing of another one's mail is seen or changed under any id.

use std::fmt::Debug;

use model::{EventKind, Seq};
use store::submissions::{Channel, SubmissionFilter};

use crate::on_each_backend;
use crate::service::{Service, client_id, followed, lease, mail, record, settle, submit};
use crate::support::directory::tenant_id;
use crate::support::second;

/// Tenants whose names begin alike, with the same client ids each.
const OWNERS: [&str; 3] = ["acme", "acme.b", "b"];
const IDS: [&str; 4] = ["1", "2", "acme.1", "b.1"];

/// All of one tenant's mail, as one text.
async fn all_of(service: &dyn Service, owner: &str) -> String {
    let tenant = tenant_id(owner);
    let mut text = String::new();
    let mut add = |what: &dyn Debug| text.push_str(&format!("{what:?}\n"));
    let filter = SubmissionFilter {
        tenant: Some(tenant.clone()),
        limit: 100,
        ..SubmissionFilter::default()
    };
    for found in service.submissions(filter).await.unwrap() {
        add(&service.history(found.submission.id).await.unwrap());
        add(&found);
    }
    for id in IDS {
        add(&service.submission(&tenant, &client_id(id)).await.unwrap());
    }
    add(&service
        .reports(&tenant, Channel::Sync, Seq::START, 100)
        .await
        .unwrap());
    add(&service.pending(&tenant, None).await.unwrap());
    let mut backlog = service.report_backlog().await.unwrap();
    backlog.retain(|backlog| backlog.tenant == tenant);
    add(&backlog);
    let mut counts = service.account_counts().await.unwrap();
    counts.retain(|counts| counts.tenant == tenant);
    add(&counts);
    text
}

async fn fill(service: &dyn Service) {
    for owner in OWNERS {
        let pk = settle(service, owner).await;
        let lease = lease(service, pk).await;
        for (id, kind) in IDS.into_iter().zip([
            EventKind::Delivered,
            EventKind::Deferred,
            EventKind::Bounced,
            EventKind::RateLimited,
        ]) {
            let address = format!("canary-{owner}-{id}@example.org");
            let mut new = mail(owner, id, &[&address]);
            new.payload = format!(r#"{{"secret":"canary-{owner}-{id}"}}"#).into();
            let id = submit(service, new).await;
            record(service, &lease, id.0, kind, 1).await;
        }
        service.release(lease).await.unwrap();
    }
}

#[test]
fn each_tenant_sees_its_own_mail_under_the_ids_that_others_use() {
    on_each_backend(async |place| {
        let service = place.service().await;
        fill(&*service).await;
        for owner in OWNERS {
            let whole = all_of(&*service, owner).await;
            for other in OWNERS {
                let canary = format!("canary-{other}-1");
                assert_eq!(
                    whole.contains(&canary),
                    other == owner,
                    "{other} by {owner}"
                );
            }
        }
    });
}

#[test]
fn nothing_that_is_done_in_a_tenant_s_name_touches_another_s_mail() {
    on_each_backend(async |place| {
        let service = place.service().await;
        fill(&*service).await;
        let (acme, b) = (tenant_id("acme"), tenant_id("b"));
        let theirs = service
            .reports(&b, Channel::Sync, Seq::START, 100)
            .await
            .unwrap();
        let theirs: Vec<Seq> = theirs.iter().map(|report| report.seq).collect();
        let account = followed(&*service, &acme, "1").await.submission.account;
        let before = [
            all_of(&*service, "acme.b").await,
            all_of(&*service, "b").await,
        ];

        assert_eq!(
            service
                .acknowledge(&acme, Channel::Sync, theirs)
                .await
                .unwrap(),
            0
        );
        let mut rewritten = mail("acme", "2", &["eve@example.org"]);
        rewritten.at = second(9);
        service.submit(vec![rewritten]).await.unwrap();
        let suspend = |tenant: &mut model::Tenant| tenant.suspension.suspend(None);
        let changed = service.change_tenant(&acme, Box::new(suspend), second(9));
        changed.await.unwrap();
        assert_eq!(service.align_suspension(&acme, 100).await.unwrap(), 2);
        let mine = service
            .reports(&acme, Channel::Sync, Seq::START, 100)
            .await
            .unwrap();
        let mine = mine.iter().map(|report| report.seq).collect();
        service
            .acknowledge(&acme, Channel::Sync, mine)
            .await
            .unwrap();
        assert_eq!(
            service
                .clean_up(Some(&acme), second(99), 100)
                .await
                .unwrap(),
            2
        );
        let ids = IDS.map(client_id).to_vec();
        let removed = service.remove(&acme, ids, second(9)).await.unwrap();
        assert_eq!(removed, [false, true, false, true]);
        service
            .remove_of_account(account, second(9), 100)
            .await
            .unwrap();
        assert!(service.delete_tenant(&acme).await.unwrap());

        let after = [
            all_of(&*service, "acme.b").await,
            all_of(&*service, "b").await,
        ];
        assert_eq!(after, before);
    });
}
