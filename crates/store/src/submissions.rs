//! What clients hand over under ids of their own, and what their owners ask about it.

pub(crate) mod look;
pub(crate) mod news;
pub(crate) mod page;
pub(crate) mod row;
pub(crate) mod walk;

use async_trait::async_trait;
use model::account::{AccountId, AccountPk};
use model::{
    Address, BatchCode, Event, EventKind, LaneId, Line, Message, MessageId, News, Priority, Seq,
    SubmissionId, TenantId, Timestamp,
};

use crate::find::From;
use crate::{Logged, Parts, Payload, Result, StoreError};

/// Submissions or reports of one page.
pub const PAGE_MAX: usize = 1_000;
/// Events of one submission's history: what more a strange store has is left out.
pub(crate) const HISTORY_MAX: usize = 20_000;
/// News of one message that are recorded. A hostile mailbox could name one message without an end.
pub const NEWS_MAX: u32 = 100;

/// The id that a client gave, unique in its tenant.
pub type ClientId = Line<255>;

/// Something to take responsibility for.
#[derive(Clone, Debug)]
pub struct NewSubmission {
    /// Whose it is.
    pub tenant: TenantId,
    /// The client's own id of it.
    pub client_id: ClientId,
    /// The account that it leaves through.
    pub account: AccountId,
    /// How urgent it is.
    pub priority: Priority,
    /// The batch that it belongs to.
    pub batch: Option<BatchCode>,
    /// It is not tried before; `None` for at once.
    pub deferred_until: Option<Timestamp>,
    /// What it says.
    pub payload: Payload,
    /// Where the parts of that are. Of no account where nobody prepares ahead.
    pub parts: Parts,
    /// Whom it is for, each once whatever its case; at least one.
    pub recipients: Vec<Address>,
    /// When it was handed over.
    pub at: Timestamp,
}

/// What became of something that was handed over. An id is taken once in a tenant. Its content is all that its client
/// gave: what it says, its recipients in their order, account, priority, batch and the moment it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is new.
    New(SubmissionId),
    /// It was there with the same content, and waits.
    Known(SubmissionId),
    /// It was there, final for nobody, with other content, and has this one now. With the same account and recipients its
    /// messages are the same as before; otherwise they are cancelled and forgotten like removed ones, and these are new.
    Replaced(SubmissionId),
    /// It was there and is final for all of its recipients, or for some of them and had other content: nothing changes. Of
    /// the latter the rest is sent as it was, so that nobody is written to twice and all have the same letter.
    Final(SubmissionId),
    /// It was there, final for nobody, with other content, and stays, since nothing was to be replaced. What is there leaves
    /// through this account.
    Differs(AccountPk),
    /// There is no such tenant, or it is not active.
    NoTenant,
    /// The tenant has no such account.
    NoAccount,
}

/// Where a submission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubmissionState {
    /// Some recipient's message waits.
    Pending,
    /// Every recipient's message was delivered.
    Sent,
    /// All are final, and not all were delivered.
    Failed,
}

/// Something that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Its number: that of its first message.
    pub id: SubmissionId,
    /// Its id for the outside: that of its first message.
    pub message_id: MessageId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The client's own id of it.
    pub client_id: ClientId,
    /// The number of its account.
    pub account: AccountPk,
    /// The id of its account.
    pub account_id: AccountId,
    /// How urgent it is.
    pub priority: Priority,
    /// The batch that it belongs to.
    pub batch: Option<BatchCode>,
    /// When it may first be tried, where its client said so.
    pub deferred_until: Option<Timestamp>,
    /// Its messages, one a recipient.
    pub recipients: u32,
    /// Those that are not final.
    pub open: u32,
    /// Those that are final and were not delivered.
    pub failed: u32,
    /// Whether its tenant holds it back.
    pub is_held: bool,
    /// When it was handed over.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A submission with where each recipient's message stands.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The submission.
    pub submission: Submission,
    /// What it says, a JSON object.
    pub payload: Box<str>,
    /// Its messages in the order of its recipients.
    pub messages: Vec<FollowedMessage>,
}

