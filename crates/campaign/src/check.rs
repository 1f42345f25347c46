//! What would be sent: dry run, preview and the strict check.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use compose::letter::{Preview, Recipient as Reader};
use model::{Address, Mailbox};

use crate::error::CampaignError;
use crate::filter::Filter;
use crate::letter::Written;
use crate::list::OpenableList;
use crate::missing::MissingFields;
use crate::recipients::Recipient;
use crate::request::{Checking, SendRequest};
use crate::wanted::WantedRows;

/// Recipients the strict check names; the rest is counted.
const NAMED_MAX: usize = 100;

/// Runs work that reads files or computes for long, on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CampaignError> + Send + 'static,
) -> Result<T, CampaignError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(CampaignError::Deliver(deliver::DeliverError::Task(
            error.to_string(),
        ))),
    }
}

/// Every wanted recipient of a list once, in order.
fn each_recipient(
    rows: &mut WantedRows,
    mut each: impl FnMut(&Recipient) -> Result<(), CampaignError>,
) -> Result<(), CampaignError> {
    let mut seen = HashSet::new();
    while let Some(recipient) = rows.next()? {
        if seen.insert(recipient.address.key()) {
            each(&recipient)?;
        } else {
            rows.summary.remove_duplicates(1);
        }
    }
    Ok(())
}

/// Refuses the run when any recipient lacks a field that the letter uses, naming rows and fields.
pub(crate) async fn strict(
    list: &Arc<OpenableList>,
    filter: Option<Filter>,
    written: &Arc<Written>,
) -> Result<(), CampaignError> {
    let (list, written) = (Arc::clone(list), Arc::clone(written));
    blocking(move || {
        let (mut named, mut failing) = (Vec::new(), 0_u64);
        let mut data = String::new();
        let mut rows = WantedRows::open(&list, filter, Checking::Strict)?;
        each_recipient(&mut rows, |recipient| {
            data.clear();
            recipient.write_json(&mut data);
            let reader = Reader {
                address: &recipient.address,
                data: &data,
            };
            let missing = written.letter.missing_fields(reader).unwrap_or_default();
            if missing.is_empty() {
                return Ok(());
            }
            failing += 1;
            if named.len() < NAMED_MAX {
                let fields: Vec<String> = missing
                    .iter()
                    .map(|field| format!("{} ({})", field.field, field.part.as_str()))
                    .collect();
                named.push(format!(
                    "row {}: {} lacks {}",
                    recipient.line,
                    recipient.address,
                    fields.join(", ")
                ));
            }
            Ok(())
        })?;
        refuse(&named, failing)
    })
    .await
}

fn refuse(named: &[String], failing: u64) -> Result<(), CampaignError> {
    if failing == 0 {
        return Ok(());
    }
    let mut text = format!("--strict: {failing} recipients lack fields, nothing was sent\n  ");
    text.push_str(&named.join("\n  "));
    let unnamed = failing - named.len() as u64;
    if unnamed > 0 {
        text.push_str(&format!("\n  and {unnamed} more"));
    }
    Err(CampaignError::Strict(text))
}

/// Renders every message to `out` as MailGrid prints it (the campaign contract, section 7); gives how many.
pub async fn dry_run(
    request: &SendRequest,
    from: &Mailbox,
    mut out: impl Write + Send + 'static,
) -> Result<u64, CampaignError> {
    let list = OpenableList::find(&request.list).await?;
    let (letter, from) = (request.letter.clone(), from.clone());
    let filter = request.filter.as_deref().map(Filter::parse).transpose()?;
    let (expression, checking) = (request.filter.clone(), request.checking);
    blocking(move || {
        let written = Written::read(&letter, &from)?;
        let names: Vec<&str> =
            written.source.attachments.iter().map(|part| part.file_name.as_str()).collect();
        let mut count = 0;
        let mut data = String::new();
        let mut rows = WantedRows::open(&list, filter, checking)?;
        let mut missing: Option<MissingFields> = None;
        each_recipient(&mut rows, |recipient| {
            missing
                .get_or_insert_with(|| MissingFields::of(&written.letter, recipient))
                .count(&written.letter, recipient);
            data.clear();
            recipient.write_json(&mut data);
            let reader = Reader { address: &recipient.address, data: &data };
            match written.letter.preview(reader) {
                Ok(preview) => {
                    count += 1;
                    print(&mut out, count, &recipient.address, &preview, &names)
                        .map_err(|reason| CampaignError::file("standard output", reason))
                }
                Err(error) => {
                    tracing::warn!(line = recipient.line, address = %recipient.address, "would not be sent: {error}");
                    Ok(())
                }
            }
        })?;
        let Some(missing) = missing else {
            return Err(rows.nobody(expression.as_deref()));
        };
        missing.warn();
        tracing::info!("{}", rows.summary);
        writeln!(out, "Dry-run complete: {count} emails rendered")
            .map_err(|reason| CampaignError::file("standard output", reason))?;
        Ok(count)
    })
    .await
}

fn print(
    out: &mut impl Write,
    number: u64,
    address: &Address,
    preview: &Preview,
    attachments: &[&str],
) -> std::io::Result<()> {
    writeln!(out, "Email #{number} → {address}")?;
    writeln!(out, "Subject: {}", preview.subject)?;
    if !attachments.is_empty() {
        writeln!(out, "Attachments: [{}]", attachments.join(" "))?;
    }
    for body in preview.text.iter().chain(&preview.html) {
        writeln!(out, "{body}")?;
    }
    writeln!(out)
}

/// The first wanted recipient's message.
pub async fn preview(
    request: &SendRequest,
    from: &Mailbox,
) -> Result<(Address, Preview), CampaignError> {
    let list = OpenableList::find(&request.list).await?;
    let (letter, from) = (request.letter.clone(), from.clone());
    let filter = request.filter.as_deref().map(Filter::parse).transpose()?;
    let (expression, checking) = (request.filter.clone(), request.checking);
    blocking(move || {
        let written = Written::read(&letter, &from)?;
        let mut rows = WantedRows::open(&list, filter, checking)?;
        let Some(first) = rows.next()? else {
            return Err(rows.nobody(expression.as_deref()));
        };
        let mut data = String::new();
        first.write_json(&mut data);
        let reader = Reader {
            address: &first.address,
            data: &data,
        };
        let preview = written.letter.preview(reader).map_err(|error| {
            CampaignError::Nobody(format!("row {}: {}: {error}", first.line, first.address))
        })?;
        Ok((first.address, preview))
    })
    .await
}
