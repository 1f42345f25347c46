//! A campaign goes through Postfix into real mailboxes, and Python's `email` reads there what was meant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::mailboxes::{Attached, Letter};
use crate::harness::{Account, Entrance, Finished, Home};

mod list;

use list::{COPIES, HIDDEN, List, Person, attachments, html_template, text_template};

/// A file name beyond ASCII is written for new and for old readers; Python remarks on the second, and on nothing else.
const WRITTEN_TWICE: &str =
    "Content-Disposition: InvalidHeaderDefect('duplicate parameter name; duplicate ignored')";
const FROM: &str = "\"Nováková, Žofie\" <zofie@sender.test>";

fn send(home: &Home, list: &List) -> Finished {
    home.write("list.csv", list.csv());
    home.write("letter.html", html_template());
    home.write("letter.txt", text_template());
    for (name, _, bytes) in attachments() {
        home.write(name, bytes);
    }
    let [pdf, csv, png] = attachments().map(|(name, _, _)| name);
    let letter = [
        ["--csv", "list.csv"],
        ["--template", "letter.html"],
        ["--text", "letter.txt"],
        ["--subject", "{{.name}}: news from {{.city}}"],
        ["--attach", pdf],
        ["--attach", csv],
        ["--attach", png],
        ["--cc", COPIES],
        ["--bcc", HIDDEN],
        ["--reply-to", "answers@sender.test"],
        ["--header", "X-Season: Frühling"],
        ["--unsubscribe", "https://sender.test/leave?id={{.id}}"],
        ["--unsubscribe", "mailto:leave@sender.test"],
    ];
    let delivery = [
        "--one-click-unsubscribe",
        "--concurrency",
        "2",
        "--retries",
        "2",
    ];
    home.send(&[&letter.concat()[..], &delivery].concat())
}

#[test]
fn postfix_delivers_into_mailboxes() {
    let list = List::new();
    let (postfix, home) = (list.postfix(), Home::new());
    home.relay_with(postfix.port(Entrance::Mx), json!({"from": FROM}));
    let finished = send(&home, &list).expect_code(0);
    assert!(
        postfix.log().contains("too many errors"),
        "Postfix never hung up: {finished}"
    );

    let letters = postfix.letters();
    everybody_got_exactly_one(&list, &letters);
    copies_went_along_with_each(&list, &letters);
    let files = attachments().map(|(name, kind, bytes)| Attached::of(name, kind, &bytes));
    letters
        .iter()
        .for_each(|letter| is_as_meant(letter, &list, &files));
    the_account_agrees(&list, &home);
    the_report_agrees(&list, &home.report(&["--recipients"]));
}

/// What is in each mailbox. In upper case it is the same one.
fn boxes(letters: &[Letter]) -> BTreeMap<String, Vec<&Letter>> {
    let mut boxes = BTreeMap::<String, Vec<&Letter>>::new();
    for letter in letters {
        boxes
            .entry(letter.delivered_to.to_lowercase())
            .or_default()
            .push(letter);
    }
    boxes
}

fn everybody_got_exactly_one(list: &List, letters: &[Letter]) {
    let boxes = boxes(letters);
    assert_eq!(boxes.len(), list.residents.len() + 2);
    for person in &list.residents {
        let found = boxes.get(&person.address.to_lowercase());
        let [only] = found.map_or(&[][..], Vec::as_slice) else {
            panic!("{person:?}: {found:?}")
        };
        assert_eq!(
            only.header("x-original-to").to_lowercase(),
            person.address.to_lowercase()
        );
    }
}

/// Each message is one transaction: who reads the copy sees the very same message.
fn copies_went_along_with_each(list: &List, letters: &[Letter]) {
    let boxes = boxes(letters);
    let ids = |who: &str| {
        boxes[who]
            .iter()
            .map(|l| l.header("message-id"))
            .collect::<BTreeSet<_>>()
    };
    let all: BTreeSet<&str> = list
        .residents
        .iter()
        .flat_map(|p| ids(&p.address.to_lowercase()))
        .collect();
    assert_eq!(all.len(), list.residents.len(), "Message-IDs are unique");
    for who in [COPIES, HIDDEN] {
        assert_eq!(boxes[who].len(), list.residents.len(), "{who}");
        assert_eq!(ids(who), all, "{who}");
    }
}

