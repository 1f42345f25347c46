//! Who decides: what a server does with senders, recipients and messages.

use std::future::{Future, ready};

use model::{Address, Envelope, Reply, Secret};

/// What to do at one point of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on, with the usual reply.
    Accept,
    /// Say this. A 2xx (354 for DATA, 220 for the greeting) goes on, anything else refuses; 421 also closes.
    Reply(Reply),
    /// Close the connection without a word.
    Drop,
}

impl Action {
    /// A reply of that code and text.
    pub fn reply(code: u16, text: &str) -> Self {
        Self::Reply(Reply {
            code,
            enhanced: None,
            text: text.into(),
        })
    }
}

/// One connection's decisions. To stall a client, wait before answering; what was answered before goes out
/// meanwhile.
pub trait Handler: Send {
    /// A client connected.
    fn greeting(&mut self) -> impl Future<Output = Action> + Send {
        ready(Action::Accept)
    }

    /// Somebody wants to log in. The password must be compared in constant time.
    fn authenticate(
        &mut self,
        _username: &str,
        _password: &Secret,
    ) -> impl Future<Output = Action> + Send {
        ready(Action::reply(535, "5.7.8 authentication failed"))
    }

    /// MAIL FROM; `None` is the null sender.
    fn mail(&mut self, _sender: Option<&Address>) -> impl Future<Output = Action> + Send {
        ready(Action::Accept)
    }

    /// RCPT TO.
    fn recipient(&mut self, _recipient: &Address) -> impl Future<Output = Action> + Send {
        ready(Action::Accept)
    }

    /// DATA or the first BDAT, with at least one recipient accepted. The bytes of BDAT come in any case; a refusal
    /// is then said behind them.
    fn data(&mut self, _envelope: &Envelope) -> impl Future<Output = Action> + Send {
        ready(Action::Accept)
    }

    /// A whole message, dots unstuffed. To accept it is to take responsibility for it.
    fn message(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
    ) -> impl Future<Output = Action> + Send;
}
