//! `glasspost send`: every flag of MailGrid under its own names, and ours.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{DataFlags, LogFlags, StoreFlags, number};

/// What `--help` ends with.
const AFTER_HELP: &str = "\
Templates are Go templates: {{.name}} is the column `name` of the list, {{.email}} the address.

Exit status:
  0  the campaign is finished, also when recipients failed (see failed.csv, or `glasspost report`)
  1  anything without a code of its own, also an interruption (run it again with --resume) and a
     cancelled campaign
  2  invalid arguments
  3  the configuration cannot be used
  4  a file is not there
  5  the relay cannot be reached: run it again with --resume
  130  stopped by a second Ctrl-C, without waiting for what was under way

Examples:
  See what would be sent:
    glasspost send -e config.json -f list.csv -t letter.html -s 'Hi {{.name}}' --dry-run
  Send it over 10 connections, at most 50 messages a second, and watch it in the browser:
    glasspost send -e config.json -f list.csv -t letter.html -s 'Hi {{.name}}' -c 10 --rate 50 --monitor
  Go on after an interruption:
    glasspost send -e config.json -f list.csv -t letter.html -s 'Hi {{.name}}' --resume
  Every Monday at 08:00 UTC (keep `glasspost serve` or `glasspost schedule run` running):
    glasspost send -e config.json -f list.csv -t letter.html -s 'News' --cron '0 8 * * 1'

config.json:
  {\"smtp\": {\"host\": \"smtp.example.org\", \"port\": 587, \"username\": \"ada\", \"password\": \"…\",
            \"from\": \"Ada Lovelace <ada@example.org>\"}}
  Optional in smtp: tls (auto, off, opportunistic, required, implicit), auth (auto, plain, login,
  cram-md5, xoauth2, none), tls_cert_file (PEM of the authority), client_cert_file and tls_key_file,
  insecure_tls, allow_clear_text_auth, hello_name, reply_timeout_ms (for each reply; without it 60 s,
  120 s for the last). Beside smtp: timeout_ms (to connect), rate_limit (messages/s).
  Leave out username and password for a relay that asks for no login.";

/// Flags of `glasspost send`.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP, args_override_self = true, display_name = "glasspost")]
pub struct SendArgs {
    #[command(flatten)]
    pub recipients: RecipientFlags,
    #[command(flatten)]
    pub message: MessageFlags,
    #[command(flatten)]
    pub delivery: DeliveryFlags,
    #[command(flatten)]
    pub scheduling: SchedulingFlags,
    #[command(flatten)]
    pub safety: SafetyFlags,
    #[command(flatten)]
    pub webhook: WebhookFlags,
    #[command(flatten)]
    pub output: OutputFlags,
    #[command(flatten)]
    pub dashboard: DashboardFlags,
}

/// Who gets it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Recipients (one of --csv, --sheet-url, --to)")]
pub struct RecipientFlags {
    /// List of recipients: CSV, XLSX, XLS or ODS with a column `email`
    #[arg(short = 'f', long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Public Google Sheet with a column `email`
    #[arg(short = 'u', long, value_name = "URL")]
    pub sheet_url: Option<String>,
    /// A single recipient
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// Only recipients that match, such as 'tier == "pro" && age > 25'
    #[arg(
        short = 'F',
        long,
        value_name = "EXPRESSION",
        allow_hyphen_values = true
    )]
    pub filter: Option<String>,
}

/// What it says.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Message (one of --template, --text, --attach at least)")]
pub struct MessageFlags {
    /// HTML body, a template
    #[arg(short = 't', long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Text body, a template: a file, or the text itself; beside --template the message has both
    #[arg(long, value_name = "TEXT|FILE", allow_hyphen_values = true)]
    pub text: Option<String>,
    /// Subject, a template
    #[arg(
        short = 's',
        long,
        value_name = "TEXT",
        default_value = "Test Email from Mailgrid",
        allow_hyphen_values = true
    )]
    pub subject: String,
    /// File to attach, 10 MiB at most; repeat it, or put commas between files
    #[arg(short = 'a', long, value_name = "FILE", value_delimiter = ',')]
    pub attach: Vec<PathBuf>,
    /// Copies of each message: addresses with commas between them, or a file with one a line
    #[arg(long, value_name = "LIST|FILE")]
    pub cc: Option<String>,
    /// Hidden copies of each message, like --cc
    #[arg(long, value_name = "LIST|FILE")]
    pub bcc: Option<String>,
    /// Where answers go
    #[arg(long, value_name = "ADDRESS")]
    pub reply_to: Option<String>,
    /// Link to leave the list (List-Unsubscribe), a template: https or mailto; repeatable
    #[arg(long, value_name = "URL")]
    pub unsubscribe: Vec<String>,
    /// The https link of --unsubscribe takes a one-click POST (RFC 8058)
    #[arg(long)]
    pub one_click_unsubscribe: bool,
    /// One more header field; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
}

