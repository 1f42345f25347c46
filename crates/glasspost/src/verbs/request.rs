//! The flags of `glasspost send` made into a request.

use std::path::{Path, PathBuf};

use campaign::{Checking, LetterRequest, ListSource, SendRequest, Start};

use crate::cli::{MessageFlags, RecipientFlags, SendArgs};
use crate::exit::Failure;
use crate::settings::Environment;

/// The configuration's path: the flag, else the environment.
pub fn config_path(args: &SendArgs, environment: &Environment) -> Result<PathBuf, Failure> {
    given_path(args.delivery.env.as_ref())
        .or_else(|| environment.config())
        .ok_or_else(|| {
            Failure::Arguments(
                "--env is required: the file with the relay and the sender (or set GLASSPOST_CONFIG)"
                    .to_owned(),
            )
        })
}

/// The request that the flags say, checked in MailGrid's order as far as no file has to be read.
pub fn of_flags(args: &SendArgs, config: &Path) -> Result<SendRequest, Failure> {
    let connections = usize::try_from(args.delivery.concurrency)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| arguments("--concurrency must be at least 1"))?;
    let webhook = given(args.webhook.webhook.as_ref());
    Ok(SendRequest {
        config: config.to_owned(),
        list: list(&args.recipients)?,
        filter: given(args.recipients.filter.as_ref()),
        letter: letter(&args.message)?,
        webhook: webhook.map(checked_webhook).transpose()?,
        name: given(args.safety.name.as_ref()),
        connections,
        retries: args.delivery.retries,
        connect_timeout_s: args.delivery.smtp_timeout,
        per_second_max: args.delivery.rate.filter(|rate| *rate > 0),
        checking: match args.safety.strict {
            true => Checking::Strict,
            false => Checking::Lenient,
        },
        account_folder: args.output.output_dir.clone(),
        batch_size: usize::try_from(args.delivery.batch_size)
            .unwrap_or(1)
            .max(1),
    })
}

/// What the flags say about an earlier run.
pub fn start(args: &SendArgs) -> Start {
    match &args.safety.resume {
        Some(_) if args.safety.reset_offset => Start::New,
        Some(job_id) if job_id.is_empty() => Start::Resume,
        Some(job_id) => Start::ResumeRun(job_id.clone()),
        None => Start::New,
    }
}

/// The same request, to be understood from any folder.
pub fn with_absolute_paths(mut request: SendRequest) -> std::io::Result<SendRequest> {
    let paths = [&mut request.config, &mut request.account_folder];
    let letter = &mut request.letter;
    for path in paths
        .into_iter()
        .chain(&mut letter.html)
        .chain(&mut letter.attachments)
    {
        *path = std::path::absolute(&*path)?;
    }
    if let ListSource::File(path) = &mut request.list {
        *path = std::path::absolute(&*path)?;
    }
    let texts = [&mut letter.text, &mut letter.cc, &mut letter.bcc];
    for value in texts.into_iter().flatten() {
        *value = absolute_if_file(value)?;
    }
    Ok(request)
}

/// A value that may be a file or the thing itself.
fn absolute_if_file(value: &str) -> std::io::Result<String> {
    let (mark, path) = match value.strip_prefix('@') {
        Some(path) => ("@", path),
        None => ("", value),
    };
    if !Path::new(path).is_file() {
        return Ok(value.to_owned());
    }
    Ok(format!("{mark}{}", std::path::absolute(path)?.display()))
}

fn list(flags: &RecipientFlags) -> Result<ListSource, Failure> {
    let file = given_path(flags.csv.as_ref()).map(ListSource::File);
    let sheet = given(flags.sheet_url.as_ref()).map(ListSource::Sheet);
    let one = given(flags.to.as_ref()).map(ListSource::One);
    let mut sources = [file, sheet, one].into_iter().flatten();
    match (sources.next(), sources.next()) {
        (Some(source), None) => Ok(source),
        (None, _) => Err(arguments(
            "nobody to send to: give --csv, --sheet-url or --to",
        )),
        (Some(_), Some(_)) => Err(arguments(
            "--csv, --sheet-url and --to exclude each other: give one of them",
        )),
    }
}

fn letter(flags: &MessageFlags) -> Result<LetterRequest, Failure> {
    let unsubscribe = flags.unsubscribe.clone();
    if flags.one_click_unsubscribe && unsubscribe.is_empty() {
        return Err(arguments(
            "--one-click-unsubscribe needs an https link by --unsubscribe",
        ));
    }
    Ok(LetterRequest {
        subject: flags.subject.clone(),
        html: given_path(flags.template.as_ref()),
        text: given(flags.text.as_ref()),
        attachments: flags
            .attach
            .iter()
            .filter(|path| !path.as_os_str().is_empty())
            .cloned()
            .collect(),
        cc: given(flags.cc.as_ref()),
        bcc: given(flags.bcc.as_ref()),
        reply_to: given(flags.reply_to.as_ref()),
        unsubscribe,
        one_click: flags.one_click_unsubscribe,
        headers: flags.header.clone(),
    })
}

