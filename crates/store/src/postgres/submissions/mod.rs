//! Submissions in PostgreSQL: what clients hand over, its counts and its reports.
//!
//! - `submit`: acceptance, with `windows`, `lanes`, `rows`: what it reads and writes for a whole batch; `replace`: another
//!   content under a known id
//! - `tally`: what an outcome changes beside its message, and `counts`, the counters of an account
//! - `payload`: what a submission says, as it lies in the database
//! - `read`, `list`, `find`: submissions read back, one, many, and those that are looked for; `walk`: in which order
//! - `reports`, `news`: what a tenant's application is to be told
//! - `suspension`: what is held back
//! - `forget`: removal and retention; `trail`: the events and reports that go with it

pub(super) mod counts;
mod find;
pub(super) mod forget;
mod lanes;
mod list;
mod news;
pub(super) mod payload;
pub(super) mod read;
mod replace;
mod reports;
mod rows;
mod submit;
mod suspension;
pub(super) mod tally;
mod trail;
mod walk;
mod windows;

use async_trait::async_trait;
use futures_util::FutureExt;
use model::account::AccountPk;
use model::{BatchCode, LaneId, Seq, SubmissionId, TenantId, Timestamp};

use super::PostgresStore;
use crate::handover::{Replacing, parts};
use crate::submissions::{
    AccountCounts, Channel, ClientId, FindSubmissions, Followed, FoundSubmissions, NewNews, Place,
    Report, ReportBacklog, SubmissionFilter, Waiting, WaitingLane,
};
use crate::{Logged, NewSubmission, Result, Submission, Submissions, Submitted};
use forget::Old;
use submit::{House, Offered};

impl PostgresStore {
    async fn hand_over(
        &self,
        batch: Vec<NewSubmission>,
        replacing: Replacing,
    ) -> Result<Vec<Submitted>> {
        let house = House {
            tag: self.tag,
            vault: self.vault.clone(),
            shards: self.settings.shards,
            replacing,
        };
        let mut answers = Vec::with_capacity(batch.len());
        for part in parts(batch) {
            let house = house.clone();
            let part = part.into_iter().map(Offered::new).collect();
            let of_part = self
                .writer
                .write(move |tx| submit::submit(tx, house, part).boxed());
            answers.extend(of_part.await?);
        }
        Ok(answers)
    }

    async fn forget(&self, old: Old, limit: usize) -> Result<usize> {
        let (tag, place) = (self.tag, old.place);
        let ids = self
            .looking
            .read(move |session| {
                async move { forget::forgettable(session, &old, limit).await }.boxed()
            })
            .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        self.writer
            .write(move |tx| async move { forget::clean_up(tx, tag, &ids, place).await }.boxed())
            .await
    }
}

#[async_trait]
impl Submissions for PostgresStore {
    async fn submit(&self, batch: Vec<NewSubmission>) -> Result<Vec<Submitted>> {
        self.hand_over(batch, Replacing::Allowed).await
    }

    async fn submit_new(&self, batch: Vec<NewSubmission>) -> Result<Vec<Submitted>> {
        self.hand_over(batch, Replacing::Forbidden).await
    }

    async fn payload(&self, id: SubmissionId) -> Result<Option<(Submission, Box<str>)>> {
        let (tag, vault) = (self.tag, self.vault.clone());
        self.delivering
            .read(move |session| {
                async move { read::payload(session, tag, vault.as_ref(), id).await }.boxed()
            })
            .await
    }

    async fn summaries(&self, ids: Vec<SubmissionId>) -> Result<Vec<Submission>> {
        let tag = self.tag;
        let ids: Vec<i64> = ids.iter().map(|id| id.0.get()).collect();
        self.looking
            .read(move |session| async move { read::alone(session, tag, &ids).await }.boxed())
            .await
    }

