//! Commands: written by the client, told apart by the server.

use std::io::Write;

use model::Address;

/// A command's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `EHLO` (RFC 5321 §4.1.1.1).
    Ehlo,
    /// `HELO`.
    Helo,
    /// `MAIL FROM:`.
    Mail,
    /// `RCPT TO:`.
    Rcpt,
    /// `DATA`.
    Data,
    /// `BDAT` (RFC 3030).
    Bdat,
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `VRFY`.
    Vrfy,
    /// `HELP`.
    Help,
    /// `QUIT`.
    Quit,
    /// `STARTTLS` (RFC 3207).
    Starttls,
    /// `AUTH` (RFC 4954).
    Auth,
}

impl Verb {
    /// Every verb with its name.
    const NAMES: [(&'static str, Self); 13] = [
        ("MAIL", Self::Mail),
        ("RCPT", Self::Rcpt),
        ("DATA", Self::Data),
        ("BDAT", Self::Bdat),
        ("RSET", Self::Rset),
        ("EHLO", Self::Ehlo),
        ("HELO", Self::Helo),
        ("NOOP", Self::Noop),
        ("VRFY", Self::Vrfy),
        ("HELP", Self::Help),
        ("QUIT", Self::Quit),
        ("STARTTLS", Self::Starttls),
        ("AUTH", Self::Auth),
    ];

    /// The verb of a command line and what follows it.
    pub fn split(line: &str) -> Option<(Self, &str)> {
        let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
        let found = Self::NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|&(_, verb)| (verb, argument.trim()))
    }
}

/// The parameters of MAIL FROM that a client may give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE=`, in bytes (RFC 1870).
    pub size: Option<usize>,
    /// `BODY=`, whatever the message is made of.
    pub body: Option<BodyType>,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: Option<Smtputf8>,
}

/// What the bytes of a message are (RFC 6152).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    /// `BODY=8BITMIME`.
    EightBit,
}

/// The transaction has addresses beyond ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smtputf8;

/// Appends `MAIL FROM:<sender>` with its parameters.
pub fn write_mail(out: &mut Vec<u8>, sender: Option<&Address>, parameters: MailParameters) {
    out.extend_from_slice(b"MAIL FROM:<");
    out.extend_from_slice(sender.map_or("", Address::as_str).as_bytes());
    out.push(b'>');
    if let Some(size) = parameters.size {
        // Writing to memory does not fail.
        let _ = write!(out, " SIZE={size}");
    }
    if let Some(BodyType::EightBit) = parameters.body {
        out.extend_from_slice(b" BODY=8BITMIME");
    }
    if let Some(Smtputf8) = parameters.smtputf8 {
        out.extend_from_slice(b" SMTPUTF8");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `RCPT TO:<recipient>`.
pub fn write_rcpt(out: &mut Vec<u8>, recipient: &Address) {
    out.extend_from_slice(b"RCPT TO:<");
    out.extend_from_slice(recipient.as_str().as_bytes());
    out.extend_from_slice(b">\r\n");
}

/// Appends the header of a last chunk of `bytes` bytes.
pub fn write_bdat_last(out: &mut Vec<u8>, bytes: usize) {
    let _ = write!(out, "BDAT {bytes} LAST\r\n");
}

/// Appends a command line that is a name, or a name and an argument already known to be clean.
pub fn write_line(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_whole() {
        let ada = Address::parse("ada@example.org").unwrap();
        let mut out = Vec::new();
        let all = MailParameters {
            size: Some(1234),
            body: Some(BodyType::EightBit),
            smtputf8: Some(Smtputf8),
        };
        write_mail(&mut out, Some(&ada), all);
        write_mail(&mut out, None, MailParameters::default());
        write_rcpt(&mut out, &ada);
        write_bdat_last(&mut out, 7);
        let expected = "MAIL FROM:<ada@example.org> SIZE=1234 BODY=8BITMIME SMTPUTF8\r\n\
                        MAIL FROM:<>\r\nRCPT TO:<ada@example.org>\r\nBDAT 7 LAST\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn verbs_are_told_apart_in_any_case() {
        assert_eq!(Verb::split("mail FROM:<>"), Some((Verb::Mail, "FROM:<>")));
        assert_eq!(Verb::split("QUIT"), Some((Verb::Quit, "")));
        assert_eq!(Verb::split("EHLO  x "), Some((Verb::Ehlo, "x")));
        for other in ["", "MAILFROM:<>", "XCLIENT a=b", " QUIT"] {
            assert_eq!(Verb::split(other), None, "{other}");
        }
    }
}
