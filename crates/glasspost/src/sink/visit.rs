//! One connection's decisions, by the rules.

use std::sync::Arc;

use model::{Address, Envelope, Secret};
use smtp::server::{Action, Handler};

use super::rules::{Deed, Point, Rule};
use super::{Login, Shared};

/// An answer that is no SMTP: no code, and bytes of another protocol.
const GARBAGE: &str = "\u{16}\u{3} HTTP/1.1 418 not a mail server";

/// One connection.
pub(super) struct Visit {
    shared: Arc<Shared>,
    number: u64,
    /// The rule that waits for a later point of this transaction: that of the first recipient who has one.
    pending: Option<Rule>,
    /// Whether the point of DATA was passed; a client that sends chunks never says DATA.
    data_passed: bool,
}

impl Visit {
    pub(super) fn new(shared: Arc<Shared>, number: u64) -> Self {
        Self {
            shared,
            number,
            pending: None,
            data_passed: false,
        }
    }

    /// What a rule leads to, after its silence if it asks for one.
    async fn carry_out(&self, deed: &Deed) -> Action {
        let counts = &self.shared.counts;
        match deed {
            Deed::Accept => Action::Accept,
            Deed::Say(reply) => {
                counts.said(reply.code);
                Action::Reply(reply.clone())
            }
            Deed::Stall(pause) => {
                counts.stalled();
                tokio::select! {
                    () = tokio::time::sleep(*pause) => Action::Accept,
                    () = self.shared.stop.cancelled() => Action::Drop,
                }
            }
            Deed::Drop => {
                counts.dropped();
                Action::Drop
            }
            Deed::Garbage => {
                counts.garbage();
                Action::reply(0, GARBAGE)
            }
        }
    }

    /// Carries out the rule that waits for this point, if one does.
    async fn at(&mut self, point: Point) -> Action {
        match self.pending.take_if(|rule| rule.point == point) {
            Some(rule) => self.carry_out(&rule.deed).await,
            None => Action::Accept,
        }
    }

    /// Keeps and counts a message that is accepted.
    fn take(&self, envelope: &Envelope, message: &[u8]) -> Action {
        let settings = &self.shared.settings;
        let kept = settings
            .keeping
            .keep(envelope, message, self.shared.clock.now());
        if let Err(error) = kept {
            tracing::error!(%error, "a message could not be kept");
            return Action::reply(452, "4.3.1 the message could not be kept");
        }
        let count = self
            .shared
            .counts
            .accepted(envelope.recipients.len(), message.len());
        if settings
            .count_every
            .is_some_and(|every| every > 0 && count.is_multiple_of(every))
        {
            crate::terminal::remark(&self.shared.counts.snapshot().to_string());
        }
        Action::Accept
    }
}

impl Handler for Visit {
    async fn greeting(&mut self) -> Action {
        match self.shared.settings.rules.for_connection(self.number) {
            Some(rule) => self.carry_out(&rule.deed).await,
            None => Action::Accept,
        }
    }

    async fn authenticate(&mut self, username: &str, password: &Secret) -> Action {
        match &self.shared.settings.login {
            Some(login) if login.is(username, password) => Action::Accept,
            _ => Action::reply(535, "5.7.8 the user name or the password is wrong"),
        }
    }

    async fn mail(&mut self, _sender: Option<&Address>) -> Action {
        self.pending = None;
        self.data_passed = false;
        Action::Accept
    }

    async fn recipient(&mut self, recipient: &Address) -> Action {
        let Some(rule) = self.shared.settings.rules.for_recipient(recipient) else {
            return Action::Accept;
        };
        if rule.point == Point::Recipient {
            return self.carry_out(&rule.deed).await;
        }
        self.pending.get_or_insert_with(|| rule.clone());
        Action::Accept
    }

    async fn data(&mut self, _envelope: &Envelope) -> Action {
        self.data_passed = true;
        self.at(Point::Data).await
    }

    async fn message(&mut self, envelope: &Envelope, message: &[u8]) -> Action {
        if !self.data_passed {
            let action = self.at(Point::Data).await;
            if action != Action::Accept {
                return action;
            }
        }
        match self.at(Point::End).await {
            Action::Accept => self.take(envelope, message),
            other => other,
        }
    }
}

impl Login {
    /// Whether it is them. The time it takes tells nothing but lengths.
    fn is(&self, username: &str, password: &Secret) -> bool {
        let user = same(self.user.as_bytes(), username.as_bytes());
        let password = same(
            self.password.expose().as_bytes(),
            password.expose().as_bytes(),
        );
        user & password
    }
}

fn same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_login_is_right() {
        let login = Login {
            user: "ada".to_owned(),
            password: Secret::new("secret"),
        };
        assert!(login.is("ada", &Secret::new("secret")));
        for (user, password) in [
            ("ada", "secre"),
            ("ada", "secrets"),
            ("bob", "secret"),
            ("", ""),
        ] {
            assert!(!login.is(user, &Secret::new(password)), "{user} {password}");
        }
    }
}
