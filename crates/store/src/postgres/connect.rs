//! Single connections, for what no pool is needed for.

use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

use super::address::Address;
use super::fault::lost;
use crate::{Result, StoreError};

/// How long the way to the server and its greeting may take.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// Opens a connection; the task drives it, and ends with the client.
pub(super) async fn open(address: &Address) -> Result<(Client, JoinHandle<()>)> {
    let (client, messages) = connect(address).await?;
    let task = tokio::spawn(async move {
        let mut messages = pin!(messages);
        while let Some(message) = messages.next().await {
            // Whoever uses the client sees the error as well.
            if let Err(error) = message {
                return tracing::debug!(%error, "a connection with the database ended");
            }
        }
    });
    Ok((client, task))
}

/// Opens a connection; what the server says unasked drives it, and ends with it.
pub(super) async fn connect(
    address: &Address,
) -> Result<(
    Client,
    impl Stream<Item = std::result::Result<AsyncMessage, tokio_postgres::Error>> + Send + 'static,
)> {
    let connector = address.connector().map_err(StoreError::Refused)?;
    let config = address.config();
    let opening = config.connect(connector);
    let (client, mut connection) = tokio::time::timeout(OPEN_MAX, opening)
        .await
        .map_err(|_| lost())??;
    let messages = stream::poll_fn(move |context| connection.poll_message(context));
    Ok((client, messages))
}
