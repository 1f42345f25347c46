//! The receipts of Italian certified mail (PEC): what the providers promise each other in headers and attachments.
//!
//! Sources: the technical rules of certified mail (Ministerial Decree of 2 November 2005, annex, §6), which name
//! the headers `X-Ricevuta`, `X-Trasporto` and `X-Riferimento-Message-ID` and the attachment `daticert.xml`.

use super::mime::{Message, Refused};
use super::news::{Original, REASON_CHARS_MAX, one_line};
use super::original::message_id;
use super::report::original;

/// Longest address, in characters (RFC 5321 §4.5.3.1.3, and some for those who are more generous).
const ADDRESS_CHARS_MAX: usize = 320;
/// The attachment that repeats the receipt for machines.
const DATA_FILE: &str = "daticert.xml";

/// A receipt of certified mail about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What happened.
    pub kind: ReceiptKind,
    /// The message it is about.
    pub about: Option<Original>,
    /// The recipient it is about; none where it is about several.
    pub recipient: Option<Box<str>>,
    /// Why, when it is bad news: one line, at most 500 characters.
    pub reason: Box<str>,
}

/// What a receipt of certified mail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceiptKind {
    /// The sender's provider took the message (accettazione).
    Acceptance,
    /// It is in the recipient's mailbox (avvenuta consegna).
    Delivery,
    /// The recipient's provider took it over (presa in carico).
    Relay,
    /// It was refused, is not delivered, or holds a virus.
    Error,
    /// Twelve hours passed without an answer; it may still be delivered (preavviso di errore).
    Warning,
}

impl ReceiptKind {
    /// The event's name as genro-mail-proxy reports it; `pec_warning` is ours.
    pub fn event(self) -> &'static str {
        match self {
            Self::Acceptance => "pec_acceptance",
            Self::Delivery => "pec_delivery",
            Self::Relay => "pec_relay",
            Self::Error => "pec_error",
            Self::Warning => "pec_warning",
        }
    }

    /// By the value of `X-Ricevuta`.
    fn of_header(value: &str) -> Option<Self> {
        match value.trim().to_ascii_lowercase().as_str() {
            "accettazione" => Some(Self::Acceptance),
            "avvenuta-consegna" => Some(Self::Delivery),
            "presa-in-carico" => Some(Self::Relay),
            "preavviso-errore-consegna" => Some(Self::Warning),
            "non-accettazione" | "mancata-consegna" | "errore-consegna" | "rilevazione-virus" => {
                Some(Self::Error)
            }
            _ => None,
        }
    }

    /// By the beginning of the subject, which ends in a colon and the subject of the message.
    fn of_subject(subject: &str) -> Option<Self> {
        let (beginning, _) = subject.split_once(':')?;
        match beginning.trim().to_ascii_lowercase().as_str() {
            "accettazione" => Some(Self::Acceptance),
            "consegna" | "avvenuta consegna" => Some(Self::Delivery),
            "presa in carico" => Some(Self::Relay),
            "avviso di mancata consegna"
            | "mancata consegna"
            | "errore consegna"
            | "errore di consegna"
            | "avviso di non accettazione"
            | "non accettazione"
            | "problema di sicurezza"
            | "avviso di mancata consegna per virus"
            | "avviso di mancata consegna per sup. tempo massimo" => Some(Self::Error),
            _ => None,
        }
    }
}

/// The receipt of certified mail that a message is, if it is one. Anybody can write one: it is worth as much as the
/// mailbox that it was found in.
///
/// # Errors
/// The message is built to cost time or memory, and was not read.
pub fn receipt(message: &[u8]) -> Result<Option<Receipt>, Refused> {
    Ok(receipt_in(&Message::parse(message)?))
}

