//! The order of writes and syncs, read from what `strace` saw of a process.

use std::collections::BTreeMap;

/// The end of the name of the file that makes commits durable.
const LOG: &str = "-wal";
/// The end of the name of the account of deliveries.
const ACCOUNT: &str = "/success.csv";

/// One system call that succeeded.
#[derive(Debug)]
struct Call {
    /// The line of the trace where it began, and where it had ended.
    began: usize,
    ended: usize,
    /// What it was done to: a path, or a socket's two ends.
    file: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Write(Vec<u8>),
    Sync,
}

/// A trace in its order.
pub struct Trace(Vec<Call>);

impl Trace {
    /// Reads the output of `strace -f -yy`.
    pub fn parse(text: &str) -> Self {
        let mut unfinished: BTreeMap<&str, (usize, String)> = BTreeMap::new();
        let mut calls = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let Some((process, event)) = line.split_once(' ') else {
                continue;
            };
            let event = event.trim_start();
            if let Some(start) = event.strip_suffix("<unfinished ...>") {
                unfinished.insert(process, (number, start.to_owned()));
            } else if event.starts_with("<... ") {
                let Some((began, start)) = unfinished.remove(process) else {
                    continue;
                };
                let end = event.split_once("resumed>").map_or("", |(_, end)| end);
                calls.extend(call(&format!("{start}{end}"), began, number));
            } else {
                calls.extend(call(event, number, number));
            }
        }
        Self(calls)
    }

    /// Checks that each of these people's messages was durably accepted before the first MAIL FROM of its
    /// envelope, and durably recorded before its line of the account. `outcome` is what stands in the log about
    /// the delivery to an address and about nothing else.
    pub fn check(&self, people: &[String], outcome: impl Fn(&str) -> String) -> Result<(), String> {
        self.check_accepted(people)?;
        for address in people {
            let line = self.line_of_account(address)?;
            let recorded = self.durable(&outcome(address), "outcome")?;
            if recorded >= line {
                return Err(format!(
                    "{address}: in the account before the outcome was durable"
                ));
            }
        }
        Ok(())
    }

    /// Checks that each of these people's messages was durably accepted before the first MAIL FROM of its envelope.
    pub fn check_accepted(&self, people: &[String]) -> Result<(), String> {
        let envelopes = self.envelopes();
        for address in people {
            let mail = *envelopes
                .get(address)
                .ok_or_else(|| format!("{address}: no envelope was seen"))?;
            if self.durable(address, "acceptance")? >= mail {
                return Err(format!(
                    "{address}: MAIL FROM before the acceptance was durable"
                ));
            }
        }
        Ok(())
    }

    /// Checks that what a request over HTTP handed over was durable before the first byte of its answer. Of each, it
    /// takes what stands in the log about this request and no other, and what stands in its answer alone.
    pub fn check_answered(&self, requests: &[(String, String)]) -> Result<(), String> {
        for (kept, said) in requests {
            let answer = self
                .writes(|file| file.contains("->"))
                .find(|(_, bytes)| bytes.starts_with(b"HTTP/1.1 200") && contains(bytes, said))
                .ok_or_else(|| format!("{said}: its answer was not seen"))?
                .0;
            if self.durable(kept, "acceptance")? >= answer.began {
                return Err(format!("{kept}: answered before it was durable"));
            }
        }
        Ok(())
    }

    /// Whether a folder's entries were synced before anything was sent.
    pub fn folder_was_synced_first(&self, folder: &str) -> bool {
        let Some(first) = self.envelopes().into_values().min() else {
            return false;
        };
        self.0.iter().any(|call| {
            matches!(call.kind, Kind::Sync) && call.file == folder && call.ended < first
        })
    }

    /// When the first sync of the log had ended that began after something was written there.
    fn durable(&self, text: &str, what: &str) -> Result<usize, String> {
        let written = self
            .writes(|file| file.ends_with(LOG))
            .find(|(_, bytes)| contains(bytes, text))
            .ok_or_else(|| format!("{text}: its {what} was not seen"))?
            .0;
        self.0
            .iter()
            .find(|call| {
                matches!(call.kind, Kind::Sync)
                    && call.file == written.file
                    && call.began > written.ended
            })
            .map(|call| call.ended)
            .ok_or_else(|| format!("{text}: its {what} was never synced"))
    }

    fn line_of_account(&self, address: &str) -> Result<usize, String> {
        self.writes(|file| file.ends_with(ACCOUNT))
            .find(|(_, bytes)| contains(bytes, address))
            .map(|(call, _)| call.began)
            .ok_or_else(|| format!("{address}: its line of the account was not seen"))
    }

    fn writes(&self, is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (&Call, &[u8])> {
        self.0.iter().filter_map(move |call| match &call.kind {
            Kind::Write(bytes) if is_wanted(&call.file) => Some((call, bytes.as_slice())),
            Kind::Write(_) | Kind::Sync => None,
        })
    }

    /// When the first byte of the first MAIL FROM went out whose RCPT TO names somebody. The envelope of one
    /// message can ride along with the end of the one before, so a connection is read as one stream.
    fn envelopes(&self) -> BTreeMap<String, usize> {
        let mut streams: BTreeMap<&str, Stream> = BTreeMap::new();
        for (call, bytes) in self.writes(|file| file.contains("->")) {
            streams
                .entry(&call.file)
                .or_default()
                .push(bytes, call.began);
        }
        let mut first = BTreeMap::new();
        for (address, at) in streams.values().flat_map(Stream::envelopes) {
            let known = first.entry(address).or_insert(at);
            *known = at.min(*known);
        }
        first
    }
}

