//! A wire between processes and their database: bytes go through as they come, until a test cuts it or holds it up.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

/// Bytes that are passed on at once.
const PIECE: usize = 64 * 1024;

/// A running wire.
pub struct Wire {
    /// The database's address, with the wire's port in place of its own.
    address: String,
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    to: u16,
    links: Mutex<Vec<Weak<Link>>>,
    is_held_up: Mutex<bool>,
    goes_on: Condvar,
    has_ended: AtomicBool,
}

/// A connection, and the one that it is passed on to.
struct Link {
    near: TcpStream,
    far: TcpStream,
    is_cut: AtomicBool,
}

impl Wire {
    /// A wire to the database at this address, which names its port.
    pub fn before(address: &str) -> Self {
        let (head, database) = address.rsplit_once('/').unwrap();
        let (host, port) = head.rsplit_once(':').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            to: port.parse().unwrap(),
            links: Mutex::default(),
            is_held_up: Mutex::new(false),
            goes_on: Condvar::new(),
            has_ended: AtomicBool::new(false),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address: format!("{host}:{own}/{database}"),
            port: own,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Where the database is found through it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends every connection at once, on both sides, without a farewell (RST).
    pub fn cut(&self) {
        for link in self.shared.links.lock().unwrap().drain(..) {
            if let Some(link) = link.upgrade() {
                link.cut();
            }
        }
    }

    /// From now on it takes bytes and passes nothing on, not even an end.
    pub fn hold_up(&self) {
        *self.shared.is_held_up.lock().unwrap() = true;
    }

    /// Passes on what it took, and what comes.
    pub fn go_on(&self) {
        *self.shared.is_held_up.lock().unwrap() = false;
        self.shared.goes_on.notify_all();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::SeqCst);
        // Wakes who waits for a connection, then who waits for bytes or for the wire to go on.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.cut();
        self.go_on();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for near in listener.incoming() {
        if shared.has_ended.load(Ordering::SeqCst) {
            return;
        }
        // Without a database there is nobody to pass anything on to, and whoever came sees the end.
        let Ok(far) = TcpStream::connect(("127.0.0.1", shared.to)) else {
            continue;
        };
        let link = Arc::new(Link {
            near: near.unwrap(),
            far,
            is_cut: AtomicBool::new(false),
        });
        let _ = link.near.set_nodelay(true);
        let _ = link.far.set_nodelay(true);
        let mut links = shared.links.lock().unwrap();
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(&link));
        drop(links);
        let back = (Arc::clone(&link), Arc::clone(shared));
        let there = (link, Arc::clone(shared));
        thread::spawn(move || there.0.pass_on(&there.0.near, &there.0.far, &there.1));
        thread::spawn(move || back.0.pass_on(&back.0.far, &back.0.near, &back.1));
    }
}

impl Link {
    /// Passes bytes on in one direction to their end, and then the end.
    fn pass_on(&self, mut from: &TcpStream, mut to: &TcpStream, shared: &Shared) {
        let mut piece = vec![0; PIECE];
        loop {
            let count = from.read(&mut piece).unwrap_or(0);
            shared.until_it_goes_on();
            if self.is_cut.load(Ordering::SeqCst) {
                return;
            }
            if count == 0 || to.write_all(&piece[..count]).is_err() {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in [&self.near, &self.far] {
            // What is closed after that is reset; whoever reads here wakes up and lets go.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

impl Shared {
    fn until_it_goes_on(&self) {
        let mut is_held_up = self.is_held_up.lock().unwrap();
        while *is_held_up {
            is_held_up = self.goes_on.wait(is_held_up).unwrap();
        }
    }
}
