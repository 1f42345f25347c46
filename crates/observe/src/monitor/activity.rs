//! The activity log: a thousand entries, of which each kind has a share, so that a thousand deliveries hide no failure.

use std::cmp::Reverse;
use std::collections::{HashSet, VecDeque};

use model::{Control, EventKind, Timestamp};
use store::Logged;

use super::view::{Entry, Level, Recent, What, time_us};
use crate::log_lines;

/// Entries kept of all kinds together.
const ENTRIES_MAX: usize = 1_000;
/// Of those, what no other kind takes away from each. Room that a kind does not need goes to the others.
const FAILURES_SHARE: usize = 400;
const DEFERRALS_SHARE: usize = 300;
const DELIVERIES_SHARE: usize = 200;
const NOTES_SHARE: usize = 100;
/// Messages shown as changed lately.
const RECENT_MAX: usize = 20;
/// What is kept of a server's words, in bytes; the whole stands in the message's own timeline.
const WORDS_BYTES_MAX: usize = 512;

/// What happened lately, entry by entry.
pub(super) struct Activity {
    /// Entries so far, shown or not.
    count: u64,
    failures: Ring<Recent>,
    deferrals: Ring<Recent>,
    deliveries: Ring<Recent>,
    /// Interventions and milestones.
    notes: Ring<Note>,
}

#[derive(Clone)]
struct Note {
    at: Timestamp,
    what: What,
}

/// The latest of one kind, each with its number.
struct Ring<T> {
    kept: VecDeque<(u64, T)>,
    share: usize,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            count: 0,
            failures: Ring::new(FAILURES_SHARE),
            deferrals: Ring::new(DEFERRALS_SHARE),
            deliveries: Ring::new(DELIVERIES_SHARE),
            notes: Ring::new(NOTES_SHARE),
        }
    }
}

impl Activity {
    /// Notes what happened to a message; that it was accepted is not worth an entry.
    pub fn change(&mut self, logged: &Logged) {
        let ring = match logged.event.kind {
            EventKind::Accepted => return,
            EventKind::Delivered | EventKind::Cancelled | EventKind::Receipt => {
                &mut self.deliveries
            }
            EventKind::Deferred | EventKind::RateLimited => &mut self.deferrals,
            EventKind::Bounced | EventKind::Expired | EventKind::Dropped | EventKind::Returned => {
                &mut self.failures
            }
        };
        self.count += 1;
        ring.kept.push_back((self.count, recent(logged)));
        self.make_room();
    }

    /// Notes that somebody intervened.
    pub fn control(&mut self, control: Control) {
        self.note(control.at, What::Control(control));
    }

    /// Notes that the run reached something.
    pub fn milestone(&mut self, at: Timestamp, words: String) {
        self.note(at, What::Milestone(words.into()));
    }

    fn note(&mut self, at: Timestamp, what: What) {
        self.count += 1;
        self.notes.kept.push_back((self.count, Note { at, what }));
        self.make_room();
    }

    /// Lets the oldest entry go, of those that take more than their kind's share, when there is one too many.
    fn make_room(&mut self) {
        let changes = [&self.failures, &self.deferrals, &self.deliveries];
        let kept = changes.map(|ring| ring.kept.len()).iter().sum::<usize>();
        if kept + self.notes.kept.len() <= ENTRIES_MAX {
            return;
        }
        let changes = [
            &mut self.failures,
            &mut self.deferrals,
            &mut self.deliveries,
        ];
        let oldest_change = changes.into_iter().min_by_key(|ring| ring.spare());
        let oldest_note = self.notes.spare();
        match oldest_change {
            Some(ring) if ring.spare() < oldest_note => drop(ring.kept.pop_front()),
            _ => drop(self.notes.kept.pop_front()),
        }
    }