/// Everything that was written to one connection.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    /// Where each write began in it, and when.
    writes: Vec<(usize, usize)>,
}

impl Stream {
    fn push(&mut self, bytes: &[u8], at: usize) {
        self.writes.push((self.bytes.len(), at));
        self.bytes.extend_from_slice(bytes);
    }

    fn envelopes(&self) -> Vec<(String, usize)> {
        let (mut found, mut mail, mut offset) = (Vec::new(), None, 0);
        for line in self.bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = String::from_utf8_lossy(line);
            if text.starts_with("MAIL FROM:") {
                mail = Some(self.time_of(offset));
            } else if let (Some(rest), Some(at)) = (text.strip_prefix("RCPT TO:<"), mail) {
                let address = rest.split('>').next().unwrap_or_default();
                found.push((address.to_owned(), at));
            }
            offset += line.len();
        }
        found
    }

    fn time_of(&self, offset: usize) -> usize {
        let after = self.writes.partition_point(|(start, _)| *start <= offset);
        self.writes[after - 1].1
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// A whole line such as `fdatasync(5</data/x.db-wal>) = 0`.
fn call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let result: i64 = result.split_whitespace().next()?.parse().ok()?;
    let (_, rest) = arguments.split_once('<')?;
    let (file, values) = end_of_name(rest)?;
    let kind = match name {
        "fsync" | "fdatasync" if result == 0 => Kind::Sync,
        "write" | "writev" | "sendto" | "sendmsg" | "pwrite64" | "pwritev" if result > 0 => {
            let mut bytes = strings(values);
            bytes.truncate(usize::try_from(result).ok()?);
            Kind::Write(bytes)
        }
        _ => return None,
    };
    Some(Call {
        began,
        ended,
        file: file.to_owned(),
        kind,
    })
}

/// Splits behind the `>` that ends a descriptor's name; the name of a socket has one in it.
fn end_of_name(rest: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let end = from + rest[from..].find('>')?;
        if !rest[..end].ends_with('-') {
            return Some((&rest[..end], &rest[end + 1..]));
        }
        from = end + 1;
    }
}

/// The bytes of all quoted strings, put together.
fn strings(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        rest = &rest[start + 1..];
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'"' => break,
                b'\\' => rest = escape(rest, &mut bytes),
                other => bytes.push(other),
            }
        }
    }
    bytes
}

