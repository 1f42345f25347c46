//! The words of Glasspost: every room speaks these types and no room redefines them.
//!
//! Promises: pure data and pure functions, no IO, no clock of its own, no async. A value that exists is
//! valid: an [`Address`] can be written to the wire as it is, a [`HeaderText`] cannot end its line.
//!
//! Does not know: the store, the network, HTTP, templates.
//!
//! # Layout
//! - [`account`]: the SMTP servers that a tenant's mail leaves through
//! - [`address`]: who mail goes to and comes from
//! - [`attempt`]: one try at delivery, where it got to and what was answered
//! - [`clock`]: time as a value that is passed in
//! - [`control`]: what somebody did to a run by hand
//! - [`envelope`]: one transaction's sender and recipients
//! - [`event`]: one fact about one message
//! - [`field`]: the error that names a field, and text with its limits
//! - [`header`]: text that is safe in a header line
//! - [`id`]: time-ordered message ids
//! - [`live`]: what is under way and not yet a fact
//! - [`message`]: a recipient's message and its state
//! - [`metrics`]: the one table of metrics
//! - [`news`]: what is learned of a message after it was delivered
//! - [`priority`]: how urgent a message is
//! - [`reply`]: what a server answered, and what kind of answer it is
//! - [`secret`]: passwords and keys that never show
//! - [`storage`]: where a tenant's attachments lie
//! - [`suspension`]: what of a tenant's mail is held back by hand
//! - [`tenant`]: who shares one installation without seeing each other

pub mod account;
pub mod address;
pub mod attempt;
pub mod clock;
pub mod control;
pub mod envelope;
pub mod event;
pub mod field;
pub mod header;
pub mod id;
pub mod live;
pub mod message;
pub mod metrics;
pub mod news;
pub mod priority;
pub mod reply;
pub mod secret;
pub mod storage;
pub mod suspension;
pub mod tenant;

pub use account::{Account, AccountId, AccountLimits, AccountPk, Host, Inbox, TlsRule, WhenOver};
pub use address::{Address, AddressError, Mailbox};
pub use attempt::{Attempt, Phase, PhaseTimes};
pub use clock::{Clock, Timestamp};
pub use control::{Control, ControlAction};
pub use envelope::Envelope;
pub use event::{Event, EventKind, RATE_LIMIT_EXCEEDED, Seq};
pub use field::{FieldError, Line};
pub use header::{HeaderText, HeaderTextError};
pub use id::MessageId;
pub use live::{Live, Stage};
pub use message::{Content, ContentHash, LaneId, Message, MessageState, SubmissionId};
pub use news::{News, Permanence, ReceiptKind};
pub use priority::Priority;
pub use reply::{Category, EnhancedCode, Outcome, Reply};
pub use secret::Secret;
pub use storage::{Storage, StorageName, StorageProtocol};
pub use suspension::{BatchCode, Suspension};
pub use tenant::{BaseUrl, Client, ClientAuth, Tenant, TenantId, TenantLimits, UrlPath, Webhook};
