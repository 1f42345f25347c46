//! Mailboxes take turns.

use model::AccountPk;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn inbox(number: i64, tenant: &str) -> Listed {
    Listed {
        reader: Reader::Inbox(AccountPk(number)),
        tenant: Some(TenantId::parse(tenant).unwrap()),
        account: Some(AccountId::parse("pec").unwrap()),
        updated_at: None,
        interval: MINUTE,
    }
}

fn bounces() -> Listed {
    Listed {
        reader: Reader::Bounces,
        tenant: None,
        account: None,
        ..inbox(0, "x")
    }
}

/// A tenant each, with an inbox.
fn strangers(count: i64) -> Vec<Listed> {
    let one = |number| inbox(number, &format!("t{number}"));
    (1..=count).map(one).collect()
}

fn begin_all(board: &mut Board, now: Instant) -> Vec<Turn> {
    std::iter::from_fn(|| board.begin(now)).collect()
}

fn whole() -> Visited {
    Visited {
        end: End::Whole(Timestamp::from_millis(1)),
        noted: 2,
        unknown: 1,
    }
}

fn failed(remedy: Remedy) -> Visited {
    Visited {
        end: End::Failed {
            problem: "no answer".into(),
            remedy,
        },
        noted: 0,
        unknown: 0,
    }
}

fn board(listed: Vec<Listed>, now: Instant) -> Board {
    let mut board = Board::new(8, Rhythm::default());
    board.align(listed, now);
    board
}

#[test]
fn of_thousands_so_many_are_visited_at_once_and_all_in_turn() {
    let now = Instant::now();
    let mut board = board(strangers(3_000), now);
    let mut visits = Vec::new();
    loop {
        let turns = begin_all(&mut board, now);
        if turns.is_empty() {
            break;
        }
        assert!(turns.len() <= 8);
        for turn in turns {
            board.came_back(&turn, whole(), now);
            visits.push(turn.listed.reader);
        }
    }
    visits.sort();
    let all: Vec<Reader> = strangers(3_000).iter().map(|one| one.reader).collect();
    assert_eq!(visits, all);
    assert_eq!(board.next_due(), Some(now + MINUTE));
}

#[test]
fn one_tenant_takes_a_quarter_of_the_room_and_the_bounce_mailbox_none() {
    let now = Instant::now();
    let mut listed: Vec<Listed> = (1..=100).map(|number| inbox(number, "big")).collect();
    listed.push(inbox(101, "small"));
    listed.push(bounces());
    let mut board = board(listed, now);
    let turns = begin_all(&mut board, now);
    let readers: Vec<Reader> = turns.iter().map(|turn| turn.listed.reader).collect();
    let inbox = |number| Reader::Inbox(AccountPk(number));
    assert_eq!(readers, [Reader::Bounces, inbox(1), inbox(2), inbox(101)]);
    assert_eq!(board.next_due(), None, "there is room for none of them");
    board.came_back(&turns[1], whole(), now);
    assert_eq!(board.begin(now).unwrap().listed.reader, inbox(3));
}

#[test]
fn those_that_fail_leave_room_for_the_others() {
    let now = Instant::now();
    let mut board = board(strangers(40), now);
    for _ in 0..5 {
        for turn in begin_all(&mut board, now) {
            board.came_back(&turn, failed(Remedy::Time), now);
        }
    }
    let mut listed = strangers(40);
    listed.extend((1..=20).map(|number| inbox(100 + number, &format!("well-{number}"))));
    let later = now + MINUTE;
    board.align(listed, later);
    let turns = begin_all(&mut board, later);
    let failing = turns.iter().filter(|turn| turn.failing_since.is_some());
    assert_eq!((turns.len(), failing.count()), (8, 2));
}

#[test]
fn failures_are_counted_and_forgotten_after_a_visit_that_goes_well() {
    let now = Instant::now();
    let mut board = board(vec![inbox(1, "acme")], now);
    let turn = board.begin(now).unwrap();
    board.came_back(&turn, failed(Remedy::Time), now);
    let turn = board.begin(now + MINUTE).unwrap();
    assert_eq!(turn.failing_since, Some(now));
    board.came_back(&turn, failed(Remedy::Person), now + MINUTE);
    assert_eq!(board.next_due(), Some(now + 16 * MINUTE));
    let shown = &board.mailboxes()[0];
    assert_eq!((shown.failures, shown.last_visit_at), (2, None));
    assert_eq!(shown.trouble.as_deref(), Some("no answer"));

    let turn = board.begin(now + 16 * MINUTE).unwrap();
    board.came_back(&turn, whole(), now + 16 * MINUTE);
    let shown = &board.mailboxes()[0];
    assert_eq!((shown.failures, &shown.trouble), (0, &None));
    assert_eq!((shown.noted, shown.unknown), (2, 1));
    assert_eq!(shown.last_visit_at, Some(Timestamp::from_millis(1)));
}

#[test]
fn changed_settings_are_tried_at_once_even_when_they_change_during_a_visit() {
    let now = Instant::now();
    let mut board = board(vec![inbox(1, "acme")], now);
    let turn = board.begin(now).unwrap();
    let changed = Listed {
        updated_at: Some(Timestamp::from_millis(5)),
        ..inbox(1, "acme")
    };
    board.align(vec![changed.clone()], now);
    assert_eq!(board.begin(now), None, "one visit at a time");
    board.came_back(&turn, failed(Remedy::Person), now);
    assert_eq!(board.begin(now).unwrap().listed, changed);
}

#[test]
fn what_is_not_listed_any_more_is_forgotten() {
    let now = Instant::now();
    let mut board = board(vec![inbox(1, "acme"), bounces()], now);
    let turns = begin_all(&mut board, now);
    board.align(vec![bounces()], now);
    for turn in &turns {
        board.came_back(turn, whole(), now);
    }
    assert_eq!(board.mailboxes().len(), 1);
    board.hurry(now);
    assert_eq!(board.next_due(), Some(now));
    assert_eq!(board.begin(now).unwrap().listed.reader, Reader::Bounces);
}

#[test]
fn what_was_read_in_part_is_gone_on_with_behind_those_that_wait() {
    let now = Instant::now();
    let mut board = Board::new(1, Rhythm::default());
    board.align(strangers(2), now);
    let turn = board.begin(now).unwrap();
    let part = Visited {
        end: End::Part(Timestamp::from_millis(1)),
        ..whole()
    };
    let later = now + MINUTE;
    board.came_back(&turn, part, later);
    assert_ne!(board.begin(later).unwrap().listed, turn.listed);
}
