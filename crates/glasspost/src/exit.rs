//! How errors become exit codes: one table.

use std::io;
use std::process::ExitCode;

use campaign::CampaignError;
use campaign::recipients::ListError;
use compose::letter::LetterError;
use prepare::AttachmentError;
use store::StoreError;
use store::copy::CopyError;
use webserver::BindError;

use crate::mail_config::MailConfigError;
use crate::settings::DataFolderError;
use crate::settings::service::ConfigError;
use crate::verbs::ClientError;

/// Why a command ended without having done what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments do not make sense together.
    #[error("{0}")]
    Arguments(String),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] MailConfigError),
    /// The service's settings cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// There is no place for data.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// The campaign could not run.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// The data file does not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A running service was asked, and did not do it.
    #[error(transparent)]
    Service(#[from] ClientError),
    /// An address to be seen at cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The relay cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// Somebody asked it to stop before it was done.
    #[error("{0}")]
    Interrupted(String),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// Everything else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// What the process tells its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// It did what it was asked for; also a finished campaign with failed recipients.
    Success = 0,
    /// Anything that has no code of its own, also an interruption.
    General = 1,
    /// The arguments do not make sense.
    Arguments = 2,
    /// The configuration cannot be used.
    Configuration = 3,
    /// A file that was named is not there.
    FileNotFound = 4,
    /// The relay cannot be reached.
    Relay = 5,
}

