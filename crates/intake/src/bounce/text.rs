//! Bounces and delays by their words, for mail systems that know no standard.

use super::mime::{Headers, Message};
use super::news::{Evidence, Kind, News, Permanence, REASON_CHARS_MAX, one_line};
use super::report::original;
use super::status::Codes;
use super::words::{Meaning, Place, behind, plain, tells};

/// How many recipients are taken from one text.
const RECIPIENTS_MAX: usize = 1_000;
/// Longest address, in bytes (RFC 5321 §4.5.3.1.3, and some for those who are more generous).
const ADDRESS_BYTES_MAX: usize = 320;
/// Headers with which automatic replies say what they are; any value counts.
const AUTOMATIC_HEADERS: [&str; 4] = [
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply",
];

/// What a text says about one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub recipient: Box<str>,
    /// As written, line breaks included.
    pub reason: String,
}

impl Failure {
    fn new(recipient: &str, reason: &str) -> Self {
        Self {
            recipient: recipient.into(),
            reason: reason.to_owned(),
        }
    }

    /// Whether its reason has a code where the other's has none, or is one at all.
    fn explains_more_than(&self, other: &Self) -> bool {
        let has_code = |failure: &Self| Codes::find(&failure.reason) != Codes::default();
        other.reason.is_empty() || (!has_code(other) && has_code(self))
    }
}

/// What a message's words say about others that were sent.
pub(crate) fn news(message: &Message<'_>) -> Vec<News> {
    let text = message.text();
    let explanation = without_copy(&text);
    let headers = &message.headers;
    let Some(finding) = finding(headers, explanation) else {
        return Vec::new();
    };
    let about = original(message);
    let failures = failed(headers, explanation);
    let codes = Codes::find(explanation);
    let alone = failures.len() <= 1;
    let entry = |failure: Failure| {
        let own = Codes::find(&failure.reason);
        // With one recipient, the codes of the whole text are this one's.
        let codes = if alone && own == Codes::default() {
            codes
        } else {
            own
        };
        News {
            about: about.clone(),
            recipient: Some(failure.recipient).filter(|recipient| !recipient.is_empty()),
            original_recipient: None,
            kind: kind(
                finding,
                codes,
                if alone { explanation } else { &failure.reason },
            ),
            status: codes.enhanced,
            reply_code: codes.reply,
            reason: one_line(&failure.reason, REASON_CHARS_MAX),
            evidence: Evidence::Text,
        }
    };
    let names_something = |news: &News| news.about.is_some() || news.recipient.is_some();
    failures
        .into_iter()
        .map(entry)
        .filter(names_something)
        .collect()
}

/// What the words tell, all recipients together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Bounce,
    Delay,
}

/// Who writes, what the subject begins with, and what the body says: it takes a mail system that writes the words
/// of a bounce, and nothing that marks an automatic reply.
fn finding(headers: &Headers<'_>, explanation: &str) -> Option<Finding> {
    let names_failed = headers.raw("X-Failed-Recipients").is_some();
    if !names_failed && !is_from_a_mail_system(headers) {
        return None;
    }
    let (subject, body) = (plain(headers.subject()), plain(explanation));
    let says = |meaning| {
        (
            tells(Place::Subject, meaning, &subject),
            tells(Place::Body, meaning, &body),
        )
    };
    let (in_subject, in_body) = says(Meaning::Bounce);
    let (delay_in_subject, delay_in_body) = says(Meaning::Delay);
    // Exim marks its own reports as automatic replies too.
    let is_report = in_subject || delay_in_subject || names_failed;
    if tells(Place::Subject, Meaning::Automatic, &subject)
        || (is_marked_automatic(headers) && !is_report)
    {
        return None;
    }
    // A subject that says failed is right, even where the body tells that it took several tries.
    if delay_in_subject || (delay_in_body && !in_subject) {
        return Some(Finding::Delay);
    }
    let has_code = || Codes::find(explanation) != Codes::default();
    (in_body || names_failed || (in_subject && has_code())).then_some(Finding::Bounce)
}

fn is_marked_automatic(headers: &Headers<'_>) -> bool {
    let begins = |name, words| {
        let value = headers.raw(name).unwrap_or_default().to_ascii_lowercase();
        value.starts_with(words)
    };
    AUTOMATIC_HEADERS
        .iter()
        .any(|name| headers.raw(name).is_some())
        || begins("Auto-Submitted", "auto-replied")
        || begins("Precedence", "auto_reply")
}

