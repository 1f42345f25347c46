//! `glasspost instance` as requests, and the operator's tokens.

use anyhow::Context;
use serde_json::json;
use webclient::Method;

use super::call::{Ask, Call, Desk, fields};
use super::connection::Connection;
use crate::cli::{InstanceFields, InstanceVerb, TokenArgs};
use crate::exit::Failure;
use crate::service::random_secret;
use crate::terminal;

impl Ask for InstanceVerb {
    fn call(self, desk: &Desk<'_>) -> Result<Call, Failure> {
        let call = match self {
            Self::Show | Self::Token(_) => Call::get("/instance", &()),
            Self::Update(said) => update(&said, desk)?,
            Self::Status => Call::get("/status", &()),
            Self::Suspend => Call::post("/instance/suspend", &()),
            Self::Activate => Call::post("/instance/activate", &()),
            Self::RunNow => run_now(),
            Self::ReloadBounce => Call::post("/instance/reload-bounce", &()),
        };
        Ok(call.about_service())
    }
}

/// Sends and reports at once: for everybody, or for the tenant that is meant.
pub fn run_now() -> Call {
    Call::post("/instance/run_now", &())
}

/// `glasspost instance token`: prints the token that is shown, or makes a second one.
pub async fn token(args: &TokenArgs, service: &Connection) -> Result<(), Failure> {
    let made;
    let (token, from) = match args.regenerate {
        false => (&service.token.secret, service.token.from.to_string()),
        true => {
            made = random_secret().context("cannot make a token")?;
            let call = put(&InstanceFields::default());
            let call = call.with("api_token", Some(made.expose())).about_service();
            service.ask(&call).await?;
            (&made, "made now, and not shown again".to_owned())
        }
    };
    let token = token.expose();
    let text = match service.is_for_programs {
        true => json!({ "token": token, "from": from }).to_string(),
        false => token.to_owned(),
    };
    Ok(terminal::print(&format!("{text}\n"))?)
}

fn update(said: &InstanceFields, desk: &Desk<'_>) -> Result<Call, Failure> {
    let secret = |file: Option<&std::path::PathBuf>| {
        let secret = file.map(|file| desk.stdin.secret(file)).transpose();
        Ok::<_, Failure>(secret?.map(|secret| secret.expose().to_owned()))
    };
    Ok(put(said)
        .with("api_token", secret(said.api_token_file.as_ref())?)
        .with(
            "bounce_imap_password",
            secret(said.bounce_imap_password_file.as_ref())?,
        ))
}

fn put(said: &InstanceFields) -> Call {
    Call::new(Method::PUT, "/instance".into(), fields(said))
}
