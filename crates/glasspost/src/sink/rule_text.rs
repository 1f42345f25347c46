//! How a rule is written: `WHO: ACTION [at PHASE] [times N]`. The help of `glasspost sink` explains it.

use std::time::Duration;

use campaign::schedule::timing::parse_go_duration;
use model::{EnhancedCode, Reply};

use super::pattern::Who;
use super::rules::{Deed, Point, Rule};

/// The longest silence: beyond it nobody listens any more.
const STALL_MAX: Duration = Duration::from_secs(3_600);

/// A refusal when the rule does not say its own.
struct Usual {
    code: u16,
    enhanced: EnhancedCode,
    text: &'static str,
}

const DEFER: Usual = Usual {
    code: 451,
    enhanced: EnhancedCode(4, 3, 0),
    text: "try again later",
};
const REFUSE: Usual = Usual {
    code: 550,
    enhanced: EnhancedCode(5, 1, 1),
    text: "no such user",
};
/// Nobody is named yet when somebody connects.
const REFUSE_AT_CONNECT: Usual = Usual {
    code: 554,
    enhanced: EnhancedCode(5, 3, 2),
    text: "no mail is taken here",
};
const REFUSE_AFTER_DATA: Usual = Usual {
    code: 554,
    enhanced: EnhancedCode(5, 6, 0),
    text: "the content was refused",
};

/// One word of a rule, or a text in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
}

/// The tokens of an action, taken one by one.
struct Tokens(std::iter::Peekable<std::vec::IntoIter<Token>>);

/// Reads a file of rules: blank lines and those that begin with `#` are passed.
pub fn parse_file(text: &str) -> Result<Vec<Rule>, String> {
    let lines = text.lines().map(str::trim).zip(1..);
    lines
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, number)| parse(line).map_err(|error| format!("line {number}: {error}")))
        .collect()
}

/// Reads one rule.
pub fn parse(line: &str) -> Result<Rule, String> {
    let (who, action) = line
        .split_once(':')
        .ok_or("expected `WHO: ACTION`, as in `1%: defer`")?;
    let mut tokens = Tokens::of(action)?;
    let who = Who::parse(who)?;
    let (deed, mut point) = deed(&mut tokens)?;
    let mut times = None;
    while let Some(word) = tokens.word() {
        match word.as_str() {
            "at" => point = parse_point(tokens.word().as_deref())?,
            "times" => times = Some(parse_times(tokens.word().as_deref())?),
            other => return Err(format!("{other:?} is not known: expected `at` or `times`")),
        }
    }
    if tokens.0.next().is_some() {
        return Err("only defer and refuse say a text".to_owned());
    }
    if point == Point::Connect {
        check_connect(&who, &deed)?;
    }
    Ok(Rule {
        who,
        deed,
        point,
        times,
    })
}

fn deed(tokens: &mut Tokens) -> Result<(Deed, Point), String> {
    let action = tokens.word().ok_or("says not what to do")?;
    let deed = match action.as_str() {
        "accept" => Deed::Accept,
        "defer" => Deed::Say(refusal(tokens, DEFER)?),
        "refuse" if tokens.are_of_connections() => Deed::Say(refusal(tokens, REFUSE_AT_CONNECT)?),
        "refuse" => Deed::Say(refusal(tokens, REFUSE)?),
        "refuse-after-data" => {
            return Ok((Deed::Say(refusal(tokens, REFUSE_AFTER_DATA)?), Point::End));
        }
        "stall" => Deed::Stall(parse_stall(tokens.word().as_deref())?),
        "drop" => Deed::Drop,
        "garbage" => Deed::Garbage,
        other => {
            return Err(format!(
                "{other:?} is not an action: expected accept, defer, refuse, refuse-after-data, stall, \
                 drop or garbage"
            ));
        }
    };
    Ok((deed, Point::Recipient))
}

