//! One bounded look at a run's messages.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::{Address, LaneId, Live, Seq};
use serde::Serialize;
use store::find::From;
use store::{Find, Found, Logged, Standing, Store};
use tokio::sync::Semaphore;

use crate::problem::Problem;
use crate::query::Query;
use crate::router::{App, Console};
use crate::row::code;
use crate::status::Status;

/// What can be asked for.
pub(crate) const PARAMETERS: [&str; 7] = [
    "limit", "after", "before", "search", "status", "domain", "code",
];
/// Most messages of a page.
pub(crate) const LIMIT_MAX: usize = 1_000;
/// Most messages looked at for one page: what bounds the time of an answer.
pub(crate) const LOOK_AT_MAX: usize = 25_000;
/// Looks for some of the messages at the same moment. Each may read far more than it finds, beside whoever sends.
pub(crate) const SEARCHES_MAX: usize = 1;
/// How long one more waits for its turn.
const SEARCH_PATIENCE: Duration = Duration::from_secs(2);
/// The last place to look from: there is one after it.
const PLACE_MAX: i64 = i64::MAX - 1;
/// Longest part of an address to look for, in characters.
const SEARCH_CHARACTERS_MAX: usize = 200;

/// Which messages are asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    status: Option<Status>,
    address_part: Option<Box<str>>,
    domain: Option<Box<str>>,
    code: Option<u16>,
    from: From,
    pub(crate) limit: usize,
}

/// What a look found.
#[derive(Debug)]
pub(crate) struct Page {
    /// Messages in the log's order, each with its latest event.
    pub(crate) messages: Vec<Logged>,
    /// Those that are being sent.
    pub(crate) under_way: HashSet<Seq>,
    pub(crate) edges: Edges,
}

/// Where the neighbours of a page are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Edges {
    /// Before which row the page before this one ends.
    pub(crate) previous: Option<Seq>,
    /// After which row the next page begins.
    pub(crate) next: Option<Seq>,
    /// Where the look ended before the page was full.
    pub(crate) looked_to: Option<Seq>,
}

impl Wanted {
    /// Reads what is asked for; `limit` is used where none is given.
    pub(crate) fn read(query: &Query, limit: usize) -> Result<Self, Problem> {
        let limit_max = LIMIT_MAX as i64;
        let limit = query
            .number("limit", 1..=limit_max)?
            .map_or(limit, |limit| limit as usize);
        Ok(Self {
            status: query.text("status").map(status).transpose()?,
            address_part: query.text("search").map(address_part).transpose()?,
            domain: query.text("domain").map(domain),
            code: reply_code(query)?,
            from: from(query)?,
            limit,
        })
    }

    /// Whether only some of the messages are asked for, so that many may be looked at in vain.
    fn is_search(&self) -> bool {
        self.status.is_some()
            || self.address_part.is_some()
            || self.domain.is_some()
            || self.code.is_some()
    }

    /// Whether a message is one of those asked for, its status aside.
    fn fits(&self, logged: &Logged) -> bool {
        let address = &logged.message.address;
        let part = self.address_part.as_deref().map(str::to_lowercase);
        let attempt = logged.event.attempt.as_ref();
        part.is_none_or(|part| address.key().contains(&part))
            && self
                .domain
                .as_deref()
                .is_none_or(|name| name == address.domain())
            && self
                .code
                .is_none_or(|wanted| attempt.map(code) == Some(wanted))
    }
}

fn status(word: &str) -> Result<Status, Problem> {
    Status::from_word(word).ok_or_else(|| {
        let words = Status::ALL.map(Status::as_str).join(", ");
        Problem::parameter("status", format!("expected one of {words}"))
    })
}

pub(crate) fn address_part(text: &str) -> Result<Box<str>, Problem> {
    match text.chars().count() {
        0..=SEARCH_CHARACTERS_MAX => Ok(text.into()),
        _ => Err(Problem::parameter(
            "search",
            format!("longer than {SEARCH_CHARACTERS_MAX} characters"),
        )),
    }
}

/// A domain as it stands in addresses: lower case, in ASCII. What is none is looked for all the same.
fn domain(name: &str) -> Box<str> {
    match Address::parse(&format!("somebody@{name}")) {
        Ok(address) => address.domain().into(),
        Err(_) => name.to_lowercase().into(),
    }
}

fn reply_code(query: &Query) -> Result<Option<u16>, Problem> {
    match query.number("code", 0..=599) {
        Ok(Some(code @ (0 | 200..=599))) => Ok(Some(code as u16)),
        Ok(None) => Ok(None),
        _ => Err(Problem::parameter(
            "code",
            "expected a reply code from 200 to 599, or 0 for no answer",
        )),
    }
}

pub(crate) fn from(query: &Query) -> Result<From, Problem> {
    let after = query.number("after", 0..=PLACE_MAX)?;
    let before = match query.text("before") {
        Some("end") => Some(None),
        Some(_) => query
            .number("before", 0..=PLACE_MAX)
            .map_err(|_| {
                Problem::parameter("before", "expected a whole number from 0, or the word end")
            })?
            .map(Some),
        None => None,
    };
    match (after, before) {
        (Some(_), Some(_)) => Err(Problem::parameter("before", "given together with after")),
        (Some(after), None) => Ok(From::After(Seq::new(after))),
        (None, Some(before)) => Ok(From::Before(before.map(Seq::new))),
        (None, None) => Ok(From::default()),
    }
}

