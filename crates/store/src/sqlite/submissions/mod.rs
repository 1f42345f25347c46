//! Submissions in SQLite: what clients hand over, its counts and its reports.
//!
//! - `submit`: acceptance and replacement
//! - `tally`: what an outcome changes beside its message, and `counts`, the counters of an account
//! - `payload`: what a submission says, as it lies in the data file
//! - `read`, `list`, `find`: submissions read back, one, many, and those that are looked for; `walk`: in which order
//! - `reports`, `news`: what a tenant's application is to be told
//! - `suspension`: what is held back
//! - `forget`: removal and retention

pub(super) mod counts;
mod find;
pub(super) mod forget;
mod list;
mod news;
mod payload;
mod read;
mod reports;
mod submit;
mod suspension;
pub(super) mod tally;
mod walk;

use async_trait::async_trait;
use model::account::AccountPk;
use model::{BatchCode, LaneId, Seq, SubmissionId, TenantId, Timestamp};

use super::{SqliteStore, lanes};
use crate::handover::{Replacing, parts};
use crate::submissions::{
    AccountCounts, Channel, ClientId, FindSubmissions, Followed, FoundSubmissions, NewNews, Place,
    Report, ReportBacklog, SubmissionFilter, Waiting, WaitingLane,
};
use crate::{Logged, NewSubmission, Result, Submission, Submissions, Submitted};
use forget::Old;

impl SqliteStore {
    async fn hand_over(
        &self,
        batch: Vec<NewSubmission>,
        replacing: Replacing,
    ) -> Result<Vec<Submitted>> {
        let tag = self.tag;
        let mut answers = Vec::with_capacity(batch.len());
        for part in parts(batch) {
            let vault = self.vault.clone();
            let of_part = self
                .writer
                .write(move |tx| submit::submit(tx, (tag, vault, replacing), part));
            answers.extend(of_part.await?);
        }
        Ok(answers)
    }
}

#[async_trait]
impl Submissions for SqliteStore {
    async fn submit(&self, batch: Vec<NewSubmission>) -> Result<Vec<Submitted>> {
        self.hand_over(batch, Replacing::Allowed).await
    }

    async fn submit_new(&self, batch: Vec<NewSubmission>) -> Result<Vec<Submitted>> {
        self.hand_over(batch, Replacing::Forbidden).await
    }

    async fn payload(&self, id: SubmissionId) -> Result<Option<(Submission, Box<str>)>> {
        let (tag, vault) = (self.tag, self.vault.clone());
        self.delivering
            .read(move |connection| read::payload(connection, tag, vault.as_ref(), id))
            .await
    }

    async fn summaries(&self, ids: Vec<SubmissionId>) -> Result<Vec<Submission>> {
        let tag = self.tag;
        self.looking
            .read(move |connection| {
                let alone = |id: &SubmissionId| read::alone(connection, tag, *id).transpose();
                ids.iter().filter_map(alone).collect()
            })
            .await
    }

    async fn submission(
        &self,
        tenant: &TenantId,
        client_id: &ClientId,
    ) -> Result<Option<Followed>> {
        let (tag, vault) = (self.tag, self.vault.clone());
        let (tenant, client_id) = (tenant.clone(), client_id.clone());
        self.looking
            .read(move |connection| {
                read::by_client_id(connection, tag, vault.as_ref(), &tenant, &client_id)
            })
            .await
    }

    async fn open_numbers(
        &self,
        tenant: &TenantId,
        client_ids: Vec<ClientId>,
    ) -> Result<Vec<Option<(SubmissionId, u32)>>> {
        let tenant = tenant.clone();
        // Mail that is handed over waits for nobody who looks.
        self.delivering
            .read(move |connection| read::open_numbers(connection, &tenant, &client_ids))
            .await
    }

    async fn submissions(&self, filter: SubmissionFilter) -> Result<Vec<Followed>> {
        let (tag, vault) = (self.tag, self.vault.clone());
        self.looking
            .read(move |connection| list::list(connection, tag, vault.as_ref(), &filter))
            .await
    }

    async fn find_submissions(&self, query: FindSubmissions) -> Result<FoundSubmissions> {
        let tag = self.tag;
        self.looking
            .read(move |connection| find::find(connection, tag, &query))
            .await
    }

