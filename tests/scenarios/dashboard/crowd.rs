//! Many clients at once, each from an address of its own: one address may hold only so many connections.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::harness::Dashboard;

/// Clients of one address.
const OF_ONE_ADDRESS: usize = 10;
/// What the kernel takes for a client that reads nothing, in bytes: as little as it may.
const RECEIVE_BUFFER_BYTES: usize = 2_048;

/// Connects the n-th client.
pub fn connect(to: SocketAddr, number: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let place = (number / OF_ONE_ADDRESS) as u32;
    // 127.1.0.1 and on: all of 127.0.0.0/8 is this machine.
    let from = Ipv4Addr::from_bits(0x7f01_0001 + place);
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// Connects clients that each write this and nothing more.
pub fn write_only(
    dashboard: &Dashboard,
    numbers: std::ops::Range<usize>,
    text: &str,
) -> Vec<TcpStream> {
    let say = |number| {
        let mut stream = connect(dashboard.address, number);
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    numbers.map(say).collect()
}

/// Whether the server has closed or reset a connection. A client that stalled is reset: what it did not read may be
/// there still.
pub fn is_closed(stream: &TcpStream) -> bool {
    if stream.take_error().unwrap().is_some() {
        return true;
    }
    stream.set_nonblocking(true).unwrap();
    match stream.peek(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}