/// Looks for messages of a run, when it is its turn.
pub(crate) async fn look(app: &App, run: LaneId, wanted: Wanted) -> Result<Page, Problem> {
    let Console { store, live, .. } = &app.console;
    if !wanted.is_search() {
        return find(&**store, live, run, &wanted).await;
    }
    let (store, live) = (Arc::clone(store), Arc::clone(live));
    let search = async move { find(&*store, &live, run, &wanted).await };
    in_turn(&app.searches, search).await
}

/// Searches when it is its turn.
pub(crate) async fn in_turn<T: Send + 'static>(
    searches: &Arc<Semaphore>,
    search: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let waiting = Arc::clone(searches).acquire_owned();
    let Ok(Ok(turn)) = tokio::time::timeout(SEARCH_PATIENCE, waiting).await else {
        return Err(Problem::TooMany("searches", SEARCHES_MAX));
    };
    // The store goes on looking when whoever asked has gone away; its turn lasts until it has done so.
    let looking = tokio::spawn(async move {
        let _turn = turn;
        search.await
    });
    looking
        .await
        .map_err(|error| Problem::Unavailable(format!("the search broke off: {error}")))?
}

async fn find(
    store: &dyn Store,
    live: &Live,
    run: LaneId,
    wanted: &Wanted,
) -> Result<Page, Problem> {
    let under_way: HashSet<Seq> = live.messages_under_way().into_iter().collect();
    let standing = match wanted.status {
        None => None,
        Some(Status::Pending) => Some(Standing::Pending),
        Some(Status::Retry) => Some(Standing::Retrying),
        Some(Status::Sent) => Some(Standing::Sent),
        Some(Status::Failed) => Some(Standing::Failed),
        Some(Status::Cancelled) => Some(Standing::Cancelled),
        Some(Status::Sending) => {
            let found = look_at_those_under_way(store, run, wanted, &under_way).await?;
            return Ok(cut(found, under_way, wanted));
        }
    };
    let query = Find {
        standing,
        address_part: wanted.address_part.clone(),
        domain: wanted.domain.clone(),
        code: wanted.code,
        from: wanted.from,
        // One more than fits shows whether there is another page.
        limit: wanted.limit + 1,
        look_at_max: LOOK_AT_MAX,
    };
    let mut page = cut(store.find(run, query).await?, under_way, wanted);
    if matches!(wanted.status, Some(Status::Pending | Status::Retry)) {
        // They are shown as being sent: a row does not contradict what was asked for.
        let under_way = &page.under_way;
        page.messages
            .retain(|logged| !under_way.contains(&logged.message.seq));
    }
    Ok(page)
}

/// Looks among the messages that are being sent. They are few.
async fn look_at_those_under_way(
    store: &dyn Store,
    run: LaneId,
    wanted: &Wanted,
    under_way: &HashSet<Seq>,
) -> Result<Found, Problem> {
    let mut places: Vec<Seq> = under_way
        .iter()
        .copied()
        .filter(|seq| match wanted.from {
            From::After(cursor) => *seq > cursor,
            From::Before(cursor) => cursor.is_none_or(|cursor| *seq < cursor),
        })
        .collect();
    places.sort_unstable();
    if let From::Before(_) = wanted.from {
        places.reverse();
    }
    let mut messages = Vec::new();
    for seq in places {
        if messages.len() > wanted.limit {
            break;
        }
        let before = Seq::new(seq.get() - 1);
        let found = store.messages(run, before, 1).await?.into_iter().next();
        messages.extend(found.filter(|logged| {
            let message = &logged.message;
            message.seq == seq
                && Status::of(message.state, message.attempts, true) == Status::Sending
                && wanted.fits(logged)
        }));
    }
    messages.sort_by_key(|logged| logged.message.seq);
    let looked_to = None;
    Ok(Found {
        messages,
        looked_to,
    })
}

/// Cuts what was found to a page.
fn cut(found: Found, under_way: HashSet<Seq>, wanted: &Wanted) -> Page {
    let Found {
        messages,
        looked_to,
    } = found;
    let seq = |logged: &Logged| logged.message.seq;
    let (messages, edges) = to_a_page(messages, looked_to, wanted.from, wanted.limit, seq);
    Page {
        messages,
        under_way,
        edges,
    }
}

/// Cuts what was found in the log's order to a page of `limit` rows, and says where its neighbours begin.
pub(crate) fn to_a_page<T>(
    mut rows: Vec<T>,
    looked_to: Option<Seq>,
    from: From,
    limit: usize,
    seq: impl Fn(&T) -> Seq,
) -> (Vec<T>, Edges) {
    let extra = rows.len().saturating_sub(limit);
    match from {
        From::After(_) => rows.truncate(limit),
        From::Before(_) => drop(rows.drain(..extra)),
    }
    let (first, last) = (rows.first().map(&seq), rows.last().map(&seq));
    let (previous, next) = match from {
        From::After(cursor) => (
            first
                .or_else(|| place(cursor.get() + 1))
                .filter(|_| cursor > Seq::START),
            if extra > 0 { last } else { looked_to },
        ),
        From::Before(cursor) => (
            if extra > 0 { first } else { looked_to },
            cursor.and_then(|cursor| last.or_else(|| place(cursor.get() - 1))),
        ),
    };
    let looked_to = looked_to.filter(|_| rows.len() < limit);
    let edges = Edges {
        previous,
        next,
        looked_to,
    };
    (rows, edges)
}

/// A place to look from, if it is one.
fn place(number: i64) -> Option<Seq> {
    (0..=PLACE_MAX).contains(&number).then(|| Seq::new(number))
}
