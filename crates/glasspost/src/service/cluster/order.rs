//! What one process asks of the others, in words.

use std::fmt;

use model::TenantId;
use model::account::AccountPk;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Look at the mail of every account.
    Wake,
    /// Look at the mail of one account.
    LookAt(AccountPk),
    /// An account is not what it was.
    AccountChanged(AccountPk),
    /// Begin nothing that was read before.
    Recall,
    /// Begin nothing of an account for a moment.
    Hold(AccountPk),
    /// Go on with it.
    LetGo(AccountPk),
    /// Tell what is being sent.
    Tell,
    /// Send, or begin nothing, as it is kept.
    Activity,
    /// Tell applications what happened: one tenant's, or all.
    Report(Option<TenantId>),
    /// Look at the bounce mailbox anew.
    Bounces,
}

impl Order {
    /// The order of some words; `None` for words of another version's.
    pub fn parse(text: &str) -> Option<Self> {
        let (verb, object) = match text.split_once(' ') {
            Some((verb, object)) => (verb, Some(object)),
            None => (text, None),
        };
        let account = || object?.parse().ok().map(AccountPk);
        Some(match verb {
            "wake" => Self::Wake,
            "look" => Self::LookAt(account()?),
            "changed" => Self::AccountChanged(account()?),
            "recall" => Self::Recall,
            "hold" => Self::Hold(account()?),
            "go" => Self::LetGo(account()?),
            "tell" => Self::Tell,
            "activity" => Self::Activity,
            "report" => Self::Report(match object {
                Some(tenant) => Some(TenantId::parse(tenant).ok()?),
                None => None,
            }),
            "bounces" => Self::Bounces,
            _ => return None,
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wake => f.write_str("wake"),
            Self::LookAt(account) => write!(f, "look {}", account.0),
            Self::AccountChanged(account) => write!(f, "changed {}", account.0),
            Self::Recall => f.write_str("recall"),
            Self::Hold(account) => write!(f, "hold {}", account.0),
            Self::LetGo(account) => write!(f, "go {}", account.0),
            Self::Tell => f.write_str("tell"),
            Self::Activity => f.write_str("activity"),
            Self::Report(None) => f.write_str("report"),
            Self::Report(Some(tenant)) => write!(f, "report {}", tenant.as_str()),
            Self::Bounces => f.write_str("bounces"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_said() {
        for order in [
            Order::Wake,
            Order::LookAt(AccountPk(7)),
            Order::AccountChanged(AccountPk(8)),
            Order::Recall,
            Order::Hold(AccountPk(9)),
            Order::LetGo(AccountPk(9)),
            Order::Tell,
            Order::Activity,
            Order::Report(None),
            Order::Report(Some(TenantId::parse("acme").unwrap())),
            Order::Bounces,
        ] {
            assert_eq!(Order::parse(&order.to_string()), Some(order));
        }
        for strange in ["", "dance", "look", "look here", "changed 1 2"] {
            assert_eq!(Order::parse(strange), None, "{strange}");
        }
    }
}
