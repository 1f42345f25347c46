//! Sends one letter to everyone on a list through lettre, and keeps nothing.
//!
//! Arguments: `pool` or `connections`, port, `plain` or `starttls`, connections, list, letter.

mod route;

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines};
use std::sync::{Arc, Mutex, PoisonError};

use lettre::message::SinglePart;
use lettre::{AsyncTransport, Message};
use tokio::task::JoinSet;

use crate::route::{Receiver, Route, pool};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [way, port, security, connections, list, letter] = arguments.as_slice() else {
        return Err("expected: WAY PORT SECURITY CONNECTIONS LIST LETTER".into());
    };
    let receiver = Receiver::new(port.parse()?, security)?;
    let connections = connections.parse()?;
    let job = Arc::new(Job {
        rows: Mutex::new(BufReader::new(File::open(list)?).lines()),
        letter: fs::read_to_string(letter)?,
    });
    let _column_names = job.next_row()?;
    let pool = (way == "pool").then(|| pool(&receiver, connections));
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let route = match &pool {
            Some(pool) => Route::Pool(pool.clone()),
            None => Route::Connection(Box::new(receiver.connect().await?)),
        };
        senders.spawn(Arc::clone(&job).send_rows(route));
    }
    while let Some(end) = senders.join_next().await {
        end??;
    }
    if let Some(pool) = pool {
        pool.shutdown().await;
    }
    Ok(())
}

struct Job {
    rows: Mutex<Lines<BufReader<File>>>,
    letter: String,
}

impl Job {
    fn next_row(&self) -> Result<Option<String>, Failure> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(rows.next().transpose()?)
    }

    async fn send_rows(self: Arc<Self>, mut route: Route) -> Result<(), Failure> {
        while let Some(row) = self.next_row()? {
            route.send(self.message(&row)?).await?;
        }
        route.leave().await;
        Ok(())
    }

    fn message(&self, row: &str) -> Result<Message, Failure> {
        let mut fields = row.trim_end().splitn(3, ',');
        let mut field = || fields.next().ok_or("a row has three fields");
        let (email, name, plan) = (field()?, field()?, field()?);
        let html = self
            .letter
            .replace("{{.email}}", email)
            .replace("{{.name}}", name)
            .replace("{{.plan}}", plan);
        Ok(Message::builder()
            .from("News <news@example.org>".parse()?)
            .to(email.parse()?)
            .subject(format!("News for {name}"))
            .singlepart(SinglePart::html(html))?)
    }
}
