//! What was said about each setting, and where: the file, the environment above it, the flags above both.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::ConfigError;
use super::file;
use super::table::{Key, SETTINGS, Setting};
use crate::settings::Environment;

/// What was said about one setting. It may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub struct Given {
    /// The value as text.
    pub text: String,
    /// Who said it.
    pub origin: Origin,
}

/// Who said what a setting is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is the default.
    Default,
    /// A line of the configuration file, counted from 1.
    File(PathBuf, usize),
    /// A variable of the environment.
    Variable(&'static str),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// What was said about all settings.
#[derive(Clone, Default)]
pub struct Layers(BTreeMap<Key, Given>);

impl Layers {
    /// Lays the environment and the flags over the file.
    pub fn new(
        file: Option<&Path>,
        environment: &Environment,
        flags: impl IntoIterator<Item = (Key, &'static str, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Self::default();
        if let Some(path) = file {
            for (key, text, line) in file::read(path)? {
                layers.give(key, text, Origin::File(path.to_owned(), line));
            }
        }
        for setting in SETTINGS {
            let said = setting
                .variables
                .iter()
                .find_map(|name| Some((*name, environment.named(name)?)));
            if let Some((name, text)) = said {
                layers.give(setting.key, text, Origin::Variable(name));
            }
        }
        for (key, flag, text) in flags {
            layers.give(key, text, Origin::Flag(flag));
        }
        Ok(layers)
    }

    /// What a setting is, and who said it.
    pub fn get(&self, setting: &Setting) -> Given {
        self.0.get(&setting.key).cloned().unwrap_or_else(|| Given {
            text: setting.default.to_owned(),
            origin: Origin::Default,
        })
    }

    /// Whether somebody said what it is.
    pub fn says(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }

    fn give(&mut self, key: Key, text: String, origin: Origin) {
        self.0.insert(key, Given { text, origin });
    }
}
