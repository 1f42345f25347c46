//! Arguments as MailGrid takes them, put into the form our parser reads, and read.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Cli, PromptLine, SendArgs, Verb};

/// The name under which the program behaves as `glasspost send`.
const MAILGRID: &str = "mailgrid";
/// Flags without a value, which MailGrid's parser also takes as `--flag=true` and `--flag=false`.
const SWITCHES: [&str; 9] = [
    "dry-run",
    "preview",
    "monitor",
    "scheduler-run",
    "jobs-list",
    "resume",
    "reset-offset",
    "strict",
    "one-click-unsubscribe",
];

/// Secrets that people try to give as they are, and the flag that takes them.
const SECRETS: [(&str, &str); 9] = [
    ("--password", "--password-file"),
    ("--imap-password", "--imap-password-file"),
    ("--bounce-imap-password", "--bounce-imap-password-file"),
    ("--token", "--token-file"),
    ("--api-token", "--api-token-file"),
    ("--client-token", "--client-secret-file"),
    ("--client-password", "--client-secret-file"),
    ("--client-secret", "--client-secret-file"),
    ("--secret-key", "--secret-key-file"),
];

/// Send a campaign: a list of recipients and a template
#[derive(Debug, Parser)]
#[command(name = MAILGRID, version, max_term_width = 110)]
struct MailGrid {
    #[command(flatten)]
    send: SendArgs,
}

/// What the arguments ask for: called under MailGrid's name the flags are those of `glasspost send`, without the verb.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut arguments = arguments.into_iter();
    let name = arguments.next().unwrap_or_default();
    let is_mailgrid = is_called_mailgrid(&name);
    let arguments = std::iter::once(name).chain(arguments.filter_map(switch));
    match is_mailgrid {
        true => MailGrid::try_parse_from(arguments).map(|mailgrid| Cli {
            verb: Verb::Send(Box::new(mailgrid.send)),
        }),
        false => parsed_from::<Cli>(arguments),
    }
}

/// What a line at the prompt of `glasspost connect` asks for.
pub fn parse_prompt(words: Vec<String>) -> Result<PromptLine, clap::Error> {
    parsed_from(words)
}

/// Reads arguments; who gives a secret is told why that is refused.
fn parsed_from<P: Parser>(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<P, clap::Error> {
    P::try_parse_from(arguments).map_err(|error| {
        secret_refusal(&error).map_or(error, |refusal| {
            P::command().error(ErrorKind::UnknownArgument, refusal)
        })
    })
}

fn secret_refusal(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let (flag, file) = SECRETS
        .iter()
        .find(|(flag, _)| error.kind() == ErrorKind::UnknownArgument && flag == given)?;
    Some(format!(
        "{flag} is not taken: what stands on a command line is seen by everybody on this machine, and kept by the \
         shell; give {file} FILE, or {file} - to read it from standard input"
    ))
}

fn is_called_mailgrid(name: &OsStr) -> bool {
    let stem = Path::new(name).file_stem().unwrap_or_default();
    stem.eq_ignore_ascii_case(MAILGRID)
}

/// `--flag=true` as `--flag`; `--flag=false` as nothing.
fn switch(argument: OsString) -> Option<OsString> {
    let found = argument.to_str().and_then(|text| {
        let (flag, value) = text.strip_prefix("--")?.split_once('=')?;
        SWITCHES.contains(&flag).then_some((flag, value))
    });
    match found {
        Some((flag, "true" | "1" | "t" | "T" | "TRUE" | "True")) => {
            Some(format!("--{flag}").into())
        }
        Some((_, "false" | "0" | "f" | "F" | "FALSE" | "False")) => None,
        _ => Some(argument),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Cli, clap::Error> {
        parse(arguments.iter().map(OsString::from))
    }

    fn sent(arguments: &[&str]) -> SendArgs {
        match parsed(arguments).unwrap().verb {
            Verb::Send(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn under_mailgrids_name_it_sends() {
        for name in ["mailgrid", "/usr/bin/mailgrid", "./MailGrid.exe"] {
            let args = sent(&[name, "--csv", "a.csv"]);
            assert_eq!(args.recipients.csv, Some("a.csv".into()));
        }
        let report = parsed(&["glasspost", "report"]).unwrap().verb;
        assert!(matches!(report, Verb::Report(_)));
        assert!(parsed(&["mailgrid2", "--csv", "a.csv"]).is_err());
    }

    #[test]
    fn under_mailgrids_name_the_usage_names_no_verb() {
        for arguments in [
            ["mailgrid", "--help"],
            ["mailgrid", "--no-such-flag"],
            ["mailgrid", "send"],
        ] {
            let shown = parsed(&arguments).unwrap_err().to_string();
            assert!(shown.contains("Usage: mailgrid [OPTIONS]\n"), "{shown}");
        }
        let help = parsed(&["mailgrid", "--help"]).unwrap_err().to_string();
        assert!(help.starts_with("Send a campaign"), "{help}");
        assert!(help.contains("Exit status:"), "{help}");
        let version = parsed(&["mailgrid", "--version"]).unwrap_err();
        assert_eq!(version.exit_code(), 0);
        assert!(version.to_string().starts_with("glasspost "), "{version}");
    }

    #[test]
    fn a_secret_on_the_command_line_is_refused_with_the_reason_and_not_repeated() {
        let add = ["glasspost", "accounts", "add", "main", "--host", "h"];
        for (flag, file) in [
            ("--password", "--password-file"),
            ("--imap-password", "--imap-password-file"),
            ("--token", "--token-file"),
        ] {
            for given in [vec![flag, "canary"], vec![&format!("{flag}=canary")]] {
                let refused = parsed(&[&add[..], &given].concat()).unwrap_err();
                assert_eq!(refused.exit_code(), 2);
                let refused = refused.to_string();
                assert!(refused.contains(&format!("{file} FILE")), "{refused}");
                assert!(!refused.contains("canary"), "{refused}");
            }
        }
        let line = ["tenants", "list", "--token", "x"].map(str::to_owned);
        let refused = parse_prompt(line.to_vec()).unwrap_err().to_string();
        assert!(refused.contains("--token-file"), "{refused}");
    }

    #[test]
    fn switches_may_carry_their_value() {
        let args = sent(&[
            "mailgrid",
            "--dry-run=true",
            "--resume=false",
            "--subject=true",
        ]);
        assert!(args.safety.dry_run && args.safety.resume.is_none());
        assert_eq!(args.message.subject, "true");
    }
}
