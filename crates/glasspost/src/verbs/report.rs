//! `glasspost report` and `glasspost campaigns`: what the store says of the runs.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use campaign::csv_out;
use model::Seq;
use observe::{Tally, log_lines, summary};
use serde_json::{Value, json};
use store::{Books, Campaign, Logged, Store};

use super::schedule::moment;
use super::store_place::StorePlace;
use crate::cli::{CampaignsArgs, ReportArgs, ReportFormat};
use crate::exit::Failure;
use crate::settings::Environment;
use crate::terminal;

/// The word for the newest run.
const LATEST: &str = "latest";
/// Messages read at once.
const PAGE: usize = 1_000;

/// Runs `glasspost report`.
pub async fn run(args: ReportArgs, environment: &Environment) -> Result<(), Failure> {
    let place = StorePlace::find(&args.store, args.data.data.as_deref(), None, environment)?;
    let store = place.open().await?;
    let store = &*store;
    let campaign = find(store, &args.job, &place).await?;
    match args.format {
        ReportFormat::Csv => list(store, &campaign, Layout::Csv).await,
        ReportFormat::Json => json_report(store, &campaign, &args).await,
        ReportFormat::Text => text_report(store, &campaign, &args).await,
    }
}

/// Runs `glasspost campaigns`.
pub async fn campaigns(args: CampaignsArgs, environment: &Environment) -> Result<(), Failure> {
    let place = StorePlace::find(&args.store, args.data.data.as_deref(), None, environment)?;
    let store = place.open().await?;
    let runs = store.campaigns(None, args.limit).await?;
    if runs.is_empty() {
        return Ok(terminal::print("No campaigns found.\n")?);
    }
    let mut text = format!(
        "{:<28}{:<22}{:>10}{:>10}{:>10}{:>10}  {}\n",
        "JOB ID", "STARTED AT", "ACCEPTED", "DELIVERED", "FAILED", "QUEUED", "NAME"
    );
    for run in &runs {
        let books = store.books(run.lane).await?;
        let line = format!(
            "{:<28}{:<22}{:>10}{:>10}{:>10}{:>10}  {}",
            run.job_id,
            moment(run.started_at),
            books.accepted,
            books.delivered,
            books.failed(),
            books.queued,
            run.name.as_deref().unwrap_or_default(),
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    Ok(terminal::print(&text)?)
}

async fn find(store: &dyn Store, job: &str, place: &StorePlace) -> Result<Campaign, Failure> {
    let found = match job {
        LATEST => store.campaigns(None, 1).await?.pop(),
        job => store.campaign(job).await?,
    };
    found.ok_or_else(|| {
        let reason = match job {
            LATEST => format!("no campaign was sent from {place} yet"),
            job => format!(
                "there is no run {job}: see `{}`",
                place.command("campaigns")
            ),
        };
        Failure::Other(anyhow::anyhow!(reason))
    })
}

/// What the event log adds up to, and whether the counters and the messages say the same.
struct Audit {
    tally: Tally,
    books: Books,
    balanced: bool,
}

async fn audit(store: &dyn Store, campaign: &Campaign) -> Result<Audit, Failure> {
    let mut tally = Tally::default();
    let mut cursor = Seq::START;
    loop {
        let events = store
            .events_after(cursor, Some(campaign.lane), PAGE)
            .await?;
        let Some(last) = events.last() else { break };
        cursor = last.event.seq;
        events.iter().for_each(|logged| tally.count(logged));
    }
    let books = store.books(campaign.lane).await?;
    let counted = store.count_books(campaign.lane).await?;
    let balanced = books.balance() && books == counted && books == tally.books;
    Ok(Audit {
        tally,
        books,
        balanced,
    })
}

async fn next_page(
    store: &dyn Store,
    campaign: &Campaign,
    cursor: &mut Seq,
) -> Result<Option<Vec<Logged>>, Failure> {
    let page = store.messages(campaign.lane, *cursor, PAGE).await?;
    match page.last() {
        Some(last) => *cursor = last.message.seq,
        None => return Ok(None),
    }
    Ok(Some(page))
}

async fn text_report(
    store: &dyn Store,
    campaign: &Campaign,
    args: &ReportArgs,
) -> Result<(), Failure> {
    let audit = audit(store, campaign).await?;
    terminal::print(&head(campaign, &audit))?;
    if args.recipients {
        list(store, campaign, Layout::Columns).await?;
    }
    Ok(())
}

fn head(campaign: &Campaign, audit: &Audit) -> String {
    let name = campaign
        .name
        .as_ref()
        .map_or(String::new(), |name| format!(" ({name})"));
    let mut text = format!("{}{name}\n", campaign.job_id);
    let _ = writeln!(
        text,
        "started                 {}",
        moment(campaign.started_at)
    );
    let finished = match campaign.finished_at {
        Some(at) => moment(at),
        None => format!(
            "not yet: {} recipients are queued (run its command again with --resume)",
            audit.books.queued
        ),
    };
    let _ = writeln!(text, "finished                {finished}");
    text.push_str(&summary::account(&audit.tally));
    let balance = match audit.balanced {
        true => "yes: counters, messages and event log agree",
        false => {
            "NO: counters, messages and event log differ; please report this with a copy of the store"
        }
    };
    let _ = writeln!(text, "books balance           {balance}");
    text
}

/// Writes every recipient as one line, page by page.
async fn list(store: &dyn Store, campaign: &Campaign, layout: Layout) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout());
    layout.write(&mut out, &HEADINGS)?;
    let mut cursor = Seq::START;
    while let Some(page) = next_page(store, campaign, &mut cursor).await? {
        for logged in &page {
            let cells = cells(logged);
            layout.write(&mut out, &cells.each_ref().map(String::as_str))?;
        }
    }
    Ok(out.flush()?)
}

