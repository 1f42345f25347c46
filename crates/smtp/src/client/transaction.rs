//! One transaction: which command goes out when, and what the replies to them amount to. Pure.
//!
//! With PIPELINING (RFC 2920) all commands go out at once and the replies are sorted out afterwards. The first
//! recipient is whom the message is for, so its reply decides; later ones are copies that may be refused.

use model::{Address, Envelope, Phase, Reply};

use super::commands::{Commands, Step, write_step};
use crate::wire::RawReply;

/// How the message's bytes are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hand {
    /// DATA, and a dot at the end.
    Dot,
    /// BDAT, once the recipients are known to be accepted.
    Chunk,
    /// BDAT in the same write as MAIL and the only RCPT.
    ChunkAtOnce,
}

/// The state of one transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    hand: Hand,
    recipients: usize,
    to_write: Option<Step>,
    to_answer: Option<Step>,
    refusal: Option<(Phase, Reply)>,
    accepted: usize,
    data_open: bool,
    refused_copies: Vec<(usize, Reply)>,
    last: Option<Reply>,
}

/// Whether the transaction before was ended on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing is open.
    Clean,
    /// RSET has to go first.
    Unfinished,
}

/// What the replies to the envelope amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Hand over the message.
    HandOver,
    /// Everything is answered, the message included.
    Answered,
    /// Refused; nothing waits for bytes.
    Refused,
    /// Refused, but the server waits for a message to nobody: an empty one ends that (RFC 2920 §3.1).
    EndEmpty,
    /// Refused, but the server waits for a message to those who only get copies: only closing prevents it.
    Abandon,
}

/// A reply that ends the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// 421: the server closes (RFC 5321 §3.8).
    Closing(Reply),
    /// The reply is no answer to the command.
    Violation(String),
}

impl Transaction {
    pub(crate) fn new(hand: Hand, envelope: &Envelope, before: Before) -> Self {
        let first = match before {
            Before::Clean => Step::Mail,
            Before::Unfinished => Step::Reset,
        };
        Self {
            hand,
            recipients: envelope.recipients.len(),
            to_write: Some(first),
            to_answer: Some(first),
            refusal: None,
            accepted: 0,
            data_open: false,
            refused_copies: Vec::new(),
            last: None,
        }
    }

    fn after(&self, step: Step) -> Option<Step> {
        let closing = match self.hand {
            Hand::Dot => Some(Step::Data),
            Hand::Chunk => None,
            Hand::ChunkAtOnce => Some(Step::Final),
        };
        match step {
            Step::Reset => Some(Step::Mail),
            Step::Mail => Some(Step::Recipient(0)),
            Step::Recipient(n) if n + 1 < self.recipients => Some(Step::Recipient(n + 1)),
            Step::Recipient(_) => closing,
            Step::Data | Step::Final => None,
        }
    }

    /// Whether a reply is still to come before something can be decided.
    pub(crate) fn awaits_reply(&self) -> bool {
        self.to_answer.is_some()
    }

    /// The phase of the reply that comes next.
    pub(crate) fn phase(&self) -> Phase {
        match self.to_answer {
            Some(Step::Reset | Step::Mail) => Phase::Mail,
            Some(Step::Recipient(_)) => Phase::Recipient,
            Some(Step::Data) => Phase::Data,
            Some(Step::Final) => Phase::Final,
            None => Phase::Data,
        }
    }

    /// Appends the commands that may go out now: all with PIPELINING, else one when all before are answered.
    pub(crate) fn write(&mut self, commands: &Commands<'_>, out: &mut Vec<u8>) {
        while let Some(step) = self.to_write {
            if !commands.offer.pipelining && self.to_answer != Some(step) {
                return;
            }
            write_step(step, commands, out);
            self.to_write = self.after(step);
        }
    }

    /// Whether the message's bytes are among the commands.
    pub(crate) fn carries_message(&self) -> bool {
        self.hand == Hand::ChunkAtOnce
    }

