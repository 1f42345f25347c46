//! `glasspost demo`: a sample campaign to a sink of its own, by the very command anybody would type.

mod sample;

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Parser;
use observe::Tally;
use smtp::server::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::{send, shell_word};
use crate::cli::{Cli, DemoArgs, SendArgs, Verb};
use crate::exit::Failure;
use crate::settings::Environment;
use crate::sink::counts::{Counts, Snapshot};
use crate::sink::rules::Rules;
use crate::sink::{Settings, Sink, rule_text};
use crate::terminal;
use sample::Sample;

/// The dashboard's own port, or else any that is free.
const DASHBOARD_PORTS: [u16; 2] = [9091, 0];
/// How long people can look around after the end.
const LOOK_AROUND: &str = "10m";
/// Messages a second, so that people can watch: 5,000 take about twenty seconds.
const WATCHED_RATE: &str = "250";

/// Runs the verb.
pub async fn run(args: DemoArgs) -> Result<(), Failure> {
    let stop_sink = CancellationToken::new();
    let sink = sink(stop_sink.clone()).await?;
    let (address, counts) = (sink.address()?, sink.counts());
    let receiving = tokio::spawn(sink.run());
    let folder = folder(&args)?;
    let sample = Sample::write(&folder, args.recipients, address)
        .with_context(|| format!("cannot write the sample to {}", folder.display()))?;
    let words = command(&sample, &args);
    terminal::print(&introduction(&args, address, &words))?;
    let outcome = send_and_check(&words, &counts).await;
    stop_sink.cancel();
    let _ = receiving.await;
    terminal::print(&whereabouts(&sample))?;
    outcome
}

async fn sink(stop: CancellationToken) -> Result<Sink, Failure> {
    let rules = rule_text::parse_file(sample::RULES).map_err(|error| anyhow!(error))?;
    let settings = Settings {
        server: ServerConfig::new("sink.glasspost.test"),
        rules: Rules::new(rules),
        login: None,
        keeping: crate::sink::record::Keeping::default(),
        count_every: None,
    };
    let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(Sink::bind(free_port, settings, stop).await?)
}