/// `[CODE [ENHANCED]] ["text"]`, each with its default. A code of one's own has no enhanced code but its own.
fn refusal(tokens: &mut Tokens, usual: Usual) -> Result<Reply, String> {
    let class = usual.code / 100;
    let code = tokens.word_if(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let enhanced = tokens.word_if(|word| EnhancedCode::split_from(word).is_some());
    let text = tokens.text();
    let enhanced = match (&code, enhanced) {
        (_, Some(word)) => EnhancedCode::split_from(&word).map(|(code, _)| code),
        (None, None) => Some(usual.enhanced),
        (Some(_), None) => None,
    };
    let code = match code {
        None => usual.code,
        Some(word) => word
            .parse()
            .ok()
            .filter(|code| code / 100 == class)
            .ok_or(format!("{word:?} is not a code of the {class}xx class"))?,
    };
    if enhanced.is_some_and(|enhanced| u16::from(enhanced.0) != class) {
        return Err(format!("the enhanced code does not begin with {class}"));
    }
    let text = text.unwrap_or_else(|| usual.text.to_owned());
    Ok(Reply {
        code,
        enhanced,
        text: text.into(),
    })
}

fn parse_stall(word: Option<&str>) -> Result<Duration, String> {
    let duration = word.and_then(parse_go_duration);
    match duration.filter(|duration| *duration <= STALL_MAX) {
        Some(duration) => Ok(duration),
        None => Err("stall needs a duration up to 1h, such as 5s".to_owned()),
    }
}

fn parse_point(word: Option<&str>) -> Result<Point, String> {
    match word {
        Some("connect") => Ok(Point::Connect),
        Some("rcpt") => Ok(Point::Recipient),
        Some("data") => Ok(Point::Data),
        Some("end") => Ok(Point::End),
        _ => Err("at needs a phase: connect, rcpt, data or end".to_owned()),
    }
}

fn parse_times(word: Option<&str>) -> Result<u32, String> {
    word.and_then(|word| word.parse().ok())
        .ok_or_else(|| "times needs a number".to_owned())
}

/// When somebody connects, nothing is known of the recipient.
fn check_connect(who: &Who, deed: &Deed) -> Result<(), String> {
    if !who.is_anybody() {
        return Err("at connect no address is known: use * or a share before the colon".to_owned());
    }
    match deed {
        Deed::Accept => Err("accept has no effect at connect".to_owned()),
        Deed::Say(_) | Deed::Stall(_) | Deed::Drop | Deed::Garbage => Ok(()),
    }
}

impl Tokens {
    fn of(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (token, after) = match rest.strip_prefix('"') {
                Some(quoted) => {
                    let (text, after) = quoted.split_once('"').ok_or("a quote is not closed")?;
                    (Token::Text(text.to_owned()), after)
                }
                None => {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    (Token::Word(rest[..end].to_owned()), &rest[end..])
                }
            };
            tokens.push(token);
            rest = after.trim_start();
        }
        Ok(Self(tokens.into_iter().peekable()))
    }

    /// Whether `at connect` is still to come.
    fn are_of_connections(&self) -> bool {
        let words: Vec<Token> = self.0.clone().collect();
        let at_connect = ["at", "connect"].map(|word| Token::Word(word.to_owned()));
        words.windows(2).any(|pair| pair == at_connect)
    }

    fn word(&mut self) -> Option<String> {
        self.word_if(|_| true)
    }

    fn word_if(&mut self, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
        let wanted = |token: &Token| matches!(token, Token::Word(word) if is_wanted(word));
        match self.0.next_if(wanted) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        match self.0.next_if(|token| matches!(token, Token::Text(_))) {
            Some(Token::Text(text)) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let rule = parse(line).unwrap();
        let deed = match rule.deed {
            Deed::Say(reply) => reply.to_string(),
            other => format!("{other:?}"),
        };
        let times = rule
            .times
            .map_or(String::new(), |times| format!(" x{times}"));
        format!("{deed} {:?}{times}", rule.point)
    }

    #[test]
    fn rules_read_as_they_are_written() {
        let cases = [
            ("*@slow.example: stall 5s at data", "Stall(5s) Data"),
            (
                "1%: defer 451 4.7.1 \"try later\" times 1",
                "451 4.7.1 try later Recipient x1",
            ),
            (
                "nobody@*: refuse 550 5.1.1 \"no such user\"",
                "550 5.1.1 no such user Recipient",
            ),
            ("*: defer", "451 4.3.0 try again later Recipient"),
            ("*: refuse", "550 5.1.1 no such user Recipient"),
            ("*: refuse 552 \"full\"", "552 full Recipient"),
            ("*: refuse \"go away\" at data", "550 5.1.1 go away Data"),
            (
                "*: refuse-after-data",
                "554 5.6.0 the content was refused End",
            ),
            (
                "*: refuse 554 5.7.1 \"spam\" at end times 3",
                "554 5.7.1 spam End x3",
            ),
            ("1%: drop at connect", "Drop Connect"),
            (
                "*: refuse at connect",
                "554 5.3.2 no mail is taken here Connect",
            ),
            (
                "*: refuse 521 \"closed\" times 2 at connect",
                "521 closed Connect x2",
            ),
            ("*: garbage at end", "Garbage End"),
            ("vip@x.org: accept", "Accept Recipient"),
            ("*:stall 1m30s", "Stall(90s) Recipient"),
        ];
        for (line, expected) in cases {
            assert_eq!(shown(line), expected, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let cases = [
            ("defer", "expected `WHO: ACTION`"),
            ("*:", "says not what to do"),
            (": defer", "says not whom it is for"),
            ("*: explode", "\"explode\" is not an action"),
            ("*: defer 550", "\"550\" is not a code of the 4xx class"),
            (
                "*: refuse 550 4.1.1",
                "the enhanced code does not begin with 5",
            ),
            ("*: defer try later", "\"try\" is not known"),
            ("*: defer \"try", "a quote is not closed"),
            ("*: drop \"x\"", "only defer and refuse say a text"),
            ("*: stall", "stall needs a duration"),
            ("*: stall 2h", "stall needs a duration"),
            ("*: defer at noon", "at needs a phase"),
            ("*: defer times", "times needs a number"),
            ("*@x.org: drop at connect", "at connect no address is known"),
            ("*: accept at connect", "accept has no effect"),
        ];
        for (line, expected) in cases {
            let error = parse(line).unwrap_err();
            assert!(error.starts_with(expected), "{line}: {error}");
        }
    }

    #[test]
    fn files_have_comments_and_name_the_line_that_is_wrong() {
        let rules = parse_file("# slow ones\n\n*@slow.example: stall 1s\n  1%: drop\n").unwrap();
        assert_eq!(rules.len(), 2);
        let error = parse_file("*: accept\n\nnonsense\n").unwrap_err();
        assert!(error.starts_with("line 3: expected"), "{error}");
    }
}