    async fn history(&self, id: SubmissionId) -> Result<Vec<Logged>> {
        let tag = self.tag;
        self.looking
            .read(move |connection| read::history(connection, tag, id))
            .await
    }

    async fn remove(
        &self,
        tenant: &TenantId,
        client_ids: Vec<ClientId>,
        at: Timestamp,
    ) -> Result<Vec<bool>> {
        let tag = self.tag;
        let mut answers = Vec::with_capacity(client_ids.len());
        for part in client_ids.chunks(forget::REMOVED_AT_ONCE) {
            let (tenant, part) = (tenant.clone(), part.to_vec());
            let of_part = self
                .writer
                .write(move |tx| forget::remove(tx, tag, &tenant, &part, at));
            answers.extend(of_part.await?);
        }
        Ok(answers)
    }

    async fn remove_of_account(
        &self,
        account: AccountPk,
        at: Timestamp,
        limit: usize,
    ) -> Result<usize> {
        let tag = self.tag;
        self.writer
            .write(move |tx| forget::remove_of_account(tx, tag, account, Some(at), limit))
            .await
    }

    async fn clean_up(
        &self,
        tenant: Option<&TenantId>,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize> {
        let (tag, tenant) = (self.tag, tenant.cloned());
        let old = Old {
            before,
            place: None,
        };
        self.writer
            .write(move |tx| forget::clean_up(tx, tag, tenant.as_ref(), old, limit))
            .await
    }

    async fn clean_up_to(&self, place: Seq, before: Timestamp, limit: usize) -> Result<usize> {
        let tag = self.tag;
        let old = Old {
            before,
            place: Some(place),
        };
        self.writer
            .write(move |tx| forget::clean_up(tx, tag, None, old, limit))
            .await
    }

    async fn pending(&self, tenant: &TenantId, batch: Option<&BatchCode>) -> Result<u64> {
        let (tenant, batch) = (tenant.clone(), batch.cloned());
        self.looking
            .read(move |connection| counts::pending(connection, &tenant, batch.as_ref()))
            .await
    }

    async fn align_suspension(&self, tenant: &TenantId, limit: usize) -> Result<usize> {
        let tenant = tenant.clone();
        self.writer
            .write(move |tx| suspension::align(tx, &tenant, limit))
            .await
    }

    async fn waiting_lanes(&self) -> Result<Vec<WaitingLane>> {
        self.delivering.read(lanes::waiting).await
    }

    async fn waiting(&self) -> Result<Waiting> {
        self.looking.read(counts::waiting).await
    }

    async fn lane_account(&self, lane: LaneId) -> Result<Option<AccountPk>> {
        self.delivering
            .read(move |connection| lanes::account(connection, lane))
            .await
    }

    async fn account_counts(&self) -> Result<Vec<AccountCounts>> {
        self.looking.read(counts::all).await
    }

    async fn sends(&self, lane: LaneId, since: Timestamp) -> Result<Vec<(i64, u32)>> {
        self.delivering
            .read(move |connection| tally::sends(connection, lane, since))
            .await
    }

    async fn reports(
        &self,
        tenant: &TenantId,
        channel: Channel,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Report>> {
        let (tag, tenant) = (self.tag, tenant.clone());
        self.delivering
            .read(move |connection| reports::list(connection, tag, &tenant, channel, after, limit))
            .await
    }

    async fn acknowledge(
        &self,
        tenant: &TenantId,
        channel: Channel,
        reports: Vec<Seq>,
    ) -> Result<usize> {
        let tenant = tenant.clone();
        self.writer
            .write(move |tx| reports::acknowledge(tx, tenant.as_str(), channel, &reports))
            .await
    }

    async fn report_backlog(&self) -> Result<Vec<ReportBacklog>> {
        self.looking.read(reports::backlog).await
    }

    async fn expire_reports(&self, before: Timestamp, limit: usize) -> Result<usize> {
        self.writer
            .write(move |tx| reports::expire(tx, before, limit))
            .await
    }

    async fn unanswered(
        &self,
        account: AccountPk,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Seq>> {
        self.delivering
            .read(move |connection| news::unanswered(connection, account, before, limit))
            .await
    }

    async fn note_news(&self, news: Vec<NewNews>, place: Option<Place>) -> Result<usize> {
        let tag = self.tag;
        self.writer
            .write(move |tx| news::note(tx, tag, news, place))
            .await
    }
}
