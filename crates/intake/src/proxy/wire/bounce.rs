//! Where bounces are read, as an operator sets it by request.

use std::num::NonZeroU16;
use std::ops::RangeInclusive;

use model::account::{Host, port};
use model::{Address, FieldError, Line, Secret, field};
use serde_json::{Value, json};
use store::directory::Instance;

use super::{ANY, Said};
use crate::proxy::object::{Object, Place};
use crate::proxy::problem::Problem;

/// The port of IMAP over TLS (RFC 8314 §7.2).
const IMAPS_PORT: NonZeroU16 = NonZeroU16::new(993).unwrap();
/// The folder that every mailbox has (RFC 9051 §5.1).
const INBOX: &str = "INBOX";
/// How often a mailbox is read, in seconds, unless it is said.
const POLL_INTERVAL_S: u32 = 60;
/// How often it may be, in seconds.
const POLL_RANGE: RangeInclusive<i64> = 1..=86_400;
/// What is set, by the names without a prefix.
const FIELDS: [&str; 9] = [
    "enabled",
    "imap_host",
    "imap_port",
    "imap_user",
    "imap_password",
    "imap_folder",
    "imap_ssl",
    "poll_interval",
    "return_path",
];

/// Where bounces are read, and where they are sent.
#[derive(Clone, Debug)]
pub struct BounceSettings {
    /// Whether they are read.
    pub is_enabled: bool,
    /// The IMAP server.
    pub host: Option<Host>,
    /// Its port.
    pub port: NonZeroU16,
    /// Who logs in.
    pub user: Option<Line<255>>,
    /// With what.
    pub password: Option<Secret>,
    /// The folder; `None` for the one that every mailbox has.
    pub folder: Option<Line<255>>,
    /// Whether TLS begins with the first byte; otherwise it is for STARTTLS, or for this machine alone.
    pub is_tls: bool,
    /// How often the mailbox is read, in seconds.
    pub poll_interval_s: u32,
    /// The envelope's sender of messages that name none, so that bounces arrive in that mailbox.
    pub return_path: Option<Address>,
}

/// How the settings are called in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Names {
    /// `bounce_imap_host`, among other settings.
    Prefixed,
    /// `imap_host`, alone.
    Bare,
}

/// What of the settings is to change.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct BounceChange {
    is_enabled: Option<bool>,
    host: Said<Host>,
    port: Option<NonZeroU16>,
    user: Said<Line<255>>,
    password: Said<Secret>,
    folder: Said<Line<255>>,
    is_tls: Option<bool>,
    poll_interval_s: Option<u32>,
    return_path: Said<Address>,
}

impl Default for BounceSettings {
    fn default() -> Self {
        Self {
            is_enabled: false,
            host: None,
            port: IMAPS_PORT,
            user: None,
            password: None,
            folder: None,
            is_tls: true,
            poll_interval_s: POLL_INTERVAL_S,
            return_path: None,
        }
    }
}

impl BounceSettings {
    /// The settings that an instance has, or how they are before they are set.
    pub fn of(instance: &Instance) -> Result<Self, FieldError> {
        let mut settings = Self::default();
        if let Some(stored) = &instance.bounce {
            let wrong = || FieldError::new("bounce", "is not as it was stored: set it again");
            let value: Value = serde_json::from_str(stored.expose()).map_err(|_| wrong())?;
            let stored = Object::of(Place::body(), value).map_err(|_| wrong())?;
            BounceChange::read(&stored, Names::Bare)
                .map_err(|_| wrong())?
                .apply(&mut settings);
        }
        Ok(settings)
    }

    /// As it is stored, with the password.
    fn stored(&self) -> Secret {
        let mut value = self.show();
        value["imap_password"] = json!(self.password.as_ref().map(Secret::expose));
        Secret::new(value.to_string())
    }

    /// As it is shown, without the password.
    pub(in crate::proxy) fn show(&self) -> Value {
        json!({
            "enabled": self.is_enabled,
            "imap_host": self.host.as_ref().map(Host::as_str),
            "imap_port": self.port.get(),
            "imap_user": self.user.as_ref().map(Line::as_str),
            "imap_folder": self.folder.as_ref().map_or(INBOX, Line::as_str),
            "imap_ssl": self.is_tls,
            "poll_interval": self.poll_interval_s,
            "return_path": self.return_path.as_ref().map(Address::as_str),
        })
    }

    fn check(&self, names: Names) -> Result<(), FieldError> {
        let is_whole = self.host.is_some() && self.user.is_some() && self.password.is_some();
        match self.is_enabled && !is_whole {
            true => Err(FieldError::new(
                names.enabled(),
                "needs a host, a user and a password for IMAP",
            )),
            false => Ok(()),
        }
    }
}

impl Names {
    /// How a setting is called.
    pub(in crate::proxy) fn of(self, field: &str) -> String {
        match self {
            Self::Prefixed => format!("bounce_{field}"),
            Self::Bare => field.to_owned(),
        }
    }

    /// How all of them are called.
    pub(in crate::proxy) fn all(self) -> Vec<String> {
        FIELDS.iter().map(|field| self.of(field)).collect()
    }

    fn enabled(self) -> &'static str {
        match self {
            Self::Prefixed => "bounce_enabled",
            Self::Bare => "enabled",
        }
    }
}

