//! Which messages a report or a receipt is about.

use std::collections::HashMap;
use std::sync::Arc;

use model::{AccountPk, Message, MessageId, Seq, SubmissionId, TenantId, Timestamp};
use serde::Deserialize;
use store::{Directory, Result, Store, Submissions};

use super::source::Scope;
use super::telling::Sole;
use crate::bounce::Original;

/// Messages read at once while the others of a submission are looked for.
const PAGE: usize = 50;
/// Messages of one submission: as many as it may have recipients.
const MESSAGES_MAX: usize = 1_000;
/// Unanswered messages among which one is looked for whose `Message-ID` its client chose.
const UNANSWERED_MAX: usize = 500;

/// What leads from an id to messages.
pub(super) struct Tracer {
    pub submissions: Arc<dyn Submissions>,
    pub store: Arc<dyn Store>,
    pub directory: Arc<dyn Directory>,
}

/// The `Message-ID`s that clients chose for what an account sent and was not answered, read once a batch.
#[derive(Default)]
pub(super) struct Chosen(Option<HashMap<Box<str>, SubmissionId>>);

/// The messages that may be meant.
pub(super) struct Traced {
    pub messages: Vec<Message>,
    pub sole: Sole,
}

/// What of a submission's payload matters here.
#[derive(Deserialize)]
struct Payload {
    message_id: Option<String>,
}

impl Tracer {
    /// The messages that a report may be about; none when the id is not ours or not for this mailbox to tell.
    pub async fn trace(&self, scope: &Scope, about: &Original) -> Result<Traced> {
        let traced = match (&about.mail_id, &about.message_id) {
            (Some(id), _) => Traced::one(self.message(id).await?),
            (None, Some(id)) => match self.first(id).await? {
                Some(first) => self.with_others(&first).await?,
                None => Traced::nothing(),
            },
            (None, None) => Traced::nothing(),
        };
        self.allowed(scope, traced).await
    }

    /// The same for a receipt, which may name nothing but a `Message-ID` that the client chose.
    pub async fn trace_receipt(
        &self,
        scope: &Scope,
        about: &Original,
        chosen: &mut Chosen,
    ) -> Result<Traced> {
        let traced = self.trace(scope, about).await?;
        let (Some(account), None, Some(id)) =
            (scope.certified(), &about.mail_id, &about.message_id)
        else {
            return Ok(traced);
        };
        if !traced.messages.is_empty() {
            return Ok(traced);
        }
        let submission = match &chosen.0 {
            Some(read) => read.get(&**id).copied(),
            None => {
                let read = chosen.0.insert(self.chosen(account).await?);
                read.get(&**id).copied()
            }
        };
        let first = match submission {
            Some(SubmissionId(first)) => self.store.message(first).await?,
            None => None,
        };
        match first {
            Some(first) => self.with_others(&first).await,
            None => Ok(Traced::nothing()),
        }
    }

    /// The message with this id, all of which has to fit.
    async fn message(&self, id: &str) -> Result<Option<Message>> {
        let Ok(id) = id.parse::<MessageId>() else {
            return Ok(None);
        };
        let found = self.store.message(id.seq()).await?;
        Ok(found.filter(|message| message.id == id && message.content.submission().is_some()))
    }

    /// The first message of the submission whose `Message-ID` we made.
    async fn first(&self, message_id: &str) -> Result<Option<Message>> {
        let Some((id, _)) = message_id.split_once('@') else {
            return Ok(None);
        };
        let found = self.message(id).await?;
        Ok(found.filter(|message| message.content.submission() == Some(SubmissionId(message.seq))))
    }

    /// A submission's messages, by the first of them: the others follow it in its lane.
    async fn with_others(&self, first: &Message) -> Result<Traced> {
        let mut messages = Vec::new();
        let mut last = Seq::new(first.seq.get() - 1);
        while messages.len() < MESSAGES_MAX {
            let page = self.store.messages(first.lane, last, PAGE).await?;
            let count = page.len();
            let of_it = page.into_iter().map(|logged| (*logged.message).clone());
            let before = messages.len();
            messages.extend(of_it.take_while(|message| message.content == first.content));
            if messages.len() - before < PAGE || count < PAGE {
                break;
            }
            last = messages.last().map_or(last, |message| message.seq);
        }
        let sole = match messages.len() {
            1 => Sole::Yes,
            _ => Sole::No,
        };
        Ok(Traced { messages, sole })
    }

    /// What a mailbox may teach about. All messages are of one submission.
    async fn allowed(&self, scope: &Scope, traced: Traced) -> Result<Traced> {
        let (Scope::Account { tenant, .. }, Some(first)) = (scope, traced.messages.first()) else {
            return Ok(traced);
        };
        match self.tenant_of(first).await?.as_ref() == Some(tenant) {
            true => Ok(traced),
            false => Ok(Traced::nothing()),
        }
    }

    async fn tenant_of(&self, message: &Message) -> Result<Option<TenantId>> {
        let Some(account) = self.submissions.lane_account(message.lane).await? else {
            return Ok(None);
        };
        let known = self.directory.account_by_pk(account).await?;
        Ok(known.map(|known| known.account.tenant))
    }

    async fn chosen(&self, account: AccountPk) -> Result<HashMap<Box<str>, SubmissionId>> {
        let whenever = Timestamp::from_millis(i64::MAX);
        let unanswered = self
            .submissions
            .unanswered(account, whenever, UNANSWERED_MAX)
            .await?;
        let mut chosen = HashMap::new();
        for message in unanswered {
            let message = self.store.message(message).await?;
            let Some(id) = message.and_then(|message| message.content.submission()) else {
                continue;
            };
            let Some((_, payload)) = self.submissions.payload(id).await? else {
                continue;
            };
            if let Some(given) = given(&payload) {
                chosen.insert(given, id);
            }
        }
        Ok(chosen)
    }
}

impl Traced {
    fn nothing() -> Self {
        Self::one(None)
    }

    fn one(message: Option<Message>) -> Self {
        Self {
            messages: message.into_iter().collect(),
            sole: Sole::Yes,
        }
    }
}

/// The `Message-ID` that a client chose, without its angle brackets.
fn given(payload: &str) -> Option<Box<str>> {
    let payload: Payload = serde_json::from_str(payload).ok()?;
    let text = payload.message_id?;
    let text = text.trim();
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'));
    Some(inner.unwrap_or(text).into())
}
