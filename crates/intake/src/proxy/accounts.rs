//! The accounts that mail leaves through.

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::State;
use axum::http::Method;
use axum::routing::{delete, get, post};
use model::TenantId;
use model::account::{Account, AccountId, AccountPk};
use serde_json::{Value, json};
use store::StoreError;
use store::directory::KnownAccount;
use store::submissions::SubmissionFilter;
use tokio::time::{sleep, timeout};

use super::answer::{Answer, Json, without_nulls};
use super::object::Object;
use super::problem::Problem;
use super::scope::{Anyone, Scoped};
use super::tenants::{gone, ok};
use super::wire::account;
use super::{App, Proxy, Route, removal};

/// Accounts of one answer.
const ACCOUNTS_MAX: usize = 10_000;
/// Accounts that are read at once.
const PAGE: usize = 500;
/// Submissions that are taken back in one transaction.
const TAKEN_BACK: usize = 1_000;
/// Submissions that are read at once to take them back, with what they say.
const READ_TO_TAKE_BACK: usize = 250;
/// How often it is looked whether a dialogue is over.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Said when it is not over in time.
const IN_DIALOGUE: &str =
    "mail of it is being sent at this moment, and was not taken back: ask again in a while";

/// How often it is tried to delete an account while mail is handed over to it.
const DELETE_TRIES: u32 = 5;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_tenant(Method::POST, "/account", || post(add)),
    Route::of_tenant(Method::GET, "/accounts", || get(list)),
    Route::of_tenant(Method::DELETE, "/account/{account_id}", || delete(remove)),
    Route::of_tenant(Method::POST, "/accounts/add", || post(rpc_add)),
    Route::of_tenant(Method::POST, "/accounts/add_pec", || post(rpc_add_pec)),
    Route::of_tenant(Method::GET, "/accounts/get", || get(rpc_get)),
    Route::of_tenant(Method::GET, "/accounts/list", || get(rpc_list)),
    Route::of_tenant(Method::POST, "/accounts/delete", || post(rpc_delete)),
    Route::of_tenant(Method::GET, "/accounts/list_pec", || get(rpc_list_pec)),
    Route::of_tenant(Method::GET, "/accounts/get_pec_ids", || get(rpc_pec_ids)),
];

/// What kind of account a request adds, beside what it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The port says whether TLS is used, unless the request does.
    Documented,
    /// TLS is used unless the request says otherwise.
    Rpc,
    /// The same, for certified mail.
    RpcPec,
}

// === the documented routes ===

async fn add(State(app): State<App>, asked: Scoped) -> Answer {
    put(&app, asked, Kind::Documented).await?;
    Ok(ok())
}

async fn list(State(app): State<App>, Scoped { tenant, input }: Scoped) -> Answer {
    let accounts = page(&app, &tenant, &input).await?;
    let is_full = accounts.len() == ACCOUNTS_MAX;
    let next = accounts
        .last()
        .filter(|_| is_full)
        .map(|last| last.account.id.as_str());
    let shown: Vec<Value> = show(&accounts).map(without_nulls).collect();
    let answer = json!({ "ok": true, "accounts": shown, "next": next });
    Ok(Json(without_nulls(answer)))
}

async fn remove(State(app): State<App>, Scoped { tenant, input }: Scoped) -> Answer {
    let id = input.needed_parsed("account_id", AccountId::parse)?;
    forget(&app, &tenant, &id).await?;
    Ok(ok())
}

// === their other names ===

async fn rpc_add(State(app): State<App>, asked: Scoped) -> Answer {
    let account = put(&app, asked, Kind::Rpc).await?;
    Ok(Json(account::show(&account)))
}

async fn rpc_add_pec(State(app): State<App>, asked: Scoped) -> Answer {
    let account = put(&app, asked, Kind::RpcPec).await?;
    Ok(Json(account::show(&account)))
}

async fn rpc_get(State(app): State<App>, Scoped { tenant, input }: Scoped) -> Answer {
    let id = input.needed_parsed("account_id", AccountId::parse)?;
    let known = app.directory.account(&tenant, &id).await?;
    let known = known.ok_or(Problem::NotFound("account"))?;
    Ok(Json(account::show(&known.account)))
}

async fn rpc_list(State(app): State<App>, Scoped { tenant, input }: Scoped) -> Answer {
    let accounts = page(&app, &tenant, &input).await?;
    Ok(Json(show(&accounts).collect()))
}

async fn rpc_delete(State(app): State<App>, Scoped { tenant, input }: Scoped) -> Answer {
    let id = input.needed_parsed("account_id", AccountId::parse)?;
    forget(&app, &tenant, &id).await?;
    Ok(Json(json!(true)))
}

async fn rpc_list_pec(State(app): State<App>, asked: Anyone) -> Answer {
    let accounts = pec(&app, &asked).await?;
    Ok(Json(show(&accounts).collect()))
}

