//! What arrives in mailboxes.

use model::MessageId;

/// What a message that came back says of itself.
const ID: &str = "X-Genro-Mail-ID: gp-7001";

/// A bounce of Ada's message with this id, for good: 550 5.1.1.
pub fn bounce(id: MessageId) -> String {
    let template = include_str!("../../corpus/bounces/dsn-postfix-hard.eml");
    template.replace(ID, &format!("X-Genro-Mail-ID: {id}"))
}

/// The same, for the time being: 452 4.2.2.
pub fn soft_bounce(id: MessageId) -> String {
    let soft = bounce(id).replace("550 5.1.1", "452 4.2.2");
    soft.replace("Status: 5.1.1", "Status: 4.2.2")
}

/// Word that Ada's message waits somewhere.
pub fn delay(id: MessageId) -> String {
    let template = include_str!("../../corpus/bounces/dsn-postfix-delayed.eml");
    template.replace(ID, &format!("X-Genro-Mail-ID: {id}"))
}

/// A bounce that has the `Message-ID` only, to one recipient.
pub fn bounce_by_message_id(message_id: &str, recipient: &str) -> String {
    let template = include_str!("../../corpus/bounces/dsn-postfix-hard.eml");
    template
        .replace("X-Genro-Mail-ID: gp-7001\n", "")
        .replace("7001.gp@sender.example", message_id)
        .replace("ada@reader.example", recipient)
}

/// A receipt of certified mail: its kind, the `Message-ID` it is about, to whom that went, and whom the receipt is of.
pub fn receipt(kind: &str, message_id: &str, to: &[&str], of: Option<&str>) -> String {
    let to = to
        .iter()
        .map(|address| format!("<destinatari tipo=\"certificato\">{address}</destinatari>"));
    let to = to.collect::<String>();
    let of = of.map(|address| format!("<consegna>{address}</consegna>"));
    let of = of.unwrap_or_default();
    format!(
        "Return-Path: <posta-certificata@pec.example>\nX-Ricevuta: {kind}\n\
         X-Riferimento-Message-ID: <{message_id}>\nFrom: posta-certificata@pec.example\n\
         To: ditta@pec.example\nSubject: {kind}: Ordine\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=\"in\"\n\n--in\nContent-Type: text/plain\n\n\
         Il messaggio e' stato trattato.\n\n--in\n\
         Content-Type: application/xml; name=\"daticert.xml\"\n\n\
         <postacert tipo=\"{kind}\"><intestazione>{to}</intestazione><dati>\
         <msgid>&lt;{message_id}&gt;</msgid>{of}</dati></postacert>\n\n--in--\n"
    )
}

/// The same with the message that it is about enclosed, which names its id.
pub fn receipt_with_message(kind: &str, id: MessageId, message_id: &str) -> String {
    let bare = receipt(kind, message_id, &[], None);
    let enclosed = format!(
        "--in\nContent-Type: message/rfc822; name=\"postacert.eml\"\n\nFrom: ditta@pec.example\n\
         Message-ID: <{message_id}>\nX-Genro-Mail-ID: {id}\nSubject: Ordine\n\nCiao\n\n--in--\n"
    );
    bare.replace("--in--\n", &enclosed)
}

/// Mail from outside, as a provider of certified mail hands it over: in an envelope.
pub fn in_envelope(mail: &str) -> String {
    format!(
        "X-Trasporto: errore\nFrom: posta-certificata@pec.example\nTo: ditta@pec.example\n\
         Subject: ANOMALIA MESSAGGIO: x\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=\"envelope\"\n\n--envelope\n\
         Content-Type: message/rfc822\n\n{mail}\n--envelope--\n"
    )
}

/// A report that the message to each of these recipients came back.
pub fn report_about(message_id: &str, recipients: &[&str]) -> String {
    let block = |recipient: &&str| {
        format!(
            "Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1\n\
             Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
        )
    };
    let blocks: String = recipients.iter().map(block).collect();
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.sender.example\nSubject: Undelivered Mail\n\
         MIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"r\"\n\n\
         --r\nContent-Type: text/plain\n\nIt could not be delivered.\n\n\
         --r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.sender.example\n\n\
         {blocks}--r\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{message_id}>\n\n--r--\n"
    )
}
