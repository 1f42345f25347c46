//! What a store answers to everything that reads, as text.

use std::fmt::Debug;

use model::{LaneId, Seq, Tenant, Timestamp};
use store::directory::CommandFilter;
use store::statistics::{Each, Span, StatisticsQuery};
use store::submissions::{Channel, SubmissionFilter};

use crate::support::submissions::Service;
use crate::support::{START, whole_log};

use super::installation::ALWAYS;

/// Lanes are numbered from one on.
const LANES: i64 = 12;

/// Everything, in the same order for each store.
pub async fn of(store: &dyn Service) -> Vec<String> {
    let mut answers = Vec::new();
    of_log(store, &mut answers).await;
    of_lanes(store, &mut answers).await;
    of_directory(store, &mut answers).await;
    of_submissions(store, &mut answers).await;
    of_statistics(store, &mut answers).await;
    answers
}

fn say(answers: &mut Vec<String>, what: &str, answer: impl Debug) {
    answers.push(format!("{what}: {answer:?}"));
}

async fn of_log(store: &dyn Service, answers: &mut Vec<String>) {
    say(answers, "end", store.end_of_log().await.unwrap());
    for logged in whole_log(store).await {
        let timeline = store.timeline(logged.event.message).await.unwrap();
        say(answers, "timeline", timeline.unwrap().events);
        say(answers, "log", logged);
    }
    for reader in ["webhooks", "bounces", "nobody"] {
        say(answers, reader, store.cursor(reader).await.unwrap());
    }
    say(answers, "jobs", store.jobs().await.unwrap());
}

async fn of_lanes(store: &dyn Service, answers: &mut Vec<String>) {
    for campaign in store.campaigns(None, 100).await.unwrap() {
        let content = store.content(campaign.content).await.unwrap();
        say(answers, "campaign", (&campaign, content));
    }
    say(answers, "waiting", store.waiting_lanes().await.unwrap());
    for lane in (1..LANES).map(LaneId) {
        say(answers, "books", store.books(lane).await.unwrap());
        say(answers, "counted", store.count_books(lane).await.unwrap());
        say(
            answers,
            "messages",
            store.messages(lane, Seq::START, 1_000).await.unwrap(),
        );
        say(
            answers,
            "queued",
            store.queued(lane, Seq::START, 1_000).await.unwrap(),
        );
        say(
            answers,
            "controls",
            store.controls_after(Seq::START, lane, 100).await.unwrap(),
        );
        say(
            answers,
            "repeatable",
            store.has_repeatable(lane).await.unwrap(),
        );
        let account = store.lane_account(lane).await.unwrap();
        say(answers, "account", account);
        if let Some(account) = account {
            say(answers, "sends", store.sends(lane, START).await.unwrap());
            say(
                answers,
                "unanswered",
                store.unanswered(account, ALWAYS, 100).await.unwrap(),
            );
        }
    }
}

async fn of_directory(store: &dyn Service, answers: &mut Vec<String>) {
    let instance = store.instance().await.unwrap();
    let bounce = instance
        .bounce
        .as_ref()
        .map(|secret| secret.expose().to_owned());
    say(answers, "instance", (&instance, bounce));
    for tenant in store.tenants(None, 100).await.unwrap() {
        of_tenant(store, &tenant, answers).await;
    }
    let all = CommandFilter {
        limit: 100,
        ..CommandFilter::default()
    };
    say(answers, "commands", store.commands(all).await.unwrap());
}

async fn of_tenant(store: &dyn Service, tenant: &Tenant, answers: &mut Vec<String>) {
    let id = &tenant.id;
    say(answers, "tenant", tenant);
    say(answers, "keys", store.keys(id).await.unwrap());
    say(answers, "pending", store.pending(id, None).await.unwrap());
    for storage in store.storages(id).await.unwrap() {
        say(answers, "storage", (&storage, storage.config.expose()));
    }
    for known in store.accounts(Some(id), None, 100).await.unwrap() {
        let account = &known.account;
        let password = account.password.as_ref().map(|secret| secret.expose());
        say(answers, "account", (&known, password));
    }
    for channel in [Channel::Sync, Channel::Webhook] {
        let reports = store.reports(id, channel, Seq::START, 1_000).await;
        say(answers, "reports", reports.unwrap());
    }
}

async fn of_submissions(store: &dyn Service, answers: &mut Vec<String>) {
    say(answers, "counts", store.account_counts().await.unwrap());
    say(answers, "backlog", store.report_backlog().await.unwrap());
    for is_open in [false, true] {
        let filter = SubmissionFilter {
            is_open,
            limit: 1_000,
            ..SubmissionFilter::default()
        };
        for followed in store.submissions(filter).await.unwrap() {
            let history = store.history(followed.submission.id).await.unwrap();
            say(answers, "submission", (followed, history));
        }
    }
}

/// What was counted so far.
pub async fn of_statistics(store: &dyn Service, answers: &mut Vec<String>) {
    let everything = StatisticsQuery {
        from: Timestamp::from_millis(0),
        until: ALWAYS,
        by: Span::Hour,
        tenant: None,
        account: None,
        each: Each::Account,
    };
    for row in store.statistics(everything).await.unwrap() {
        say(answers, "happened", row);
    }
    say(answers, "as of", store.counted_to().await.unwrap());
}