pub(crate) fn receipt_in(message: &Message<'_>) -> Option<Receipt> {
    // A certified message, or an envelope around mail from outside: none of them a receipt, whatever the subject.
    if message.headers.raw("X-Trasporto").is_some() {
        return None;
    }
    let data = data(message);
    let kind = match message.headers.raw("X-Ricevuta") {
        Some(value) => ReceiptKind::of_header(value)?,
        // Without the header, only what also holds the data is more than a subject.
        None => {
            data.as_ref()?;
            ReceiptKind::of_subject(message.headers.subject())?
        }
    };
    let element = |name| data.as_deref().and_then(|data| element(data, name));
    let named = message
        .headers
        .raw("X-Riferimento-Message-ID")
        .and_then(message_id);
    let named = named.or_else(|| element("msgid").as_deref().and_then(message_id));
    let enclosed = original(message).unwrap_or_default();
    let about = Original {
        mail_id: enclosed.mail_id,
        message_id: named.or(enclosed.message_id),
    };
    let recipient = element("consegna").or_else(|| data.as_deref().and_then(only_recipient));
    let recipient = recipient.map(|address| one_line(&address, ADDRESS_CHARS_MAX));
    Some(Receipt {
        kind,
        about: about.known(),
        recipient: recipient.filter(|recipient| !recipient.is_empty()),
        reason: reason(kind, element("errore-esteso"), message),
    })
}

/// Mail from outside that a certified mailbox received comes in an envelope (`X-Trasporto: errore`): what is in it,
/// where a bounce may be.
pub(crate) fn wrapped(message: &Message<'_>) -> Option<Vec<u8>> {
    let is_wrapped = message
        .headers
        .raw("X-Trasporto")?
        .eq_ignore_ascii_case("errore");
    let inner = message.part(&["message/rfc822"]).filter(|_| is_wrapped)?;
    Some(inner.bytes().into_owned())
}

/// Why it failed: in the provider's words from the data, else from the text.
fn reason(kind: ReceiptKind, in_data: Option<String>, message: &Message<'_>) -> Box<str> {
    match kind {
        ReceiptKind::Acceptance | ReceiptKind::Delivery | ReceiptKind::Relay => "".into(),
        ReceiptKind::Error | ReceiptKind::Warning => {
            one_line(&in_data.unwrap_or_else(|| message.text()), REASON_CHARS_MAX)
        }
    }
}

/// The text of `daticert.xml`.
fn data(message: &Message<'_>) -> Option<String> {
    let is_data = |name: &str| name.eq_ignore_ascii_case(DATA_FILE);
    let mut parts = message.parts.iter();
    Some(
        parts
            .find(|part| part.file_name().is_some_and(is_data))?
            .text(),
    )
}

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(unescaped(text.trim()))
}

/// The recipient of a message that has one.
fn only_recipient(xml: &str) -> Option<String> {
    let mut lists = xml.split("<destinatari");
    let (Some(list), None) = (lists.nth(1), lists.next()) else {
        return None;
    };
    let (text, _) = list.split_once("</destinatari>")?;
    let (attributes, address) = text.split_once('>')?;
    // Longer names begin the same.
    (attributes.is_empty() || attributes.starts_with(' ')).then(|| unescaped(address.trim()))
}

/// The five characters that XML has names for, the one that begins a name last.
fn unescaped(text: &str) -> String {
    let names = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    names
        .iter()
        .fold(text.to_owned(), |text, (name, character)| {
            text.replace(name, character)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_and_unescaped() {
        let xml = "<dati><msgid>&lt;a&amp;lt;@b&gt;</msgid><consegna> c@d.it </consegna></dati>";
        assert_eq!(element(xml, "msgid").as_deref(), Some("<a&lt;@b>"));
        assert_eq!(element(xml, "consegna").as_deref(), Some("c@d.it"));
        assert_eq!(element(xml, "errore-esteso"), None);
    }

    #[test]
    fn an_acceptance_names_its_recipient_where_there_is_one() {
        let one = r#"<destinatari tipo="certificato"> c@d.it </destinatari>"#;
        assert_eq!(only_recipient(one).as_deref(), Some("c@d.it"));
        assert_eq!(only_recipient(&one.repeat(2)), None);
        assert_eq!(only_recipient("<destinatari>"), None);
        assert_eq!(only_recipient("<destinatario>c@d.it</destinatario>"), None);
    }

    #[test]
    fn a_subject_alone_is_no_receipt() {
        assert_eq!(
            receipt(b"Subject: ACCETTAZIONE: ordine\n\nciao\n"),
            Ok(None)
        );
        assert_eq!(receipt(b"X-Ricevuta: altro\nSubject: x\n\n"), Ok(None));
    }
}