/// How it is delivered.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Delivery")]
pub struct DeliveryFlags {
    /// Configuration of relay and sender, see below [env: GLASSPOST_CONFIG, MAILGRID_CONFIG]
    #[arg(short = 'e', long, value_name = "FILE")]
    pub env: Option<PathBuf>,
    /// Connections to the relay at once
    #[arg(
        short = 'c',
        long,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true,
        value_parser = number::whole::<i64>
    )]
    pub concurrency: i64,
    /// Accepted as MailGrid's; messages go out one by one in any case
    #[arg(
        short = 'b',
        long,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true,
        value_parser = number::whole::<i64>
    )]
    pub batch_size: i64,
    /// Tries after the first, for failures that may pass (after 2, 4, 8, then 10 s)
    #[arg(short = 'r', long, value_name = "N", default_value_t = 1, value_parser = number::whole::<u32>)]
    pub retries: u32,
    /// Messages a second at most [default: rate_limit of the configuration, else no limit]
    #[arg(long, value_name = "N", value_parser = number::whole::<u32>)]
    pub rate: Option<u32>,
    /// Seconds to connect [default: timeout_ms of the configuration, else 10]
    #[arg(long, value_name = "SECONDS", value_parser = number::whole::<u32>)]
    pub smtp_timeout: Option<u32>,
}

/// When it is sent.
#[derive(Args, Clone, Debug)]
#[command(
    next_help_heading = "Scheduling (kept in the store, run by `glasspost serve` or `glasspost schedule run`)"
)]
pub struct SchedulingFlags {
    /// Send once at this moment, as in 2026-01-31T08:30:00Z; a past one is now
    #[arg(short = 'A', long, value_name = "TIME")]
    pub schedule_at: Option<String>,
    /// Send again and again with this pause, as in 24h or 1h30m
    #[arg(short = 'i', long, value_name = "DURATION")]
    pub interval: Option<String>,
    /// Send by five fields of cron, in UTC
    #[arg(short = 'C', long, value_name = "FIELDS", allow_hyphen_values = true)]
    pub cron: Option<String>,
    /// Tries of one scheduled run before it counts as failed
    #[arg(
        short = 'J',
        long,
        value_name = "N",
        default_value_t = 3,
        allow_negative_numbers = true,
        value_parser = number::whole::<i64>
    )]
    pub job_retries: i64,
    /// Pause after a failed try of a scheduled run; it doubles each time
    #[arg(short = 'B', long, value_name = "DURATION", default_value = "2s")]
    pub job_backoff: String,
    /// Keep the schedules until Ctrl-C (as `glasspost schedule run`)
    #[arg(short = 'R', long)]
    pub scheduler_run: bool,
    /// List the scheduled jobs (as `glasspost schedule list`)
    #[arg(short = 'L', long)]
    pub jobs_list: bool,
    /// Cancel a scheduled job (as `glasspost schedule cancel`)
    #[arg(short = 'X', long, value_name = "ID")]
    pub jobs_cancel: Option<String>,
}

/// What keeps a campaign whole.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Safety and resuming")]
pub struct SafetyFlags {
    /// Print every message and send nothing
    #[arg(short = 'd', long)]
    pub dry_run: bool,
    /// Show the first recipient's message in the browser and send nothing
    #[arg(short = 'p', long)]
    pub preview: bool,
    /// Port of --preview on 127.0.0.1
    #[arg(long, default_value_t = 8080, value_parser = number::whole::<u16>)]
    pub port: u16,
    /// Refuse to send anything while any recipient lacks a field that the message uses
    #[arg(long)]
    pub strict: bool,
    /// What the campaign is called and known by [default: known by what it says]
    #[arg(long)]
    pub name: Option<String>,
    /// Go on with the unfinished run of this campaign; nobody gets it twice. With a job id, with that run
    #[arg(long, value_name = "JOB_ID", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub resume: Option<String>,
    /// Forget the unfinished run and begin a new one, as without --resume (MailGrid's flag)
    #[arg(long)]
    pub reset_offset: bool,
    #[command(flatten)]
    pub store: StoreFlags,
    #[command(flatten)]
    pub data: DataFlags,
    /// MailGrid's job file: `x.db` stands for the data folder `x.glasspost` [env: MAILGRID_DB]
    #[arg(short = 'D', long, visible_alias = "scheduler-db", value_name = "PATH")]
    pub db_path: Option<PathBuf>,
}

