//! The commands of a transaction as they go on the wire.

use model::Envelope;

use super::offer::{Offer, SizeOffer};
use crate::wire::command::{
    BodyType, MailParameters, Smtputf8, write_bdat_last, write_line, write_mail, write_rcpt,
};

/// What a transaction's commands are made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commands<'a> {
    pub envelope: &'a Envelope,
    pub offer: &'a Offer,
    /// The message, once it is known; a transaction begun ahead does not know it yet.
    pub message: Option<&'a [u8]>,
}

/// One command of a transaction; the last stands for the message itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Reset,
    Mail,
    Recipient(usize),
    Data,
    Final,
}

/// Appends a step's command.
pub(super) fn write_step(step: Step, commands: &Commands<'_>, out: &mut Vec<u8>) {
    let envelope = commands.envelope;
    match step {
        Step::Reset => write_line(out, "RSET"),
        Step::Mail => write_mail(out, envelope.sender.as_ref(), mail_parameters(commands)),
        Step::Recipient(n) => {
            if let Some(recipient) = envelope.recipients.get(n) {
                write_rcpt(out, recipient);
            }
        }
        Step::Data => write_line(out, "DATA"),
        Step::Final => write_chunk(commands.message.unwrap_or_default(), out),
    }
}

fn mail_parameters(commands: &Commands<'_>) -> MailParameters {
    let offer = commands.offer;
    let tells_size = offer.size != SizeOffer::None;
    MailParameters {
        size: commands.message.map(<[u8]>::len).filter(|_| tells_size),
        body: offer.eight_bit.then_some(BodyType::EightBit),
        smtputf8: commands.envelope.needs_smtputf8().then_some(Smtputf8),
    }
}

/// Appends a whole message as its only chunk. Its last line gets an end if it has none, as with DATA.
pub(crate) fn write_chunk(message: &[u8], out: &mut Vec<u8>) {
    let end = missing_line_end(message);
    write_bdat_last(out, message.len() + end.len());
    out.extend_from_slice(message);
    out.extend_from_slice(end);
}

/// What a message's last line lacks to be a whole one.
pub(crate) fn missing_line_end(message: &[u8]) -> &'static [u8] {
    match message.is_empty() || message.ends_with(b"\r\n") {
        true => b"",
        false => b"\r\n",
    }
}
