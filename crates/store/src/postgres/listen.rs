//! What other processes did, as the database tells it: a hint that saves looking, never the truth itself.
//!
//! Anybody who may open the database can say something there. So what is said is read strictly, and how far the log goes is
//! asked of the log.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use model::{LaneId, Priority, Seq};
use tokio::sync::broadcast::WeakSender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_postgres::{AsyncMessage, Client, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::connect;
use super::fault::lost;
use super::history::{END_OF_LOG, no_end};
use crate::log::Origin;
use crate::nodes::Ordered;
use crate::{LogBatch, Result, StoreError};

/// How often followers are told at most: what comes faster is told together.
const TOLD_EVERY: Duration = Duration::from_millis(50);
/// Lanes that followers are told at once; with more, any may have mail.
const LANES_MAX: usize = 1_000;
/// What was said and not read yet; what comes beyond it counts as missed.
const UNREAD_MAX: usize = 256;
/// After which silence the server is asked whether it is there, and how long it may take to answer.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// The first pause before a lost connection is opened again; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Shows the commits of other processes to the followers until `end`. Our own are told by `node`'s writer. When this
/// answers, nothing is missed any more.
pub(super) async fn start(
    address: &Address,
    node: &str,
    ears: Ears,
    end: &CancellationToken,
) -> Result<()> {
    let listener = Listener {
        address: address.clone(),
        node: node.to_owned(),
        ears,
    };
    let line = Line::open(address).await?;
    let end = end.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = end.cancelled() => {}
            () = listener.run(line) => {}
        }
    });
    Ok(())
}

/// Who is told what others do. It keeps nobody waiting for the store's end.
pub(super) struct Ears {
    /// Who follows commits.
    pub(super) commits: WeakSender<Arc<LogBatch>>,
    /// Who follows orders.
    pub(super) orders: WeakSender<Ordered>,
}

/// Listens to the database.
struct Listener {
    address: Address,
    node: String,
    ears: Ears,
}

impl Listener {
    async fn run(self, mut line: Line) {
        loop {
            if let Err(error) = self.follow(line).await {
                tracing::debug!(%error, "what other processes do is not heard, trying again");
            }
            // Who relies on hearing everything is told at once, and again when it is heard.
            if self.pass_on(Ordered::Missed).is_none() {
                return;
            }
            line = match self.reopen().await {
                Some(line) => line,
                None => return,
            };
        }
    }

    /// Opens a lost line again, and tells that anything may have happened meanwhile; `None` when the store is closed.
    async fn reopen(&self) -> Option<Line> {
        let mut pause = PAUSE_MIN;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            let opened = async {
                let line = Line::open(&self.address).await?;
                let end = line.end_of_log().await?;
                Ok::<_, StoreError>((line, end))
            };
            if let Ok((line, end)) = opened.await {
                self.tell(LogBatch::untold(end))?;
                self.pass_on(Ordered::Missed)?;
                return Some(line);
            }
        }
    }

    /// Tells what is heard, until the line is lost.
    async fn follow(&self, mut line: Line) -> Result<()> {
        let mut news: Option<News> = None;
        let mut told_at = Instant::now();
        loop {
            tokio::select! {
                heard = line.heard.recv() => {
                    let text = heard.ok_or_else(lost)?;
                    match read(&text).filter(|(node, _)| *node != self.node) {
                        Some((_, Said::News(more))) => news = Some(merged(news, more)),
                        Some((_, Said::Order(order))) => self.pass_on(order).ok_or(StoreError::Closed)?,
                        None => {}
                    }
                }
                () = line.missed.notified() => {
                    news = Some(merged(news, News::anything()));
                    self.pass_on(Ordered::Missed).ok_or(StoreError::Closed)?;
                }
                () = tokio::time::sleep_until(told_at + TOLD_EVERY), if news.is_some() => {
                    let end = line.end_of_log().await?;
                    if let Some(batch) = news.take().map(|news| news.into_batch(end)) {
                        self.tell(batch).ok_or(StoreError::Closed)?;
                    }
                    told_at = Instant::now();
                }
                () = tokio::time::sleep(SILENCE_MAX) => {
                    line.end_of_log().await?;
                }
            }
        }
    }

    /// Tells the followers; `None` when the store is closed.
    fn tell(&self, batch: LogBatch) -> Option<()> {
        // No follower is no failure.
        let _ = self.ears.commits.upgrade()?.send(Arc::new(batch));
        Some(())
    }

    /// Passes an order on; `None` when the store is closed.
    fn pass_on(&self, order: Ordered) -> Option<()> {
        // No follower is no failure.
        let _ = self.ears.orders.upgrade()?.send(order);
        Some(())
    }
}

