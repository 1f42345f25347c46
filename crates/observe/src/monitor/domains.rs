//! What became of each domain's messages: a bounded number one by one, all others in one sum.

use std::cmp::Ordering;
use std::collections::HashMap;

use model::Event;

use super::view::{DomainRow, GroupCounts};
use crate::provider::Provider;

/// Domains that are counted one by one; at 30 bytes of name they take 1.5 MB.
pub const DOMAINS_MAX: usize = 10_000;

/// The counts by domain.
#[derive(Default)]
pub(super) struct Domains {
    /// The standard library's hash, with its random key: a list of domains that collide is of no use to anybody.
    known: HashMap<Box<str>, Domain>,
    rest: GroupCounts,
}

struct Domain {
    provider: Provider,
    counts: GroupCounts,
}

impl Domains {
    /// Counts an event of a message to `domain`, and says whose domain it is.
    pub fn count(&mut self, domain: &str, event: &Event) -> Provider {
        if let Some(known) = self.known.get_mut(domain) {
            known.counts.count(event);
            return known.provider;
        }
        let provider = Provider::of_domain(domain);
        if self.known.len() >= DOMAINS_MAX {
            self.rest.count(event);
            return provider;
        }
        let mut counts = GroupCounts::default();
        counts.count(event);
        self.known
            .insert(domain.into(), Domain { provider, counts });
        provider
    }

    /// Domains that are counted one by one.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Messages to domains that are not.
    pub fn beyond(&self) -> u64 {
        self.rest.accepted
    }

    /// The busiest domains, and all others in one row, which is left out when it is empty.
    pub fn rows(&self, limit: usize) -> Vec<DomainRow> {
        let mut order: Vec<(&str, &Domain)> = self
            .known
            .iter()
            .map(|(name, domain)| (&**name, domain))
            .collect();
        let limit = limit.min(order.len());
        if limit < order.len() {
            order.select_nth_unstable_by(limit, by_rank);
        }
        let (shown, others) = order.split_at_mut(limit);
        shown.sort_unstable_by(by_rank);
        let mut rest = self.rest;
        others
            .iter()
            .for_each(|(_, domain)| rest.add(&domain.counts));
        let row = |domain, provider, counts| DomainRow {
            domain,
            provider,
            counts,
        };
        let mut rows: Vec<DomainRow> = shown
            .iter()
            .map(|(name, domain)| row(Some((*name).into()), Some(domain.provider), domain.counts))
            .collect();
        if rest != GroupCounts::default() {
            rows.push(row(None, None, rest));
        }
        rows
    }
}

/// The busiest first; by name where they are even, so that rows keep their places.
fn by_rank(a: &(&str, &Domain), b: &(&str, &Domain)) -> Ordering {
    let (total_a, total_b) = (a.1.counts.total(), b.1.counts.total());
    total_b.cmp(&total_a).then_with(|| a.0.cmp(b.0))
}

#[cfg(test)]
mod tests {
    use model::EventKind;

    use super::*;
    use crate::monitor::sample;

    #[test]
    fn endless_domains_are_summed_beyond_the_bound() {
        let mut domains = Domains::default();
        let accepted = sample::event(EventKind::Accepted, 0);
        let delivered = sample::event(EventKind::Delivered, 0);
        for number in 0..100_000 {
            let name = format!("d{number}.example");
            domains.count(&name, &accepted);
            domains.count(&name, &delivered);
        }
        assert_eq!(domains.len(), DOMAINS_MAX);
        assert_eq!(domains.beyond(), 90_000);
        let rows = domains.rows(100);
        assert_eq!(rows.len(), 101);
        assert_eq!((&rows[100].domain, rows[100].provider), (&None, None));
        let sum = |part: fn(&GroupCounts) -> u64| -> u64 {
            rows.iter().map(|row| part(&row.counts)).sum()
        };
        assert_eq!(sum(|counts| counts.accepted), 100_000);
        assert_eq!(sum(|counts| counts.sent), 100_000);
        assert_eq!(sum(|counts| counts.delivered_us), 100_000 * sample::TIME_US);
    }

    #[test]
    fn the_busiest_come_first_and_an_empty_rest_is_left_out() {
        let mut domains = Domains::default();
        let accepted = sample::event(EventKind::Accepted, 0);
        for name in ["b.example", "a.example", "gmail.com", "gmail.com"] {
            domains.count(name, &accepted);
        }
        let rows = domains.rows(10);
        let names: Vec<_> = rows
            .iter()
            .filter_map(|row| row.domain.as_deref())
            .collect();
        assert_eq!(names, ["gmail.com", "a.example", "b.example"]);
        assert_eq!(rows[0].provider, Some(Provider::Gmail));
        assert_eq!(domains.rows(0).len(), 1);
        assert!(Domains::default().rows(10).is_empty());
    }

    #[test]
    fn providers_are_known_beyond_the_bound() {
        let mut domains = Domains::default();
        let accepted = sample::event(EventKind::Accepted, 0);
        for number in 0..DOMAINS_MAX {
            domains.count(&format!("d{number}.example"), &accepted);
        }
        assert_eq!(domains.count("gmail.com", &accepted), Provider::Gmail);
    }
}
