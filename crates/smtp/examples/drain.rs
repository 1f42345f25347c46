//! Takes every message and forgets it: `drain PORT`, on one thread, until it is interrupted.
#![expect(
    clippy::print_stdout,
    reason = "a program for the terminal that only prints"
)]

use std::error::Error;
use std::future::{pending, ready};
use std::net::Ipv4Addr;
use std::sync::Arc;

use model::Envelope;
use smtp::{Action, Handler, Peer, ServerConfig, serve};
use tokio::net::TcpListener;

struct Forget;

impl Handler for Forget {
    fn message(&mut self, _: &Envelope, _: &[u8]) -> impl Future<Output = Action> + Send {
        ready(Action::Accept)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args()
        .nth(1)
        .ok_or("usage: drain PORT")?
        .parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(listen(port))
}

async fn listen(port: u16) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on {}", listener.local_addr()?);
    let config = Arc::new(ServerConfig::new("localhost"));
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let config = Arc::clone(&config);
        tokio::spawn(async move {
            // How a connection ends does not matter here.
            let _ = serve(stream, Peer::of(peer.ip()), &config, &mut Forget, pending()).await;
        });
    }
}
