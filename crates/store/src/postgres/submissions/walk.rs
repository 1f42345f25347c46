//! The order of acceptance, in either direction. Each account's submissions are in that order by an index, so those of
//! several accounts are walked in step, and a page costs about what it shows.

use std::collections::VecDeque;

use model::TenantId;

use crate::Result;
use crate::postgres::row::at_most;
use crate::postgres::session::Session;
use crate::submissions::walk::{Direction, Walked};

/// By how much more is asked of several lists than was wanted of all: what is looked at too much costs less than to
/// ask again.
const SPARE: usize = 4;
/// So many are asked of a list at least.
const ASKED_MIN: usize = 2;

/// Several lists, merged.
pub(super) struct Walk {
    direction: Direction,
    kind: Kind,
    lists: Vec<List>,
}

/// What the lists are: each is in order by itself.
#[derive(Clone, Copy)]
enum Kind {
    /// The one of all submissions.
    All,
    /// Those of lanes: the first message of each is its number, so the queue itself lists them.
    Lanes,
    /// Those of accounts that are not final, held back or not.
    Open,
}

/// One of the lists, as far as it was read.
struct List {
    /// Its lane or its account.
    of: i64,
    is_held: bool,
    /// What was read and not walked past yet.
    next: VecDeque<i64>,
    /// Where it was read to.
    from: i64,
    is_over: bool,
}

// === impl Walk ===

impl Walk {
    pub(super) async fn begin(session: &Session, walked: &Walked<'_>) -> Result<Self> {
        let (direction, from) = walked.start();
        let (kind, of) = lists(session, walked).await?;
        let list = |(of, is_held)| List {
            of,
            is_held,
            next: VecDeque::new(),
            from,
            is_over: false,
        };
        Ok(Self {
            direction,
            kind,
            lists: of.into_iter().map(list).collect(),
        })
    }

    /// The next `count` submissions; fewer at the end.
    pub(super) async fn next(&mut self, session: &Session, count: usize) -> Result<Vec<i64>> {
        let mut taken = Vec::new();
        while taken.len() < count {
            match self.nearest() {
                Some(nearest) => taken.push(nearest),
                None if self.read(session, count - taken.len()).await? => {}
                None => break,
            }
        }
        Ok(taken)
    }

    /// Takes the nearest submission, where it is known.
    fn nearest(&mut self) -> Option<i64> {
        if self.lists.iter().any(List::is_to_be_read) {
            return None;
        }
        let direction = self.direction;
        let heads = self.lists.iter_mut().filter(|list| !list.next.is_empty());
        let nearest = heads.min_by_key(|list| list.next.front().map(|&id| direction.signed(id)));
        nearest.and_then(|list| list.next.pop_front())
    }

    /// Reads on in the lists of which it is not known what comes next; `false` when there are none.
    async fn read(&mut self, session: &Session, wanted: usize) -> Result<bool> {
        let mut reading: Vec<&mut List> = Vec::new();
        reading.extend(self.lists.iter_mut().filter(|list| list.is_to_be_read()));
        if reading.is_empty() {
            return Ok(false);
        }
        let asked = asked(wanted, reading.len());
        let (of, held): (Vec<i64>, Vec<bool>) =
            reading.iter().map(|list| (list.of, list.is_held)).unzip();
        let from: Vec<i64> = reading.iter().map(|list| list.from).collect();
        let rows = session
            .rows(
                &statement(self.kind, self.direction),
                &[&of, &held, &from, &at_most(asked)],
            )
            .await?;
        for row in &rows {
            let place: i64 = row.try_get(0)?;
            if let Some(list) = usize::try_from(place - 1)
                .ok()
                .and_then(|place| reading.get_mut(place))
            {
                list.from = row.try_get(1)?;
                list.next.push_back(list.from);
            }
        }
        for list in reading {
            list.is_over = list.next.len() < asked;
        }
        Ok(true)
    }
}

// === impl List ===

impl List {
    fn is_to_be_read(&self) -> bool {
        self.next.is_empty() && !self.is_over
    }
}

/// How many are asked of each of several lists.
fn asked(wanted: usize, lists: usize) -> usize {
    let share = wanted.saturating_mul(SPARE) / lists;
    share.clamp(ASKED_MIN, wanted.max(ASKED_MIN))
}

/// The statement that reads on in lists. What an index begins with is compared and ordered as one with the place, so that
/// only this index can serve it: by that of the places alone, what is in other lists would be looked at as well. (No
/// number of a submission is beyond its first message; that it is the same is thought to be rare, and to sort the whole
/// lane to be cheaper.)
fn statement(kind: Kind, direction: Direction) -> String {
    let (beyond, within, order) = match direction {
        Direction::Forwards => (">", "<=", "ASC"),
        Direction::Backwards => ("<", ">=", "DESC"),
    };
    let list = match kind {
        Kind::All => {
            format!("SELECT id FROM submissions WHERE id {beyond} list.start ORDER BY id {order}")
        }
        Kind::Lanes => format!(
            "SELECT seq AS id FROM messages WHERE (lane, seq) {beyond} (list.key, list.start) AND lane {within} list.key \
             AND submission >= seq ORDER BY lane {order}, seq {order}"
        ),
        Kind::Open => format!(
            "SELECT id FROM submissions WHERE (account, held, id) {beyond} (list.key, list.held, list.start) \
             AND (account, held) {within} (list.key, list.held) AND open > 0 \
             ORDER BY account {order}, held {order}, id {order}"
        ),
    };
    format!(
        "SELECT list.nth, next.id FROM unnest($1::bigint[], $2::boolean[], $3::bigint[]) \
         WITH ORDINALITY AS list (key, held, start, nth) CROSS JOIN LATERAL ({list} LIMIT $4) AS next \
         ORDER BY list.nth, next.id {order}"
    )
}

/// The lists of what is walked past: of a lane or an account each, held back or not.
async fn lists(session: &Session, walked: &Walked<'_>) -> Result<(Kind, Vec<(i64, bool)>)> {
    let (kind, of) = match (walked.tenant, walked.account, walked.is_open) {
        (None, None, false) => return Ok((Kind::All, vec![(0, false)])),
        (.., false) => (
            Kind::Lanes,
            "l.id, FALSE FROM accounts a JOIN lanes l ON l.account = a.pk",
        ),
        (.., true) => (
            Kind::Open,
            "a.pk, h.held FROM accounts a CROSS JOIN (VALUES (FALSE), (TRUE)) AS h (held)",
        ),
    };
    let condition = match (walked.tenant, walked.account) {
        (None, None) => "$1::text IS NULL AND $2::bigint IS NULL",
        (Some(_), None) => "a.tenant = $1 AND $2::bigint IS NULL",
        (None, Some(_)) => "$1::text IS NULL AND a.pk = $2",
        (Some(_), Some(_)) => "a.tenant = $1 AND a.pk = $2",
    };
    let (tenant, account) = (
        walked.tenant.map(TenantId::as_str),
        walked.account.map(|pk| pk.0),
    );
    let rows = session
        .rows(
            &format!("SELECT {of} WHERE {condition}"),
            &[&tenant, &account],
        )
        .await?;
    let of = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    Ok((kind, of.collect::<Result<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_lists_little_is_asked_and_of_one_what_is_wanted() {
        assert_eq!(asked(100, 1), 100);
        assert_eq!(asked(100, 4), 100);
        assert_eq!(asked(100, 40), 10);
        assert_eq!(asked(100, 10_000), ASKED_MIN);
        assert_eq!(asked(1, 1), ASKED_MIN);
    }
}