    /// Entries so far, which is the number of the last one.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The entries after number `seen` that are kept, in order.
    pub fn after(&self, seen: u64) -> Vec<Entry> {
        let messages = [
            (Level::Error, &self.failures),
            (Level::Warn, &self.deferrals),
            (Level::Info, &self.deliveries),
        ];
        let messages = messages.into_iter().flat_map(|(level, ring)| {
            let entries = ring.after(seen);
            entries.map(move |(number, change)| message_entry(*number, level, change))
        });
        let notes = self.notes.after(seen).map(|(number, note)| Entry {
            number: *number,
            at: note.at,
            level: Level::Info,
            what: note.what.clone(),
        });
        let mut entries: Vec<Entry> = messages.chain(notes).collect();
        entries.sort_by_key(|entry| entry.number);
        entries
    }

    /// The latest messages that changed, newest first, each once. They are among the latest of each level.
    pub fn recent(&self) -> Vec<Recent> {
        let rings = [&self.failures, &self.deferrals, &self.deliveries];
        let mut changes: Vec<&(u64, Recent)> =
            rings.iter().flat_map(|ring| ring.after(0)).collect();
        changes.sort_by_key(|(number, _)| Reverse(*number));
        let mut seen = HashSet::with_capacity(RECENT_MAX);
        changes
            .into_iter()
            .filter(|(_, change)| seen.insert(change.id))
            .take(RECENT_MAX)
            .map(|(_, change)| change.clone())
            .collect()
    }
}

fn message_entry(number: u64, level: Level, change: &Recent) -> Entry {
    Entry {
        number,
        at: change.at,
        level,
        what: What::Message {
            id: change.id,
            email: change.email.clone(),
            kind: change.kind,
            words: change.error.clone(),
        },
    }
}

/// What is shown of a change. The message itself is let go: its data may be large.
fn recent(logged: &Logged) -> Recent {
    let (event, message) = (&logged.event, &logged.message);
    let attempt = event.attempt.as_ref();
    // What could not be made was not tried.
    let attempt = attempt.filter(|_| event.kind != EventKind::Dropped);
    Recent {
        id: message.id,
        email: message.address.as_str().into(),
        kind: event.kind,
        at: event.at,
        attempts: event.attempts,
        duration_us: time_us(event),
        code: attempt.map(|attempt| attempt.reply.as_ref().map_or(0, |reply| reply.code)),
        error: match event.kind {
            EventKind::Delivered => Box::default(),
            _ => shortened(log_lines::words(event)),
        },
    }
}

fn shortened(mut words: String) -> Box<str> {
    if words.len() > WORDS_BYTES_MAX {
        words.truncate(words.floor_char_boundary(WORDS_BYTES_MAX));
        words.push('…');
    }
    words.into()
}

impl<T> Ring<T> {
    fn new(share: usize) -> Self {
        let kept = VecDeque::with_capacity(share);
        Self { kept, share }
    }

    /// The number of the oldest entry, if more are kept than the share; no number else.
    fn spare(&self) -> u64 {
        let oldest = self.kept.front().filter(|_| self.kept.len() > self.share);
        oldest.map_or(u64::MAX, |(number, _)| *number)
    }

    fn after(&self, seen: u64) -> impl Iterator<Item = &(u64, T)> {
        let first = self.kept.partition_point(|(number, _)| *number <= seen);
        self.kept.range(first..)
    }
}

#[cfg(test)]
mod tests {
    use model::{ControlAction, LaneId, Reply, Seq};

    use super::*;
    use crate::monitor::sample::logged;

    fn pause() -> Control {
        Control {
            seq: Seq::new(1),
            lane: LaneId(1),
            at: Timestamp::from_millis(5),
            action: ControlAction::Pause,
            by: "somebody".into(),
        }
    }

    fn of_level(entries: &[Entry], level: Level) -> usize {
        entries.iter().filter(|entry| entry.level == level).count()
    }

