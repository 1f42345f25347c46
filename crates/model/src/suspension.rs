//! What of a tenant's mail is held back by hand.

use std::collections::BTreeSet;

use crate::field::{FieldError, Line};

/// Batches of one tenant that can be suspended one by one.
pub const SUSPENDED_BATCHES_MAX: usize = 1_000;
/// What stands for all batches in requests.
const ALL_WORD: &str = "*";

/// The code that messages of one batch share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchCode(Line<64>);

/// What of a tenant's mail is held back: nothing, everything, or some batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspension(Scope);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    All,
    /// At most [`SUSPENDED_BATCHES_MAX`]; none for nothing.
    Batches(BTreeSet<BatchCode>),
}

impl Default for Scope {
    fn default() -> Self {
        Self::Batches(BTreeSet::new())
    }
}

// === impl BatchCode ===

impl BatchCode {
    /// Takes a code of 1 to 64 characters; `*` is none, since it stands for all.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        match text == ALL_WORD {
            true => Err(FieldError::new("batch_code", "'*' stands for all batches")),
            false => Line::parse("batch_code", text).map(Self),
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

// === impl Suspension ===

impl Suspension {
    /// Everything is held back.
    pub fn all() -> Self {
        Self(Scope::All)
    }

    /// Whether everything is held back.
    pub fn is_all(&self) -> bool {
        self.0 == Scope::All
    }

    /// The batches that are held back one by one, in order; none when everything is.
    pub fn batches(&self) -> impl Iterator<Item = &BatchCode> {
        let batches = match &self.0 {
            Scope::All => None,
            Scope::Batches(batches) => Some(batches),
        };
        batches.into_iter().flatten()
    }

    /// Whether a message is held back; one without a batch only when everything is.
    pub fn holds(&self, batch: Option<&BatchCode>) -> bool {
        match &self.0 {
            Scope::All => true,
            Scope::Batches(batches) => batch.is_some_and(|batch| batches.contains(batch)),
        }
    }

    /// Holds back one batch, or everything. One more batch changes nothing when everything is held back.
    pub fn suspend(&mut self, batch: Option<BatchCode>) -> Result<(), FieldError> {
        let Some(batch) = batch else {
            *self = Self::all();
            return Ok(());
        };
        let Scope::Batches(batches) = &mut self.0 else {
            return Ok(());
        };
        if batches.len() >= SUSPENDED_BATCHES_MAX && !batches.contains(&batch) {
            let problem = format!(
                "{SUSPENDED_BATCHES_MAX} batches are suspended already: activate one, or suspend all"
            );
            return Err(FieldError::new("batch_code", problem));
        }
        batches.insert(batch);
        Ok(())
    }

    /// Lets one batch go on, or everything. One batch cannot go on alone while everything is held back.
    pub fn activate(&mut self, batch: Option<&BatchCode>) -> Result<(), FieldError> {
        match (&mut self.0, batch) {
            (_, None) => *self = Self::default(),
            (Scope::Batches(batches), Some(batch)) => {
                batches.remove(batch);
            }
            (Scope::All, Some(_)) => {
                return Err(FieldError::new(
                    "batch_code",
                    "all batches are suspended: activate all of them first",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> BatchCode {
        BatchCode::parse(text).unwrap()
    }

    fn codes(suspension: &Suspension) -> Vec<&str> {
        suspension.batches().map(BatchCode::as_str).collect()
    }

    #[test]
    fn batches_are_held_back_one_by_one_or_together() {
        let mut suspension = Suspension::default();
        assert!(!suspension.holds(None) && !suspension.holds(Some(&code("a"))));
        for batch in ["b", "a", "b"] {
            suspension.suspend(Some(code(batch))).unwrap();
        }
        assert_eq!(codes(&suspension), ["a", "b"]);
        assert!(suspension.holds(Some(&code("a"))));
        assert!(!suspension.holds(Some(&code("c"))) && !suspension.holds(None));
        suspension.activate(Some(&code("a"))).unwrap();
        suspension.activate(Some(&code("never"))).unwrap();
        assert_eq!(codes(&suspension), ["b"]);
        suspension.suspend(None).unwrap();
        suspension.suspend(Some(code("c"))).unwrap();
        assert!(suspension.is_all() && suspension.holds(None) && codes(&suspension).is_empty());
        assert_eq!(
            suspension
                .activate(Some(&code("b")))
                .unwrap_err()
                .to_string(),
            "batch_code: all batches are suspended: activate all of them first"
        );
        suspension.activate(None).unwrap();
        assert_eq!(suspension, Suspension::default());
    }

    #[test]
    fn no_more_batches_are_held_back_than_there_may_be() {
        let mut suspension = Suspension::default();
        for number in 0..SUSPENDED_BATCHES_MAX {
            suspension.suspend(Some(code(&number.to_string()))).unwrap();
        }
        suspension.suspend(Some(code("7"))).unwrap();
        let error = suspension.suspend(Some(code("one more"))).unwrap_err();
        assert_eq!(error.field, "batch_code");
        assert_eq!(suspension.batches().count(), SUSPENDED_BATCHES_MAX);
        suspension.suspend(None).unwrap();
    }

    #[test]
    fn a_code_is_bounded_and_never_means_all() {
        assert!(BatchCode::parse(&"a".repeat(64)).is_ok());
        for bad in ["", "*", "a\nb", &"a".repeat(65)] {
            assert_eq!(
                BatchCode::parse(bad).unwrap_err().field,
                "batch_code",
                "{bad:?}"
            );
        }
    }
}