/// One recipient's message with its latest event.
#[derive(Clone, Debug)]
pub struct FollowedMessage {
    /// The message.
    pub message: Message,
    /// When it is tried next; `None` when it is final.
    pub due_at: Option<Timestamp>,
    /// What happened to it last.
    pub last: Event,
}

/// Which submissions. What is not set lets all through.
#[derive(Clone, Debug, Default)]
pub struct SubmissionFilter {
    /// Of that tenant.
    pub tenant: Option<TenantId>,
    /// Of that account.
    pub account: Option<AccountPk>,
    /// Only those that are not final.
    pub is_open: bool,
    /// From after that one on, in the order of acceptance.
    pub after: Option<SubmissionId>,
    /// So many at most.
    pub limit: usize,
}

/// What to look for among submissions. Everything given has to fit.
#[derive(Clone, Debug, Default)]
pub struct FindSubmissions {
    /// Of that tenant.
    pub tenant: Option<TenantId>,
    /// Of that account.
    pub account: Option<AccountPk>,
    /// Where it stands.
    pub state: Option<SubmissionState>,
    /// A part of the client's id, or of a recipient's address, in any case.
    pub part: Option<Box<str>>,
    /// From where to look, by the numbers of submissions.
    pub from: From,
    /// How many to find at most.
    pub limit: usize,
    /// How many submissions, and recipients of theirs, to look at: what bounds the time of an answer. One submission is
    /// looked at in any case.
    pub look_at_max: usize,
}

/// What a look found.
#[derive(Clone, Debug, Default)]
pub struct FoundSubmissions {
    /// Submissions in the order of acceptance, without what they say.
    pub submissions: Vec<ListedSubmission>,
    /// Where the look ended because it had looked at as many as it may: to be gone on from. `None` when it found
    /// as many as were asked for, or came to the end.
    pub looked_to: Option<SubmissionId>,
}

/// A submission in a list.
#[derive(Clone, Debug)]
pub struct ListedSubmission {
    /// The submission.
    pub submission: Submission,
    /// The message of its first recipient.
    pub first: FollowedMessage,
}

/// An account's lane with mail in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingLane {
    /// The lane.
    pub lane: LaneId,
    /// The account.
    pub account: AccountPk,
    /// Which of the account's lanes; 0 where it has one.
    pub shard: u16,
}

/// The messages that wait for their delivery, all accounts' together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many, those under way, held back and put off as well.
    pub count: u64,
    /// When the first of those was due that are not held back; that may be still to come. `None` where there is none.
    pub first_due_at: Option<Timestamp>,
}

/// How many submissions of one account there were. They are changed in the transaction that changes what they count, so
/// accepted = sent + errors + cancelled + pending after every commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountCounts {
    /// The account's number.
    pub account: AccountPk,
    /// Its id.
    pub account_id: AccountId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The tenant's name for people.
    pub tenant_name: Option<Box<str>>,
    /// Taken responsibility for.
    pub accepted: u64,
    /// Delivered to every recipient.
    pub sent: u64,
    /// Final, and not delivered to every recipient.
    pub errors: u64,
    /// Taken back before they were final.
    pub cancelled: u64,
    /// Times that one was put off: after a failed attempt, or by a limit.
    pub deferred: u64,
    /// Times that a limit was met.
    pub rate_limited: u64,
}

/// A fact that a tenant's application is to be told.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its number: the event's place in the log.
    pub seq: Seq,
    /// What it is about.
    pub submission: Submission,
    /// The event and its message. When the submission is final by it, it speaks for all recipients.
    pub logged: Logged,
}

/// A way to a tenant's application. Each is acknowledged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Many reports in one call (`proxy_sync`): those of every tenant.
    Sync,
    /// Each report by itself: those of a tenant that had a webhook when they came.
    Webhook,
}