/// How a line of recipients is laid out.
#[derive(Clone, Copy)]
enum Layout {
    Columns,
    Csv,
}

/// What is said of a recipient.
const HEADINGS: [&str; 6] = ["email", "status", "attempts", "code", "at", "reply"];

fn cells(logged: &Logged) -> [String; 6] {
    let event = &logged.event;
    [
        logged.message.address.to_string(),
        event.kind.state().as_str().to_owned(),
        event.attempts.to_string(),
        code(logged).map_or_else(String::new, |code| code.to_string()),
        moment(event.at),
        log_lines::words(event),
    ]
}

fn code(logged: &Logged) -> Option<u16> {
    let reply = logged.event.attempt.as_ref()?.reply.as_ref()?;
    Some(reply.code)
}

impl Layout {
    fn write(self, out: &mut impl Write, cells: &[&str; 6]) -> io::Result<()> {
        let [address, status, attempts, code, at, reply] = cells;
        match self {
            Self::Csv => csv_out::write_row(out, cells),
            Self::Columns => {
                writeln!(
                    out,
                    "{address:<40}  {status:<9}  {attempts:>8}  {code:>4}  {at:<20}  {reply}"
                )
            }
        }
    }
}

/// One JSON object; with `--recipients` its last key is the list of them, written page by page.
async fn json_report(
    store: &dyn Store,
    campaign: &Campaign,
    args: &ReportArgs,
) -> Result<(), Failure> {
    let audit = audit(store, campaign).await?;
    let mut object = json_head(campaign, &audit).to_string();
    if !args.recipients {
        return Ok(terminal::print(&format!("{object}\n"))?);
    }
    object.pop();
    let mut out = BufWriter::new(io::stdout());
    write!(out, "{object},\"recipients\":[")?;
    let (mut cursor, mut separator) = (Seq::START, "");
    while let Some(page) = next_page(store, campaign, &mut cursor).await? {
        for logged in &page {
            write!(out, "{separator}{}", json_row(logged))?;
            separator = ",";
        }
    }
    writeln!(out, "]}}")?;
    Ok(out.flush()?)
}

fn json_head(campaign: &Campaign, audit: &Audit) -> Value {
    let (books, tally) = (&audit.books, &audit.tally);
    let providers: Vec<Value> = tally
        .providers
        .iter()
        .map(|(provider, counts)| {
            json!({
                "provider": provider.as_str(),
                "delivered": counts.delivered,
                "failed": counts.failed,
                "deferred": counts.deferred,
            })
        })
        .collect();
    json!({
        "job_id": campaign.job_id,
        "name": campaign.name,
        "started_at": moment(campaign.started_at),
        "listed_at": campaign.listed_at.map(moment),
        "finished_at": campaign.finished_at.map(moment),
        "books": books,
        "books_balance": audit.balanced,
        "attempts": tally.attempts,
        "mean_delivery_ms": tally.mean_ms(),
        "failures": tally.failures,
        "codes": tally.codes,
        "providers": providers,
    })
}

fn json_row(logged: &Logged) -> Value {
    json!({
        "email": logged.message.address,
        "message_id": logged.message.id,
        "status": logged.event.kind.state().as_str(),
        "attempts": logged.event.attempts,
        "code": code(logged),
        "reply": log_lines::words(&logged.event),
        "at": moment(logged.event.at),
        "accepted_at": moment(logged.message.accepted_at),
    })
}