    #[test]
    fn deliveries_hide_neither_failures_nor_interventions() {
        let mut activity = Activity::default();
        activity.control(pause());
        activity.change(&logged(EventKind::Bounced, 1, "bob@example.org", 1));
        activity.change(&logged(EventKind::Deferred, 2, "eve@example.org", 2));
        for number in 3..5_000 {
            activity.change(&logged(EventKind::Delivered, number, "ada@example.org", 3));
        }
        let entries = activity.after(0);
        assert_eq!(entries.len(), ENTRIES_MAX);
        assert!(matches!(entries[0].what, What::Control(_)));
        assert_eq!(of_level(&entries, Level::Error), 1);
        assert_eq!(of_level(&entries, Level::Warn), 1);
        assert!(entries.is_sorted_by_key(|entry| entry.number));
        assert_eq!(entries.last().unwrap().number, activity.count());
    }

    #[test]
    fn a_thousand_entries_are_the_most() {
        let mut activity = Activity::default();
        let of_messages = EventKind::ALL
            .iter()
            .filter(|kind| **kind != EventKind::Accepted);
        let entries_a_round = of_messages.count() + 1;
        for number in 0..2_000 {
            for kind in EventKind::ALL {
                activity.change(&logged(kind, number, "ada@example.org", 1));
            }
            activity.milestone(Timestamp::from_millis(1), "so far".to_owned());
        }
        assert_eq!(activity.after(0).len(), ENTRIES_MAX);
        let round = entries_a_round as u64;
        assert_eq!(activity.count(), 2_000 * round);
        let seen = activity.count() - round;
        assert_eq!(activity.after(seen).len(), entries_a_round);
        assert!(activity.after(activity.count()).is_empty());
    }

    #[test]
    fn a_kind_takes_the_room_of_others_and_gives_it_back_down_to_its_share() {
        let mut activity = Activity::default();
        for number in 0..2_004 {
            activity.change(&logged(EventKind::Delivered, number, "ada@example.org", 1));
        }
        let entries = activity.after(0);
        assert_eq!(entries.len(), ENTRIES_MAX);
        assert_eq!(entries[0].number, 2_004 - ENTRIES_MAX as u64 + 1);
        for number in 0..5_000 {
            activity.change(&logged(EventKind::Bounced, number, "bob@example.org", 2));
            assert_eq!(activity.after(0).len(), ENTRIES_MAX);
        }
        let entries = activity.after(0);
        assert_eq!(of_level(&entries, Level::Info), DELIVERIES_SHARE);
        assert_eq!(
            of_level(&entries, Level::Error),
            ENTRIES_MAX - DELIVERIES_SHARE
        );
        activity.control(pause());
        let entries = activity.after(0);
        assert!(matches!(entries[ENTRIES_MAX - 1].what, What::Control(_)));
    }

    #[test]
    fn the_latest_changes_come_first_and_each_message_once() {
        let mut activity = Activity::default();
        for number in 1..=30 {
            activity.change(&logged(EventKind::Deferred, number, "ada@example.org", 1));
        }
        activity.change(&logged(EventKind::Delivered, 30, "ada@example.org", 1));
        let recent = activity.recent();
        assert_eq!(recent.len(), RECENT_MAX);
        assert_eq!(recent[0].kind, EventKind::Delivered);
        assert_eq!((recent[0].code, &*recent[0].error), (Some(250), ""));
        assert_eq!(
            (recent[1].code, &*recent[1].error),
            (Some(451), "451 so it is")
        );
        let ids: HashSet<_> = recent.iter().map(|change| change.id).collect();
        assert_eq!(ids.len(), RECENT_MAX);
    }

    #[test]
    fn long_replies_are_cut_between_characters() {
        let mut activity = Activity::default();
        let mut bounced = logged(EventKind::Bounced, 1, "ada@example.org", 1);
        bounced.event.attempt.as_mut().unwrap().reply = Some(Reply {
            code: 550,
            enhanced: None,
            text: "é".repeat(30_000).into(),
        });
        activity.change(&bounced);
        let words = &activity.recent()[0].error;
        assert!(
            words.len() < WORDS_BYTES_MAX + 4 && words.ends_with("é…"),
            "{words}"
        );
    }
}