/// Whether a mail system wrote it, by its sender's address or name, or by the empty return path that reports have
/// (RFC 5321 §4.5.5).
pub(crate) fn is_from_a_mail_system(headers: &Headers<'_>) -> bool {
    let (name, address) = headers.from();
    // Old systems write a name only, such as `MAILER-DAEMON`, which is then all there is of the address.
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    tells(Place::Sender, Meaning::System, &plain(local))
        || tells(Place::Name, Meaning::System, &plain(name))
        || headers
            .raw("Return-Path")
            .is_some_and(|path| path.replace(' ', "") == "<>")
}

/// By the codes; without any, by words that tell of something that passes.
fn kind(finding: Finding, codes: Codes, words: &str) -> Kind {
    let may_pass = || tells(Place::Body, Meaning::Soft, &plain(words));
    match finding {
        Finding::Delay => Kind::Delayed,
        Finding::Bounce if codes == Codes::default() && may_pass() => {
            Kind::Bounced(Permanence::Soft)
        }
        Finding::Bounce => Kind::Bounced(Permanence::of(codes.enhanced, codes.reply)),
    }
}

/// The text up to where a copy of the message begins.
fn without_copy(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if tells(
            Place::Line,
            Meaning::Copy,
            plain(line).trim_start_matches(['-', '=', '*', '_', ' ']),
        ) {
            break;
        }
        end += line.len();
    }
    &text[..end]
}

/// The recipients that failed: those the header names, else those the text lists, else the one it mentions, else
/// one without a name.
fn failed(headers: &Headers<'_>, explanation: &str) -> Vec<Failure> {
    let mut listed = failures(explanation);
    let (_, own) = headers.from();
    listed.retain(|failure| !failure.recipient.eq_ignore_ascii_case(own));
    let named = headers.raw("X-Failed-Recipients").unwrap_or_default();
    let named = named
        .split([',', ' ', '\t', '\r', '\n'])
        .filter_map(whole_address);
    let reason_of = |recipient: &str| {
        let same = listed
            .iter()
            .find(|failure| failure.recipient.eq_ignore_ascii_case(recipient));
        let reason = same
            .map(|failure| failure.reason.clone())
            .filter(|reason| !reason.is_empty());
        reason.unwrap_or_else(|| main_paragraph(explanation))
    };
    let with_reason = |recipient: &str| Failure::new(recipient, &reason_of(recipient));
    let named: Vec<Failure> = named.take(RECIPIENTS_MAX).map(with_reason).collect();
    if !named.is_empty() {
        return named;
    }
    if !listed.is_empty() {
        return listed
            .iter()
            .map(|failure| with_reason(&failure.recipient))
            .collect();
    }
    let to = headers.raw("To").unwrap_or_default();
    let is_other = |address: &&str| !address.eq_ignore_ascii_case(own) && !to.contains(address);
    let mentioned = explanation
        .split_whitespace()
        .filter_map(whole_address)
        .find(is_other);
    vec![with_reason(mentioned.unwrap_or_default())]
}

/// The addresses that lines begin with, each with what follows up to the next empty line.
pub(crate) fn failures(explanation: &str) -> Vec<Failure> {
    let mut found: Vec<Failure> = Vec::new();
    let mut is_open = false;
    for line in explanation.lines() {
        if let Some((recipient, rest)) = leading_address(line) {
            if found.len() >= RECIPIENTS_MAX {
                break;
            }
            match further_addresses(rest) {
                None => found.push(Failure::new(recipient, rest)),
                Some(further) => {
                    found.push(Failure::new(recipient, ""));
                    found.extend(further.into_iter().map(|other| Failure::new(other, "")));
                }
            }
            is_open = true;
        } else if let Some(last) = found.last_mut().filter(|_| is_open) {
            // An empty line ends a reason, but not the space before one.
            is_open = !line.trim().is_empty() || last.reason.is_empty();
            if !line.trim().is_empty() {
                last.reason.push('\n');
                last.reason.push_str(line.trim());
            }
        }
    }
    unique(found)
}