fn checked_webhook(value: String) -> Result<String, Failure> {
    let is_web = url::Url::parse(&value)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match is_web {
        true => Ok(value),
        false => Err(arguments(
            "--webhook must be an address such as https://example.org/hook",
        )),
    }
}

fn arguments(reason: &str) -> Failure {
    Failure::Arguments(reason.to_owned())
}

/// A flag that is set to nothing, as scripts do, counts as not given.
pub fn given(value: Option<&String>) -> Option<String> {
    value.filter(|value| !value.is_empty()).cloned()
}

/// The same for a path.
pub fn given_path(value: Option<&PathBuf>) -> Option<PathBuf> {
    value.filter(|path| !path.as_os_str().is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Verb};

    fn args(words: &[&str]) -> SendArgs {
        let words = ["glasspost", "send"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().verb {
            Verb::Send(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    fn request(words: &[&str]) -> Result<SendRequest, Failure> {
        of_flags(&args(words), Path::new("c.json"))
    }

    fn refusal(words: &[&str]) -> String {
        let failure = request(words).unwrap_err();
        assert_eq!(failure.code() as u8, 2);
        failure.to_string()
    }

    #[test]
    fn the_flags_become_a_request() {
        let found = request(&[
            "--csv",
            "a.csv",
            "-t",
            "t.html",
            "-c",
            "4",
            "-r",
            "2",
            "--rate",
            "50",
            "--strict",
            "--filter",
            "",
            "--header",
            "X-A: b",
            "--unsubscribe",
            "https://x.org/a,b?e={{.email}}",
            "-b",
            "-3",
            "--one-click-unsubscribe",
        ])
        .unwrap();
        assert_eq!(found.list, ListSource::File("a.csv".into()));
        assert_eq!(
            (found.connections, found.retries, found.batch_size),
            (4, 2, 1)
        );
        assert_eq!(found.per_second_max, Some(50));
        assert_eq!(found.checking, Checking::Strict);
        assert_eq!(found.filter, None);
        assert_eq!(found.letter.headers, ["X-A: b"]);
        assert_eq!(found.letter.unsubscribe, ["https://x.org/a,b?e={{.email}}"]);
        assert_eq!(found.account_folder, PathBuf::from("."));
    }

    #[test]
    fn arguments_that_do_not_go_together_are_refused() {
        assert!(refusal(&["--text", "x"]).starts_with("nobody to send to"));
        assert!(refusal(&["--csv", "a", "--to", "b@x.org"]).contains("exclude each other"));
        assert!(refusal(&["--csv", "a", "-c", "0"]).contains("--concurrency"));
        assert!(refusal(&["--csv", "a", "-c", "-2"]).contains("--concurrency"));
        for url in ["ftp://x.org/", "x.org", "https://"] {
            assert!(
                refusal(&["--csv", "a", "--webhook", url]).contains("--webhook"),
                "{url}"
            );
        }
        assert!(refusal(&["--csv", "a", "--one-click-unsubscribe"]).contains("--unsubscribe"));
    }

    #[test]
    fn a_reset_is_a_new_run() {
        let of = |words: &[&str]| start(&args(words));
        assert_eq!(of(&[]), Start::New);
        assert_eq!(of(&["--resume"]), Start::Resume);
        assert_eq!(of(&["--resume="]), Start::Resume);
        assert_eq!(
            of(&["--resume=mailgrid-7"]),
            Start::ResumeRun("mailgrid-7".to_owned())
        );
        assert_eq!(of(&["--resume", "--reset-offset"]), Start::New);
    }

    #[test]
    fn a_stored_request_is_understood_from_any_folder() {
        let found =
            request(&["--csv", "a.csv", "--text", "Hello", "--cc", "@no-such-file"]).unwrap();
        let found = with_absolute_paths(found).unwrap();
        let ListSource::File(path) = &found.list else {
            panic!()
        };
        assert!(
            path.is_absolute() && found.config.is_absolute() && found.account_folder.is_absolute()
        );
        assert_eq!(found.letter.text.as_deref(), Some("Hello"));
        assert_eq!(found.letter.cc.as_deref(), Some("@no-such-file"));
        let file = tempfile::NamedTempFile::new().unwrap();
        let value = file.path().display().to_string();
        assert_eq!(
            absolute_if_file(&format!("@{value}")).unwrap(),
            format!("@{value}")
        );
    }

    #[test]
    fn without_a_configuration_the_flag_is_named() {
        let failure = config_path(&args(&[]), &Environment::default()).unwrap_err();
        assert!(failure.to_string().starts_with("--env is required"));
        assert_eq!(failure.code() as u8, 2);
    }
}
