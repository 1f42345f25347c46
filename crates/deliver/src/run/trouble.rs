//! What keeps deliveries from going on, told in words to those who show it.

use std::sync::{Arc, Mutex, PoisonError};

use model::{Live, Timestamp};

use crate::plan::relay::Unreachable;

/// The troubles of a lane, or of the lanes that lead to one server. There may be one of each kind at a time.
#[derive(Debug)]
pub struct Troubles {
    live: Arc<Live>,
    unreachable: Unreachable,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    /// Deliveries under way.
    deliveries: usize,
    /// Why there is none for one of the lanes.
    idle: Option<String>,
    relay: Option<String>,
    /// When somebody tries the relay next, as far as that is known.
    next_try: Option<Timestamp>,
    store: Option<String>,
}

impl Troubles {
    /// None yet.
    pub(crate) fn new(live: Arc<Live>, unreachable: Unreachable) -> Self {
        Self {
            live,
            unreachable,
            now: Mutex::default(),
        }
    }

    /// A delivery begins: nothing else than these keeps it from going on.
    pub(super) fn begin(&self) {
        self.change(|now| {
            now.idle = None;
            now.deliveries += 1;
        });
    }

    /// A delivery is over, and with the last of them their troubles. A relay that is never given up is in trouble until a
    /// connection is open, over several deliveries.
    pub(super) fn end(&self) {
        self.change(|now| {
            now.deliveries = now.deliveries.saturating_sub(1);
            if now.deliveries > 0 {
                return;
            }
            let relay = now.relay.take();
            *now = match self.unreachable {
                Unreachable::GivenUp => Now::default(),
                Unreachable::Charged => Now {
                    relay,
                    ..Now::default()
                },
            };
        });
    }

    /// Why nothing of a lane can be delivered, until the next delivery begins.
    pub(crate) fn idle(&self, trouble: String) {
        self.change(|now| now.idle = Some(trouble));
    }

    /// A lane is left to somebody else, who knows whether the relay can be reached; nobody here does, unless another
    /// delivery is under way.
    pub(crate) fn left_to_others(&self) {
        self.change(|now| {
            now.idle = None;
            if now.deliveries == 0 {
                (now.relay, now.next_try) = (None, None);
            }
        });
    }

    /// The relay is tried next when mail is due, unless a delivery under way says otherwise.
    pub(crate) fn at_rest_until(&self, at: Timestamp) {
        self.change(|now| {
            if now.deliveries == 0 {
                now.next_try = Some(at);
            }
        });
    }

    /// What is wrong with the relay, and when it is tried next.
    pub(super) fn with_relay(&self, trouble: String, next_try: Option<Timestamp>) {
        self.change(|now| (now.relay, now.next_try) = (Some(trouble), next_try));
    }

    /// Nothing is wrong with the relay any more, or nobody here knows.
    pub(super) fn without_relay(&self) {
        self.change(|now| (now.relay, now.next_try) = (None, None));
    }

    /// When the relay is tried next; `None` while it is.
    pub(super) fn next_try(&self, at: Option<Timestamp>) {
        self.change(|now| now.next_try = at);
    }

    /// What is wrong with the store; `None` when nothing is any more.
    pub(super) fn with_store(&self, trouble: Option<String>) {
        self.change(|now| now.store = trouble);
    }

    fn change(&self, change: impl FnOnce(&mut Now)) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now);
        // Told under the lock, so that of two changes the later one is what is shown.
        self.live.set_trouble(now.words());
    }
}

impl Now {
    /// Where nothing can be delivered, that is all there is to say.
    fn words(&self) -> Option<String> {
        if let Some(idle) = &self.idle {
            return Some(idle.clone());
        }
        let relay = self.relay.as_ref().map(|trouble| match self.next_try {
            Some(at) => format!("{trouble}; next try at {}", time_of_day(at)),
            None => trouble.clone(),
        });
        let all: Vec<String> = relay.into_iter().chain(self.store.clone()).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// A moment of today, for people: `17:04:59 UTC`.
fn time_of_day(at: Timestamp) -> String {
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
        troubles.begin();
        assert_eq!(live.trouble(), None);
        troubles.with_relay("no relay".to_owned(), None);
        troubles.with_store(Some("disk full".to_owned()));
        assert_eq!(live.trouble().as_deref(), Some("no relay; disk full"));
        troubles.without_relay();
        assert_eq!(live.trouble().as_deref(), Some("disk full"));
        troubles.end();
        assert_eq!(live.trouble(), None);
    }

    #[test]
    fn a_relay_that_is_never_given_up_stays_in_trouble_over_deliveries() {
        let live = Arc::new(Live::default());
        let troubles = Troubles::new(Arc::clone(&live), Unreachable::Charged);
        troubles.with_relay("no relay".to_owned(), None);
        troubles.with_store(Some("disk full".to_owned()));
        troubles.end();
        troubles.begin();
        assert_eq!(live.trouble().as_deref(), Some("no relay"));
        troubles.without_relay();
        assert_eq!(live.trouble(), None);
    }

    #[test]
    fn a_next_try_is_told_until_it_begins_or_another_is_known() {
        let live = Arc::new(Live::default());
        let troubles = Troubles::new(Arc::clone(&live), Unreachable::Charged);
        let at = |minute: i64| Some(Timestamp::from_millis(minute * 60_000));
        troubles.next_try(at(1));
        assert_eq!(live.trouble(), None, "there is no trouble");
        troubles.with_relay("no relay".to_owned(), at(1));
        let shown = || live.trouble().unwrap();
        assert_eq!(&*shown(), "no relay; next try at 00:01:00 UTC");
        troubles.end();
        assert_eq!(&*shown(), "no relay");
        troubles.next_try(at(5));
        assert_eq!(&*shown(), "no relay; next try at 00:05:00 UTC");
        troubles.next_try(None);
        assert_eq!(&*shown(), "no relay");
    }

    #[test]
    fn troubles_of_one_server_are_over_when_the_last_of_its_deliveries_is() {
        let live = Arc::new(Live::default());
        let troubles = Troubles::new(Arc::clone(&live), Unreachable::Charged);
        troubles.begin();
        troubles.begin();
        troubles.with_relay("no relay".to_owned(), None);
        troubles.with_store(Some("disk full".to_owned()));
        troubles.end();
        assert_eq!(live.trouble().as_deref(), Some("no relay; disk full"));
        troubles.left_to_others();
        troubles.at_rest_until(Timestamp::from_millis(0));
        assert_eq!(live.trouble().as_deref(), Some("no relay; disk full"));
        troubles.end();
        assert_eq!(live.trouble().as_deref(), Some("no relay"));
        troubles.left_to_others();
        assert_eq!(live.trouble(), None);
    }

    #[test]
    fn why_a_lane_is_idle_is_said_alone_until_a_delivery_begins() {
        let live = Arc::new(Live::default());
        let troubles = Troubles::new(Arc::clone(&live), Unreachable::Charged);
        troubles.with_relay("no relay".to_owned(), None);
        troubles.idle("its tenant is not active".to_owned());
        assert_eq!(live.trouble().as_deref(), Some("its tenant is not active"));
        troubles.begin();
        assert_eq!(live.trouble().as_deref(), Some("no relay"));
    }

    #[test]
    fn a_time_of_day_reads_as_on_a_clock() {
        let at = Timestamp::from_millis(1_795_367_099_999);
        assert_eq!(time_of_day(at), "17:04:59 UTC");
        assert_eq!(time_of_day(Timestamp::from_millis(0)), "00:00:00 UTC");
    }
}