/// A connection that listens.
struct Line {
    client: Client,
    heard: mpsc::Receiver<String>,
    /// Told when there was no room for something.
    missed: Arc<Notify>,
}

impl Line {
    async fn open(address: &Address) -> Result<Self> {
        let (client, messages) = connect::connect(address).await?;
        let (say, heard) = mpsc::channel(UNREAD_MAX);
        let missed = Arc::new(Notify::new());
        tokio::spawn(hear(messages, say, Arc::clone(&missed)));
        let line = Self {
            client,
            heard,
            missed,
        };
        line.ask("LISTEN glasspost").await?;
        Ok(line)
    }

    async fn end_of_log(&self) -> Result<Seq> {
        let answers = self.ask(END_OF_LOG).await?;
        let end = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        end.map(Seq::new).ok_or_else(no_end)
    }

    async fn ask(&self, statement: &str) -> Result<Vec<SimpleQueryMessage>> {
        let asking = self.client.simple_query(statement);
        let answered = tokio::time::timeout(SILENCE_MAX, asking).await;
        Ok(answered.map_err(|_| lost())??)
    }
}

/// Drives a connection until it ends. It waits for nobody who listens, since the answers come this way as well.
async fn hear(
    messages: impl Stream<Item = std::result::Result<AsyncMessage, tokio_postgres::Error>>,
    say: mpsc::Sender<String>,
    missed: Arc<Notify>,
) {
    let mut messages = pin!(messages);
    while let Some(Ok(message)) = messages.next().await {
        let AsyncMessage::Notification(said) = message else {
            continue;
        };
        match say.try_send(said.payload().to_owned()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => missed.notify_one(),
            Err(TrySendError::Closed(_)) => return,
        }
    }
}

/// What is heard.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// What somebody did.
    News(News),
    /// What somebody asks for.
    Order(Ordered),
}

/// What others did.
#[derive(Debug, PartialEq, Eq)]
struct News {
    /// How far the log goes, as they say.
    last: Seq,
    /// The lanes that they added mail to; `None` when it may be any.
    mail: Option<HashMap<LaneId, Priority>>,
}

impl News {
    /// What may stand for whatever was not heard.
    fn anything() -> Self {
        Self {
            last: Seq::new(i64::MAX),
            mail: None,
        }
    }

    /// As followers are told it. The log ends at `end`.
    fn into_batch(self, end: Seq) -> LogBatch {
        let origin = match self.mail {
            Some(mail) => Origin::Elsewhere(mail.into_iter().collect()),
            None => Origin::Untold,
        };
        LogBatch::of_others(self.last.min(end), origin)
    }
}

/// Two news as one.
fn merged(before: Option<News>, next: News) -> News {
    let Some(before) = before else {
        return next;
    };
    let mail = before.mail.zip(next.mail).map(|(mut mail, next)| {
        for (lane, priority) in next {
            let urgency = mail.entry(lane).or_insert(priority);
            *urgency = priority.min(*urgency);
        }
        mail
    });
    News {
        last: before.last.max(next.last),
        mail: mail.filter(|mail| mail.len() <= LANES_MAX),
    }
}

/// Who says what, by the words of `WriteTx::told` and of an order; `None` where they are somebody else's.
fn read(text: &str) -> Option<(&str, Said)> {
    let (node, rest) = text.split_once(' ')?;
    let said = match rest.strip_prefix("order ") {
        Some(order) => Said::Order(read_order(order)?),
        None => Said::News(read_news(rest)?),
    };
    Some((node, said))
}

