//! Takes every message and forgets it: `drain PORT [starttls]`, on one thread, until it is interrupted.
#![expect(
    clippy::print_stdout,
    reason = "a program for the terminal that only prints"
)]

use std::error::Error;
use std::future::{pending, ready};
use std::net::Ipv4Addr;
use std::sync::Arc;

use model::Envelope;
use rustls_pki_types::PrivatePkcs8KeyDer;
use smtp::server::ServerTls;
use smtp::{Action, Handler, Peer, ServerConfig, serve};
use tokio::net::TcpListener;

struct Forget;

impl Handler for Forget {
    fn message(&mut self, _: &Envelope, _: &[u8]) -> impl Future<Output = Action> + Send {
        ready(Action::Accept)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().ok_or("usage: drain PORT [starttls]")?;
    let mut config = ServerConfig::new("localhost");
    if arguments.next().is_some_and(|word| word == "starttls") {
        config.tls = ServerTls::StartTls(Arc::new(tls()?));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(listen(port.parse()?, Arc::new(config)))
}

/// TLS with a certificate made on the spot.
fn tls() -> Result<rustls::ServerConfig, Box<dyn Error>> {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".into()])?;
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())?)
}

async fn listen(port: u16, config: Arc<ServerConfig>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on {}", listener.local_addr()?);
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
