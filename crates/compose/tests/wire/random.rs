//! Any texts at all.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::case::Case;
use super::read_back::assert_read_back;

/// Texts with more of what breaks things than chance would give.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => "[ -~]{0,40}",
        1 => "[ -~]{900,1100}",
        2 => prop::sample::select(vec!["\r", "\n", "\r\n", ".", " ", "\t", "=?", "?=", "=", "\0", "é", "😀", "\u{2028}"])
            .prop_map(str::to_owned),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_case() -> impl Strategy<Value = Case> {
    let heads = (any_text(), any_text(), any_text(), any_text(), any_text());
    let bodies = (
        option::of(any_text()),
        option::of(any_text()),
        "[ -~é]{0,100}",
    );
    let files = vec(any_text(), 0..3);
    (heads, bodies, files).prop_map(|(heads, (text, html, link), mut file_names)| {
        let (from_name, cc_name, reply_to_name, subject, custom_value) = heads;
        if text.is_none() && html.is_none() {
            file_names.push("a".to_owned());
        }
        let case = Case {
            from_name,
            cc_name,
            reply_to_name,
            subject,
            text,
            html,
            link,
            custom_value,
            file_names,
            ..Case::default()
        };
        case.cleaned()
    })
}

proptest! {
    #[test]
    fn any_message_is_lines_of_at_most_998_with_no_bare_cr_or_lf(case in any_case()) {
        let wire = case.compose().unwrap().wire;
        prop_assert!(wire.is_ascii() && !wire.contains(&0));
        let text = String::from_utf8(wire).unwrap();
        prop_assert!(text.ends_with("\r\n"));
        for line in text.split("\r\n") {
            prop_assert!(line.len() <= 998 && !line.contains(['\r', '\n']), "{line:?}");
        }
        let head = text.split("\r\n\r\n").next().unwrap();
        for line in head.split("\r\n") {
            prop_assert!(!line.trim().is_empty(), "a reader may take {line:?} for the end");
        }
    }
}

#[test]
fn any_message_is_read_back_as_it_was_meant() {
    let mut runner = TestRunner::deterministic();
    let strategy = any_case();
    let messages: Vec<_> = (0..400)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .map(|case| case.compose().unwrap())
        .collect();
    assert_read_back(&messages);
}