    /// Takes the next reply.
    pub(crate) fn receive(&mut self, reply: &RawReply<'_>) -> Result<(), Interruption> {
        let Some(step) = self.to_answer else {
            return Err(violation("nothing", reply));
        };
        if reply.code == 421 {
            return Err(Interruption::Closing(reply.to_reply()));
        }
        self.to_answer = self.after(step);
        match step {
            Step::Reset if reply.is_positive() => Ok(()),
            Step::Reset => Err(violation("RSET", reply)),
            Step::Mail => self.receive_mail(reply),
            Step::Recipient(n) => self.receive_recipient(n, reply),
            Step::Data => self.receive_data(reply),
            Step::Final => self.receive_final(reply),
        }
    }

    fn receive_mail(&mut self, reply: &RawReply<'_>) -> Result<(), Interruption> {
        if reply.is_refusal() {
            self.refuse(Phase::Mail, reply);
            return Ok(());
        }
        positive("MAIL", reply)
    }

    fn receive_recipient(&mut self, n: usize, reply: &RawReply<'_>) -> Result<(), Interruption> {
        if !reply.is_refusal() {
            self.accepted += 1;
            return positive("RCPT", reply);
        }
        match n {
            0 => self.refuse(Phase::Recipient, reply),
            _ => self.refused_copies.push((n, reply.to_reply())),
        }
        Ok(())
    }

    fn receive_data(&mut self, reply: &RawReply<'_>) -> Result<(), Interruption> {
        match reply.code {
            354 => self.data_open = true,
            _ if reply.is_refusal() => self.refuse(Phase::Data, reply),
            _ => return Err(violation("DATA", reply)),
        }
        Ok(())
    }

    fn receive_final(&mut self, reply: &RawReply<'_>) -> Result<(), Interruption> {
        if reply.is_refusal() {
            self.refuse(Phase::Final, reply);
            return Ok(());
        }
        positive("the message", reply)?;
        self.last = Some(reply.to_reply());
        Ok(())
    }

    /// The first refusal counts; what is refused after it is refused because of it. Commands that did not go
    /// out yet never will.
    fn refuse(&mut self, phase: Phase, reply: &RawReply<'_>) {
        if self.refusal.is_none() {
            self.refusal = Some((phase, reply.to_reply()));
        }
        if self.to_write.is_some() {
            (self.to_write, self.to_answer) = (None, None);
        }
    }

    /// What to do, once no reply is awaited.
    pub(crate) fn decision(&self) -> Decision {
        match (&self.refusal, self.data_open) {
            (None, _) if self.last.is_some() => Decision::Answered,
            (None, _) => Decision::HandOver,
            (Some(_), false) => Decision::Refused,
            (Some(_), true) if self.accepted == 0 => Decision::EndEmpty,
            (Some(_), true) => Decision::Abandon,
        }
    }

    /// The message was handed over: its reply comes next.
    pub(crate) fn handed_over(&mut self) {
        self.to_answer = Some(Step::Final);
    }

    /// Whether the server waits for a message's bytes.
    pub(crate) fn is_data_open(&self) -> bool {
        self.data_open
    }

    /// Whether a reply refused it.
    pub(crate) fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// How the message's bytes are handed over.
    pub(crate) fn hand(&self) -> Hand {
        self.hand
    }

    /// The reply that decided: the refusal with its phase, or the final one.
    pub(crate) fn take_result(&mut self) -> Option<(Phase, Reply)> {
        self.refusal
            .take()
            .or_else(|| self.last.take().map(|reply| (Phase::Final, reply)))
    }

    /// The copies that were refused, `address: reply`.
    pub(crate) fn refused_copies(&self, recipients: &[Address]) -> Vec<Box<str>> {
        let shown = |(n, reply): &(usize, Reply)| {
            let address = recipients.get(*n)?;
            Some(format!("{address}: {reply}").into_boxed_str())
        };
        self.refused_copies.iter().filter_map(shown).collect()
    }
}

fn positive(command: &str, reply: &RawReply<'_>) -> Result<(), Interruption> {
    match reply.is_positive() {
        true => Ok(()),
        false => Err(violation(command, reply)),
    }
}

