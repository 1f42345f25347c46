//! How many may follow at once: from one address, and in all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Streams at once from one address.
pub(super) const SEATS_OF_ONE_MAX: usize = 20;
/// Streams at once.
pub(super) const SEATS_MAX: usize = 12_000;

/// The seats that are taken, by address.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    by_address: HashMap<IpAddr, usize>,
    all: usize,
}

/// One who follows; the seat is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

/// Which bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// That of one address.
    One,
    /// That of all.
    All,
}

impl Seats {
    /// Takes a seat.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Seat, Full> {
        let mut taken = self.taken();
        if taken.all >= SEATS_MAX {
            return Err(Full::All);
        }
        let own = taken.by_address.entry(address).or_default();
        if *own >= SEATS_OF_ONE_MAX {
            return Err(Full::One);
        }
        *own += 1;
        taken.all += 1;
        let seats = Arc::clone(self);
        Ok(Seat { seats, address })
    }

    /// How many are taken.
    pub(super) fn count(&self) -> usize {
        self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all -= 1;
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x7f00_0000 + number))
    }

    #[test]
    fn one_address_has_so_many_seats_and_gets_them_back() {
        let seats = Arc::new(Seats::default());
        let mut held: Vec<Seat> = (0..SEATS_OF_ONE_MAX)
            .map(|_| seats.take(address(1)).unwrap())
            .collect();
        assert_eq!(seats.take(address(1)).unwrap_err(), Full::One);
        assert!(seats.take(address(2)).is_ok());
        held.pop();
        held.push(seats.take(address(1)).unwrap());
        drop(held);
        let taken = seats.taken();
        assert_eq!((taken.all, taken.by_address.len()), (0, 0));
    }

    #[test]
    fn all_together_have_so_many_seats() {
        let seats = Arc::new(Seats::default());
        let held: Vec<Seat> = (0..SEATS_MAX as u32)
            .map(|number| seats.take(address(number)).unwrap())
            .collect();
        assert_eq!(seats.take(address(99_999)).unwrap_err(), Full::All);
        drop(held);
        assert!(seats.take(address(99_999)).is_ok());
    }
}
