//! Log lines: `2025-01-23 10:15:32,456 INFO …`, or one JSON object a line. The service's go to standard output, as
//! those who collect logs expect; every other verb's to standard error, since its results have the other one.
//!
//! Whatever stands in a field cannot end its line, colour the terminal or grow without bound: addresses and
//! replies come from strangers.

use std::fmt::{self, Write};
use std::io;

use jiff::tz::TimeZone;
use model::Clock;
use observe::terminal;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::cli::LogFlags;
use crate::settings::{Environment, Variable};

/// Who lends sessions with the database. It warns of each that ended, also of those that end with the process; what could not
/// be done for want of one is said by who wanted it.
const SESSIONS: &str = "deadpool";
/// Longest value of a field, in bytes.
const FIELD_BYTES_MAX: usize = 1024;

/// What is logged and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The least important level that is written.
    pub level: LevelFilter,
    /// How a line looks.
    pub format: LogFormat,
    /// Where it goes.
    pub stream: LogStream,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output, which then holds nothing else.
    Stdout,
    /// Standard error, above the progress bar.
    Stderr,
}

/// Starts logging for the whole process.
pub fn start(settings: LogSettings) {
    let lines = Lines {
        format: settings.format,
        clock: Clock::system(),
        zone: TimeZone::system(),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(settings.level)
        .event_format(lines)
        .with_writer(move || settings.stream)
        .finish()
        .with(said_at(settings.level));
    // It fails only when somebody set one before, and then that one is meant.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// What is written at a level: of [`SESSIONS`] only errors.
fn said_at(level: LevelFilter) -> Targets {
    let of_sessions = level.min(LevelFilter::ERROR);
    Targets::new()
        .with_default(level)
        .with_target(SESSIONS, of_sessions)
}

impl LogSettings {
    /// To `stream`, the rest from the flags, else the environment, else `default` as text. An unknown word counts as
    /// `info`, or as text.
    pub fn new(
        flags: &LogFlags,
        default: LevelFilter,
        stream: LogStream,
        environment: &Environment,
    ) -> Self {
        let level = flags
            .log_level
            .clone()
            .or_else(|| environment.text(Variable::MailgridLogLevel))
            .or_else(|| environment.text(Variable::LogLevel))
            .or_else(|| environment.text(Variable::GmpLogLevel));
        let format = flags
            .log_format
            .clone()
            .or_else(|| environment.text(Variable::LogFormat));
        Self {
            level: level.map_or(default, |word| level_of(&word)),
            format: format.map_or(LogFormat::Text, |word| format_of(&word)),
            stream,
        }
    }
}

fn level_of(word: &str) -> LevelFilter {
    match word.trim().to_ascii_lowercase().as_str() {
        "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" | "warning" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    }
}

fn format_of(word: &str) -> LogFormat {
    match word.trim().eq_ignore_ascii_case("json") {
        true => LogFormat::Json,
        false => LogFormat::Text,
    }
}

/// Makes a line of an event.
struct Lines {
    format: LogFormat,
    clock: Clock,
    zone: TimeZone,
}

/// An event's message and fields.
#[derive(Default)]
struct Fields {
    message: String,
    rest: Vec<(&'static str, Value)>,
}

impl io::Write for LogStream {
    /// Takes whole lines, at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout => io::stdout().lock().write_all(line)?,
            Self::Stderr => terminal::write_above(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        writeln!(writer, "{}", self.line(level, fields))
    }
}

impl Lines {
    fn line(&self, level: Level, fields: Fields) -> String {
        let now = jiff::Timestamp::from_millisecond(self.clock.now().as_millis());
        let now = now.unwrap_or_default();
        match self.format {
            LogFormat::Text => {
                let time = now.to_zoned(self.zone.clone());
                let time = time.strftime("%Y-%m-%d %H:%M:%S,%3f");
                text_line(&time.to_string(), level, &fields)
            }
            LogFormat::Json => json_line(&format!("{now:.3}"), level, fields),
        }
    }
}

fn text_line(time: &str, level: Level, fields: &Fields) -> String {
    let mut line = format!("{time} {:<8} {}", level_name(level), shown(&fields.message));
    for (name, value) in &fields.rest {
        // Quotes only where a value would not be told from its neighbours.
        let _ = match value {
            Value::String(text) if text.is_empty() || text.contains([' ', '"', '=']) => {
                write!(line, " {name}=\"{}\"", shown(&text.replace('"', "\\\"")))
            }
            Value::String(text) => write!(line, " {name}={}", shown(text)),
            other => write!(line, " {name}={other}"),
        };
    }
    line
}

fn json_line(time: &str, level: Level, fields: Fields) -> String {
    let mut object = Map::new();
    object.insert("timestamp".to_owned(), time.into());
    object.insert("level".to_owned(), level_name(level).into());
    object.insert("message".to_owned(), shown(&fields.message).into());
    for (name, value) in fields.rest {
        let value = match value {
            Value::String(text) => shown(&text).into(),
            other => other,
        };
        object.insert(name.to_owned(), value);
    }
    Value::Object(object).to_string()
}

/// A level as Python's logging calls it: those who collect logs know these names.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::WARN => "WARNING",
        other => other.as_str(),
    }
}

/// A text that stays in its line: control characters and separators as escapes.
fn shown(text: &str) -> String {
    let ends_line = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match ends_line(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

/// The first part of a text that is too long for a field.
fn capped(mut text: String) -> String {
    if text.len() > FIELD_BYTES_MAX {
        text.truncate(text.floor_char_boundary(FIELD_BYTES_MAX));
        text.push('…');
    }
    text
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        self.rest.push((field.name(), value));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = capped(value.to_owned());
        match field.name() {
            "message" => self.message = value,
            _ => self.add(field, value.into()),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_str(field, &value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &str, rest: &[(&'static str, &str)]) -> Fields {
        Fields {
            message: message.to_owned(),
            rest: rest
                .iter()
                .map(|&(name, value)| (name, value.into()))
                .collect(),
        }
    }

    #[test]
    fn text_lines_have_mailgrids_look() {
        let fields = fields(
            "bounced",
            &[("address", "a@x.org"), ("reply", "550 no \"such\" user")],
        );
        let line = text_line("2025-01-23 10:15:32,456", Level::WARN, &fields);
        let expected = r#"2025-01-23 10:15:32,456 WARNING  bounced address=a@x.org reply="550 no \"such\" user""#;
        assert_eq!(line, expected);
    }

    #[test]
    fn a_reply_cannot_forge_a_log_line_or_colour_the_terminal() {
        let evil = "550 x\r\n2025-01-23 ERROR forged\u{1b}[31m\u{2028}\u{9b}31m";
        let text = text_line("t", Level::WARN, &fields(evil, &[("reply", evil)]));
        assert!(
            !text.chars().any(|c| c.is_control() || c == '\u{2028}'),
            "{text:?}"
        );
        let json = json_line("t", Level::WARN, fields(evil, &[("reply", evil)]));
        assert!(
            !json.chars().any(|c| c.is_control() || c == '\u{2028}'),
            "{json:?}"
        );
        let object: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(object["level"], "WARNING");
        assert!(object["reply"].as_str().unwrap().contains("\\r\\n"));
    }

    #[test]
    fn sessions_that_end_with_the_process_warn_of_nothing() {
        let said = said_at(LevelFilter::DEBUG);
        assert!(said.would_enable("glasspost", &Level::DEBUG));
        assert!(said.would_enable("deadpool.postgres", &Level::ERROR));
        assert!(!said.would_enable("deadpool.postgres", &Level::WARN));
        assert!(!said_at(LevelFilter::OFF).would_enable("deadpool.postgres", &Level::ERROR));
    }

    #[test]
    fn long_fields_are_cut() {
        let cut = capped("ä".repeat(FIELD_BYTES_MAX));
        assert!(cut.len() <= FIELD_BYTES_MAX + 3 && cut.ends_with('…'));
    }

    #[test]
    fn the_flag_comes_before_the_variable_and_unknown_words_mean_info() {
        let environment = Environment::of([
            (Variable::LogLevel, "debug".into()),
            (Variable::LogFormat, "JSON".into()),
        ]);
        let none = LogFlags::default();
        let by_variable =
            LogSettings::new(&none, LevelFilter::INFO, LogStream::Stdout, &environment);
        let expected = LogSettings {
            level: LevelFilter::DEBUG,
            format: LogFormat::Json,
            stream: LogStream::Stdout,
        };
        assert_eq!(by_variable, expected);
        let flags = LogFlags {
            log_level: Some("loud".into()),
            log_format: Some("text".into()),
        };
        let by_flag = LogSettings::new(&flags, LevelFilter::ERROR, LogStream::Stderr, &environment);
        let expected = LogSettings {
            level: LevelFilter::INFO,
            format: LogFormat::Text,
            stream: LogStream::Stderr,
        };
        assert_eq!(by_flag, expected);
        let environment = Environment::default();
        let unset = LogSettings::new(&none, LevelFilter::ERROR, LogStream::Stderr, &environment);
        assert_eq!(unset.level, LevelFilter::ERROR);
    }
}
