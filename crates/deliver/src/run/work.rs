//! The bounded queue between the feeder and the connections, the most urgent first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Message, Priority, Seq};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::making::Made;
use super::pool::SMALL;

/// One message to try.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) message: Arc<Message>,
    /// How often it was put back because a connection had died under the message before it. At
    /// [`PUT_BACKS_MAX`] that counts as an attempt.
    pub(super) put_backs: u8,
    /// How many recalls there had been when it was read.
    pub(super) recalls: u64,
    /// Its place among those of its priority.
    place: u64,
    /// Its bytes, when they are made already.
    pub(super) made: Option<Box<Made>>,
    /// How many bytes it had when it was made; 0 when that is not known.
    pub(super) size: usize,
}

/// How often a message that never began costs itself no attempt.
pub(super) const PUT_BACKS_MAX: u8 = 3;

/// The queue.
pub(super) struct WorkQueue {
    state: Mutex<State>,
    /// Work in the queue at most; what is put back comes on top.
    max: usize,
    closed: CancellationToken,
    /// For connections: there is work, or the queue was closed.
    ready: Notify,
    /// For who opens connections: there is more work than idle connections, or the queue was closed.
    wanting: Notify,
    /// For the feeder: the queue ran low.
    low: Notify,
}

#[derive(Default)]
struct State {
    work: BTreeMap<(Priority, u64), Work>,
    places: u64,
    /// Connections that wait for work.
    idle: usize,
}

/// Counts a connection as one that waits for work while it lives.
pub(super) struct Idle(Arc<WorkQueue>);

impl WorkQueue {
    /// An empty queue for `max` messages; at least 2.
    pub(super) fn new(max: usize) -> Self {
        Self {
            state: Mutex::default(),
            max: max.max(2),
            closed: CancellationToken::new(),
            ready: Notify::new(),
            wanting: Notify::new(),
            low: Notify::new(),
        }
    }

    /// How many messages the feeder reads at once.
    pub(super) fn room(&self) -> usize {
        self.max - self.low_mark()
    }

    /// Below so many the feeder reads on.
    pub(super) fn low_mark(&self) -> usize {
        self.max / 2
    }

    /// Adds due messages that were read after so many recalls. Gives back the least urgent that have no room any more.
    pub(super) fn extend(&self, messages: Vec<Message>, recalls: u64) -> Vec<Seq> {
        let added = messages.len();
        let displaced = self.with(|state| {
            for message in messages {
                state.places += 1;
                let work = Work {
                    put_backs: 0,
                    recalls,
                    place: state.places,
                    made: None,
                    size: 0,
                    message: Arc::new(message),
                };
                state.insert(work);
            }
            let over = state.work.len().saturating_sub(self.max);
            (0..over).filter_map(|_| state.pop_last()).collect()
        });
        for _ in 0..added {
            self.ready.notify_one();
        }
        self.wanting.notify_one();
        displaced
    }

    /// Puts work back to its place after a connection had died under the message before it.
    pub(super) fn put_back(&self, work: Work) {
        self.hand_back(Work {
            put_backs: work.put_backs.saturating_add(1),
            ..work
        });
    }

    /// Puts work back to its place that nobody had begun.
    pub(super) fn hand_back(&self, work: Work) {
        self.with(|state| state.insert(work));
        self.ready.notify_one();
        self.wanting.notify_one();
    }

    /// The next piece of work, at once or not at all.
    pub(super) fn try_pop(&self) -> Option<Work> {
        let (work, left) = self.with(|state| {
            let next = state.work.pop_first().map(|(_, work)| work);
            (next, state.work.len())
        });
        if left == self.low_mark() || left == 0 {
            self.low.notify_one();
        }
        work
    }

    /// The next piece of work; `None` when the queue is closed and empty.
    pub(super) async fn pop(self: &Arc<Self>) -> Option<Work> {
        let _idle = self.idle();
        loop {
            let ready = self.ready.notified();
            tokio::pin!(ready);
            // Enabled before the look, so that work added in between wakes this one and not nobody.
            ready.as_mut().enable();
            if let Some(work) = self.try_pop() {
                if self.len() > 0 {
                    // This one may have taken a call that was meant for another.
                    self.ready.notify_one();
                }
                return Some(work);
            }
            if self.is_closed() {
                // The others wait for the same news.
                self.ready.notify_one();
                return None;
            }
            ready.await;
        }
    }

    /// Takes out the least urgent one.
    pub(super) fn displace(&self) -> Option<Seq> {
        self.with(State::pop_last)
    }

    /// Takes out what was read before the latest of so many recalls.
    pub(super) fn purge(&self, recalls: u64) -> Vec<Seq> {
        self.with(|state| {
            let stale = state.work.extract_if(.., |_, work| work.recalls < recalls);
            stale.map(|(_, work)| work.message.seq).collect()
        })
    }

