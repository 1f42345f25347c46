//! Hostile cells of the list go through subject, bodies, header links and copies: every message on the wire stays one
//! message with exactly its own headers and its own recipient (bars: header injection, outbound smuggling).

use std::collections::BTreeSet;

use crate::harness::{Home, Relay, amount};

/// Pieces that cells are put together from.
const PIECES: [&str; 30] = [
    "\r\nBcc: evil@evil.test\r\n",
    "\nBcc: evil@evil.test",
    "\rBcc: evil@evil.test",
    "\r\n\r\n<b>body</b>",
    "\r\n.\r\nMAIL FROM:<evil@evil.test>\r\nRCPT TO:<evil@evil.test>\r\nDATA\r\n",
    "\n.\n",
    "\r.\r",
    "\n.\r\n",
    "\r\n.\n",
    ".\r\n",
    ".",
    "..",
    "\r\r\n.\r\r\n",
    "\u{2028}Bcc: evil@evil.test",
    "\u{2029}",
    "\u{85}Bcc: evil@evil.test",
    "\u{202e}gpj.exe",
    "=?utf-8?q?=0D=0ABcc:_evil@evil.test?=",
    "=0D=0ABcc: evil@evil.test",
    "%0d%0aBcc: evil@evil.test",
    "\u{b}\u{c}",
    "\u{7f}\u{1b}[2J",
    "ä€😀",
    "\"><script>alert(1)</script>",
    "' onload='x",
    "{{.email}}",
    "<evil@evil.test>",
    "evil@evil.test, ",
    "\t folded",
    " ",
];
const LONG: [&str; 2] = ["x", "ü"];
/// The fields each message has, and no others.
const FIELDS: [&str; 9] = [
    "content-type",
    "date",
    "from",
    "list-unsubscribe",
    "message-id",
    "mime-version",
    "subject",
    "to",
    "x-campaign",
];

/// A link has little room.
fn tag(random: &mut fastrand::Rng) -> String {
    let pieces = [random.usize(..PIECES.len()), random.usize(..PIECES.len())];
    pieces.map(|place| PIECES[place]).concat()
}

fn cell(random: &mut fastrand::Rng) -> String {
    let mut cell = "n".to_owned();
    for _ in 0..random.usize(1..6) {
        cell.push_str(PIECES[random.usize(..PIECES.len())]);
    }
    if random.u8(..10) == 0 {
        cell.push_str(&LONG[random.usize(..2)].repeat(3_000));
    }
    cell
}

#[test]
fn a_cell_is_text_wherever_it_lands() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (home, relay) = (Home::new(), Relay::start(|_| None));
    home.relay(relay.port());
    let recipients = amount(150, 1_000);
    let mut list = csv::Writer::from_path(home.path().join("list.csv")).unwrap();
    list.write_record(["email", "name", "city", "tag"]).unwrap();
    for number in 0..recipients {
        let address = format!("person{number}@good.example");
        let cells = [cell(&mut random), cell(&mut random), tag(&mut random)];
        let [name, city, tag] = cells;
        list.write_record([address, name, city, tag]).unwrap();
    }
    list.flush().unwrap();
    home.write(
        "letter.html",
        "<p title=\"{{.name}}\">Dear {{.name}} of <a href=\"/?{{.city}}\">{{.city}}</a></p>",
    );
    home.send(&[
        "-f",
        "list.csv",
        "-s",
        "For {{.name}} of {{.city}}",
        "-t",
        "letter.html",
        "--text",
        "Dear {{.name}}\n{{.city}}",
        "--unsubscribe",
        "https://x.example/?who={{.tag}}",
        "--header",
        "X-Campaign: spring",
        "-c",
        "3",
    ])
    .expect_code(0);
    home.exact_account();
    let report = home.report(&["--recipients"]);
    let rows = report["recipients"].as_array().unwrap();
    let failed: Vec<_> = rows
        .iter()
        .filter(|row| row["status"] != "delivered")
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let taken = relay.taken();
    assert_eq!(taken.len(), recipients);
    for message in &taken {
        let [recipient] = message.recipients.as_slice() else {
            panic!("{:?}", message.recipients)
        };
        assert!(recipient.ends_with("@good.example"), "{recipient}");
        check_bytes(&message.raw);
        let fields = fields(&message.raw);
        assert_eq!(fields.len(), FIELDS.len(), "{fields:?}");
        assert_eq!(
            fields.iter().map(String::as_str).collect::<Vec<_>>(),
            FIELDS
        );
    }
    let people: BTreeSet<&String> = taken.iter().map(|message| &message.recipients[0]).collect();
    assert_eq!(people.len(), recipients);
}

/// No bare CR or LF, no NUL, no line beyond 998 bytes (RFC 5321 §2.3.8 and §4.5.3.1.6).
#[track_caller]
fn check_bytes(raw: &[u8]) {
    assert!(raw.ends_with(b"\r\n"));
    let text = || String::from_utf8_lossy(raw).into_owned();
    for (place, byte) in raw.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(raw.get(place + 1), Some(&b'\n'), "{:?}", text()),
            b'\n' => assert_eq!(raw[..place].last(), Some(&b'\r'), "{:?}", text()),
            0 => panic!("NUL in {:?}", text()),
            _ => {}
        }
    }
    let longest = raw
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::len)
        .max()
        .unwrap();
    assert!(longest <= 999, "a line of {longest} bytes with its CR");
}

/// The names of the fields of the head, in order of the alphabet.
fn fields(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let own = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']));
    let mut names: Vec<String> = own
        .map(|line| {
            line.split_once(':')
                .unwrap_or_else(|| panic!("{line:?} is no field"))
        })
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names
}