fn violation(command: &str, reply: &RawReply<'_>) -> Interruption {
    let code = reply.code;
    Interruption::Violation(format!("the server answered {code} to {command}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::auth::Mechanisms;
    use crate::client::offer::{Offer, SizeOffer};
    use crate::wire::ReplyReader;

    const PIPELINING: Offer = Offer {
        pipelining: true,
        chunking: false,
        eight_bit: false,
        smtputf8: false,
        starttls: false,
        size: SizeOffer::None,
        auth: Mechanisms::NONE,
    };

    fn envelope(recipients: usize) -> Envelope {
        let address = |n| Address::parse(&format!("r{n}@example.org")).unwrap();
        Envelope {
            sender: None,
            recipients: (0..recipients).map(address).collect(),
        }
    }

    /// Plays the replies' codes against a pipelined transaction and tells what they amount to.
    fn play(hand: Hand, recipients: usize, codes: &[u16]) -> Result<Decision, Interruption> {
        let envelope = envelope(recipients);
        let mut transaction = Transaction::new(hand, &envelope, Before::Clean);
        let commands = Commands {
            envelope: &envelope,
            offer: &PIPELINING,
            message: None,
        };
        transaction.write(&commands, &mut Vec::new());
        let mut reader = ReplyReader::default();
        for code in codes {
            let line = format!("{code} x\r\n");
            reader.space()[..line.len()].copy_from_slice(line.as_bytes());
            reader.filled(line.len());
            transaction.receive(&reader.take().unwrap().unwrap())?;
        }
        assert!(!transaction.awaits_reply(), "{codes:?}");
        Ok(transaction.decision())
    }

    #[test]
    fn replies_amount_to_a_decision() {
        let cases: [(Hand, usize, &[u16], Decision); 13] = [
            (Hand::Dot, 1, &[250, 250, 354], Decision::HandOver),
            (Hand::Dot, 1, &[250, 251, 354], Decision::HandOver),
            (Hand::Dot, 2, &[250, 250, 550, 354], Decision::HandOver),
            (Hand::Dot, 1, &[250, 550, 554], Decision::Refused),
            (Hand::Dot, 1, &[550, 503, 503], Decision::Refused),
            (Hand::Dot, 1, &[250, 250, 451], Decision::Refused),
            (Hand::Dot, 1, &[250, 550, 354], Decision::EndEmpty),
            (Hand::Dot, 2, &[250, 550, 550, 354], Decision::EndEmpty),
            (Hand::Dot, 2, &[250, 550, 250, 354], Decision::Abandon),
            (Hand::Chunk, 2, &[250, 250, 250], Decision::HandOver),
            (Hand::Chunk, 2, &[250, 550, 250], Decision::Refused),
            (Hand::ChunkAtOnce, 1, &[250, 250, 250], Decision::Answered),
            (Hand::ChunkAtOnce, 1, &[250, 550, 503], Decision::Refused),
        ];
        for (hand, recipients, codes, expected) in cases {
            let decided = play(hand, recipients, codes);
            assert_eq!(decided, Ok(expected), "{hand:?} {codes:?}");
        }
    }

    #[test]
    fn replies_to_another_question_are_violations() {
        let cases: [&[u16]; 4] = [&[354], &[250, 354], &[250, 250, 250], &[334]];
        for codes in cases {
            let played = play(Hand::Dot, 1, codes);
            assert!(
                matches!(played, Err(Interruption::Violation(_))),
                "{codes:?}"
            );
        }
        let closing = play(Hand::Dot, 1, &[250, 421]);
        assert!(matches!(closing, Err(Interruption::Closing(_))));
    }

    #[test]
    fn without_pipelining_one_command_waits_for_the_other() {
        let envelope = envelope(1);
        let offer = Offer::default();
        let commands = Commands {
            envelope: &envelope,
            offer: &offer,
            message: Some(b"x"),
        };
        let mut transaction = Transaction::new(Hand::Dot, &envelope, Before::Unfinished);
        let mut out = Vec::new();
        transaction.write(&commands, &mut out);
        transaction.write(&commands, &mut out);
        assert_eq!(out, b"RSET\r\n");
    }
}
