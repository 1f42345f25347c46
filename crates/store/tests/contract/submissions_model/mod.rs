//! Random operations on submissions, compared after each with a model that is a map of lists.
//!
//! - `entry`: what it knows of one submission
//! - `world`: the model, and what each operation does to it and to the store
//! - `compare`: that both say the same

mod compare;
mod entry;
mod world;

use model::{Address, BatchCode, Priority};
use proptest::prelude::*;
use store::NewSubmission;

use crate::service::mail;
use crate::support::directory::account_id;
use crate::support::second;
use crate::{OUTCOMES, Place, backends, on_random_values};
use world::World;

const CASES: u32 = 120;
const OWNERS: [&str; 2] = ["acme", "other"];
const ACCOUNTS: [&str; 2] = ["main", "second"];
const IDS: [&str; 4] = ["1", "2", "3", "4"];
const RECIPIENTS: [&[&str]; 3] = [
    &["ada@example.org"],
    &["ada@example.org", "bob@example.org"],
    &["bob@example.org", "ada@example.org"],
];
const BATCHES: [Option<&str>; 3] = [None, Some("a"), Some("b")];

/// What a client may choose, by number.
#[derive(Clone, Copy, Debug)]
struct Choice {
    owner: usize,
    id: usize,
    account: usize,
    recipients: usize,
    batch: usize,
    priority: i64,
    payload: u8,
    wait: u64,
}

#[derive(Clone, Debug)]
enum Operation {
    Submit(Vec<Choice>),
    /// Messages by number, whatever their state, each with what happens to it by number.
    Record(Vec<(usize, usize)>),
    Remove(usize, Vec<usize>),
    RemoveOfAccount(usize, usize),
    /// A tenant's batch by number, or all; held back, or let go; and so many aligned at a time.
    Suspend(usize, usize),
    Activate(usize, usize),
    Align(usize, usize),
    News(usize),
    Acknowledge(usize, Vec<usize>),
    Expire(u64, usize),
    CleanUp(Option<usize>, u64, usize),
    /// The process ends and another begins.
    Reopen,
}

fn choice() -> impl Strategy<Value = Choice> {
    let who = (0..OWNERS.len(), 0..IDS.len(), 0..ACCOUNTS.len());
    let what = (0..RECIPIENTS.len(), 0..BATCHES.len(), 0..4_i64);
    (who, what, 0..2_u8, 0..3_u64).prop_map(
        |((owner, id, account), (recipients, batch, priority), payload, wait)| Choice {
            owner,
            id,
            account,
            recipients,
            batch,
            priority,
            payload,
            wait,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let numbers = |count: usize| prop::collection::vec(0..count, 0..4);
    let record = prop::collection::vec((0..12_usize, 0..OUTCOMES.len() + 2), 0..6);
    let (owner, batch, limit) = (0..OWNERS.len(), 0..BATCHES.len(), 1..4_usize);
    prop_oneof![
        6 => prop::collection::vec(choice(), 0..4).prop_map(Operation::Submit),
        8 => record.prop_map(Operation::Record),
        1 => (owner.clone(), numbers(IDS.len())).prop_map(|(a, b)| Operation::Remove(a, b)),
        1 => (0..4_usize, limit.clone()).prop_map(|(a, b)| Operation::RemoveOfAccount(a, b)),
        3 => (owner.clone(), batch.clone()).prop_map(|(a, b)| Operation::Suspend(a, b)),
        2 => (owner.clone(), batch).prop_map(|(a, b)| Operation::Activate(a, b)),
        5 => (owner.clone(), limit.clone()).prop_map(|(a, b)| Operation::Align(a, b)),
        2 => (0..12_usize).prop_map(Operation::News),
        3 => (owner.clone(), numbers(6)).prop_map(|(a, b)| Operation::Acknowledge(a, b)),
        1 => (0..40_u64, limit.clone()).prop_map(|(a, b)| Operation::Expire(a, b)),
        2 => (prop::option::of(owner), 0..40_u64, limit)
            .prop_map(|(a, b, c)| Operation::CleanUp(a, b, c)),
        1 => Just(Operation::Reopen),
    ]
}

#[test]
fn submissions_behave_as_a_map_of_lists() {
    for (name, new_place) in backends() {
        let operations = prop::collection::vec(operation(), 1..40);
        on_random_values(name, CASES, operations, async |operations| {
            run(&*new_place(), operations).await;
        });
    }
}

async fn run(place: &dyn Place, operations: Vec<Operation>) {
    let mut world = World::new(place).await;
    for (number, operation) in operations.into_iter().enumerate() {
        world.now = number as u64 + 1;
        match operation {
            Operation::Submit(choices) => world.submit(choices).await,
            Operation::Record(list) => world.record(list).await,
            Operation::Remove(owner, ids) => world.remove(owner, ids).await,
            Operation::RemoveOfAccount(number, limit) => {
                world.remove_of_account(number, limit).await;
            }
            Operation::Suspend(owner, batch) => world.suspend(owner, batch).await,
            Operation::Activate(owner, batch) => world.activate(owner, batch).await,
            Operation::Align(owner, limit) => world.align(owner, limit).await,
            Operation::News(number) => world.news(number).await,
            Operation::Acknowledge(owner, numbers) => world.acknowledge(owner, numbers).await,
            Operation::Expire(before, limit) => world.expire(before, limit).await,
            Operation::CleanUp(owner, before, limit) => world.clean_up(owner, before, limit).await,
            Operation::Reopen => world.reopen(place).await,
        }
        world.compare().await;
    }
}

/// What is compared of a choice, beside whose it is.
fn content(choice: &Choice) -> (usize, usize, usize, i64, u8, u64) {
    (
        choice.account,
        choice.recipients,
        choice.batch,
        choice.priority,
        choice.payload,
        choice.wait,
    )
}

fn batch_code(batch: usize) -> Option<BatchCode> {
    BATCHES[batch].map(|code| BatchCode::parse(code).unwrap())
}

fn payload(choice: &Choice) -> String {
    format!(r#"{{"version":{}}}"#, choice.payload)
}

fn new_submission(choice: &Choice, at: u64) -> NewSubmission {
    let mut new = mail(OWNERS[choice.owner], IDS[choice.id], &[]);
    new.account = account_id(ACCOUNTS[choice.account]);
    let address = |text: &&str| Address::parse(text).unwrap();
    new.recipients = RECIPIENTS[choice.recipients].iter().map(address).collect();
    new.batch = batch_code(choice.batch);
    new.priority = Priority::clamped(choice.priority);
    new.payload = payload(choice).into();
    new.deferred_until = (choice.wait > 0).then(|| second(choice.wait * 100));
    new.at = second(at);
    new
}