/// Each address once. It may stand in a list and again above its explanation.
fn unique(failures: Vec<Failure>) -> Vec<Failure> {
    let mut unique: Vec<Failure> = Vec::new();
    for failure in failures {
        let known = unique
            .iter_mut()
            .find(|other| other.recipient == failure.recipient);
        match known {
            None => unique.push(failure),
            Some(known) if failure.explains_more_than(known) => known.reason = failure.reason,
            Some(_) => {}
        }
    }
    unique
}

/// The address that a line begins with, and the rest of the line.
fn leading_address(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches([' ', '\t', '*', '-', '>', '\u{2022}']);
    let skipped = match line.is_ascii() {
        true => behind(Place::Line, Meaning::Address, &line.to_ascii_lowercase()).unwrap_or(0),
        false => 0,
    };
    let line = line[skipped..].trim_start();
    let end = line
        .find(|c: char| c.is_whitespace() || matches!(c, '>' | ',' | ';'))
        .unwrap_or(line.len());
    let (first, rest) = line.split_at(end);
    let address = whole_address(first)?;
    let rest = rest
        .trim_start_matches(['>', ':', ',', ';', ' ', '\t', '-'])
        .trim_end();
    Some((address, rest))
}

/// The addresses that a rest of a line consists of, if it holds nothing else.
fn further_addresses(rest: &str) -> Option<Vec<&str>> {
    let words = rest
        .split([' ', '\t', ',', ';'])
        .filter(|word| !word.is_empty());
    let addresses: Option<Vec<&str>> = words.map(whole_address).collect();
    addresses.filter(|addresses| addresses.len() < RECIPIENTS_MAX)
}

/// A word that is an address, whatever stands around it.
fn whole_address(word: &str) -> Option<&str> {
    let around = |c: char| !c.is_alphanumeric() && c != '_' && c != '+';
    let word = word.trim_matches(around);
    let word = word.strip_prefix("mailto:").unwrap_or(word);
    let (local, domain) = word.rsplit_once('@')?;
    let is_local = !local.is_empty()
        && !local.contains(|c: char| c.is_control() || "<>@\"(),:;\\[]".contains(c));
    let labels_fit = domain
        .split('.')
        .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'));
    let is_domain = domain.contains('.') && labels_fit;
    (is_local && is_domain && word.len() <= ADDRESS_BYTES_MAX).then_some(word)
}

/// The paragraph that explains most: the first with a code, else the first with the words of a bounce, else the
/// first of all.
fn main_paragraph(explanation: &str) -> String {
    let joined = explanation
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("\n");
    let paragraphs = || {
        joined
            .split("\n\n")
            .filter(|paragraph| !paragraph.trim().is_empty())
    };
    let with_code = paragraphs().find(|paragraph| Codes::find(paragraph) != Codes::default());
    let with_words =
        || paragraphs().find(|paragraph| tells(Place::Body, Meaning::Bounce, &plain(paragraph)));
    let chosen = with_code
        .or_else(with_words)
        .or_else(|| paragraphs().next());
    chosen.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_at_the_beginning_of_lines_come_with_their_reasons() {
        let text = "Sorry.\n\n<ada@example.org>:\nhost mx said: 550 no\n\n  bob@example.org\n    full\n\
            \nWrite to help@example.org.\n";
        let found = failures(text);
        let found: Vec<_> = found
            .iter()
            .map(|f| (&*f.recipient, f.reason.trim()))
            .collect();
        assert_eq!(
            found,
            [
                ("ada@example.org", "host mx said: 550 no"),
                ("bob@example.org", "full")
            ]
        );
    }

    #[test]
    fn words_that_only_look_like_addresses_are_none() {
        for word in [
            "@",
            "a@b",
            "@example.org",
            "a@.org",
            "a@b..c",
            "a b@c.d@e",
            "a@b.c/d",
        ] {
            assert_eq!(whole_address(word), None, "{word}");
        }
        assert_eq!(
            whole_address("<mailto:a+b@example.org>,"),
            Some("a+b@example.org")
        );
        assert_eq!(
            whole_address("jürgen@müller.example"),
            Some("jürgen@müller.example")
        );
    }

    #[test]
    fn a_copy_of_the_message_is_not_read_for_reasons() {
        let text = "It failed.\n\n--- Below this line is a copy of the message.\n\nFrom: x\n";
        assert_eq!(without_copy(text), "It failed.\n\n");
    }
}
