//! A bounded look through a run's messages: what is picked from the rows that a backend gives, and when it ends.
//!
//! A backend gives the rows in the log's order, and what is asked for is picked from them here: a look reads so many
//! rows at most, whatever it is for.

use model::{MessageState, Seq};

use crate::find::From;
use crate::{Find, Result, Standing};

/// By how much a look at the troubled messages is shorter: they lie far apart, and each costs a page of the database.
const TROUBLED_COST: usize = 4;

/// A row to look at, as a backend has it. What is not asked for is not read.
pub(crate) trait Candidate {
    /// The message.
    fn seq(&self) -> Result<Seq>;
    /// Its state.
    fn state(&self) -> Result<MessageState>;
    /// Its attempts.
    fn attempts(&self) -> Result<u32>;
    /// The reply code of its latest attempt.
    fn code(&self) -> Result<Option<u16>>;
    /// Its address in lower case.
    fn key(&self) -> Result<&str>;
}

/// Where the messages to look at are listed.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// All of the run.
    Run,
    /// Those of the run that did not go well at once.
    Troubled,
}

impl Source {
    fn of(query: &Find) -> Self {
        match query.standing {
            None | Some(Standing::Pending | Standing::Sent) => Self::Run,
            Some(Standing::Retrying | Standing::Failed | Standing::Cancelled) => Self::Troubled,
        }
    }

    /// At least one: a look at nothing could never be gone on from.
    fn look_at_max(self, query: &Find) -> usize {
        match self {
            Self::Run => query.look_at_max.max(1),
            Self::Troubled => (query.look_at_max / TROUBLED_COST).max(1),
        }
    }
}

/// A look that is under way.
pub(crate) struct Look<'q> {
    query: &'q Find,
    source: Source,
    /// In lower case.
    address_part: Option<String>,
    looked_at: usize,
    looked_to: Option<Seq>,
    found: Vec<Seq>,
    /// Whether there was a row more than may be looked at.
    is_cut: bool,
}

impl<'q> Look<'q> {
    pub(crate) fn new(query: &'q Find) -> Self {
        Self {
            query,
            source: Source::of(query),
            address_part: query.address_part.as_deref().map(str::to_lowercase),
            looked_at: 0,
            looked_to: None,
            found: Vec::new(),
            is_cut: false,
        }
    }

    pub(crate) fn source(&self) -> Source {
        self.source
    }

    /// How many rows it can still need. One more than may be looked at: whether there is any tells a look that ended from
    /// one that came to the end.
    pub(crate) fn window(&self) -> usize {
        (self.source.look_at_max(self.query) - self.looked_at).saturating_add(1)
    }

    /// Whether another row is to be shown to it.
    pub(crate) fn goes_on(&self) -> bool {
        !self.is_cut && self.found.len() < self.query.limit
    }

    /// From where the rows are that come next.
    pub(crate) fn from(&self) -> From {
        match (self.query.from, self.looked_to) {
            (from, None) => from,
            (From::After(_), Some(seq)) => From::After(seq),
            (From::Before(_), Some(seq)) => From::Before(Some(seq)),
        }
    }

    /// Looks at the next row.
    pub(crate) fn at(&mut self, row: &impl Candidate) -> Result<()> {
        if self.looked_at == self.source.look_at_max(self.query) {
            self.is_cut = true;
            return Ok(());
        }
        let seq = row.seq()?;
        self.looked_at += 1;
        self.looked_to = Some(seq);
        if self.fits(row)? {
            self.found.push(seq);
        }
        Ok(())
    }

    /// What fits, in the log's order, and where the look had to end.
    pub(crate) fn end(mut self) -> (Vec<Seq>, Option<Seq>) {
        if let From::Before(_) = self.query.from {
            self.found.reverse();
        }
        (self.found, self.looked_to.filter(|_| self.is_cut))
    }

    fn fits(&self, row: &impl Candidate) -> Result<bool> {
        Ok(self.fits_standing(row)? && self.fits_code(row)? && self.fits_address(row)?)
    }

    fn fits_standing(&self, row: &impl Candidate) -> Result<bool> {
        match self.query.standing {
            Some(standing) => Ok(Standing::of(row.state()?, row.attempts()?) == standing),
            None => Ok(true),
        }
    }

    fn fits_code(&self, row: &impl Candidate) -> Result<bool> {
        match self.query.code {
            Some(code) => Ok(row.code()? == Some(code)),
            None => Ok(true),
        }
    }

    fn fits_address(&self, row: &impl Candidate) -> Result<bool> {
        let domain = self.query.domain.as_deref();
        if self.address_part.is_none() && domain.is_none() {
            return Ok(true);
        }
        // In lower case, and so is the domain.
        let key = row.key()?;
        let fits_part = match &self.address_part {
            Some(part) => key.contains(part.as_str()),
            None => true,
        };
        let fits_domain = match domain {
            // A quoted local part may hold an `@`, a domain never does.
            Some(domain) => key.rsplit('@').next() == Some(domain),
            None => true,
        };
        Ok(fits_part && fits_domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message that was never tried, by its place.
    struct Fresh(i64, &'static str);

    impl Candidate for Fresh {
        fn seq(&self) -> Result<Seq> {
            Ok(Seq::new(self.0))
        }

        fn state(&self) -> Result<MessageState> {
            Ok(MessageState::Queued)
        }

        fn attempts(&self) -> Result<u32> {
            Ok(0)
        }

        fn code(&self) -> Result<Option<u16>> {
            Ok(None)
        }

        fn key(&self) -> Result<&str> {
            Ok(self.1)
        }
    }

    fn query(part: &str, from: From, look_at_max: usize) -> Find {
        Find {
            address_part: Some(part.into()),
            from,
            limit: 2,
            look_at_max,
            ..Find::default()
        }
    }

    fn look(query: &Find, rows: &[Fresh]) -> (Vec<i64>, Option<i64>) {
        let mut look = Look::new(query);
        for row in rows {
            if look.goes_on() {
                look.at(row).unwrap();
            }
        }
        let (found, looked_to) = look.end();
        let found = found.into_iter().map(Seq::get).collect();
        (found, looked_to.map(Seq::get))
    }

    #[test]
    fn a_look_ends_when_it_has_enough_or_may_look_at_no_more() {
        let rows = [
            Fresh(1, "ada@a"),
            Fresh(4, "bob@a"),
            Fresh(5, "ada@b"),
            Fresh(9, "ada@c"),
        ];
        let forwards = |part, max| look(&query(part, From::default(), max), &rows);
        assert_eq!(forwards("ADA", 9), (vec![1, 5], None));
        assert_eq!(forwards("bob", 9), (vec![4], None));
        assert_eq!(forwards("ada", 2), (vec![1], Some(4)));
        assert_eq!(forwards("eve", 0), (vec![], Some(1)), "it goes on");
        assert_eq!(forwards("eve", 4), (vec![], None), "it came to the end");
        let backwards = query("ada", From::Before(None), 3);
        let rows = [Fresh(9, "ada@c"), Fresh(5, "ada@b"), Fresh(4, "bob@a")];
        assert_eq!(look(&backwards, &rows), (vec![5, 9], None));
    }

    #[test]
    fn it_is_gone_on_from_where_it_looked_last() {
        let query = query("eve", From::Before(Some(Seq::new(9))), 5);
        let mut look = Look::new(&query);
        assert_eq!((look.from(), look.window()), (query.from, 6));
        look.at(&Fresh(7, "ada@a")).unwrap();
        let from = From::Before(Some(Seq::new(7)));
        assert_eq!((look.from(), look.window()), (from, 5));
    }
}