impl BounceChange {
    /// What a request says. An empty text is none.
    pub(in crate::proxy) fn read(input: &Object, names: Names) -> Result<Self, Problem> {
        let of = |field| names.of(field);
        let poll_interval = input.integer(&of("poll_interval"), POLL_RANGE)?;
        Ok(Self {
            is_enabled: input.flag(&of("enabled"))?,
            host: Said::read(input, &of("imap_host"), |text| {
                Host::parse("imap_host", text)
            })?,
            port: read_port(input, &of("imap_port"))?,
            user: Said::read(input, &of("imap_user"), |text| {
                Line::parse("imap_user", text)
            })?,
            password: Said::read(input, &of("imap_password"), |text| {
                field::secret("imap_password", text)
            })?,
            folder: Said::read(input, &of("imap_folder"), |text| {
                Line::parse("imap_folder", text)
            })?,
            is_tls: input.flag(&of("imap_ssl"))?,
            poll_interval_s: poll_interval.and_then(|seconds| seconds.try_into().ok()),
            return_path: Said::read(input, &of("return_path"), |text| {
                Address::parse(text)
                    .map_err(|_| FieldError::new("return_path", "must be an email address"))
            })?,
        })
    }

    /// Whether anything is said.
    pub(in crate::proxy) fn is_said(input: &Object, names: Names) -> bool {
        names.all().iter().any(|name| input.value(name).is_some())
    }

    /// Makes the change to an instance, or says what is missing.
    pub(in crate::proxy) fn make(
        self,
        instance: &mut Instance,
        names: Names,
    ) -> Result<(), FieldError> {
        let mut settings = BounceSettings::of(instance)?;
        self.apply(&mut settings);
        settings.check(names)?;
        instance.bounce = Some(settings.stored());
        Ok(())
    }

    fn apply(self, settings: &mut BounceSettings) {
        self.host.change(&mut settings.host);
        self.user.change(&mut settings.user);
        self.password.change(&mut settings.password);
        self.folder.change(&mut settings.folder);
        self.return_path.change(&mut settings.return_path);
        settings.is_enabled = self.is_enabled.unwrap_or(settings.is_enabled);
        settings.port = self.port.unwrap_or(settings.port);
        settings.is_tls = self.is_tls.unwrap_or(settings.is_tls);
        settings.poll_interval_s = self.poll_interval_s.unwrap_or(settings.poll_interval_s);
    }
}

fn read_port(input: &Object, name: &str) -> Result<Option<NonZeroU16>, Problem> {
    let number = input.integer(name, ANY)?;
    let port = number.map(|number| port("imap_port", number)).transpose();
    port.map_err(|error| input.wrong(name, error.problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(instance: &mut Instance, value: Value, names: Names) -> Result<(), String> {
        let input = Object::of(Place::body(), value).unwrap();
        let change = BounceChange::read(&input, names).map_err(|problem| format!("{problem:?}"))?;
        change
            .make(instance, names)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn settings_come_back_as_they_were_set_and_show_no_password() {
        let mut instance = Instance::default();
        let set = json!({"bounce_enabled": true, "bounce_imap_host": "imap.example.com",
            "bounce_imap_user": "bounces", "bounce_imap_password": "canary \"1\"",
            "bounce_imap_folder": "Bounces", "bounce_poll_interval": 30,
            "bounce_return_path": "bounces@example.com"});
        change(&mut instance, set, Names::Prefixed).unwrap();
        let more = json!({"imap_port": 143, "imap_ssl": false, "imap_folder": ""});
        change(&mut instance, more, Names::Bare).unwrap();
        let settings = BounceSettings::of(&instance).unwrap();
        assert_eq!(settings.password.as_ref().unwrap().expose(), "canary \"1\"");
        assert_eq!(
            settings.show(),
            json!({"enabled": true, "imap_host": "imap.example.com", "imap_port": 143,
                "imap_user": "bounces", "imap_folder": "INBOX", "imap_ssl": false,
                "poll_interval": 30, "return_path": "bounces@example.com"})
        );
        assert!(!format!("{settings:?} {instance:?}").contains("canary"));
    }

    #[test]
    fn what_cannot_be_read_is_not_enabled() {
        let mut instance = Instance::default();
        let error = change(
            &mut instance,
            json!({"bounce_enabled": true}),
            Names::Prefixed,
        );
        assert!(error.unwrap_err().starts_with("bounce_enabled: "));
        assert!(instance.bounce.is_none());
        let usual = BounceSettings::of(&instance).unwrap();
        assert_eq!((usual.port.get(), usual.poll_interval_s), (993, 60));
    }

    #[test]
    fn errors_name_the_field_and_repeat_no_secret() {
        for (value, field) in [
            (json!({"imap_port": 0}), "imap_port"),
            (json!({"imap_host": "imap://x"}), "imap_host"),
            (json!({"imap_password": "canary\n"}), "imap_password"),
            (json!({"poll_interval": 0}), "poll_interval"),
            (json!({"return_path": "canary"}), "return_path"),
        ] {
            let error = change(&mut Instance::default(), value, Names::Bare).unwrap_err();
            assert!(
                error.contains(field) && !error.contains("canary"),
                "{error}"
            );
        }
    }
}
