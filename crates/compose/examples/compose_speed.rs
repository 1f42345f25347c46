//! Prints how long it takes to make one message: `cargo run --release -p compose --example compose_speed`.

#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use compose::letter::{Letter, LetterSource, Recipient, Scratch};
use compose::mime::{Body, FieldName, IdText, body, header};
use model::{
    Address, Content, ContentHash, HeaderText, LaneId, Message, MessageId, MessageState, Priority,
    Seq, Timestamp,
};

const ROUNDS: usize = 5;
const MESSAGES_A_ROUND: u32 = 100_000;
const BODY_BYTES: usize = 4 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let message = message()?;
    let ascii = letter("Dear customer, the summer sale has begun. ")?;
    let accented = letter("Sehr geehrte Kundschaft, schöne Grüße für Sie. ")?;
    let html = ascii.preview(Recipient::from(&message))?.html;
    let html = html.unwrap_or_default();
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());

    print_time("write a rendered 4 KB HTML", || {
        write(&message, &html, &mut out);
    });
    for (name, letter) in [
        ("compose 4 KB HTML, 5 fields, ASCII", &ascii),
        ("compose 4 KB HTML, 5 fields, quoted-printable", &accented),
    ] {
        print_time(name, || {
            out.clear();
            let composed = letter.compose(&message, message.accepted_at, &mut scratch, &mut out);
            assert!(black_box(composed).is_ok());
        });
    }
    Ok(())
}

/// Runs a step many times and prints how long one takes: the median of the rounds.
fn print_time(name: &str, mut step: impl FnMut()) {
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..MESSAGES_A_ROUND).for_each(|_| step());
            start.elapsed() / MESSAGES_A_ROUND
        })
        .collect();
    rounds.sort();
    println!("{:>7} ns  {name}", rounds[ROUNDS / 2].as_nanos());
}

fn write(message: &Message, html: &str, out: &mut Vec<u8>) {
    out.clear();
    let id = IdText::from(message.id);
    header::date(out, message.accepted_at);
    header::address(out, FieldName::TO, &message.address);
    header::text(
        out,
        FieldName::SUBJECT,
        &HeaderText::cleaned("Hi Ada, news for you"),
    );
    header::message_id(out, &id, &message.address);
    body::write(out, &Body::Html(html), &[], &id);
    black_box(out);
}

fn letter(line: &str) -> Result<Letter, Box<dyn Error>> {
    let paragraph = format!("<p style=\"margin:0\">{line}</p>\n");
    let filling = paragraph.repeat(BODY_BYTES / paragraph.len());
    let html = format!(
        "<html><body><h1>Hello {{{{.first_name}}}} {{{{.last_name}}}}</h1>\n{filling}\
         <p>{{{{.company}}}}, {{{{.city}}}}: <a href=\"https://example.org/o?c={{{{.code}}}}\">open</a></p></body></html>\n"
    );
    let source = LetterSource {
        from: "Glasspost <news@example.org>".to_owned(),
        subject: "Hi {{.first_name}}, news for {{.company}}".to_owned(),
        html: Some(html),
        ..LetterSource::default()
    };
    Ok(Letter::compile(&source, &[])?)
}

fn message() -> Result<Message, Box<dyn Error>> {
    let accepted_at = Timestamp::from_millis(1_795_355_000_123);
    let data = r#"{"city":"London","code":"A-123","company":"Analytical Engines","email":"ada@example.org","first_name":"Ada","last_name":"Lovelace"}"#;
    Ok(Message {
        seq: Seq::new(1),
        id: MessageId::new(accepted_at, 7, Seq::new(1)),
        lane: LaneId(1),
        content: Content::Letter(ContentHash([0; 32])),
        priority: Priority::Medium,
        address: Address::parse("ada@example.org")?,
        data: data.into(),
        accepted_at,
        attempts: 0,
        state: MessageState::Queued,
        retry_of: None,
    })
}
