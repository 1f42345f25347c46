//! What happens to whom: the first rule that matches wins, without one the mail is accepted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::{Address, Reply};

use super::pattern::Who;

/// Addresses whose tries are remembered for `times`; rules with `times` pass by those beyond.
const REMEMBERED_MAX: usize = 1_000_000;

/// All rules, in order, and how often each was used on whom.
#[derive(Default)]
pub struct Rules {
    rules: Vec<Rule>,
    used: Mutex<HashMap<(usize, Box<str>), u32>>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// For whom.
    pub who: Who,
    /// What.
    pub deed: Deed,
    /// When.
    pub point: Point,
    /// How often for each address; `None` is always.
    pub times: Option<u32>,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Nothing out of the ordinary.
    Accept,
    /// A refusal in these words, for now (4xx) or for good (5xx).
    Say(Reply),
    /// Silence for so long.
    Stall(Duration),
    /// The connection closes without a word.
    Drop,
    /// An answer that is no SMTP.
    Garbage,
}

/// At which point of a session it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before the greeting.
    Connect,
    /// RCPT TO.
    Recipient,
    /// DATA.
    Data,
    /// After the final dot or last chunk.
    End,
}

impl Rules {
    /// Rules in their order.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self {
            rules,
            used: Mutex::default(),
        }
    }

    /// What happens to an address, if anything. A rule with `times` is used up by being asked.
    pub fn for_recipient(&self, address: &Address) -> Option<&Rule> {
        if self.rules.is_empty() {
            return None;
        }
        let key = address.key();
        let matching = self.rules.iter().enumerate().filter(|(index, rule)| {
            rule.point != Point::Connect && rule.who.means(&key, *index as u64)
        });
        self.first_not_used_up(matching, &key)
    }

    /// What happens to a connection, if anything. Connections are told apart by their number.
    pub fn for_connection(&self, number: u64) -> Option<&Rule> {
        let matching = self.rules.iter().enumerate().filter(|(index, rule)| {
            rule.point == Point::Connect && rule.who.is_lucky(&number.to_be_bytes(), *index as u64)
        });
        // All connections together use a rule up: each comes but once.
        self.first_not_used_up(matching, "")
    }

    fn first_not_used_up<'a>(
        &'a self,
        matching: impl Iterator<Item = (usize, &'a Rule)>,
        key: &str,
    ) -> Option<&'a Rule> {
        for (index, rule) in matching {
            match rule.times {
                None => return Some(rule),
                Some(times) if self.use_up(index, key, times) => return Some(rule),
                Some(_) => {}
            }
        }
        None
    }

    /// Counts one use; whether it was within the allowed number.
    fn use_up(&self, index: usize, key: &str, times: u32) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (index, Box::from(key));
        let count = used.get(&place).copied().unwrap_or(0);
        let is_new = count == 0;
        if count >= times || (is_new && used.len() >= REMEMBERED_MAX) {
            return false;
        }
        used.insert(place, count + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule_text;
    use super::*;

    fn rules(lines: &[&str]) -> Rules {
        let rules = lines.iter().map(|line| rule_text::parse(line).unwrap());
        Rules::new(rules.collect())
    }

    fn code(rules: &Rules, address: &str) -> Option<u16> {
        match rules
            .for_recipient(&Address::parse(address).unwrap())
            .map(|rule| &rule.deed)
        {
            Some(Deed::Say(reply)) => Some(reply.code),
            _ => None,
        }
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rules = rules(&["vip@x.org: accept", "*@x.org: refuse 550", "*: defer 451"]);
        assert_eq!(code(&rules, "vip@x.org"), None);
        assert_eq!(code(&rules, "Ada@X.org"), Some(550));
        assert_eq!(code(&rules, "ada@y.org"), Some(451));
    }

    #[test]
    fn a_rule_with_times_is_used_up_by_each_address_for_itself() {
        let rules = rules(&["*@x.org: defer times 2", "b@x.org: refuse"]);
        for address in ["a@x.org", "b@x.org"] {
            assert_eq!(code(&rules, address), Some(451));
            assert_eq!(code(&rules, &address.to_uppercase()), Some(451));
        }
        assert_eq!(code(&rules, "a@x.org"), None);
        assert_eq!(code(&rules, "b@x.org"), Some(550));
    }

    #[test]
    fn rules_of_connections_are_not_of_recipients() {
        let rules = rules(&["*: drop at connect times 1"]);
        assert_eq!(code(&rules, "a@x.org"), None);
        assert_eq!(
            rules.for_connection(0).map(|rule| &rule.deed),
            Some(&Deed::Drop)
        );
        assert!(rules.for_connection(1).is_none());
    }
}