fn read_order(text: &str) -> Option<Ordered> {
    let (number, words) = text.split_once(' ')?;
    Some(Ordered::Words {
        number: number
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| number.parse().ok())??,
        words: words.to_owned(),
    })
}

fn read_news(text: &str) -> Option<News> {
    let mut words = text.split(' ');
    let (previous, last) = (number(words.next()?)?, number(words.next()?)?);
    let mut mail = Some(HashMap::new());
    for word in words {
        match (word, &mut mail) {
            ("*", mail) => *mail = None,
            (word, Some(lanes)) => {
                let (lane, priority) = word.split_once(':')?;
                let priority = number(priority)?;
                let priority = Priority::ALL
                    .into_iter()
                    .find(|known| known.code() == priority)?;
                lanes.insert(LaneId(number(lane)?), priority);
            }
            (_, None) => return None,
        }
    }
    (previous <= last).then(|| News {
        last: Seq::new(last),
        mail,
    })
}

/// A number as it is written there: digits only.
fn number(word: &str) -> Option<i64> {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| word.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(last: i64, mail: &[(i64, Priority)]) -> News {
        let lanes = mail
            .iter()
            .map(|(lane, priority)| (LaneId(*lane), *priority));
        News {
            last: Seq::new(last),
            mail: Some(lanes.collect()),
        }
    }

    #[test]
    fn what_a_node_tells_is_read() {
        let told = read("7-00ab 3 9 12:2 4:0");
        let expected = news(9, &[(12, Priority::Medium), (4, Priority::Immediate)]);
        assert_eq!(told, Some(("7-00ab", Said::News(expected))));
        let none = Said::News(news(9, &[]));
        assert_eq!(read("7-00ab 3 9"), Some(("7-00ab", none)));
        let order = Ordered::Words {
            number: 4,
            words: "look 12".to_owned(),
        };
        let order = Said::Order(order);
        assert_eq!(read("7-00ab order 4 look 12"), Some(("7-00ab", order)));
        let any = News {
            last: Seq::new(9),
            mail: None,
        };
        assert_eq!(read("7-00ab 3 9 *"), Some(("7-00ab", Said::News(any))));
    }

    #[test]
    fn what_somebody_else_says_is_not_believed() {
        for said in [
            "",
            "7-00ab",
            "7-00ab 3",
            "7-00ab 3 x",
            "7-00ab 9 3",
            "7-00ab -1 3",
            "7-00ab +1 3",
            "7-00ab  3 9",
            "7-00ab 3 9 ",
            "7-00ab 3 9 12",
            "7-00ab 3 9 12:4",
            "7-00ab 3 9 :2",
            "7-00ab 3 9 12:2:2",
            "7-00ab 3 9 * 12:2",
            "7-00ab 3 9 **",
            "7-00ab 3 99999999999999999999",
            "7-00ab order",
            "7-00ab order 4",
            "7-00ab order x look",
        ] {
            assert_eq!(read(said), None, "{said:?}");
        }
        // How far the log goes is not for others to say.
        let batch = news(1_000_000, &[]).into_batch(Seq::new(9));
        assert_eq!((batch.previous, batch.last), (Seq::new(9), Seq::new(9)));
    }

    #[test]
    fn a_burst_is_told_as_one() {
        let first = merged(None, news(9, &[(1, Priority::Low), (2, Priority::High)]));
        let both = merged(
            Some(first),
            news(12, &[(1, Priority::High), (3, Priority::Low)]),
        );
        let expected = [(1, Priority::High), (2, Priority::High), (3, Priority::Low)];
        assert_eq!(both, news(12, &expected));
        let lanes: Vec<_> = (4..2_000).map(|lane| (lane, Priority::Low)).collect();
        let all = merged(Some(both), news(13, &lanes));
        assert_eq!(all.mail, None, "any lane");
        assert_eq!(merged(Some(all), news(14, &[])).mail, None);
    }
}
