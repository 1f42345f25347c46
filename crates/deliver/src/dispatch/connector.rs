//! The way to an account's server.

use model::account::{Account, TlsRule};
use smtp::ClearTextAuth;
use smtp::client::{ClientConfig, ConfigError, Connector, Credentials, TlsMode};

use super::Settings;

/// The way to an account's server. A password crosses the network in clear text only where the account says outright
/// that TLS is not to be used.
pub(super) fn connector(account: &Account, settings: &Settings) -> Result<Connector, ConfigError> {
    let credentials = account.user.as_ref().zip(account.password.as_ref());
    let clear_text_auth = match account.use_tls {
        Some(false) => ClearTextAuth::Allow,
        Some(true) | None => ClearTextAuth::LoopbackOnly,
    };
    Connector::new(ClientConfig {
        tls: match account.tls() {
            TlsRule::Implicit => TlsMode::Implicit,
            TlsRule::StartTls => TlsMode::Required,
            TlsRule::Plain => TlsMode::Off,
        },
        trust: settings.trust.clone(),
        credentials: credentials.map(|(user, password)| Credentials {
            username: user.as_str().into(),
            password: password.clone(),
            mechanism: None,
        }),
        clear_text_auth,
        hello_name: settings.hello_name.clone(),
        deadlines: settings.deadlines,
        ..ClientConfig::new(account.host.as_str(), account.port.get())
    })
}
