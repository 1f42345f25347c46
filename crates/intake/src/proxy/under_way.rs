//! Mail that is in a transaction at this moment: it can neither be taken back nor become another message.

use model::{Seq, SubmissionId, TenantId};
use store::submissions::{ClientId, SubmissionState};

use super::App;
use super::problem::Problem;

/// What is said of it.
pub(super) const BEING_SENT: &str = "being sent";

/// The number of a submission, and how many messages it has.
type Number = (SubmissionId, u32);

/// How what has an id stands with who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing of it is in a transaction.
    Free(Option<Number>),
    /// Something of it is.
    Begun,
    /// It has come to its end: who sends may know that a moment later than the store.
    Over,
}

impl Way {
    /// Whether something of it is in a transaction by now.
    pub(super) fn has_begun(self, app: &App) -> bool {
        match self {
            Self::Free(number) => number.is_some_and(|number| is_sending(app, number)),
            Self::Begun => true,
            Self::Over => false,
        }
    }
}

/// How what a tenant knows by these ids stands, in their order. What is new costs no more than a look into the store.
pub(super) async fn ways(
    app: &App,
    tenant: &TenantId,
    ids: Vec<ClientId>,
) -> Result<Vec<Way>, Problem> {
    let numbers = app.submissions.open_numbers(tenant, ids.clone()).await?;
    if numbers.iter().any(Option::is_some) {
        // Another process may have begun some of it since it last told.
        app.sending.look_around().await?;
    }
    let mut ways = Vec::with_capacity(ids.len());
    for (id, number) in ids.iter().zip(numbers) {
        ways.push(match Way::Free(number) {
            way if !way.has_begun(app) => way,
            _ if is_final(app, tenant, id).await? => Way::Over,
            _ => Way::Begun,
        });
    }
    Ok(ways)
}

async fn is_final(app: &App, tenant: &TenantId, id: &ClientId) -> Result<bool, Problem> {
    let known = app.submissions.submission(tenant, id).await?;
    Ok(known.is_some_and(|known| known.submission.state() != SubmissionState::Pending))
}

/// Whether one of a submission's messages is in a transaction; they have consecutive numbers.
fn is_sending(app: &App, (SubmissionId(first), count): Number) -> bool {
    let mut messages = (0..i64::from(count)).map(|place| Seq::new(first.get() + place));
    messages.any(|message| app.sending.is_sending(message))
}
