//! The service: where it is, how it is asked, what it answered.

use std::time::Duration;

use serde_json::Value;
use url::{Host, Url, form_urlencoded};
use webclient::header::{CONTENT_TYPE, RETRY_AFTER};
use webclient::{Exchange, HeaderMap, HeaderName, HeaderValue, Method, WebClient};

use super::Session;
use super::call::{About, Call};
use super::refusal::{ClientError, refusal};
use super::token::{self, Token};
use crate::cli::ClientFlags;
use crate::exit::Failure;
use crate::settings::Variable;

/// Where `glasspost serve` listens when nobody says otherwise.
const USUAL: &str = "http://127.0.0.1:8000";
/// The header that shows a token.
const API_TOKEN: HeaderName = HeaderName::from_static("x-api-token");
/// The time for one request: deleting a tenant with much mail takes its time.
const DEADLINE: Duration = Duration::from_secs(300);
/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// A service that can be asked.
pub struct Connection {
    web: WebClient,
    /// Where it answers, without a slash at the end.
    base: String,
    /// What it is shown, and where that is from.
    pub token: Token,
    /// The tenant that is meant, where one was named.
    pub tenant: Option<String>,
    /// Whether answers are shown as they are.
    pub is_for_programs: bool,
}

/// What a service answered.
pub struct Answer {
    /// The status: of success, else it would be an error.
    pub status: u16,
    /// The answer as it came.
    pub text: String,
    /// The same, read.
    pub value: Value,
    /// After how many seconds it is worth asking again, where the service says so.
    pub retry_after: Option<String>,
}

impl Connection {
    /// The service that flags and environment name. Nothing is sent yet.
    pub fn new(flags: &ClientFlags, session: &Session<'_>) -> Result<Self, Failure> {
        let environment = session.environment;
        let named = flags
            .url
            .clone()
            .or_else(|| environment.text(Variable::Url));
        let base = address(named.as_deref().unwrap_or(USUAL)).map_err(Failure::Arguments)?;
        let token = token::find(flags, environment, session.stdin, is_here(&base))?;
        Ok(Self {
            web: session.web.clone(),
            base: base.as_str().trim_end_matches('/').to_owned(),
            token,
            tenant: flags
                .tenant
                .clone()
                .or_else(|| environment.text(Variable::GmpTenant)),
            is_for_programs: flags.json,
        })
    }

    /// Where it answers.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Makes a call. Whatever is not success is an error in words; programs get the answer as well.
    pub async fn ask(&self, call: &Call) -> Result<Answer, ClientError> {
        let (url, body) = self.request(call);
        let exchange = Exchange {
            method: call.method.clone(),
            headers: self.headers()?,
            body: body.into(),
            deadline: DEADLINE,
            body_bytes_max: ANSWER_BYTES_MAX,
        };
        let response = self.web.exchange_any(&url, exchange).await;
        let response = response.map_err(|error| self.unreached(error))?;
        let retry_after = response.head.headers.get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let status = response.head.status;
        let Ok(value) = serde_json::from_str(&text) else {
            let url = self.base.clone();
            return Err(ClientError::NotJson { url, status });
        };
        let answer = Answer {
            status,
            text,
            value,
            retry_after,
        };
        match status {
            200..=299 => Ok(answer),
            _ => Err(refusal(answer, self)),
        }
    }

    /// The whole address of a call, and its body.
    fn request(&self, call: &Call) -> (String, String) {
        let mut fields = call.fields.clone();
        if let (About::Tenant, Some(tenant)) = (call.about, &self.tenant) {
            let unnamed = || Value::String(tenant.clone());
            fields.entry("tenant_id").or_insert_with(unnamed);
        }
        let mut url = format!("{}{}", self.base, call.path);
        if call.method != Method::GET {
            return (url, Value::Object(fields).to_string());
        }
        let pairs = fields.into_iter().map(|(name, value)| (name, plain(value)));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        (url, String::new())
    }

    fn headers(&self) -> Result<HeaderMap, ClientError> {
        let token = HeaderValue::from_str(self.token.secret.expose());
        let mut token = token.map_err(|_| ClientError::BadToken(self.token.from.to_string()))?;
        token.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        Ok(HeaderMap::from_iter([
            (API_TOKEN, token),
            (CONTENT_TYPE, json),
        ]))
    }

    fn unreached(&self, error: webclient::Error) -> ClientError {
        match error {
            webclient::Error::Unreachable { detail, .. } => ClientError::NotThere {
                url: self.base.clone(),
                detail,
            },
            other => ClientError::Web(other),
        }
    }
}

impl Answer {
    /// The answer as it came, as a line.
    pub fn line(&self) -> String {
        format!("{}\n", self.text.trim_end())
    }
}

/// A value as it stands in a query.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn address(text: &str) -> Result<Url, String> {
    let wrong = |why: &str| format!("--url: {why}: it is like http://127.0.0.1:8000");
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must hold no name and no password"));
    }
    match url.query().is_some() || url.fragment().is_some() {
        true => Err(wrong("must end before any ? or #")),
        false => Ok(url),
    }
}

/// Whether an address is on this machine, so that its token may be in our data folder.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_shown_the_token_of_the_data_folder() {
        for (url, expected) in [
            ("http://127.0.0.1:8000", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:8000/mail", true),
            ("https://LOCALHOST", true),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_here(&address(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_says_what_it_is_like() {
        for bad in [
            "",
            "localhost:8000",
            "ftp://localhost",
            "http://me:secret@localhost",
            "http://localhost/?a=b",
        ] {
            let error = address(bad).unwrap_err();
            assert!(error.contains("like http://127.0.0.1:8000"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
