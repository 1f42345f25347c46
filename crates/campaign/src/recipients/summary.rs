//! What a list came to: how many rows became recipients, and why the others did not.

use std::collections::BTreeMap;
use std::fmt;

use super::Row;
use super::problem::RowProblem;

/// How many rows of one kind of problem are kept as examples.
pub const EXAMPLES_MAX: usize = 20;

/// Counts over a list, for the account that is given at its end.
#[derive(Clone, Debug, Default)]
pub struct ListSummary {
    rows: u64,
    valid: u64,
    duplicates: u64,
    skipped: BTreeMap<&'static str, Skipped>,
}

/// The rows that were skipped for one kind of problem.
#[derive(Clone, Debug, Default)]
pub struct Skipped {
    /// How many.
    pub count: u64,
    /// The first [`EXAMPLES_MAX`] of them.
    pub examples: Vec<RowProblem>,
}

impl ListSummary {
    /// Counts one row.
    pub fn record(&mut self, row: &Row) {
        self.rows += 1;
        match row {
            Ok(_) => self.valid += 1,
            Err(problem) => self.skip(problem),
        }
    }

    fn skip(&mut self, problem: &RowProblem) {
        let skipped = self.skipped.entry(problem.reason.heading()).or_default();
        skipped.count += 1;
        if skipped.examples.len() < EXAMPLES_MAX {
            skipped.examples.push(problem.clone());
        }
    }

    /// Takes off recipients that turned out to be in the list already.
    pub fn remove_duplicates(&mut self, count: u64) {
        self.duplicates += count;
    }

    /// All rows, without the header and blank lines.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Recipients, each counted once.
    pub fn recipients(&self) -> u64 {
        self.valid.saturating_sub(self.duplicates)
    }

    /// Recipients that were in the list before.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Rows that became no recipient.
    pub fn skipped(&self) -> u64 {
        self.rows - self.valid
    }

    /// The skipped rows under a few words for each kind of problem.
    pub fn skipped_by_reason(&self) -> impl Iterator<Item = (&'static str, &Skipped)> {
        self.skipped
            .iter()
            .map(|(heading, skipped)| (*heading, skipped))
    }
}

impl fmt::Display for ListSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} recipients loaded, {} rows skipped, {} duplicates removed (total rows: {})",
            self.recipients(),
            self.skipped(),
            self.duplicates,
            self.rows
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reason;
    use super::*;

    #[test]
    fn rows_are_counted_by_reason_and_the_first_examples_kept() {
        let mut summary = ListSummary::default();
        for line in 2..=31 {
            let reason = Reason::BlankEmail;
            summary.record(&Err(RowProblem { line, reason }));
        }
        let reason = Reason::Nul;
        summary.record(&Err(RowProblem { line: 32, reason }));
        let found: Vec<_> = summary
            .skipped_by_reason()
            .map(|(heading, skipped)| (heading, skipped.count, skipped.examples.len()))
            .collect();
        assert_eq!(
            found,
            [("NUL byte", 1, 1), ("blank email", 30, EXAMPLES_MAX)]
        );
        assert_eq!(
            summary.to_string(),
            "0 recipients loaded, 31 rows skipped, 0 duplicates removed (total rows: 31)"
        );
    }
}
