//! Answers that no honest server gives, each to one recipient among good ones: each ends that one's attempt by its
//! deadline as a failure, costs the others nothing, and reaches neither memory nor terminal (bar: hostile replies).

use std::fs;
use std::time::Duration;

use crate::harness::{Deed, Finished, Home, Moment, Process, Relay, amount, until};

const PHASES: [&str; 3] = ["rcpt", "data", "end"];
const GOOD_FOR_EACH_BAD: usize = 4;
const REPLY_TIMEOUT_MS: u64 = 1_000;
const TIME_MAX: Duration = Duration::from_secs(60);
/// What hostile answers may cost in memory, beside what the same run needs with good ones.
const GROWTH_KIB_MAX: u64 = 20 * 1024;

const ARGUMENTS: [&str; 8] = [
    "-f",
    "list.csv",
    "--text",
    "Hello",
    "-c",
    "6",
    "--retries",
    "1",
];

/// Every hostile answer by its name.
fn deed(name: &str) -> Deed {
    let say = |bytes: &[u8]| Deed::Say(bytes.to_vec());
    match name {
        "drop" => Deed::Drop,
        "hang" => Deed::Hang,
        "endless-lines" => Deed::Endless(b"250-and another one\r\n"),
        "endless-line" => Deed::Endless(b"250 on and on and on "),
        "endless-noise" => Deed::Endless(b"\0\xff\x1b[2J\r\n"),
        "drip" => Deed::Drip(b"250-drip\r\n", Duration::from_millis(30)),
        "no-code" => say(b"hello, who is there?\r\n"),
        "code-0" => say(b"000 nothing\r\n"),
        "code-999" => say(b"999 everything\r\n"),
        "code-2500" => say(b"2500 too much\r\n"),
        "two-codes" => say(b"250-one\r\n550 other\r\n"),
        "wrong-354" => say(b"354 go ahead, too early or too late\r\n"),
        "nul-and-colours" => say(b"550 5.1.1 \x1b[31mred\0\x07\x9b2J\r\n"),
        "no-utf8" => say(b"550 5.1.1 \xff\xfe\xc3\x28\r\n"),
        other => panic!("{other} is not known"),
    }
}

const DEEDS: [&str; 14] = [
    "drop",
    "hang",
    "endless-lines",
    "endless-line",
    "endless-noise",
    "drip",
    "no-code",
    "code-0",
    "code-999",
    "code-2500",
    "two-codes",
    "wrong-354",
    "nul-and-colours",
    "no-utf8",
];

/// Does to `<phase>.<deed>@bad.example` what the address says, at its phase.
fn hostile(moment: Moment<'_>) -> Option<Deed> {
    let (now, address) = match moment {
        Moment::Recipient(address) => ("rcpt", address),
        Moment::Data(address) => ("data", address),
        Moment::End(address) => ("end", address),
        Moment::Greeting(_) | Moment::Hello | Moment::Mail => return None,
    };
    let (phase, name) = address.strip_suffix("@bad.example")?.split_once('.')?;
    let is_same = now == "data" && phase == "data" && name == "wrong-354";
    (phase == now && !is_same).then(|| deed(name))
}

/// Runs a process to its end; gives the most memory it was seen to use, in KiB.
fn watched(mut process: Process) -> (Finished, u64) {
    let path = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    until("the end of the run", || {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = kib.unwrap_or(0).max(peak);
        process.has_ended().then_some(())
    });
    (process.wait(), peak)
}

/// The most memory that a run to these people needs when every answer is good.
fn peak_of_a_good_run(list: &[String]) -> u64 {
    let (home, relay) = (Home::new(), Relay::start(|_| None));
    home.relay(relay.port());
    home.write_list("list.csv", list.iter().map(String::as_str));
    let (finished, peak) = watched(home.start_send(&ARGUMENTS));
    finished.expect_code(0);
    peak
}

#[test]
fn each_fails_alone_and_in_time() {
    let relay = Relay::start(hostile);
    let home = Home::new();
    let timeout = serde_json::json!({"reply_timeout_ms": REPLY_TIMEOUT_MS});
    home.relay_with(relay.port(), timeout);
    let (mut list, mut bad) = (Vec::new(), Vec::new());
    for round in 0..amount(1, 10) {
        for (phase, name) in PHASES
            .iter()
            .flat_map(|phase| DEEDS.map(|name| (*phase, name)))
        {
            let good =
                (0..GOOD_FOR_EACH_BAD).map(|n| format!("{phase}.{name}.{n}.{round}@good.example"));
            list.extend(good);
            if round == 0 && (phase, name) != ("data", "wrong-354") {
                bad.push(format!("{phase}.{name}@bad.example"));
                list.extend(bad.last().cloned());
            }
        }
    }
    home.write_list("list.csv", list.iter().map(String::as_str));
    let (finished, peak) = watched(home.start_send(&ARGUMENTS));
    let finished = finished.expect_code(0);
    assert!(finished.took < TIME_MAX, "{finished}");
    let usual = peak_of_a_good_run(&list);
    println!("{peak} KiB at most, {usual} KiB with good answers");
    assert!(
        usual > 0 && peak < usual + GROWTH_KIB_MAX,
        "{peak} and {usual} KiB"
    );
    let statuses = home.exact_account();
    let ends = bad
        .iter()
        .map(|address| (address, statuses[address].as_str()));
    let taken: Vec<_> = ends
        .filter(|(_, end)| !["bounced", "expired"].contains(end))
        .collect();
    assert!(taken.is_empty(), "{taken:?}");
    let failed: Vec<_> = statuses
        .iter()
        .filter(|(address, end)| address.ends_with("@good.example") && *end != "delivered")
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    let mut good = relay.recipients();
    good.retain(|address| address.ends_with("@good.example"));
    assert_eq!(good.len(), list.len() - bad.len());
    let report = home
        .glasspost(&["report", "--recipients"])
        .wait()
        .expect_code(0);
    for text in [finished.output(), report.output()] {
        assert!(
            !text.contains(['\x1b', '\0', '\u{7}', '\u{9b}']),
            "{text:?}"
        );
    }
}

/// One answer too many, right behind the usual one, would be taken for the answer to what comes next.
#[test]
fn an_answer_that_nobody_asked_for_delivers_nothing_to_anybody() {
    let relay = Relay::start(|moment| match moment {
        Moment::Recipient("early@bad.example") => Some(Deed::Say(
            b"550 5.1.1 no\r\n354 go ahead\r\n250 2.0.0 taken\r\n".to_vec(),
        )),
        Moment::End("twice@bad.example") => Some(Deed::Say(
            b"250 2.0.0 taken\r\n250 2.0.0 and again\r\n".to_vec(),
        )),
        _ => None,
    });
    let home = Home::new();
    home.relay(relay.port());
    let good: Vec<String> = (0..20).map(|n| format!("good{n}@good.example")).collect();
    let mut list: Vec<&str> = good.iter().map(String::as_str).collect();
    list.insert(5, "early@bad.example");
    list.insert(12, "twice@bad.example");
    home.write_list("list.csv", list.iter().copied());
    home.send(&["-f", "list.csv", "--text", "Hello", "--retries", "2"])
        .expect_code(0);
    let statuses = home.exact_account();
    let taken = relay.recipients();
    for address in &list {
        let copies = taken.iter().filter(|one| one == address).count();
        let expected = usize::from(*address != "early@bad.example");
        assert_eq!(copies, expected, "{address}");
        assert_eq!(statuses[*address] == "delivered", copies == 1, "{address}");
    }
}
