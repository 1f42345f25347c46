//! How often each client showed a wrong token lately, in a table of a fixed size.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Wrong tokens within a window after which a client has to wait for the window's end.
pub const MISSES_MAX: u32 = 10;
/// How long a client's window is.
const WINDOW: Duration = Duration::from_secs(60);
/// Clients that are remembered; beyond them, the oldest window is forgotten.
const CLIENTS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub struct Misses {
    by_client: HashMap<IpAddr, Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    misses: u32,
}

impl Misses {
    /// How long the client has to wait until its tokens are looked at again.
    pub fn wait(&self, client: IpAddr, now: Instant) -> Option<Duration> {
        let window = self.by_client.get(&client)?;
        let left = WINDOW.checked_sub(now.duration_since(window.began))?;
        (window.misses >= MISSES_MAX && !left.is_zero()).then_some(left)
    }

    /// Counts one more wrong token.
    pub fn note(&mut self, client: IpAddr, now: Instant) {
        if self.by_client.len() >= CLIENTS_MAX && !self.by_client.contains_key(&client) {
            self.make_room(now);
        }
        let window = self.by_client.entry(client).or_insert(Window {
            began: now,
            misses: 0,
        });
        if now.duration_since(window.began) >= WINDOW {
            *window = Window {
                began: now,
                misses: 0,
            };
        }
        window.misses = window.misses.saturating_add(1);
    }

    fn make_room(&mut self, now: Instant) {
        self.by_client
            .retain(|_, window| now.duration_since(window.began) < WINDOW);
        if self.by_client.len() < CLIENTS_MAX {
            return;
        }
        let oldest = self.by_client.iter().min_by_key(|(_, window)| window.began);
        if let Some(client) = oldest.map(|(client, _)| *client) {
            self.by_client.remove(&client);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn ten_misses_bar_a_client_until_its_window_ends() {
        let (mut misses, start) = (Misses::default(), Instant::now());
        for miss in 0..MISSES_MAX {
            assert_eq!(misses.wait(client(1), start), None, "after {miss}");
            misses.note(client(1), start + Duration::from_secs(miss.into()));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(misses.wait(client(1), later), Some(Duration::from_secs(40)));
        assert_eq!(misses.wait(client(2), later), None);
        assert_eq!(misses.wait(client(1), start + WINDOW), None);
        misses.note(client(1), start + WINDOW);
        assert_eq!(misses.wait(client(1), start + WINDOW), None);
    }

    #[test]
    fn a_flood_of_clients_does_not_grow_the_table() {
        let (mut misses, start) = (Misses::default(), Instant::now());
        let flood = CLIENTS_MAX as u32 + 100;
        for number in 0..flood {
            misses.note(client(number), start + Duration::from_millis(number.into()));
        }
        assert_eq!(misses.by_client.len(), CLIENTS_MAX);
        assert!(
            !misses.by_client.contains_key(&client(0)),
            "the oldest goes first"
        );
        misses.note(client(flood), start + WINDOW * 2);
        assert_eq!(misses.by_client.len(), 1, "what is over goes at once");
    }
}