fn is_as_meant(letter: &Letter, list: &List, files: &[Attached]) {
    let [(_, to)] = letter.to.as_slice() else {
        panic!("To: {:?}", letter.to)
    };
    let Some(person) = list
        .residents
        .iter()
        .find(|p| p.address.eq_ignore_ascii_case(to))
    else {
        panic!("{to} is not on the list")
    };
    head_is_as_meant(letter, person);
    let parts = "multipart/alternative(text/plain text/html) application/pdf text/csv image/png";
    assert_eq!(letter.shape, format!("multipart/mixed({parts})"));
    assert_eq!(letter.bodies["text/plain"], person.text());
    assert_eq!(letter.bodies["text/html"], person.html());
    assert_eq!(letter.attachments, files);
    assert_eq!(letter.defects, [WRITTEN_TWICE; 2], "{to}");
}

fn head_is_as_meant(letter: &Letter, person: &Person) {
    assert_eq!(letter.return_path, "<zofie@sender.test>");
    assert_eq!(letter.from, pairs("Nováková, Žofie", "zofie@sender.test"));
    assert_eq!(letter.cc, pairs("", COPIES));
    assert_eq!(
        letter.header("subject"),
        format!("{}: news from {}", person.name, person.city())
    );
    assert_eq!(letter.header("reply-to"), "answers@sender.test");
    assert_eq!(letter.header("x-season"), "Frühling");
    assert_eq!(letter.header("mime-version"), "1.0");
    let leave = format!(
        "<https://sender.test/leave?id={}>, <mailto:leave@sender.test>",
        person.id
    );
    assert_eq!(letter.header("list-unsubscribe"), leave);
    assert_eq!(
        letter.header("list-unsubscribe-post"),
        "List-Unsubscribe=One-Click"
    );
    let id = letter.header("message-id");
    assert!(id.starts_with('<') && id.ends_with("@sender.test>"), "{id}");
    assert!(
        (-1.0..60.0).contains(&letter.age_s),
        "written {} s before it arrived",
        letter.age_s
    );
    assert!(!letter.headers.contains_key("bcc"));
    if letter.delivered_to != HIDDEN {
        let mut values = letter.headers.values().flatten();
        assert!(
            !values.any(|value| value.contains(HIDDEN)),
            "{:?}",
            letter.headers
        );
    }
}

fn pairs(name: &str, address: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), address.to_owned())]
}

fn the_account_agrees(list: &List, home: &Home) {
    let Account { success, failed } = home.account();
    let sorted = |mut addresses: Vec<String>| {
        addresses
            .iter_mut()
            .for_each(|address| *address = address.to_lowercase());
        addresses.sort();
        addresses
    };
    let addresses =
        |people: Vec<&Person>| sorted(people.iter().map(|p| p.address.clone()).collect());
    assert_eq!(sorted(success), addresses(list.residents.iter().collect()));
    assert_eq!(sorted(failed), addresses(list.failed().collect()));
}

fn the_report_agrees(list: &List, report: &Value) {
    let List {
        residents,
        strangers,
        busy,
        refused,
    } = list;
    let books = json!({
        "accepted": list.in_order().count(),
        "delivered": residents.len(),
        "bounced": strangers.len() + refused.len(),
        "expired": busy.len(),
        "queued": 0, "dropped": 0, "cancelled": 0,
    });
    assert_eq!(report["books"], books);
    assert_eq!(report["books_balance"], true);
    let recipients = report["recipients"].as_array().unwrap();
    assert_eq!(recipients.len(), list.in_order().count());
    let key = |row: &Value| row["email"].as_str().unwrap().to_lowercase();
    let rows: BTreeMap<String, &Value> = recipients.iter().map(|row| (key(row), row)).collect();
    for (people, status, code, words) in [
        (residents, "delivered", 250, "2.0.0 Ok: "),
        (
            strangers,
            "bounced",
            550,
            "5.1.1 <WHO>: Recipient address rejected: User unknown",
        ),
        (
            busy,
            "expired",
            450,
            "4.2.1 <WHO>: Recipient address rejected: mailbox is busy",
        ),
        (refused, "bounced", 550, "5.7.1 we do not take this"),
    ] {
        for person in people {
            let address = person.address.to_lowercase();
            let row = rows
                .get(&address)
                .unwrap_or_else(|| panic!("{address} is not in the report"));
            assert_eq!(row["status"], status, "{row}");
            assert_eq!(row["code"], code, "{row}");
            let words = words.replace("WHO", &address);
            assert!(
                row["reply"].as_str().unwrap().contains(&words),
                "{row} lacks {words:?}"
            );
        }
    }
}
