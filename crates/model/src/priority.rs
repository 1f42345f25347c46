//! How urgent a message is.

use std::str::FromStr;

use crate::field::FieldError;

/// How urgent a message is. The most urgent is the least: they sort in the order of sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before everything else.
    Immediate,
    /// Before ordinary mail.
    High,
    /// Ordinary mail.
    #[default]
    Medium,
    /// When nothing else waits.
    Low,
}

impl Priority {
    /// Every priority, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Immediate, Self::High, Self::Medium, Self::Low];

    /// The word as it stands in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }

    /// The number as it stands in requests and in the store, 0 to 3.
    pub fn code(self) -> i64 {
        match self {
            Self::Immediate => 0,
            Self::High => 1,
            Self::Medium => 2,
            Self::Low => 3,
        }
    }

    /// The priority of a number; one outside of 0 to 3 is taken to the nearer end.
    pub fn clamped(number: i64) -> Self {
        match number {
            ..=0 => Self::Immediate,
            1 => Self::High,
            2 => Self::Medium,
            3.. => Self::Low,
        }
    }
}

impl FromStr for Priority {
    type Err = FieldError;

    /// A word in any case, or a number as text.
    fn from_str(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let by_word = Self::ALL
            .into_iter()
            .find(|priority| priority.as_str().eq_ignore_ascii_case(text));
        let by_number = || text.parse().ok().map(Self::clamped);
        by_word.or_else(by_number).ok_or_else(|| {
            FieldError::new(
                "priority",
                "must be immediate, high, medium, low or a number from 0 to 3",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_clamped_and_words_known_in_any_case() {
        for priority in Priority::ALL {
            assert_eq!(Priority::clamped(priority.code()), priority);
            assert_eq!(priority.as_str().to_uppercase().parse(), Ok(priority));
            assert_eq!(priority.code().to_string().parse(), Ok(priority));
        }
        assert_eq!(Priority::clamped(i64::MIN), Priority::Immediate);
        assert_eq!(Priority::clamped(99), Priority::Low);
        assert_eq!("-7".parse(), Ok(Priority::Immediate));
        assert_eq!(Priority::default(), Priority::Medium);
        assert_eq!(
            "urgent".parse::<Priority>().unwrap_err().to_string(),
            "priority: must be immediate, high, medium, low or a number from 0 to 3"
        );
    }
}