    /// Gives up what was made of large messages; they are made anew.
    pub(super) fn unmake_large(&self) {
        self.with(|state| {
            for work in state.work.values_mut() {
                work.made.take_if(|made| made.bytes.len() > SMALL);
            }
        });
    }

    /// No work comes any more.
    pub(super) fn close(&self) {
        self.closed.cancel();
        self.ready.notify_waiters();
        self.ready.notify_one();
        self.wanting.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Waits until no work comes any more.
    pub(super) async fn ended(&self) {
        self.closed.cancelled().await;
    }

    pub(super) fn len(&self) -> usize {
        self.with(|state| state.work.len())
    }

    /// How urgent the least urgent is; `None` when there is none.
    pub(super) fn least_urgent(&self) -> Option<Priority> {
        self.with(|state| state.work.last_key_value().map(|(key, _)| key.0))
    }

    /// How much work there is beyond one for each idle connection.
    pub(super) fn demand(&self) -> usize {
        self.with(|state| state.work.len().saturating_sub(state.idle))
    }

    /// Waits until work was added, or the queue was closed.
    pub(super) async fn wanting(&self) {
        self.wanting.notified().await;
    }

    /// Waits until the queue ran low.
    pub(super) async fn low(&self) {
        self.low.notified().await;
    }

    /// Counts a connection as one that waits for work.
    pub(super) fn idle(self: &Arc<Self>) -> Idle {
        self.with(|state| state.idle += 1);
        Idle(Arc::clone(self))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn insert(&mut self, work: Work) {
        self.work.insert((work.message.priority, work.place), work);
    }

    fn pop_last(&mut self) -> Option<Seq> {
        self.work.pop_last().map(|(_, work)| work.message.seq)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.with(|state| state.idle -= 1);
    }
}

#[cfg(test)]
mod tests {
    use model::{Address, Content, ContentHash, LaneId, MessageId, MessageState, Timestamp};

    use super::*;

    fn message(number: i64, priority: Priority) -> Message {
        let (seq, at) = (Seq::new(number), Timestamp::from_millis(0));
        Message {
            seq,
            id: MessageId::new(at, 1, seq),
            lane: LaneId(1),
            content: Content::Letter(ContentHash([0; 32])),
            priority,
            address: Address::parse("ada@example.org").unwrap(),
            data: "{}".into(),
            accepted_at: at,
            attempts: 0,
            state: MessageState::Queued,
            retry_of: None,
        }
    }

    fn messages(numbers: std::ops::Range<i64>, priority: Priority) -> Vec<Message> {
        numbers.map(|number| message(number, priority)).collect()
    }

    fn order(queue: &WorkQueue) -> Vec<i64> {
        std::iter::from_fn(|| queue.try_pop())
            .map(|work| work.message.seq.get())
            .collect()
    }

    #[test]
    fn the_most_urgent_leaves_first_and_among_equals_the_first() {
        let queue = WorkQueue::new(16);
        queue.extend(messages(1..4, Priority::Low), 0);
        queue.extend(messages(4..6, Priority::Immediate), 0);
        queue.extend(messages(6..8, Priority::Medium), 0);
        let first = queue.try_pop().unwrap();
        assert_eq!(first.message.seq.get(), 4);
        queue.hand_back(first);
        assert_eq!(queue.least_urgent(), Some(Priority::Low));
        assert_eq!(order(&queue), [4, 5, 6, 7, 1, 2, 3]);
    }

    #[test]
    fn a_full_queue_gives_back_the_least_urgent() {
        let queue = WorkQueue::new(4);
        assert!(queue.extend(messages(1..5, Priority::Low), 0).is_empty());
        let displaced = queue.extend(messages(5..7, Priority::High), 0);
        assert_eq!(displaced, [Seq::new(4), Seq::new(3)]);
        assert_eq!(queue.displace(), Some(Seq::new(2)));
        assert_eq!(order(&queue), [5, 6, 1]);
    }

    #[test]
    fn a_recall_takes_out_what_was_read_before_it() {
        let queue = WorkQueue::new(8);
        queue.extend(messages(1..3, Priority::Low), 0);
        queue.extend(messages(3..5, Priority::Low), 1);
        assert_eq!(queue.purge(1), [Seq::new(1), Seq::new(2)]);
        assert_eq!(order(&queue), [3, 4]);
    }

    #[tokio::test]
    async fn work_beyond_the_idle_connections_is_wanted() {
        let queue = Arc::new(WorkQueue::new(8));
        let idle = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.pop().await.map(|work| work.message.seq.get()) }
        });
        while queue.with(|state| state.idle) == 0 {
            tokio::task::yield_now().await;
        }
        queue.extend(messages(1..4, Priority::Medium), 0);
        assert_eq!(queue.demand(), 2);
        assert_eq!(idle.await.unwrap(), Some(1));
        assert_eq!(queue.demand(), 2);
        queue.close();
        queue.wanting().await;
        assert_eq!(order(&queue), [2, 3]);
        assert!(queue.pop().await.is_none());
    }
}
