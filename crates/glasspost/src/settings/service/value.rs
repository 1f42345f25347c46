//! Texts of settings become values.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Priority, Secret, TenantId};

use webclient::{AllowedTarget, BadTarget};

use super::layers::{Given, Layers};
use super::roles::Roles;
use super::table::Setting;
use super::{AttachmentRoot, ConfigError};
use crate::settings::StoreAddress;

/// Retries of one message.
const DELAYS_MAX: usize = 100;
/// Bytes of an encryption key: AES-256.
const ENCRYPTION_KEY_BYTES: usize = 32;
/// The longest pause before a retry, in seconds.
const DELAY_S_MAX: u64 = 30 * 24 * 3600;

/// A setting's text, to be read as what it has to be.
pub(super) struct Text {
    setting: &'static Setting,
    given: Given,
}

impl Text {
    pub(super) fn of(layers: &Layers, setting: &'static Setting) -> Self {
        Self {
            setting,
            given: layers.get(setting),
        }
    }

    pub(super) fn text(self) -> Option<String> {
        let text = self.given.text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    pub(super) fn secret(self) -> Option<Secret> {
        self.text().map(Secret::new)
    }

    /// The base64 of an encryption key.
    pub(super) fn encryption_key(self) -> Result<Option<Secret>, ConfigError> {
        let wrong =
            self.wrong("must be the base64 of 32 bytes: make one with `openssl rand -base64 32`");
        let key = self.secret();
        let is_key = |key: &Secret| {
            let bytes = STANDARD.decode(key.expose());
            bytes.is_ok_and(|bytes| bytes.len() == ENCRYPTION_KEY_BYTES)
        };
        match key.as_ref().is_none_or(is_key) {
            true => Ok(key),
            false => Err(wrong),
        }
    }

    pub(super) fn targets(self) -> Result<Vec<AllowedTarget>, ConfigError> {
        let wrong = |error: BadTarget| self.wrong(&error.to_string());
        self.items()
            .map(|item| item.parse().map_err(wrong))
            .collect()
    }

    pub(super) fn list(self) -> Vec<String> {
        self.items().map(str::to_owned).collect()
    }

    pub(super) fn yes_or_no(self) -> Result<bool, ConfigError> {
        match self.given.text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(self.wrong("must be true or false")),
        }
    }

    pub(super) fn seconds(self, range: RangeInclusive<u64>) -> Result<Duration, ConfigError> {
        self.number(range).map(Duration::from_secs)
    }

    /// Bytes of a number of MB.
    pub(super) fn mebibytes(self, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        self.number(range).map(|number| number << 20)
    }

    /// Bytes of a number of KB.
    pub(super) fn kibibytes(self, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        self.number(range).map(|number| number << 10)
    }

    pub(super) fn count(self, range: RangeInclusive<usize>) -> Result<NonZeroUsize, ConfigError> {
        let number = self.within(&range).and_then(NonZeroUsize::new);
        let (from, to) = range.into_inner();
        number.ok_or_else(|| self.wrong(&format!("must be a number from {from} to {to}")))
    }

    pub(super) fn port(self) -> Result<u16, ConfigError> {
        let port = self.given.text.trim().parse();
        port.map_err(|_| self.wrong("must be a port from 0 (any that is free) to 65535"))
    }

    pub(super) fn ip(self) -> Result<IpAddr, ConfigError> {
        let text = self.given.text.trim().trim_matches(['[', ']']);
        if text == "localhost" {
            return Ok(IpAddr::from([127, 0, 0, 1]));
        }
        text.parse().map_err(|_| {
            self.wrong(
                "must be an address of this machine as a number, such as 127.0.0.1 or 0.0.0.0",
            )
        })
    }

    pub(super) fn address(self) -> Result<SocketAddr, ConfigError> {
        let address = self.given.text.trim().parse();
        address.map_err(|_| self.wrong("must be an address and a port, such as 127.0.0.1:8000"))
    }

    pub(super) fn priority(self) -> Result<Priority, ConfigError> {
        let priority = self.given.text.parse::<Priority>();
        priority.map_err(|error| self.wrong(&error.problem))
    }

    pub(super) fn roles(self) -> Result<Roles, ConfigError> {
        Roles::parse(&self.given.text).ok_or_else(|| {
            self.wrong("must name some of api, worker and smtp, separated by commas")
        })
    }

    pub(super) fn store_address(self) -> Result<StoreAddress, ConfigError> {
        let address = StoreAddress::parse(self.given.text.trim());
        address.map_err(|error| self.wrong(&error.problem))
    }

    /// A name that can stand in EHLO (RFC 5321 §4.1.1.1).
    pub(super) fn hello_name(self) -> Result<String, ConfigError> {
        let name = self.given.text.trim();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]_".contains(c);
        match !name.is_empty() && name.len() <= 255 && name.chars().all(is_plain) {
            true => Ok(name.to_owned()),
            false => Err(self.wrong("must be a host's name, such as mail.example.org")),
        }
    }

    pub(super) fn delays(self) -> Result<Vec<Duration>, ConfigError> {
        let delays: Option<Vec<Duration>> = self
            .given
            .text
            .split(',')
            .map(|delay| {
                let seconds: u64 = delay.trim().parse().ok()?;
                (seconds <= DELAY_S_MAX).then(|| Duration::from_secs(seconds))
            })
            .collect();
        delays
            .filter(|delays| delays.len() <= DELAYS_MAX)
            .ok_or_else(|| self.wrong("must be seconds separated by commas, such as 60,300,900"))
    }

    pub(super) fn roots(self) -> Result<Vec<AttachmentRoot>, ConfigError> {
        let wrong = self.wrong("must be /path for all tenants, or tenant:/path for one");
        let mut roots = Vec::new();
        for item in self.list() {
            let (tenant, path) = match item.split_once(":/") {
                Some((tenant, rest)) => (Some(tenant), format!("/{rest}")),
                None => (None, item),
            };
            let tenant = tenant.map(TenantId::parse).transpose();
            match tenant {
                Ok(tenant) if path.starts_with('/') => roots.push(AttachmentRoot {
                    tenant,
                    path: PathBuf::from(path),
                }),
                _ => return Err(wrong),
            }
        }
        Ok(roots)
    }

    fn number(self, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let number = self.within(&range);
        let (from, to) = range.into_inner();
        number.ok_or_else(|| self.wrong(&format!("must be a whole number from {from} to {to}")))
    }

    fn within<T: FromStr + PartialOrd>(&self, range: &RangeInclusive<T>) -> Option<T> {
        let number = self.given.text.trim().parse().ok();
        number.filter(|number| range.contains(number))
    }

    /// What stands between commas.
    fn items(&self) -> impl Iterator<Item = &str> {
        let items = self.given.text.split(',').map(str::trim);
        items.filter(|item| !item.is_empty())
    }

    fn wrong(&self, problem: &str) -> ConfigError {
        ConfigError::Value {
            origin: self.given.origin.clone(),
            name: self.setting.name,
            problem: problem.to_owned(),
        }
    }
}
