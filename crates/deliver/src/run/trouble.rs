//! What keeps a delivery from going on, told in words to those who show it.

use std::sync::{Arc, Mutex, PoisonError};

use model::{Live, Timestamp};

use crate::plan::relay::Unreachable;

/// The troubles of one delivery. There may be one of each kind at a time; all are shown together.
pub(super) struct Troubles {
    live: Arc<Live>,
    unreachable: Unreachable,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    relay: Option<String>,
    store: Option<String>,
}

impl Troubles {
    /// None yet, and what an earlier delivery left is taken away. A relay that is never given up is in trouble until a
    /// connection is open, over several deliveries.
    pub(super) fn new(live: Arc<Live>, unreachable: Unreachable) -> Self {
        let relay = match unreachable {
            Unreachable::GivenUp => None,
            Unreachable::Charged => live.trouble().map(String::from),
        };
        let troubles = Self {
            live,
            unreachable,
            now: Mutex::default(),
        };
        troubles.with_relay(relay);
        troubles
    }

    /// The delivery is over, and so are its troubles.
    pub(super) fn end(&self) {
        self.with_store(None);
        if self.unreachable == Unreachable::GivenUp {
            self.with_relay(None);
        }
    }

    /// What is wrong with the relay; `None` when nothing is any more.
    pub(super) fn with_relay(&self, trouble: Option<String>) {
        self.change(|now| now.relay = trouble);
    }

    /// What is wrong with the store; `None` when nothing is any more.
    pub(super) fn with_store(&self, trouble: Option<String>) {
        self.change(|now| now.store = trouble);
    }

    fn change(&self, change: impl FnOnce(&mut Now)) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now);
        let all: Vec<&str> = [&now.relay, &now.store]
            .into_iter()
            .filter_map(Option::as_deref)
            .collect();
        // Told under the lock, so that of two changes the later one is what is shown.
        self.live
            .set_trouble((!all.is_empty()).then(|| all.join("; ")));
    }
}

/// A moment of today, for people: `17:04:59 UTC`.
pub(super) fn time_of_day(at: Timestamp) -> String {
    let seconds = at.as_secs().rem_euclid(24 * 60 * 60);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_shown_until_the_last_is_over() {
        let live = Arc::new(Live::default());
        live.set_trouble(Some("of yesterday".to_owned()));
        let troubles = Troubles::new(Arc::clone(&live), Unreachable::GivenUp);
        assert_eq!(live.trouble(), None);
        troubles.with_relay(Some("no relay".to_owned()));
        troubles.with_store(Some("disk full".to_owned()));
        assert_eq!(live.trouble().as_deref(), Some("no relay; disk full"));
        troubles.with_relay(None);
        assert_eq!(live.trouble().as_deref(), Some("disk full"));
        troubles.with_store(None);
        assert_eq!(live.trouble(), None);
    }

    #[test]
    fn a_relay_that_is_never_given_up_stays_in_trouble_over_deliveries() {
        let live = Arc::new(Live::default());
        let first = Troubles::new(Arc::clone(&live), Unreachable::Charged);
        first.with_relay(Some("no relay".to_owned()));
        first.with_store(Some("disk full".to_owned()));
        first.end();
        let second = Troubles::new(Arc::clone(&live), Unreachable::Charged);
        assert_eq!(live.trouble().as_deref(), Some("no relay"));
        second.with_relay(None);
        assert_eq!(live.trouble(), None);
    }

    #[test]
    fn a_time_of_day_reads_as_on_a_clock() {
        let at = Timestamp::from_millis(1_795_367_099_999);
        assert_eq!(time_of_day(at), "17:04:59 UTC");
        assert_eq!(time_of_day(Timestamp::from_millis(0)), "00:00:00 UTC");
    }
}
