//! What to send, to whom and how: what the flags say, as data. A scheduled job is stored as this.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A campaign to send. It holds no secrets, only where they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// The file with the relay and the sender (`--env`).
    pub config: PathBuf,
    /// Who gets it.
    pub list: ListSource,
    /// Only those who match (`--filter`).
    #[serde(default)]
    pub filter: Option<String>,
    /// What it says.
    pub letter: LetterRequest,
    /// What people call the campaign (`--name`); unnamed, it is known by what it says.
    #[serde(default)]
    pub name: Option<String>,
    /// Connections at once (`--concurrency`), at least 1.
    pub connections: usize,
    /// Tries after the first (`--retries`).
    pub retries: u32,
    /// Seconds to connect (`--smtp-timeout`).
    #[serde(default)]
    pub connect_timeout_s: Option<u32>,
    /// Messages a second at most.
    #[serde(default)]
    pub per_second_max: Option<u32>,
    /// Where the end of a run is told (`--webhook`).
    #[serde(default)]
    pub webhook: Option<String>,
    /// Whether missing fields refuse the whole run.
    #[serde(default)]
    pub checking: Checking,
    /// The folder of `success.csv` and `failed.csv`.
    pub account_folder: PathBuf,
    /// What is shown beside the above, as it was typed.
    #[serde(default)]
    pub batch_size: usize,
}

/// Who gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListSource {
    /// A CSV, XLSX, XLS or ODS file (`--csv`).
    File(PathBuf),
    /// A public Google Sheet (`--sheet-url`).
    Sheet(String),
    /// One address (`--to`).
    One(String),
}

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LetterRequest {
    /// The subject, a template (`--subject`).
    pub subject: String,
    /// The file of the HTML body, a template (`--template`).
    pub html: Option<PathBuf>,
    /// The text body, a template, or the path of a file that holds it (`--text`).
    pub text: Option<String>,
    /// Files to attach (`--attach`).
    pub attachments: Vec<PathBuf>,
    /// Copies, as typed: a list, a file, or `@file` (`--cc`).
    pub cc: Option<String>,
    /// Hidden copies, as typed (`--bcc`).
    pub bcc: Option<String>,
    /// Where answers go (`--reply-to`).
    pub reply_to: Option<String>,
    /// Links to leave the list, templates (`--unsubscribe`).
    pub unsubscribe: Vec<String>,
    /// Whether the first `https` link takes a one-click POST (RFC 8058).
    pub one_click: bool,
    /// More header fields, `Name: value` (`--header`).
    pub headers: Vec<String>,
}

/// What a field that a recipient lacks does to the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checking {
    /// In a body it renders empty and is counted, in a subject it fails that recipient.
    #[default]
    Lenient,
    /// It refuses the whole run before anything is sent (`--strict`).
    Strict,
}

/// What to do about an earlier run of the same campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Begin a new run.
    New,
    /// Go on with the unfinished run (`--resume`); begin a new one when there is none.
    Resume,
    /// Go on with this run of the campaign, by its job id, also when another one was begun since.
    ResumeRun(String),
    /// One occurrence of a job, under its own name: begin it, or go on with it.
    Occurrence(String),
}

impl ListSource {
    /// Whether it is one person, not a list.
    pub fn is_one(&self) -> bool {
        matches!(self, Self::One(_))
    }
}
