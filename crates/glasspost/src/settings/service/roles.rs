//! What a process of the service does.

use std::fmt;

/// One of the things that a process of the service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Takes mail and answers questions over HTTP.
    Api,
    /// Tells tenants' applications what happened, reads mailboxes, keeps house.
    Worker,
    /// Delivers.
    Smtp,
}

/// What a process does, of all there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Role {
    const ALL: [Self; 3] = [Self::Api, Self::Worker, Self::Smtp];

    fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Smtp => "smtp",
        }
    }

    /// The port that a process listens on which does nothing else.
    fn port(self) -> u16 {
        match self {
            Self::Api => 8000,
            Self::Worker => 8001,
            Self::Smtp => 8002,
        }
    }
}

impl Roles {
    /// The roles of a list, each once; `None` where it names none, or one that there is not.
    pub fn parse(text: &str) -> Option<Self> {
        let mut roles = Vec::new();
        for word in text.split(',').map(str::trim) {
            let named = Role::ALL.into_iter().find(|role| role.as_str() == word)?;
            roles.push(named);
        }
        roles.sort_unstable();
        roles.dedup();
        Some(Self(roles))
    }

    /// Whether a process of these has that one.
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// The port to listen on, unless something else is said: that of the only role, or of the service.
    pub fn port(&self) -> u16 {
        match self.0[..] {
            [alone] => alone.port(),
            _ => Role::Api.port(),
        }
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|role| role.as_str()).collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_roles_is_read_in_any_order() {
        let roles = Roles::parse("smtp, api,smtp").unwrap();
        assert_eq!(roles.to_string(), "api,smtp");
        assert!(roles.has(Role::Smtp) && !roles.has(Role::Worker));
        assert_eq!(roles.port(), 8000);
        assert_eq!(Roles::parse("smtp").unwrap().port(), 8002);
        assert_eq!(Roles::parse("worker").unwrap().port(), 8001);
        let all = Roles::parse("smtp,worker,api").unwrap();
        assert_eq!(all.to_string(), "api,worker,smtp");
        for wrong in ["", "api,", "all", "API"] {
            assert_eq!(Roles::parse(wrong), None, "{wrong}");
        }
    }
}