async fn rpc_pec_ids(State(app): State<App>, asked: Anyone) -> Answer {
    let accounts = pec(&app, &asked).await?;
    let mut ids: Vec<&str> = accounts
        .iter()
        .map(|known| known.account.id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(Json(json!(ids)))
}

// === what they do ===

/// The accounts after a place, within a bound; without `tenant`, those of all.
pub(super) async fn all(
    app: &Proxy,
    tenant: Option<&TenantId>,
    after: Option<AccountPk>,
    count_max: usize,
) -> Result<Vec<KnownAccount>, Problem> {
    let mut accounts: Vec<KnownAccount> = Vec::new();
    while accounts.len() < count_max {
        let limit = PAGE.min(count_max - accounts.len());
        let last = accounts.last().map(|known| known.pk).or(after);
        let more = app.directory.accounts(tenant, last, limit).await?;
        let is_end = more.len() < limit;
        accounts.extend(more);
        if is_end {
            break;
        }
    }
    Ok(accounts)
}

/// Tells who sends of the accounts of a tenant that have mail: it may go now.
pub(super) async fn look_at_mail(app: &Proxy, tenant: &TenantId) -> Result<(), Problem> {
    let waiting = app.submissions.waiting_lanes().await?;
    let waiting: HashSet<_> = waiting.into_iter().map(|lane| lane.account).collect();
    for known in all(app, Some(tenant), None, usize::MAX).await? {
        if waiting.contains(&known.pk) {
            app.sending.look_at(known.pk);
        }
    }
    Ok(())
}

/// Takes back all mail of an account, once nothing of it is in the middle of a dialogue.
pub(super) async fn take_back(app: &App, known: &KnownAccount) -> Result<(), Problem> {
    let quiet = timeout(app.settings.dialogue_patience, quiet(app, known));
    quiet.await.map_err(|_| Problem::Fixed(IN_DIALOGUE))??;
    loop {
        let at = app.clock.now();
        let taken = app.submissions.remove_of_account(known.pk, at, TAKEN_BACK);
        if taken.await? == 0 {
            break;
        }
    }
    // What was read ahead of it is not begun any more.
    app.sending.recall().await?;
    Ok(())
}

/// Takes back what waits, and waits for what is in a dialogue, until there is neither.
async fn quiet(app: &App, known: &KnownAccount) -> Result<(), Problem> {
    loop {
        take_back_waiting(app, known).await?;
        app.sending.look_around().await?;
        if !app.sending.is_sending_of(known.pk) {
            return Ok(());
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Takes back what is open, but for what is in a dialogue.
async fn take_back_waiting(app: &App, known: &KnownAccount) -> Result<(), Problem> {
    let tenant = &known.account.tenant;
    let mut filter = SubmissionFilter {
        account: Some(known.pk),
        is_open: true,
        limit: READ_TO_TAKE_BACK,
        ..SubmissionFilter::default()
    };
    loop {
        let page = app.submissions.submissions(filter.clone()).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        filter.after = Some(last.submission.id);
        let ids = page.into_iter().map(|one| one.submission.client_id);
        removal::remove(app, tenant, ids.collect()).await?;
    }
}

/// Keeps an account. Where it is there already, it is as described now.
async fn put(
    app: &Proxy,
    Scoped { tenant, input }: Scoped,
    kind: Kind,
) -> Result<Account, Problem> {
    let mut account = account::read(&input, tenant, app.clock.now())?;
    if kind != Kind::Documented {
        account.use_tls = account.use_tls.or(Some(true));
    }
    if kind == Kind::RpcPec {
        input.needed("imap_host", account.inbox.as_ref())?;
        account.is_pec = true;
    }
    let known = app.directory.account(&account.tenant, &account.id).await?;
    if let Some(known) = known {
        account::keep_passwords(&mut account, &known.account, &input)?;
        account.created_at = known.account.created_at;
    }
    let pk = app
        .directory
        .put_account(account.clone())
        .await
        .map_err(gone)?;
    app.sending.account_changed(pk);
    Ok(account)
}

/// Deletes an account with its mail. What is handed over meanwhile goes with it, unless it is much: then it is taken back
/// first, like the rest.
async fn forget(app: &App, tenant: &TenantId, id: &AccountId) -> Result<(), Problem> {
    let known = app.directory.account(tenant, id).await?;
    let known = known.ok_or(Problem::NotFound("account"))?;
    for tries_left in (0..DELETE_TRIES).rev() {
        take_back(app, &known).await?;
        match app.directory.delete_account(tenant, id).await {
            Err(StoreError::Refused(_)) if tries_left > 0 => {}
            deleted => {
                deleted?;
                break;
            }
        }
    }
    app.sending.account_changed(known.pk);
    Ok(())
}

async fn page(
    app: &Proxy,
    tenant: &TenantId,
    input: &Object,
) -> Result<Vec<KnownAccount>, Problem> {
    let after = match input.parsed("after", AccountId::parse)? {
        None => None,
        Some(id) => {
            let known = app.directory.account(tenant, &id).await?;
            let known = known.ok_or_else(|| input.wrong("after", "there is no such account"))?;
            Some(known.pk)
        }
    };
    all(app, Some(tenant), after, ACCOUNTS_MAX).await
}

/// The accounts of certified mail that the asker may see.
async fn pec(app: &Proxy, asked: &Anyone) -> Result<Vec<KnownAccount>, Problem> {
    let is_of_all = asked.scope.is_admin() && asked.input.value("tenant_id").is_none();
    let tenant = match is_of_all {
        true => None,
        false => Some(asked.scope.tenant(&asked.input)?),
    };
    let mut accounts = all(app, tenant.as_ref(), None, ACCOUNTS_MAX).await?;
    accounts.retain(|known| known.account.is_pec);
    Ok(accounts)
}

fn show(accounts: &[KnownAccount]) -> impl Iterator<Item = Value> {
    accounts.iter().map(|known| account::show(&known.account))
}
