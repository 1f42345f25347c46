//! A relay whose every answer the test decides, for what no honest server does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Where in a dialogue the relay is about to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment<'a> {
    /// The greeting of the n-th connection, counted from 0.
    Greeting(usize),
    /// EHLO.
    Hello,
    /// MAIL FROM.
    Mail,
    /// RCPT TO this address.
    Recipient(&'a str),
    /// DATA of a message to this address.
    Data(&'a str),
    /// The final dot of a message to this address.
    End(&'a str),
}

/// What it does instead of the usual answer.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Sends these bytes as they are, and goes on.
    Say(Vec<u8>),
    /// Closes the connection.
    Drop,
    /// Says nothing until the client goes.
    Hang,
    /// Sends these bytes again and again until the client goes.
    Endless(&'static [u8]),
    /// Sends these bytes one by one with this pause, again and again until the client goes.
    Drip(&'static [u8], Duration),
}

type Script = dyn Fn(Moment<'_>) -> Option<Deed> + Send + Sync;

/// A message it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Every recipient of the envelope.
    pub recipients: Vec<String>,
    /// Every byte between DATA's answer and the line of the final dot, dots stuffed as they came.
    pub raw: Vec<u8>,
    /// The name that its client gave itself.
    pub client: String,
    /// When it was complete.
    pub at: Instant,
}

/// A running relay.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    script: Box<Script>,
    taken: Mutex<Vec<Taken>>,
    open: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
    ended: AtomicBool,
}

impl Relay {
    /// Starts one. `script` says what it does at each moment; `None` is the usual answer.
    pub fn start(script: impl Fn(Moment<'_>) -> Option<Deed> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            taken: Mutex::default(),
            open: Mutex::default(),
            connections: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            port,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections it was asked for until now.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The messages it took until now.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// The recipients of all those messages, in order.
    pub fn recipients(&self) -> Vec<String> {
        let taken = self.taken();
        taken.into_iter().flat_map(|one| one.recipients).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes who waits for a connection, then everybody who waits for bytes.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for stream in self.shared.open.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        let stream = stream.unwrap();
        stream.set_nodelay(true).unwrap();
        shared
            .open
            .lock()
            .unwrap()
            .push(stream.try_clone().unwrap());
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let visit = Visit {
                reader: BufReader::new(stream.try_clone().unwrap()),
                stream: stream.try_clone().unwrap(),
                shared,
                client: String::new(),
                recipients: Vec::new(),
            };
            // A client that goes away in the middle is nothing special here.
            let _ = visit.run(number);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

/// One connection.
struct Visit {
    reader: BufReader<TcpStream>,
    stream: TcpStream,
    shared: Arc<Shared>,
    client: String,
    recipients: Vec<String>,
}

impl Visit {
    fn run(mut self, number: usize) -> std::io::Result<()> {
        if !self.answer(Moment::Greeting(number), "220 relay.test ESMTP")? {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            let verb = line.split([' ', ':']).next().unwrap_or_default();
            let goes_on = match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    self.client = line.split(' ').nth(1).unwrap_or_default().to_owned();
                    let extensions = "250-relay.test\r\n250-PIPELINING\r\n250 8BITMIME";
                    self.answer(Moment::Hello, extensions)?
                }
                "MAIL" => {
                    self.recipients.clear();
                    self.answer(Moment::Mail, "250 2.1.0 OK")?
                }
                "RCPT" => self.recipient(line)?,
                "DATA" => self.data()?,
                "RSET" => {
                    self.recipients.clear();
                    self.say(b"250 2.0.0 OK\r\n")?
                }
                "QUIT" => {
                    self.say(b"221 2.0.0 bye\r\n")?;
                    return Ok(());
                }
                _ => self.say(b"502 5.5.1 not here\r\n")?,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    fn recipient(&mut self, line: &str) -> std::io::Result<bool> {
        let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let usual = "250 2.1.5 OK";
        let before = self.deed(Moment::Recipient(&address));
        let is_taken = before
            .as_ref()
            .is_none_or(|deed| matches!(deed, Deed::Say(bytes) if bytes.starts_with(b"2")));
        if is_taken {
            self.recipients.push(address);
        }
        self.carry_out(before, usual)
    }

    fn data(&mut self) -> std::io::Result<bool> {
        let Some(first) = self.recipients.first().cloned() else {
            return self.say(b"554 5.5.1 no valid recipients\r\n");
        };
        if !self.answer(Moment::Data(&first), "354 go ahead")? {
            return Ok(false);
        }
        let mut raw = Vec::new();
        loop {
            let start = raw.len();
            if self.reader.read_until(b'\n', &mut raw)? == 0 {
                return Ok(false);
            }
            if &raw[start..] == b".\r\n" && (start == 0 || raw[..start].ends_with(b"\r\n")) {
                raw.truncate(start);
                break;
            }
        }
        let deed = self.deed(Moment::End(&first));
        let is_taken = deed
            .as_ref()
            .is_none_or(|deed| matches!(deed, Deed::Say(bytes) if bytes.starts_with(b"2")));
        if is_taken {
            let recipients = std::mem::take(&mut self.recipients);
            let taken = Taken {
                recipients,
                raw,
                client: self.client.clone(),
                at: Instant::now(),
            };
            self.shared.taken.lock().unwrap().push(taken);
        }
        self.carry_out(deed, "250 2.0.0 taken")
    }

    fn deed(&self, moment: Moment<'_>) -> Option<Deed> {
        (self.shared.script)(moment)
    }

    fn answer(&mut self, moment: Moment<'_>, usual: &str) -> std::io::Result<bool> {
        let deed = self.deed(moment);
        self.carry_out(deed, usual)
    }

    /// Answers; whether the dialogue goes on.
    fn carry_out(&mut self, deed: Option<Deed>, usual: &str) -> std::io::Result<bool> {
        match deed {
            None => self.say(format!("{usual}\r\n").as_bytes()),
            Some(Deed::Say(bytes)) => self.say(&bytes),
            Some(Deed::Drop) => Ok(false),
            Some(Deed::Hang) => {
                let mut rest = Vec::new();
                self.reader.read_to_end(&mut rest)?;
                Ok(false)
            }
            Some(Deed::Endless(bytes)) => loop {
                self.stream.write_all(bytes)?;
            },
            Some(Deed::Drip(bytes, pause)) => loop {
                for byte in bytes {
                    self.stream.write_all(std::slice::from_ref(byte))?;
                    thread::sleep(pause);
                }
            },
        }
    }

    fn say(&mut self, bytes: &[u8]) -> std::io::Result<bool> {
        self.stream.write_all(bytes)?;
        Ok(true)
    }
}
