//! Arguments as MailGrid takes them, put into the form our parser reads.

use std::ffi::{OsStr, OsString};
use std::path::Path;

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

/// The arguments with the verb `send` put in when we are called under MailGrid's name, and with its spelling of
/// switches made ours.
pub fn normalised(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let name = arguments.next().unwrap_or_default();
    let is_mailgrid = is_called_mailgrid(&name);
    let verb = is_mailgrid.then(|| OsString::from("send"));
    std::iter::once(name)
        .chain(verb)
        .chain(arguments.filter_map(switch))
        .collect()
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

    fn normal(arguments: &[&str]) -> Vec<String> {
        let arguments = normalised(arguments.iter().map(OsString::from));
        arguments
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn under_mailgrids_name_it_sends() {
        for name in ["mailgrid", "/usr/bin/mailgrid", "./MailGrid.exe"] {
            assert_eq!(
                normal(&[name, "--csv", "a.csv"]),
                [name, "send", "--csv", "a.csv"]
            );
        }
        assert_eq!(normal(&["glasspost", "report"]), ["glasspost", "report"]);
        assert_eq!(normal(&["mailgrid2", "x"]), ["mailgrid2", "x"]);
    }

    #[test]
    fn switches_may_carry_their_value() {
        let found = normal(&[
            "mailgrid",
            "--dry-run=true",
            "--resume=false",
            "--subject=true",
        ]);
        assert_eq!(found, ["mailgrid", "send", "--dry-run", "--subject=true"]);
    }
}
