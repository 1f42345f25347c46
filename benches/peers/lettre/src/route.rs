//! The two ways that lettre has to a receiver: its pool, and its connections one by one.

use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::net::TcpStream;

use crate::Failure;

pub type Pool = AsyncSmtpTransport<Tokio1Executor>;

const HOST: &str = "127.0.0.1";

/// Where the letters go.
pub struct Receiver {
    port: u16,
    tls: Option<TlsParameters>,
}

impl Receiver {
    pub fn new(port: u16, security: &str) -> Result<Self, Failure> {
        let tls = match security {
            "plain" => None,
            // The receiver signs its own certificate.
            "starttls" => Some(
                TlsParameters::builder(HOST.to_owned())
                    .dangerous_accept_invalid_certs(true)
                    .build()?,
            ),
            other => return Err(format!("neither plain nor starttls: {other}").into()),
        };
        Ok(Self { port, tls })
    }

    /// A connection outside of the pool. It does what the pool of this version cannot be told to: send the end of a
    /// message at once, without waiting until the receiver has acknowledged what came before.
    pub async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let stream = TcpStream::connect((HOST, self.port)).await?;
        stream.set_nodelay(true)?;
        let hello = ClientId::default();
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await?;
        if let Some(tls) = self.tls.clone() {
            connection.starttls(tls, &hello).await?;
        }
        Ok(connection)
    }
}

pub fn pool(receiver: &Receiver, connections: u32) -> Pool {
    Pool::builder_dangerous(HOST)
        .port(receiver.port)
        .tls(receiver.tls.clone().map_or(Tls::None, Tls::Required))
        .pool_config(PoolConfig::new().max_size(connections))
        .build()
}

/// What one sender sends over.
pub enum Route {
    Pool(Pool),
    Connection(Box<AsyncSmtpConnection>),
}

impl Route {
    pub async fn send(&mut self, message: Message) -> Result<(), Failure> {
        match self {
            Self::Pool(pool) => pool.send(message).await?,
            Self::Connection(connection) => {
                let bytes = message.formatted();
                connection.send(message.envelope(), &bytes).await?
            }
        };
        Ok(())
    }

    pub async fn leave(self) {
        if let Self::Connection(mut connection) = self {
            connection.abort().await;
        }
    }
}
