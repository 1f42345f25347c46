//! `glasspost sink`: runs the receiver until it is stopped.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use model::Secret;
use smtp::server::{AuthPolicy, ServerConfig, ServerTls};

use crate::cli::SinkArgs;
use crate::exit::Failure;
use crate::signals;
use crate::sink::counts::Counts;
use crate::sink::record::Keeping;
use crate::sink::rules::Rules;
use crate::sink::{Login, Settings, Sink, rule_text, tls};
use crate::terminal;

/// The name in its greeting.
const HOSTNAME: &str = "sink.glasspost.test";

/// Runs the verb.
pub async fn run(args: SinkArgs) -> Result<(), Failure> {
    let settings = settings(&args)?;
    let stop = signals::stop_token("stopping")?;
    let sink = Sink::bind(args.listen, settings, stop).await?;
    let counts = sink.counts();
    terminal::print(&format!("listening on {}\n", sink.address()?))?;
    if let Some(path) = args.report.clone() {
        let counts = Arc::clone(&counts);
        signals::on_report_wish(move || {
            if let Err(error) = write_report(&path, &counts) {
                terminal::remark(&format!("{error:#}"));
            }
        })?;
    }
    sink.run().await;
    terminal::print(&format!("{}\n", counts.snapshot()))?;
    if let Some(path) = &args.report {
        write_report(path, &counts)?;
    }
    Ok(())
}

fn settings(args: &SinkArgs) -> Result<Settings, Failure> {
    let login = args.auth.as_deref().map(parse_login).transpose()?;
    let mut server = ServerConfig::new(HOSTNAME);
    server.tls = server_tls(args)?;
    if login.is_some() {
        server.auth = AuthPolicy::Required;
    }
    Ok(Settings {
        server,
        rules: rules(args)?,
        login,
        keeping: Keeping::open(args.record.as_deref(), args.store_dir.as_deref())?,
        count_every: args.count_every,
    })
}

fn parse_login(text: &str) -> Result<Login, Failure> {
    let (user, password) = text
        .split_once(':')
        .ok_or_else(|| Failure::Arguments("--auth needs USER:PASSWORD".to_owned()))?;
    Ok(Login {
        user: user.to_owned(),
        password: Secret::new(password),
    })
}

fn rules(args: &SinkArgs) -> Result<Rules, Failure> {
    let mut rules = Vec::new();
    for line in &args.rule {
        let rule = rule_text::parse(line)
            .map_err(|error| Failure::Arguments(format!("--rule {line:?}: {error}")))?;
        rules.push(rule);
    }
    if let Some(path) = &args.rules {
        let text =
            std::fs::read_to_string(path).map_err(|reason| campaign::CampaignError::File {
                path: path.clone(),
                reason,
            })?;
        let more = rule_text::parse_file(&text)
            .map_err(|error| Failure::Arguments(format!("{}: {error}", path.display())))?;
        rules.extend(more);
    }
    Ok(Rules::new(rules))
}

fn server_tls(args: &SinkArgs) -> Result<ServerTls, Failure> {
    let config = match (&args.tls_cert, &args.tls_key, &args.self_signed) {
        (Some(chain), Some(key), _) => tls::from_files(chain, key)?,
        (_, _, Some(file)) => {
            let (config, pem) = tls::self_signed()?;
            if let Some(file) = file {
                std::fs::write(file, pem)
                    .with_context(|| format!("cannot write {}", file.display()))?;
            }
            config
        }
        _ if args.implicit_tls => {
            let reason = "--implicit-tls needs a certificate: give --tls-cert and --tls-key, or --self-signed";
            return Err(Failure::Arguments(reason.to_owned()));
        }
        _ => return Ok(ServerTls::Off),
    };
    Ok(match args.implicit_tls {
        true => ServerTls::Implicit(config),
        false => ServerTls::StartTls(config),
    })
}

/// Writes the counts beside the old ones and then in their place, so that a reader finds either.
fn write_report(path: &Path, counts: &Counts) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(&counts.snapshot())?;
    let beside = path.with_extension("part");
    std::fs::write(&beside, json + "\n")
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
