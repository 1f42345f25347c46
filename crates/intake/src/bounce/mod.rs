//! News of messages that were sent: bounces, delays, and the receipts of Italian certified mail.
//!
//! - [`report()`]: bounces and delays, by the standard (RFC 3464) or by their words
//! - [`receipt`]: receipts of certified mail (PEC)
//! - [`read`]: whichever of the two it is
//! - [`mailbox`]: reads a mailbox by IMAP, now and then, from where it stopped
//!
//! Underneath, `mime` finds a message's parts within bounds, `fields` reads the blocks of a delivery status,
//! `status` finds codes in text, `original` the ids of the message that came back, `words` holds the table of what
//! mail systems write, and `text` applies it.

mod fields;
pub mod mailbox;
mod mime;
mod news;
mod original;
mod pec;
mod report;
mod status;
mod text;
mod words;

pub use mime::Refused;
pub use news::{Evidence, Kind, News, Original, Permanence};
pub use pec::{Receipt, ReceiptKind, receipt};
pub use report::report;

use mime::Message;

/// The bytes of a message that are looked at: enough for every report and the headers of what it returns, far too
/// little for its attachments.
pub const ANALYSED_BYTES_MAX: usize = 512 * 1024;

/// What a message says about others that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Nothing: it is ordinary mail.
    Nothing,
    /// A bounce, a delay or a confirmation; one entry a recipient, at least one.
    Report(Vec<News>),
    /// A receipt of certified mail.
    Receipt(Receipt),
}

/// Reads a message, whole or its beginning, and says what it tells about messages that were sent.
///
/// # Errors
/// The message is built to cost time or memory, and was not read.
pub fn read(message: &[u8]) -> Result<Learned, Refused> {
    let message = Message::parse(message)?;
    if let Some(receipt) = pec::receipt_in(&message) {
        return Ok(Learned::Receipt(receipt));
    }
    let news = match pec::wrapped(&message) {
        Some(inner) => report(&inner)?,
        None => report::report_in(&message),
    };
    Ok(match news.is_empty() {
        true => Learned::Nothing,
        false => Learned::Report(news),
    })
}
