//! Each hostile text in each field.

use compose::letter::ComposeError;
use compose::mime::LinkError;

use super::case::{Case, Composed};
use super::read_back::assert_read_back;

/// Texts that broke somebody's mail somewhere.
fn hostile_texts() -> Vec<String> {
    let short = [
        "",
        " ",
        "a\r\nBcc: evil@example.org",
        "a\nX-Evil: 1\n\nbody",
        "a\rBcc: evil@example.org",
        "a\0b",
        "a\u{2028}Bcc: evil@example.org\u{2029}b",
        "a\u{85}b\u{b}c\u{c}d",
        "\u{1b}[31mred\u{7f}",
        "=?utf-8?q?=0D=0ABcc:_evil@example.org?=",
        "=?utf-8?b?DQpCY2M6IGV2aWw=?= =?x",
        "=0D=0ABcc: evil@example.org",
        "%0d%0aBcc:%20evil@example.org",
        "invoice\u{202e}fdp.exe",
        "\u{feff}bom",
        "👩‍👩‍👧 family 😀",
        "Grüße an alle",
        "你好，世界。这是一封信",
        "مرحبا بالعالم",
        "  two  spaces  at each  edge  ",
        "tab\there\t",
        "\"quoted\" and \\back\\slashed\\",
        "a, b; c: d <x@example.net> (comment)",
        "<script>alert('1')</script>&amp;",
        "{{.email}} {{call .x}}",
        ".\r\n..\r\n.\r\nQUIT\r\n",
        "\r\n.\r\n",
        "\n.\n\r.\r\n.\n.\r\n",
        "From here\nFrom there",
        "trailing \nspaces\t\n \n",
        "--=_alternative_--",
        "=",
        "?=",
        "../../etc/passwd",
        "a;filename=\"b\"",
        "name''with'tick*s",
    ];
    let long = [
        "word ".repeat(2_000),
        "wört ".repeat(2_000),
        "x".repeat(10_000),
        "😀".repeat(2_500),
        format!("{}\n{}", "line ".repeat(1_000), "ü".repeat(2_500)),
    ];
    short.into_iter().map(str::to_owned).chain(long).collect()
}

/// Puts a text into one field of a message.
const FIELDS: [fn(&mut Case, String); 9] = [
    |case, text| case.from_name = text,
    |case, text| case.cc_name = text,
    |case, text| case.reply_to_name = text,
    |case, text| case.subject = text,
    |case, text| case.text = Some(text),
    |case, text| {
        case.text = None;
        case.html = Some(text);
    },
    |case, text| case.custom_value = text,
    |case, text| case.file_names = vec![text],
    |case, text| case.link = text,
];

fn composed(case: &Case) -> Option<Composed> {
    let readable = case.cleaned();
    let cleaning_matters = (
        &case.from_name,
        &case.cc_name,
        &case.reply_to_name,
        &case.custom_value,
    ) != (
        &readable.from_name,
        &readable.cc_name,
        &readable.reply_to_name,
        &readable.custom_value,
    );
    // What would end its line is refused, never repaired behind the sender's back.
    assert_eq!(case.letter().is_err(), cleaning_matters, "{case:?}");
    match readable.compose() {
        Ok(composed) => Some(composed),
        Err(ComposeError::Link(LinkError::TooLong)) => None,
        Err(error) => panic!("{case:?}: {error}"),
    }
}

#[test]
fn hostile_texts_in_each_field_arrive_as_they_were_and_add_nothing() {
    let mut messages = Vec::new();
    for text in hostile_texts() {
        for put in FIELDS {
            let mut case = Case::default();
            put(&mut case, text.clone());
            messages.extend(composed(&case));
        }
    }
    assert!(messages.len() >= 300, "{}", messages.len());
    assert_read_back(&messages);
}

#[test]
fn hostile_texts_in_all_fields_at_once_arrive_in_each_structure() {
    let mut messages = Vec::new();
    for text in hostile_texts() {
        for (has_text, has_html, files) in [(1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 1, 2), (0, 0, 1)] {
            let case = Case {
                from_name: text.clone(),
                cc_name: text.clone(),
                subject: text.clone(),
                text: (has_text == 1).then(|| text.clone()),
                html: (has_html == 1).then(|| text.clone()),
                custom_value: text.clone(),
                file_names: vec![text.clone(); files],
                ..Case::default()
            };
            messages.extend(composed(&case));
        }
    }
    assert_read_back(&messages);
}

#[test]
fn odd_addresses_stay_one_recipient() {
    let long = format!("{}@{}.example.org", "l".repeat(64), "d".repeat(60));
    let addresses = [
        "\"odd name\"@example.org",
        "\"a@b\"@example.org",
        "\"a,b\"@example.org",
        "\"<evil@example.net>,\"@example.org",
        "\"a\\\"b\\\\\"@example.org",
        "\"a;b:c\"@example.org",
        "o'hara!#$%&*+-/=?^_`{|}~@example.org",
        "postmaster@[192.0.2.1]",
        "x@[IPv6:2001:db8::1]",
        "root@localhost",
        "jörg@xn--bcher-kva.example",
        "用户@example.org",
        &long,
    ];
    let case = |address: &str| Case {
        recipient: address.to_owned(),
        ..Case::default()
    };
    let messages: Vec<_> = addresses
        .map(|address| case(address).compose().unwrap())
        .into();
    assert_read_back(&messages);
}
