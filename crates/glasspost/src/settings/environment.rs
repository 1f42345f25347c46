//! The environment, read once at start and passed on as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use model::Secret;

use super::service;

/// A variable that means something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// The file with the relay and the sender.
    Config,
    /// The same under MailGrid's name.
    MailgridConfig,
    /// The file with the service's settings.
    ServiceConfig,
    /// The same under genro-mail-proxy's name.
    GmpConfig,
    /// The data folder.
    Data,
    /// MailGrid's job file, which stands for a data folder.
    MailgridDb,
    /// The least level that is logged.
    LogLevel,
    /// The same under MailGrid's name.
    MailgridLogLevel,
    /// The same under genro-mail-proxy's name.
    GmpLogLevel,
    /// `text` or `json`.
    LogFormat,
    /// The key that webhooks are signed with.
    WebhookSecret,
    /// The token that a dashboard beyond this machine asks for.
    MonitorToken,
    /// Where a running service answers.
    Url,
    /// The tenant that is meant, under genro-mail-proxy's name.
    GmpTenant,
    /// Where a person's data lives, by the XDG base directories.
    XdgDataHome,
    /// The same on Windows.
    AppData,
    /// A person's own folder.
    Home,
}

/// What the environment says. A variable that is set to nothing counts as not set.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<Variable, OsString>,
    /// The service's own, by their names.
    named: BTreeMap<&'static str, Secret>,
}

impl Variable {
    const ALL: [Self; 17] = [
        Self::Config,
        Self::MailgridConfig,
        Self::ServiceConfig,
        Self::GmpConfig,
        Self::Data,
        Self::MailgridDb,
        Self::LogLevel,
        Self::MailgridLogLevel,
        Self::GmpLogLevel,
        Self::LogFormat,
        Self::WebhookSecret,
        Self::MonitorToken,
        Self::Url,
        Self::GmpTenant,
        Self::XdgDataHome,
        Self::AppData,
        Self::Home,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Config => "GLASSPOST_CONFIG",
            Self::MailgridConfig => "MAILGRID_CONFIG",
            Self::ServiceConfig => "GLASSPOST_SERVICE_CONFIG",
            Self::GmpConfig => "GMP_CONFIG",
            Self::Data => "GLASSPOST_DATA",
            Self::MailgridDb => "MAILGRID_DB",
            Self::LogLevel => "LOG_LEVEL",
            Self::MailgridLogLevel => "MAILGRID_LOG_LEVEL",
            Self::GmpLogLevel => "GMP_LOG_LEVEL",
            Self::LogFormat => "LOG_FORMAT",
            Self::WebhookSecret => "GLASSPOST_WEBHOOK_SECRET",
            Self::MonitorToken => "GLASSPOST_MONITOR_TOKEN",
            Self::Url => "GLASSPOST_URL",
            Self::GmpTenant => "GMP_TENANT",
            Self::XdgDataHome => "XDG_DATA_HOME",
            Self::AppData => "APPDATA",
            Self::Home => "HOME",
        }
    }
}

impl Environment {
    /// The environment of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the environment is read"
    )]
    pub fn of_this_process() -> Self {
        let set = Variable::ALL
            .into_iter()
            .filter_map(|variable| Some((variable, std::env::var_os(variable.name())?)));
        let named = service::names().filter_map(|name| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
            Some((name, Secret::new(value.to_string_lossy())))
        });
        Self {
            named: named.collect(),
            ..Self::of(set)
        }
    }

    /// An environment of these variables.
    pub fn of(variables: impl IntoIterator<Item = (Variable, OsString)>) -> Self {
        let set = variables.into_iter().filter(|(_, value)| !value.is_empty());
        Self {
            variables: set.collect(),
            named: BTreeMap::new(),
        }
    }

    /// An environment of these variables of the service.
    #[cfg(test)]
    pub fn named_for_tests(variables: &[(&'static str, &str)]) -> Self {
        let named = variables
            .iter()
            .map(|&(name, value)| (name, Secret::new(value)));
        Self {
            variables: BTreeMap::new(),
            named: named.collect(),
        }
    }

    /// A variable's value.
    pub fn get(&self, variable: Variable) -> Option<&OsStr> {
        self.variables.get(&variable).map(OsString::as_os_str)
    }

    /// The value of a variable of the service's.
    pub fn named(&self, name: &str) -> Option<String> {
        self.named.get(name).map(|value| value.expose().to_owned())
    }

    /// A variable's value as a path.
    pub fn path(&self, variable: Variable) -> Option<PathBuf> {
        self.get(variable).map(PathBuf::from)
    }

    /// A variable's value as text.
    pub fn text(&self, variable: Variable) -> Option<String> {
        self.get(variable)
            .map(|value| value.to_string_lossy().into_owned())
    }

    /// The configuration file: our name for it before MailGrid's.
    pub fn config(&self) -> Option<PathBuf> {
        self.path(Variable::Config)
            .or_else(|| self.path(Variable::MailgridConfig))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_names_come_before_mailgrids_and_nothing_is_not_set() {
        let both = Environment::of([
            (Variable::Config, "ours.json".into()),
            (Variable::MailgridConfig, "theirs.json".into()),
        ]);
        assert_eq!(both.config(), Some("ours.json".into()));
        let empty = Environment::of([
            (Variable::Config, "".into()),
            (Variable::MailgridConfig, "theirs.json".into()),
        ]);
        assert_eq!(empty.config(), Some("theirs.json".into()));
        assert_eq!(Environment::default().config(), None);
    }
}