/// Who is told of the end.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Webhook")]
pub struct WebhookFlags {
    /// Address that is told of the run's end by POST, with retries
    #[arg(short = 'w', long, value_name = "URL")]
    pub webhook: Option<String>,
    /// Key the POST is signed with; others can read it in the process list, so better by the variable
    /// [env: GLASSPOST_WEBHOOK_SECRET]
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub webhook_secret: Option<String>,
}

/// What is written.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// Folder of success.csv and failed.csv
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub output_dir: PathBuf,
    #[command(flatten)]
    pub logs: LogFlags,
}

/// The dashboard.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Dashboard")]
pub struct DashboardFlags {
    /// Show the campaign in the browser while it goes on: http://127.0.0.1:9091
    #[arg(short = 'm', long)]
    pub monitor: bool,
    /// Port of the dashboard; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 9091)]
    pub monitor_port: u16,
    /// Address of the dashboard; where others can reach it, it asks for a token, which is shown at the start or
    /// given by GLASSPOST_MONITOR_TOKEN
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub monitor_listen: IpAddr,
    /// Name under which the dashboard is reached, as that of a reverse proxy; may be given again
    #[arg(long, value_name = "NAME")]
    pub monitor_host: Vec<String>,
    /// How long the dashboard stays after the end, as 5s or 10m
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = number::duration)]
    pub monitor_linger: Duration,
    /// MailGrid's: after how many seconds a browser that takes nothing is dropped. Here it is soon in any case.
    #[arg(long, hide = true, default_value_t = 300)]
    pub monitor_client_timeout: u32,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Verb};
    use super::*;

    fn parse(line: &str) -> SendArgs {
        let words = ["glasspost", "send"]
            .into_iter()
            .chain(line.split_whitespace());
        match Cli::try_parse_from(words).unwrap().verb {
            Verb::Send(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_short_name_of_mailgrids_means_the_same() {
        let args = parse(
            "-e c.json -f a.csv -u http://s -t t.html -s Hi -a x,y -a z -F pro -c 4 -b 9 -r 2 -d -p -A at \
             -i 1h -C cron -J 5 -B 3s -D j.db -R -L -X id -w http://h -m",
        );
        assert_eq!(args.delivery.env, Some("c.json".into()));
        assert_eq!(args.recipients.csv, Some("a.csv".into()));
        assert_eq!(args.recipients.sheet_url.as_deref(), Some("http://s"));
        assert_eq!(args.recipients.filter.as_deref(), Some("pro"));
        assert_eq!(args.message.template, Some("t.html".into()));
        assert_eq!(args.message.subject, "Hi");
        assert_eq!(args.message.attach, ["x", "y", "z"].map(PathBuf::from));
        let delivery = &args.delivery;
        assert_eq!(
            (delivery.concurrency, delivery.batch_size, delivery.retries),
            (4, 9, 2)
        );
        assert!(args.safety.dry_run && args.safety.preview && args.dashboard.monitor);
        let scheduling = &args.scheduling;
        assert!(scheduling.scheduler_run && scheduling.jobs_list);
        assert_eq!(scheduling.jobs_cancel.as_deref(), Some("id"));
        assert_eq!(
            (scheduling.job_retries, scheduling.job_backoff.as_str()),
            (5, "3s")
        );
        assert_eq!(scheduling.schedule_at.as_deref(), Some("at"));
        assert_eq!(scheduling.interval.as_deref(), Some("1h"));
        assert_eq!(scheduling.cron.as_deref(), Some("cron"));
        assert_eq!(args.safety.db_path, Some("j.db".into()));
        assert_eq!(args.webhook.webhook.as_deref(), Some("http://h"));
    }

    #[test]
    fn the_defaults_are_mailgrids() {
        let args = parse("");
        assert_eq!(args.message.subject, "Test Email from Mailgrid");
        let delivery = &args.delivery;
        assert_eq!(
            (delivery.concurrency, delivery.batch_size, delivery.retries),
            (1, 1, 1)
        );
        assert_eq!(args.safety.port, 8080);
        assert_eq!(args.scheduling.job_retries, 3);
        assert_eq!(args.dashboard.monitor_port, 9091);
        assert_eq!(args.dashboard.monitor_client_timeout, 300);
        assert_eq!(args.dashboard.monitor_linger, Duration::from_secs(5));
        assert!(args.dashboard.monitor_listen.is_loopback());
    }

    #[test]
    fn a_flag_given_twice_means_the_last() {
        assert_eq!(parse("-s one -s two -c 1 -c 3").message.subject, "two");
        assert_eq!(
            parse("--scheduler-db j.db").safety.db_path,
            Some("j.db".into())
        );
        assert_eq!(parse("-c=3 -s=Hi").delivery.concurrency, 3);
    }
}