/// Reads what follows a backslash, as C has it; gives what is behind.
fn escape<'a>(rest: &'a [u8], bytes: &mut Vec<u8>) -> &'a [u8] {
    let Some((&first, after)) = rest.split_first() else {
        return rest;
    };
    let octal = rest
        .iter()
        .take(3)
        .take_while(|byte| (b'0'..=b'7').contains(*byte))
        .count();
    if octal > 0 {
        let value = rest[..octal]
            .iter()
            .fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
        bytes.push((value & 0xff) as u8);
        return &rest[octal..];
    }
    bytes.push(match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'f' => 0x0c,
        other => other,
    });
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPT: [&str; 2] = [
        r#"10 pwrite64(5</d/x.db-wal>, "\0\2..ada@x.org\17", 15, 56) = 15"#,
        "10 fdatasync(5</d/x.db-wal>) = 0",
    ];
    const SEND: [&str; 3] = [
        r#"11 writev(9<TCP:[127.0.0.1:4->127.0.0.1:2]>, [{iov_base="EHLO x\r\n", iov_len=8}, {iov_base="MAIL FR", iov_len=7}], 2) = 15"#,
        r#"11 sendto(9<TCP:[127.0.0.1:4->127.0.0.1:2]>, "OM:<f@x.org>\r\nRCPT TO:<ada@x.org>\r\n", 34, 0, NULL, 0) = -1 EAGAIN (Resource temporarily unavailable)"#,
        r#"11 sendto(9<TCP:[127.0.0.1:4->127.0.0.1:2]>, "OM:<f@x.org>\r\nRCPT TO:<ada@x.org>\r\n", 34, 0, NULL, 0) = 34"#,
    ];
    const RECORD: [&str; 3] = [
        r#"10 pwrite64(5</d/x.db-wal>, "taken as ada@x.org", 18, 99 <unfinished ...>"#,
        "10 <... pwrite64 resumed>) = 18",
        "10 fdatasync(5</d/x.db-wal>) = 0",
    ];
    const LINE: [&str; 1] = [r#"12 write(7</h/success.csv>, "ada@x.org,Hi,OK\n", 16) = 16"#];

    fn check(parts: &[&[&str]]) -> Result<(), String> {
        let text = parts.concat().join("\n");
        let ada = ["ada@x.org".to_owned()];
        Trace::parse(&text).check(&ada, |address| format!("taken as {address}"))
    }

    #[test]
    fn the_right_order_is_found_right() {
        assert_eq!(check(&[&ACCEPT, &SEND, &RECORD, &LINE]), Ok(()));
    }

    #[test]
    fn a_message_sent_before_its_acceptance_is_synced_is_found() {
        let [write, sync] = ACCEPT;
        let early = check(&[&[write], &SEND, &[sync], &RECORD, &LINE]);
        assert!(early.unwrap_err().contains("MAIL FROM before"));
    }

    #[test]
    fn a_mail_from_that_went_out_with_what_came_before_is_found() {
        let [first, _, rest] = SEND;
        let early = check(&[&[first], &ACCEPT, &[rest], &RECORD, &LINE]);
        assert!(early.unwrap_err().contains("MAIL FROM before"));
    }

    #[test]
    fn a_sync_under_way_when_the_message_is_sent_does_not_count() {
        let [write, _] = ACCEPT;
        let begun = "10 fdatasync(5</d/x.db-wal> <unfinished ...>";
        let ended = "10 <... fdatasync resumed>) = 0";
        let early = check(&[&[write, begun], &SEND, &[ended], &RECORD, &LINE]);
        assert!(early.unwrap_err().contains("MAIL FROM before"));
    }

    #[test]
    fn a_line_of_the_account_before_the_outcome_is_synced_is_found() {
        let [write, resumed, sync] = RECORD;
        let early = check(&[&ACCEPT, &SEND, &[write, resumed], &LINE, &[sync]]);
        assert!(early.unwrap_err().contains("in the account before"));
    }

    #[test]
    fn an_answer_before_what_it_is_about_is_synced_is_found() {
        let answer = r#"13 writev(8<TCP:[127.0.0.1:1->127.0.0.1:3]>, [{iov_base="HTTP/1.1 200 OK\r\n\r\n", iov_len=19}, {iov_base="ada 1", iov_len=5}], 2) = 24"#;
        let [write, sync] = ACCEPT;
        let check = |lines: &[&str]| {
            let request = ("ada@x.org".to_owned(), "ada 1".to_owned());
            Trace::parse(&lines.join("\n")).check_answered(&[request])
        };
        assert_eq!(check(&[write, sync, answer]), Ok(()));
        let early = check(&[write, answer, sync]).unwrap_err();
        assert!(early.contains("before it was durable"), "{early}");
        let missed = check(&[write, sync]).unwrap_err();
        assert!(missed.contains("not seen"), "{missed}");
    }

    #[test]
    fn what_was_not_seen_is_missed() {
        assert!(
            check(&[&ACCEPT, &RECORD, &LINE])
                .unwrap_err()
                .contains("no envelope")
        );
        assert!(
            check(&[&SEND, &RECORD[2..], &LINE])
                .unwrap_err()
                .contains("not seen")
        );
        assert!(
            check(&[&ACCEPT, &SEND, &RECORD])
                .unwrap_err()
                .contains("not seen")
        );
        let never = check(&[&ACCEPT, &SEND, &RECORD[..2], &LINE]);
        assert!(never.unwrap_err().contains("never synced"));
    }
}