impl Failure {
    /// The code of a failure.
    pub fn code(&self) -> Code {
        match self {
            Self::Arguments(_) => Code::Arguments,
            Self::Config(MailConfigError::File { reason, .. }) => of_file(reason),
            Self::Settings(ConfigError::File { reason, .. }) => of_file(reason),
            Self::Config(_) | Self::Settings(_) | Self::DataFolder(_) => Code::Configuration,
            Self::Campaign(error) => of_campaign(error),
            Self::Store(StoreError::Copy(CopyError::NoFile(_))) => Code::FileNotFound,
            Self::Unreachable(_) => Code::Relay,
            Self::Output(reason) => of_file(reason),
            Self::Store(_)
            | Self::Service(_)
            | Self::Bind(_)
            | Self::Interrupted(_)
            | Self::Other(_) => Code::General,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

fn of_campaign(error: &CampaignError) -> Code {
    match error {
        CampaignError::File { reason, .. } | CampaignError::AccountFolder { reason, .. } => {
            of_file(reason)
        }
        CampaignError::List {
            error: ListError::Read(reason),
            ..
        } => of_file(reason),
        CampaignError::Attachment(AttachmentError::Unreadable { source, .. }) => of_file(source),
        CampaignError::Letter(error) => of_letter(error),
        CampaignError::SheetUrl(_)
        | CampaignError::Recipient { .. }
        | CampaignError::Copies { .. }
        | CampaignError::Header(_)
        | CampaignError::NoBody
        | CampaignError::Schedule { .. } => Code::Arguments,
        CampaignError::List { .. }
        | CampaignError::Attachment(_)
        | CampaignError::Fetch { .. }
        | CampaignError::Filter(_)
        | CampaignError::Nobody(_)
        | CampaignError::Strict(_)
        | CampaignError::UnderWay { .. }
        | CampaignError::BeingBegun { .. }
        | CampaignError::TakenOver { .. }
        | CampaignError::NoSuchRun { .. }
        | CampaignError::Cancelled { .. }
        | CampaignError::Watcher(_)
        | CampaignError::Deliver(_)
        | CampaignError::Store(_)
        | CampaignError::Account { .. } => Code::General,
    }
}

/// Templates and attachments are files; everything else of a letter is said by flags.
fn of_letter(error: &LetterError) -> Code {
    match error {
        LetterError::Template(_) | LetterError::AttachmentChanged(_) => Code::General,
        LetterError::Address { .. }
        | LetterError::ReplyToNotAscii(_)
        | LetterError::TooManyCopies
        | LetterError::NoBody
        | LetterError::HeaderName { .. }
        | LetterError::HeaderReserved(_)
        | LetterError::HeaderValue { .. }
        | LetterError::TooManyHeaders
        | LetterError::HeadTooLarge
        | LetterError::UnsubscribeLinks
        | LetterError::UnsubscribeLink { .. }
        | LetterError::OneClickNeedsHttps
        | LetterError::TooManyAttachments => Code::Arguments,
    }
}

fn of_file(reason: &io::Error) -> Code {
    match reason.kind() {
        io::ErrorKind::NotFound => Code::FileNotFound,
        // `glasspost report | head` is no failure.
        io::ErrorKind::BrokenPipe => Code::Success,
        _ => Code::General,
    }
}

#[cfg(test)]
mod tests {
    use campaign::{Machine, Rival};
    use compose::mime::LinkError;
    use model::HeaderTextError;

    use super::*;

    fn no_file() -> io::Error {
        io::ErrorKind::NotFound.into()
    }

    fn denied() -> io::Error {
        io::ErrorKind::PermissionDenied.into()
    }

    #[test]
    fn every_kind_of_failure_has_the_code_of_the_table() {
        let config = |reason| MailConfigError::File {
            what: "the configuration",
            path: "config.json".into(),
            reason,
        };
        let value = MailConfigError::Value {
            path: "c".into(),
            reason: "smtp.host is required".into(),
        };
        let client = MailConfigError::Client {
            path: "c".into(),
            reason: smtp::client::ConfigError::Host("a b".into()),
        };
        let schedule = CampaignError::Schedule {
            flag: "--cron",
            value: "x".into(),
            reason: "five fields".into(),
        };
        let cases: Vec<(Failure, u8)> = vec![
            (Failure::Arguments("--env is required".into()), 2),
            (config(no_file()).into(), 4),
            (config(denied()).into(), 1),
            (value.into(), 3),
            (client.into(), 3),
            (DataFolderError.into(), 3),
            (
                CampaignError::File {
                    path: "t.html".into(),
                    reason: no_file(),
                }
                .into(),
                4,
            ),
            (
                CampaignError::File {
                    path: "t.html".into(),
                    reason: denied(),
                }
                .into(),
                1,
            ),
            (
                CampaignError::File {
                    path: "standard output".into(),
                    reason: io::ErrorKind::BrokenPipe.into(),
                }
                .into(),
                0,
            ),
            (CampaignError::NoBody.into(), 2),
            (CampaignError::Header("x".into()).into(), 2),
            (schedule.into(), 2),
            (CampaignError::Nobody("nobody".into()).into(), 1),
            (CampaignError::Strict("fields".into()).into(), 1),
            (
                CampaignError::UnderWay {
                    rival: Rival {
                        process: 1,
                        machine: Machine::Any,
                    },
                    job_id: "j".into(),
                }
                .into(),
                1,
            ),
            (Failure::Unreachable("no connection".into()), 5),
            (Failure::Interrupted("stopped".into()), 1),
            (StoreError::Closed.into(), 1),
            (ClientError::LeftOut(1).into(), 1),
            (io::Error::from(io::ErrorKind::BrokenPipe).into(), 0),
            (io::Error::from(io::ErrorKind::StorageFull).into(), 1),
            (anyhow::anyhow!("something").into(), 1),
        ];
        for (failure, code) in cases {
            assert_eq!(failure.code() as u8, code, "{failure}");
        }
    }

    #[test]
    fn what_flags_say_wrong_of_a_letter_is_an_argument() {
        let code = |error: LetterError| Failure::from(CampaignError::from(error)).code();
        let link = LetterError::UnsubscribeLink {
            link: "foo".into(),
            source: LinkError::Scheme,
        };
        let header = LetterError::HeaderValue {
            name: "X-Note".into(),
            source: HeaderTextError {
                character: '\n',
                place: 1,
            },
        };
        let changed = LetterError::AttachmentChanged("a.pdf".into());
        assert_eq!(code(link), Code::Arguments);
        assert_eq!(code(header), Code::Arguments);
        assert_eq!(code(changed), Code::General);
    }

    #[test]
    fn missing_lists_and_attachments_are_files_not_found() {
        let list = CampaignError::List {
            list: "r.csv".into(),
            error: ListError::Read(no_file()),
        };
        assert_eq!(Failure::from(list).code(), Code::FileNotFound);
        let attachment = AttachmentError::Unreadable {
            path: "a.pdf".into(),
            source: no_file(),
        };
        assert_eq!(
            Failure::from(CampaignError::from(attachment)).code(),
            Code::FileNotFound
        );
    }
}