fn folder(args: &DemoArgs) -> Result<PathBuf, Failure> {
    if let Some(folder) = &args.folder {
        return Ok(folder.clone());
    }
    let folder = tempfile::Builder::new()
        .prefix("glasspost-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    Ok(folder.keep())
}

/// The command that sends the sample, word by word.
fn command(sample: &Sample, args: &DemoArgs) -> Vec<String> {
    let path = |path: &PathBuf| path.display().to_string();
    let mut words: Vec<String> = ["glasspost", "send"].map(str::to_owned).into();
    let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    add("--env", path(&sample.config));
    add("--csv", path(&sample.list));
    add("--template", path(&sample.template));
    add(
        "--subject",
        "The lemons are in flower, {{.first_name}}".to_owned(),
    );
    let leave = "https://glasshouse.example/leave?who={{urlquery .email}}";
    add("--unsubscribe", leave.to_owned());
    add("--concurrency", "8".to_owned());
    add("--data", path(&sample.data));
    add("--output-dir", path(&sample.folder));
    if args.fast {
        add("--retries", "1".to_owned());
        return words;
    }
    add("--retries", "2".to_owned());
    add("--rate", WATCHED_RATE.to_owned());
    add("--monitor-port", dashboard_port().to_string());
    if std::io::stdout().is_terminal() {
        add("--monitor-linger", LOOK_AROUND.to_owned());
    }
    words.push("--monitor".to_owned());
    words
}

/// A port that is free now. Should another program take it in the next moments, the demo says so.
fn dashboard_port() -> u16 {
    let free = DASHBOARD_PORTS.into_iter().find_map(|port| {
        let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        probe.local_addr().ok()
    });
    free.map_or(DASHBOARD_PORTS[0], |address| address.port())
}

/// Sends by the words of the command, as if they had been typed, and compares with what the sink counted.
async fn send_and_check(words: &[String], counts: &Arc<Counts>) -> Result<(), Failure> {
    let args = parse(words)?;
    let environment = Environment::default();
    let place = send::place(&args, &environment)?;
    let (request, report) = send::now(&args, &place, &environment).await?;
    send::tell(&request, &report, &place)?;
    let (text, agree) = comparison(&report.tally, counts.snapshot());
    terminal::print(&text)?;
    match agree {
        true => Ok(()),
        false => Err(Failure::Other(anyhow!(
            "the account and the sink's counts differ: please report this"
        ))),
    }
}

fn parse(words: &[String]) -> Result<SendArgs, Failure> {
    match Cli::try_parse_from(words)
        .context("the sample's command")?
        .verb
    {
        Verb::Send(args) => Ok(*args),
        _ => Err(Failure::Other(anyhow!(
            "the sample's command does not send"
        ))),
    }
}

/// The account beside what the sink counted for itself, and whether they agree.
fn comparison(tally: &Tally, sink: Snapshot) -> (String, bool) {
    let replies = |class: u16| -> u64 {
        let of_class = tally.codes.iter().filter(|(code, _)| **code / 100 == class);
        of_class.map(|(_, count)| count).sum()
    };
    let rows = [
        (
            "delivered / accepted",
            tally.books.delivered,
            sink.accepted_messages,
        ),
        ("4xx replies / deferred", replies(4), sink.deferred),
        ("5xx replies / refused", replies(5), sink.refused),
    ];
    let mut text = format!(
        "\n{:<24}{:>10}{:>10}\n",
        "the same, counted by", "us", "the sink"
    );
    for (name, ours, theirs) in rows {
        text.push_str(&format!("  {name:<22}{ours:>10}{theirs:>10}\n"));
    }
    let agree = rows.iter().all(|(_, ours, theirs)| ours == theirs);
    text.push_str(match agree {
        true => "The account equals what the receiver got.\n",
        false => "The account and the receiver DIFFER.\n",
    });
    (text, agree)
}

fn introduction(args: &DemoArgs, address: SocketAddr, words: &[String]) -> String {
    let pace = match args.fast {
        true => "as fast as it goes",
        false => "at a pace to watch",
    };
    format!(
        "A sink on {address} takes the mail, with failures as in real life (sink-rules.txt).\n\
         {} recipients get a letter, {pace}, by this command:\n\n  {}\n\n",
        args.recipients,
        shell_line(words)
    )
}

/// The words as they are typed into a shell, a flag a line.
fn shell_line(words: &[String]) -> String {
    let mut line = String::new();
    for word in words {
        if word.starts_with("--") {
            line.push_str("\\\n    ");
        }
        line.push_str(&shell_word(word));
        line.push(' ');
    }
    line.trim_end().to_owned()
}

fn whereabouts(sample: &Sample) -> String {
    let (folder, data) = (sample.folder.display(), sample.data.display());
    format!(
        "\nEverything is in {folder}:\n  \
         success.csv, failed.csv   who got it and who did not\n  \
         recipients.csv, newsletter.html, config.json, sink-rules.txt\n\
         Every recipient with the server's words:\n  \
         glasspost report --recipients --data {data}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_typed_as_it_is_shown() {
        let words = [
            "glasspost",
            "send",
            "--subject",
            "It's {{.name}}",
            "--rate",
            "250",
        ];
        let shown = shell_line(&words.map(str::to_owned));
        let expected = "glasspost send \\\n    --subject 'It'\\''s {{.name}}' \\\n    --rate 250";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_difference_is_said() {
        let mut tally = Tally::default();
        tally.books.delivered = 2;
        tally.codes.extend([(250, 2), (451, 1), (550, 1), (554, 1)]);
        let same = Snapshot {
            accepted_messages: 2,
            deferred: 1,
            refused: 2,
            ..Snapshot::default()
        };
        assert!(comparison(&tally, same).1);
        let other = Snapshot {
            accepted_messages: 3,
            ..same
        };
        let (text, agree) = comparison(&tally, other);
        assert!(!agree && text.contains("DIFFER"), "{text}");
    }
}
