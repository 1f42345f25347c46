//! The rows of a list that a campaign is for: what is skipped on the way is reported and counted.

use crate::error::CampaignError;
use crate::filter::{BoundFilter, Filter};
use crate::list::OpenableList;
use crate::recipients::{ListSummary, Recipient, RecipientList};
use crate::request::Checking;

/// The rows of a list that are wanted.
pub(crate) struct WantedRows {
    name: String,
    list: RecipientList,
    filter: Option<BoundFilter>,
    pub(crate) summary: ListSummary,
    filtered_out: u64,
}

impl WantedRows {
    /// Opens the list; a filter that uses fields it lacks is said, or refused when the checking is strict.
    pub(crate) fn open(
        list: &OpenableList,
        filter: Option<Filter>,
        checking: Checking,
    ) -> Result<Self, CampaignError> {
        let name = list.name.clone();
        let list = list.open()?;
        if let Some(filter) = &filter {
            warn_unknown(filter, &list, checking)?;
        }
        let filter = filter.map(|filter| filter.bind(list.columns()));
        Ok(Self {
            name,
            list,
            filter,
            summary: ListSummary::default(),
            filtered_out: 0,
        })
    }

    /// The next wanted recipient. Rows that are none are reported and counted.
    pub(crate) fn next(&mut self) -> Result<Option<Recipient>, CampaignError> {
        while let Some(row) = self.list.next() {
            let row = row.map_err(|error| CampaignError::List {
                list: self.name.clone(),
                error,
            })?;
            self.summary.record(&row);
            match row {
                Ok(recipient) if self.wants(&recipient) => return Ok(Some(recipient)),
                Ok(_) => self.filtered_out += 1,
                Err(problem) => {
                    tracing::warn!(
                        list = self.name,
                        line = problem.line,
                        "row skipped: {}",
                        problem.reason
                    );
                }
            }
        }
        Ok(None)
    }

    fn wants(&self, recipient: &Recipient) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.matches(&recipient.fields))
    }

    /// Why nobody is left, when nobody is.
    pub(crate) fn nobody(&self, expression: Option<&str>) -> CampaignError {
        CampaignError::Nobody(match expression {
            Some(expression) if self.filtered_out > 0 => {
                format!("no recipients matched the filter: {expression:?}")
            }
            _ => format!(
                "no valid recipients found in {} ({})",
                self.name, self.summary
            ),
        })
    }
}

/// A filter's field that the list does not have is always empty: probably a slip of the pen.
fn warn_unknown(
    filter: &Filter,
    list: &RecipientList,
    checking: Checking,
) -> Result<(), CampaignError> {
    let unknown = filter.unknown_fields(list.columns());
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown.join(", ");
    if checking == Checking::Strict {
        return Err(CampaignError::Strict(format!(
            "the filter uses fields the list lacks: {names}"
        )));
    }
    tracing::warn!("the filter uses fields the list lacks, they count as empty: {names}");
    Ok(())
}
