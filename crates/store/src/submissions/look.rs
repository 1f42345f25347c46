//! A bounded look through submissions: what is picked from those that a backend gives in order, and when it ends.

use model::SubmissionId;

use super::{FindSubmissions, Submission, SubmissionState};

/// A look that is under way.
pub(crate) struct Look<'q> {
    query: &'q FindSubmissions,
    /// In lower case.
    part: Option<String>,
    looked_at: usize,
    looked_to: Option<SubmissionId>,
    /// Whether there was one more than may be looked at.
    is_cut: bool,
}

/// Whether a submission is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is.
    Fits,
    /// It is not.
    Differs,
    /// It is when a recipient's address has the part.
    ByAddress,
}

impl<'q> Look<'q> {
    pub(crate) fn new(query: &'q FindSubmissions) -> Self {
        Self {
            query,
            part: query.part.as_deref().map(str::to_lowercase),
            looked_at: 0,
            looked_to: None,
            is_cut: false,
        }
    }

    /// What to look for in addresses, in lower case.
    pub(crate) fn part(&self) -> &str {
        self.part.as_deref().unwrap_or_default()
    }

    /// Whether the next may be looked at; asked when there is one.
    pub(crate) fn goes_on(&mut self) -> bool {
        self.is_cut = self.looked_to.is_some() && self.looked_at >= self.query.look_at_max;
        !self.is_cut
    }

    /// Comes to a submission.
    pub(crate) fn comes_to(&mut self, id: SubmissionId) {
        self.looked_to = Some(id);
        self.looked_at += 1;
    }

    /// Looks at the one that it came to.
    pub(crate) fn at(&mut self, submission: &Submission) -> Fit {
        if self
            .query
            .state
            .is_some_and(|state| state != submission.state())
        {
            return Fit::Differs;
        }
        let Some(part) = &self.part else {
            return Fit::Fits;
        };
        self.looked_at += submission.recipients as usize;
        match submission.client_id.as_str().to_lowercase().contains(part) {
            true => Fit::Fits,
            false => Fit::ByAddress,
        }
    }

    /// How many more to come to, when so many were found: more cannot be of use.
    pub(crate) fn window(&self, found: usize) -> usize {
        let wanted = self.query.limit.saturating_sub(found);
        let is_all = self.part.is_none()
            && matches!(self.query.state, None | Some(SubmissionState::Pending));
        // One more than may be looked at shows that there is more.
        let allowed = self
            .query
            .look_at_max
            .saturating_sub(self.looked_at)
            .saturating_add(1);
        match is_all {
            true => wanted,
            false if wanted == 0 => 0,
            false => allowed,
        }
    }

    /// Where it ended because it had looked at as many as it may, when so many were found.
    pub(crate) fn looked_to(&self, found: usize) -> Option<SubmissionId> {
        self.looked_to
            .filter(|_| self.is_cut && found < self.query.limit)
    }
}
