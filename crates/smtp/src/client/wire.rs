//! Bytes to and from the server within deadlines: one buffer each way, reused for the connection's life.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use model::Category;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

use super::alarm::{Alarm, TooLate};
use super::dialogue::Transcript;
use crate::channel::{Channel, Transport};
use crate::wire::{ReplyError, ReplyReader};

/// How long a server's last words are waited for when a write failed.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(500);

/// What is wrong with a reply that answers nothing.
pub(crate) const SPOKE_UNASKED: &str = "the server spoke before it was asked";

/// A connection's two directions.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    pub channel: Channel<S>,
    pub replies: ReplyReader,
    /// What [`Wire::flush`] sends.
    pub out: Vec<u8>,
    pub transcript: Transcript,
    /// Bytes handed to the connection so far.
    pub sent_bytes: u64,
    /// Whether something came since we last wrote: if more is to come, its sender may wait for our ACK.
    heard: bool,
    alarm: Alarm,
}

/// Why the wire carries no further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The connection broke or was closed.
    #[error("{0}")]
    Lost(io::Error),
    /// The deadline passed.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// What came is no reply.
    #[error("{0}")]
    NoReply(ReplyError),
}

impl Trouble {
    /// The word that people sort such failures by.
    pub(crate) fn category(&self) -> Category {
        match self {
            // rustls reports what is wrong inside TLS as invalid data.
            Self::Lost(error) if error.kind() == io::ErrorKind::InvalidData => Category::Tls,
            Self::Lost(_) => Category::Connection,
            Self::TimedOut(_) => Category::Timeout,
            Self::NoReply(_) => Category::Protocol,
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<ReplyError> for Trouble {
    fn from(error: ReplyError) -> Self {
        Self::NoReply(error)
    }
}

impl<S: Transport> Wire<S> {
    pub(crate) fn new(channel: Channel<S>) -> Self {
        Self {
            channel,
            replies: ReplyReader::default(),
            out: Vec::new(),
            transcript: Transcript::default(),
            sent_bytes: 0,
            heard: false,
            alarm: Alarm::default(),
        }
    }

    /// Sends what is in `out` and empties it.
    pub(crate) async fn flush(&mut self, within: Duration) -> Result<(), Trouble> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        let written = self.write(&out, within).await;
        self.out = out;
        self.out.clear();
        written
    }

    /// Sends bytes that lie elsewhere.
    pub(crate) async fn write(&mut self, bytes: &[u8], within: Duration) -> Result<(), Trouble> {
        let mut alarm = std::mem::take(&mut self.alarm);
        let written = alarm.within(within, self.write_all(bytes)).await;
        self.alarm = alarm;
        match written {
            Ok(written) => Ok(written?),
            Err(TooLate) => Err(Trouble::TimedOut(within)),
        }
    }

    async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.heard = false;
        while !bytes.is_empty() {
            let count = self.channel.write(bytes).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.sent_bytes += count as u64;
            bytes = &bytes[count..];
        }
        self.channel.flush().await
    }

    /// Waits until a whole reply is there. The deadline is for all of it, so that dripping bytes cannot
    /// stretch it.
    pub(crate) async fn reply_is_there(&mut self, within: Duration) -> Result<(), Trouble> {
        if self.replies.has_reply()? {
            return Ok(());
        }
        let mut alarm = std::mem::take(&mut self.alarm);
        let read = alarm.within(within, self.read_reply()).await;
        self.alarm = alarm;
        match read {
            Ok(read) => read,
            Err(TooLate) => Err(Trouble::TimedOut(within)),
        }
    }

    async fn read_reply(&mut self) -> Result<(), Trouble> {
        loop {
            if self.heard {
                self.channel.acknowledge();
            }
            let count = self.channel.read(self.replies.space()).await?;
            if count == 0 {
                return Err(closed().into());
            }
            self.heard = true;
            self.replies.filled(count);
            if self.replies.has_reply()? {
                return Ok(());
            }
        }
    }

    /// After a failed write: waits shortly for a reply that tells why.
    pub(crate) async fn last_words_are_there(&mut self) -> bool {
        self.reply_is_there(LAST_WORDS_WAIT).await.is_ok()
    }

    /// Looks, without waiting, whether the server closed or spoke while nothing was asked of it.
    pub(crate) async fn is_quiet(&mut self) -> Result<bool, Trouble> {
        if !self.replies.is_empty() {
            return Ok(false);
        }
        let (channel, replies) = (&mut self.channel, &mut self.replies);
        let seen = poll_fn(|cx| {
            let mut space = ReadBuf::new(replies.space());
            match Pin::new(&mut *channel).poll_read(cx, &mut space) {
                Poll::Pending => Poll::Ready(Ok(None)),
                Poll::Ready(Ok(())) => Poll::Ready(Ok(Some(space.filled().len()))),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            }
        });
        match seen.await? {
            None => Ok(true),
            Some(0) => Err(closed().into()),
            Some(count) => {
                self.replies.filled(count);
                Ok(false)
            }
        }
    }
}

/// The server closed the connection.
pub(crate) fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the server closed the connection",
    )
}