    async fn source(&self, id: SubmissionId) -> Result<Option<(Submission, Box<str>)>> {
        let (tag, vault) = (self.tag, self.vault.clone());
        self.delivering
            .read(move |session| {
                async move { read::source(session, tag, vault.as_ref(), id).await }.boxed()
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
            .read(move |session| {
                async move {
                    read::by_client_id(session, tag, vault.as_ref(), &tenant, &client_id).await
                }
                .boxed()
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
            .read(move |session| {
                async move { read::open_numbers(session, &tenant, &client_ids).await }.boxed()
            })
            .await
    }

    async fn submissions(&self, filter: SubmissionFilter) -> Result<Vec<Followed>> {
        let (tag, vault) = (self.tag, self.vault.clone());
        self.looking
            .read(move |session| {
                async move { list::list(session, tag, vault.as_ref(), &filter).await }.boxed()
            })
            .await
    }

    async fn find_submissions(&self, query: FindSubmissions) -> Result<FoundSubmissions> {
        let tag = self.tag;
        self.looking
            .read(move |session| async move { find::find(session, tag, &query).await }.boxed())
            .await
    }

    async fn history(&self, id: SubmissionId) -> Result<Vec<Logged>> {
        let tag = self.tag;
        self.looking
            .read(move |session| read::history(session, tag, id).boxed())
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
            let of_part = self.writer.write(move |tx| {
                async move { forget::remove(tx, tag, &tenant, &part, at).await }.boxed()
            });
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
            .write(move |tx| forget::remove_of_account(tx, tag, account, Some(at), limit).boxed())
            .await
    }

    async fn clean_up(
        &self,
        tenant: Option<&TenantId>,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize> {
        let old = Old {
            tenant: tenant.cloned(),
            before,
            place: None,
        };
        self.forget(old, limit).await
    }

    async fn clean_up_to(&self, place: Seq, before: Timestamp, limit: usize) -> Result<usize> {
        let old = Old {
            tenant: None,
            before,
            place: Some(place),
        };
        self.forget(old, limit).await
    }

    async fn pending(&self, tenant: &TenantId, batch: Option<&BatchCode>) -> Result<u64> {
        let (tenant, batch) = (tenant.clone(), batch.cloned());
        self.looking
            .read(move |session| {
                async move { counts::pending(session, &tenant, batch.as_ref()).await }.boxed()
            })
            .await
    }

    async fn align_suspension(&self, tenant: &TenantId, limit: usize) -> Result<usize> {
        let tenant = tenant.clone();
        self.writer
            .write(move |tx| async move { suspension::align(tx, &tenant, limit).await }.boxed())
            .await
    }

    async fn waiting_lanes(&self) -> Result<Vec<WaitingLane>> {
        self.delivering
            .read(|session| lanes::waiting(session).boxed())
            .await
    }

    async fn waiting(&self) -> Result<Waiting> {
        self.looking
            .read(|session| counts::waiting(session).boxed())
            .await
    }

    async fn lane_account(&self, lane: LaneId) -> Result<Option<AccountPk>> {
        self.delivering
            .read(move |session| lanes::account(session, lane).boxed())
            .await
    }

    async fn account_counts(&self) -> Result<Vec<AccountCounts>> {
        self.looking
            .read(|session| counts::all(session).boxed())
            .await
    }

    async fn sends(&self, lane: LaneId, since: Timestamp) -> Result<Vec<(i64, u32)>> {
        self.delivering
            .read(move |session| tally::sends(session, lane, since).boxed())
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
            .read(move |session| {
                async move { reports::list(session, tag, &tenant, channel, after, limit).await }
                    .boxed()
            })
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
            .write(move |tx| {
                async move { reports::acknowledge(tx, tenant.as_str(), channel, &reports).await }
                    .boxed()
            })
            .await
    }

    async fn report_backlog(&self) -> Result<Vec<ReportBacklog>> {
        self.looking
            .read(|session| reports::backlog(session).boxed())
            .await
    }

    async fn expire_reports(&self, before: Timestamp, limit: usize) -> Result<usize> {
        self.writer
            .write(move |tx| reports::expire(tx, before, limit).boxed())
            .await
    }

    async fn note_news(&self, news: Vec<NewNews>, place: Option<Place>) -> Result<usize> {
        let tag = self.tag;
        self.writer
            .write(move |tx| news::note(tx, tag, news, place).boxed())
            .await
    }

    async fn unanswered(
        &self,
        account: AccountPk,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Seq>> {
        self.delivering
            .read(move |session| news::unanswered(session, account, before, limit).boxed())
            .await
    }
}