/// Reports of one tenant that were not acknowledged yet on one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportBacklog {
    /// Whose they are.
    pub tenant: TenantId,
    /// By which way they go.
    pub channel: Channel,
    /// How many.
    pub count: u64,
    /// When the oldest of them happened.
    pub oldest_at: Timestamp,
}

/// News of a delivered message.
#[derive(Clone, Debug)]
pub struct NewNews {
    /// The message.
    pub message: Seq,
    /// [`EventKind::Returned`] or [`EventKind::Receipt`].
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// What was learned.
    pub news: News,
    /// In words.
    pub reason: Box<str>,
}

/// Where a reader of a source outside stands, to be kept with what it learned.
#[derive(Clone, Debug)]
pub struct Place {
    /// The reader's name.
    pub reader: String,
    /// Its place.
    pub place: String,
}

/// What every backend can do with submissions. All of it is durable when it answers. Where a tenant is named, only
/// what is that tenant's is seen or changed.
#[async_trait]
pub trait Submissions: Send + Sync + 'static {
    /// Takes responsibility for a batch, of one tenant or of several (promise: P-01). The answers are in its order. A
    /// batch of very many messages is taken in several transactions: after an error the whole of it may be handed over
    /// again, and what was taken is known then.
    async fn submit(&self, batch: Vec<NewSubmission>) -> Result<Vec<Submitted>>;

    /// The same, and what is there with other content stays: [`Submitted::Differs`].
    async fn submit_new(&self, batch: Vec<NewSubmission>) -> Result<Vec<Submitted>>;

    /// One submission with what it says.
    async fn payload(&self, id: SubmissionId) -> Result<Option<(Submission, Box<str>)>>;

    /// One submission with what its messages are made from: what was prepared of it, or what it says.
    async fn source(&self, id: SubmissionId) -> Result<Option<(Submission, Box<str>)>> {
        self.payload(id).await
    }

    /// Those of some submissions that are there, without what they say.
    async fn summaries(&self, ids: Vec<SubmissionId>) -> Result<Vec<Submission>>;

    /// One submission by its client's id.
    async fn submission(&self, tenant: &TenantId, client_id: &ClientId)
    -> Result<Option<Followed>>;

    /// Which of a tenant's open submissions have these ids, in the order of the ids: the number of each, and how many
    /// messages it has. It is asked before others are handed over under the same ids.
    async fn open_numbers(
        &self,
        tenant: &TenantId,
        client_ids: Vec<ClientId>,
    ) -> Result<Vec<Option<(SubmissionId, u32)>>>;

    /// The submissions that a filter lets through, in the order of acceptance. A page has [`PAGE_MAX`] at most, and fewer
    /// where they are large; an empty one is the end.
    async fn submissions(&self, filter: SubmissionFilter) -> Result<Vec<Followed>>;

    /// Looks for submissions, within the bounds of the query.
    async fn find_submissions(&self, query: FindSubmissions) -> Result<FoundSubmissions>;

    /// Everything that happened to the messages of a submission, in the log's order.
    async fn history(&self, id: SubmissionId) -> Result<Vec<Logged>>;

    /// Takes submissions back and forgets them with their messages, events and reports; what of them is queued becomes
    /// `cancelled`, of which those who follow the log are told, and the counters. `false` for one that is not there. What
    /// is under way may still arrive: its outcome is left out when it is recorded.
    async fn remove(
        &self,
        tenant: &TenantId,
        client_ids: Vec<ClientId>,
        at: Timestamp,
    ) -> Result<Vec<bool>>;

    /// Takes back and forgets what of an account there is, `limit` submissions at most; gives how many it were.
    async fn remove_of_account(
        &self,
        account: AccountPk,
        at: Timestamp,
        limit: usize,
    ) -> Result<usize>;

    /// Forgets submissions that were final before a moment and whose reports were all acknowledged, with their messages
    /// and events, `limit` at most; without `tenant`, those of all. Gives how many it were. Called again until that is
    /// less than `limit`.
    async fn clean_up(
        &self,
        tenant: Option<&TenantId>,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize>;

    /// The same of all tenants, but for those of which something happened after a place of the log, news included.
    async fn clean_up_to(&self, place: Seq, before: Timestamp, limit: usize) -> Result<usize>;

    /// How many submissions of a tenant are not final; with `batch`, of that batch.
    async fn pending(&self, tenant: &TenantId, batch: Option<&BatchCode>) -> Result<u64>;

    /// Holds back, or lets go on, what of a tenant's queued mail does not stand as its suspension says, `limit`
    /// submissions at most; gives how many it were. Called again until that is none.
    async fn align_suspension(&self, tenant: &TenantId, limit: usize) -> Result<usize>;

    /// The accounts' lanes with queued mail, held back or not.
    async fn waiting_lanes(&self) -> Result<Vec<WaitingLane>>;

    /// How much waits in the accounts' lanes, and since when. It looks at the beginning of each of them, however much is
    /// in it.
    async fn waiting(&self) -> Result<Waiting>;

    /// The account of a lane; `None` for a campaign's.
    async fn lane_account(&self, lane: LaneId) -> Result<Option<AccountPk>>;

    /// The counts of every account, by number.
    async fn account_counts(&self) -> Result<Vec<AccountCounts>>;

    /// The messages that a lane's account delivered in each second from `since` on, from all of its lanes: the second
    /// since 1970, and how many. A day is kept.
    async fn sends(&self, lane: LaneId, since: Timestamp) -> Result<Vec<(i64, u32)>>;

    /// Reports of a tenant that were not acknowledged on a channel, from after that one on, in the log's order,
    /// [`PAGE_MAX`] at most.
    async fn reports(
        &self,
        tenant: &TenantId,
        channel: Channel,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Report>>;

    /// Forgets reports that arrived on a channel; gives how many it were.
    async fn acknowledge(
        &self,
        tenant: &TenantId,
        channel: Channel,
        reports: Vec<Seq>,
    ) -> Result<usize>;

    /// The tenants with reports that were not acknowledged, and on which channel.
    async fn report_backlog(&self) -> Result<Vec<ReportBacklog>>;

    /// Forgets reports of both channels from before a moment, `limit` at most; gives how many it were. Called again until that is none.
    async fn expire_reports(&self, before: Timestamp, limit: usize) -> Result<usize>;

    /// Records news of delivered messages, together with the place of who learned of it. News of a message that is not
    /// delivered, or not there, or has had [`NEWS_MAX`] of them, is left out; gives how many were recorded. The message
    /// stays as its outcome left it: `Store::messages` and `Store::find` show that, `Store::timeline` all of it.
    async fn note_news(&self, news: Vec<NewNews>, place: Option<Place>) -> Result<usize>;

    /// The messages that an account delivered before a moment while it was a certified mailbox (PEC), and of which nothing
    /// was learned since: the oldest delivery first, [`PAGE_MAX`] at most.
    async fn unanswered(
        &self,
        account: AccountPk,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Seq>>;
}

impl Channel {
    /// Every one, in the order of the codes.
    pub(crate) const ALL: [Self; 2] = [Self::Sync, Self::Webhook];

    /// The channel of a stored number.
    pub(crate) fn of_code(code: i64) -> Result<Self> {
        match code {
            0 => Ok(Self::Sync),
            1 => Ok(Self::Webhook),
            _ => Err(StoreError::Damaged(format!("reports: no channel {code}"))),
        }
    }

    /// The number that it is stored as.
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Sync => 0,
            Self::Webhook => 1,
        }
    }
}

impl Submission {
    /// Where it stands.
    pub fn state(&self) -> SubmissionState {
        match (self.open, self.failed) {
            (1.., _) => SubmissionState::Pending,
            (0, 0) => SubmissionState::Sent,
            (0, _) => SubmissionState::Failed,
        }
    }
}

impl AccountCounts {
    /// Submissions that are not final.
    pub fn pending(&self) -> u64 {
        self.accepted - self.sent - self.errors - self.cancelled
    }
}
