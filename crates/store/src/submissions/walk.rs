//! Which submissions are walked past, and in which direction, as every backend walks.

use model::account::AccountPk;
use model::{Seq, TenantId};

use super::{FindSubmissions, SubmissionFilter, SubmissionState};
use crate::find::From;

/// Which submissions are walked past.
pub(crate) struct Walked<'f> {
    pub(crate) tenant: Option<&'f TenantId>,
    pub(crate) account: Option<AccountPk>,
    /// Only those that are not final.
    pub(crate) is_open: bool,
    from: From,
}

/// In which direction.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Forwards,
    Backwards,
}

impl<'f> Walked<'f> {
    /// Past those that are listed.
    pub(crate) fn listed(filter: &'f SubmissionFilter) -> Self {
        Self {
            tenant: filter.tenant.as_ref(),
            account: filter.account,
            is_open: filter.is_open,
            from: From::After(filter.after.map_or(Seq::START, |id| id.0)),
        }
    }

    /// Past those that a look is among.
    pub(crate) fn looked_at(query: &'f FindSubmissions) -> Self {
        Self {
            tenant: query.tenant.as_ref(),
            account: query.account,
            is_open: query.state == Some(SubmissionState::Pending),
            from: query.from,
        }
    }

    /// In which direction, and from where: that place is left out.
    pub(crate) fn start(&self) -> (Direction, i64) {
        match self.from {
            From::After(seq) => (Direction::Forwards, seq.get()),
            From::Before(seq) => (Direction::Backwards, seq.map_or(i64::MAX, Seq::get)),
        }
    }
}

impl Direction {
    /// A number by which the nearest is the least, and back.
    pub(crate) fn signed(self, id: i64) -> i64 {
        match self {
            Self::Forwards => id,
            Self::Backwards => -id,
        }
    }
}
