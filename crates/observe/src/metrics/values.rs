//! The value that each series has at one moment.

use model::metrics::{ATTEMPT_OUTCOMES, MetricId, REPLY_CODES};
use model::{MessageState, Timestamp};

use super::Process;
use crate::monitor::Reading;
use crate::provider::Provider;

/// Everything that metrics are made from.
pub(super) struct Values {
    pub run: Reading,
    pub process: Process,
}

/// A histogram.
pub(super) struct Spread<'a> {
    /// How many are in each bucket, the last one without a bound.
    pub buckets: &'a [u64],
    /// The sum of all, in seconds.
    pub sum_s: f64,
}

impl Values {
    /// The value of a series: its metric, and its label values in the labels' order.
    pub fn of(&self, id: MetricId, labels: &[&str]) -> f64 {
        let Reading {
            figures,
            tally,
            reader,
            ..
        } = &self.run;
        let label = labels.first().copied().unwrap_or_default();
        match id {
            MetricId::MailgridSent => count(figures.sent),
            MetricId::MailgridFailed => count(figures.failed),
            MetricId::MailgridPending => count(figures.pending),
            MetricId::MailgridTotal => count(figures.total),
            MetricId::MailgridDuration => self.duration_s(),
            MetricId::BuildInfo => 1.0,
            MetricId::ProcessStart => seconds(self.process.started_at),
            MetricId::RunStart => seconds(figures.campaign.started_at),
            MetricId::RunStage => flag(figures.stage.as_str() == label),
            MetricId::RunListed => flag(figures.is_listed),
            MetricId::Accepted => count(tally.books.accepted),
            MetricId::Repeats => count(tally.repeats),
            MetricId::MessagesByState => self.in_state(label),
            MetricId::MessagesByStatus => self.with_status(label),
            MetricId::BooksBalance => flag(tally.books.balance()),
            MetricId::Attempts => self.attempts(label),
            MetricId::Replies => self.replies(|code| class(code) == label),
            MetricId::ReplyCodes => self.replies(|code| code_label(code) == label),
            MetricId::Failures => count(tally.failures.get(label).copied().unwrap_or_default()),
            MetricId::ProviderAccepted => self.provider(label, "accepted"),
            MetricId::ProviderOutcomes => {
                self.provider(label, labels.get(1).copied().unwrap_or_default())
            }
            MetricId::DeliveryDuration => count(figures.sent),
            MetricId::Connections => count(figures.connections),
            MetricId::Rate => figures.per_second_now,
            MetricId::Domains => count(self.run.domains),
            MetricId::DomainRest => count(self.run.domain_rest),
            MetricId::ActivityEntries => count(self.run.entries),
            MetricId::ReaderDelay => reader.delay_s,
            MetricId::ReaderPages => count(reader.pages),
            MetricId::ReaderErrors => count(reader.errors),
            MetricId::StreamClients => count(self.process.stream_clients),
            MetricId::StreamDropped => count(self.process.stream_clients_dropped),
        }
    }

    /// How long deliveries took.
    pub fn spread(&self) -> Spread<'_> {
        Spread {
            buckets: &self.run.delivery_buckets,
            sum_s: self.run.tally.delivered_us as f64 / 1e6,
        }
    }

    fn duration_s(&self) -> f64 {
        let figures = &self.run.figures;
        let until = figures.ended_at.unwrap_or(figures.at);
        until.since(figures.campaign.started_at).as_secs_f64()
    }

    fn in_state(&self, label: &str) -> f64 {
        let states = MessageState::ALL.into_iter();
        let of_state = states.filter(|state| state.as_str() == label);
        count(
            of_state
                .map(|state| self.run.tally.books.count(state))
                .sum(),
        )
    }

    fn with_status(&self, label: &str) -> f64 {
        let figures = &self.run.figures;
        count(match label {
            "pending" => figures.pending,
            "sending" => figures.sending,
            "sent" => figures.sent,
            "failed" => figures.failed,
            "retry" => figures.retrying,
            _ => 0,
        })
    }

    fn attempts(&self, label: &str) -> f64 {
        let kinds = ATTEMPT_OUTCOMES.iter();
        let of_kind = kinds.filter(|kind| kind.as_str() == label);
        count(
            of_kind
                .filter_map(|kind| self.run.tally.outcomes.get(kind))
                .sum(),
        )
    }

    fn replies(&self, is_wanted: impl Fn(u16) -> bool) -> f64 {
        let codes = self.run.tally.codes.iter();
        let wanted = codes.filter(|(code, _)| is_wanted(**code));
        count(wanted.map(|(_, number)| number).sum())
    }

    fn provider(&self, label: &str, what: &str) -> f64 {
        let providers = Provider::ALL.into_iter().zip(&self.run.providers);
        let mut of_provider = providers.filter(|(provider, _)| provider.as_str() == label);
        let Some((_, counts)) = of_provider.next() else {
            return 0.0;
        };
        count(match what {
            "accepted" => counts.accepted,
            "delivered" => counts.sent,
            "failed" => counts.failed,
            "deferred" => counts.deferred,
            _ => 0,
        })
    }
}

/// A count as the number that expositions have, which is exact up to 2^53.
fn count(number: u64) -> f64 {
    number as f64
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1e3
}

/// The class of a reply code; 0 stands for no answer. A code of no class is a refusal that nobody has defined.
fn class(code: u16) -> &'static str {
    match code {
        0 => "none",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

fn code_label(code: u16) -> &'static str {
    if code == 0 {
        return "none";
    }
    let text = code.to_string();
    let known = REPLY_CODES.into_iter().find(|known| *known == text);
    known.unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use model::metrics::{METRICS, Metric};

    use super::*;

    fn label_values(id: MetricId) -> Vec<&'static str> {
        let is_it = |metric: &&Metric| metric.id == id;
        let metric = METRICS.iter().find(is_it).unwrap();
        metric.labels[0].known()
    }

    #[test]
    fn every_code_has_one_class_and_one_label_of_the_table() {
        let classes = label_values(MetricId::Replies);
        let codes = label_values(MetricId::ReplyCodes);
        for code in 0..=u16::MAX {
            assert!(classes.contains(&class(code)), "{code}");
            assert!(codes.contains(&code_label(code)), "{code}");
        }
        assert_eq!(code_label(550), "550");
        assert_eq!((code_label(599), class(599)), ("other", "5xx"));
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
    }

    #[test]
    fn the_table_names_the_providers() {
        let providers = Provider::ALL.map(Provider::as_str);
        assert_eq!(label_values(MetricId::ProviderAccepted), providers);
        assert_eq!(label_values(MetricId::ProviderOutcomes), providers);
    }
}
