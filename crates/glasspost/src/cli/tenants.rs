//! `glasspost tenants`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::number;

const ADD_HELP: &str = "\
Examples:
  glasspost tenants add acme --name Acme --client-url https://app.example.com \\
      --client-auth bearer --client-secret-file token.txt
  glasspost tenants add acme --large-files rewrite --large-file-mb 10";

/// What to do with tenants.
#[derive(Clone, Debug, Subcommand)]
pub enum TenantsVerb {
    /// List the tenants
    List(ListTenants),
    /// Show a tenant
    Get(OneTenant),
    /// Add a tenant, or change one that is there; the key of a new one is shown this once
    #[command(after_help = ADD_HELP)]
    Add(AddTenant),
    /// Change a tenant: what is not said stays, an empty text takes away what was said
    Update(UpdateTenant),
    /// Delete a tenant with its accounts and messages
    Delete(NamedTenant),
    /// Hold back a tenant's mail: all of it, or one batch
    Suspend(HoldBack),
    /// Let a tenant's mail go on: all of it, or one batch
    Activate(HoldBack),
    /// Make one more key for a tenant; it is shown this once
    CreateKey(CreateKey),
    /// Revoke every key of a tenant
    RevokeKeys(NamedTenant),
    /// Show how reporting to the tenants' applications stands
    SyncStatus(After),
}

/// Flags of `glasspost tenants list`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct ListTenants {
    /// Only those whose mail is taken and sent
    #[arg(long)]
    pub active_only: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub after: After,
}

/// Where a list goes on.
#[derive(Args, Clone, Debug, Serialize)]
pub struct After {
    /// Go on after this one, as the list before said
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

/// The tenant that is meant, or else that of `--tenant`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct OneTenant {
    /// The tenant [default: that of --tenant, or the key's own]
    #[arg(value_name = "ID")]
    pub tenant_id: Option<String>,
}

/// The tenant that is meant, by its name alone.
#[derive(Args, Clone, Debug, Serialize)]
pub struct NamedTenant {
    /// The tenant
    #[arg(value_name = "ID")]
    pub tenant_id: String,
}

/// Flags of `glasspost tenants add`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct AddTenant {
    /// The tenant: letters, digits, dots, hyphens and underscores
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub fields: TenantFields,
}

/// Flags of `glasspost tenants update`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct UpdateTenant {
    #[command(flatten)]
    #[serde(flatten)]
    pub tenant: OneTenant,
    #[command(flatten)]
    #[serde(flatten)]
    pub fields: TenantFields,
}

/// What can be said of a tenant.
#[derive(Args, Clone, Debug, Serialize)]
pub struct TenantFields {
    /// What it is called
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// Whether its mail is taken and sent [default of a new one: true]
    #[arg(long, value_name = "true|false")]
    pub active: Option<bool>,
    /// Where its application is; reports go there, and attachments are asked for there
    #[arg(long = "client-url", value_name = "URL")]
    pub client_base_url: Option<String>,
    /// Where there reports go [default: /mail-proxy/sync]
    #[arg(long, value_name = "PATH")]
    pub client_sync_path: Option<String>,
    /// Where there attachments are asked for [default: /mail-proxy/attachments]
    #[arg(long, value_name = "PATH")]
    pub client_attachment_path: Option<String>,
    /// Where each event of its mail is posted, signed; an empty text ends that
    #[arg(long, value_name = "URL")]
    pub webhook_url: Option<String>,
    /// File with the secret that those are signed with, `-` for standard input
    #[arg(long, value_name = "FILE", requires = "webhook_url")]
    #[serde(skip)]
    pub webhook_secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub client_auth: ClientAuth,
    #[command(flatten)]
    pub rate_limits: RateLimits,
    #[command(flatten)]
    pub large_file_config: LargeFiles,
}

/// How we prove to the tenant's application who we are.
#[derive(Args, Clone, Debug, Serialize)]
pub struct ClientAuth {
    /// How we prove to the application who we are
    #[arg(long = "client-auth", value_enum, value_name = "METHOD")]
    pub method: Option<AuthMethod>,
    /// The name for it, with basic
    #[arg(long = "client-user", value_name = "NAME")]
    pub user: Option<String>,
    /// File with the token or password for it, `-` for standard input; asked for at a terminal when not given
    #[arg(long = "client-secret-file", value_name = "FILE")]
    #[serde(skip)]
    pub secret_file: Option<PathBuf>,
}

/// How we prove who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// Not at all.
    None,
    /// With a token.
    Bearer,
    /// With a name and a password.
    Basic,
}

/// Messages of all the tenant's accounts together.
#[derive(Args, Clone, Debug, Serialize)]
pub struct RateLimits {
    /// Messages an hour, of all accounts together; 0 for no limit; say it together with --daily-limit
    #[arg(long = "hourly-limit", value_name = "N", value_parser = number::whole::<u32>)]
    pub hourly: Option<u32>,
    /// Messages a day, of all accounts together; 0 for no limit; say it together with --hourly-limit
    #[arg(long = "daily-limit", value_name = "N", value_parser = number::whole::<u32>)]
    pub daily: Option<u32>,
}

/// What happens to large attachments.
#[derive(Args, Clone, Debug, Serialize)]
pub struct LargeFiles {
    /// What happens to large attachments; the flags about them are said all together
    #[arg(long = "large-files", value_enum, value_name = "ACTION")]
    pub action: Option<LargeFileAction>,
    /// From which size on an attachment is large, in MB [default: 10]
    #[arg(long = "large-file-mb", value_name = "MB", requires = "action")]
    pub max_size_mb: Option<f64>,
    /// Where they are put, with rewrite: s3://bucket/folder [default: the service's own folder]
    #[arg(long = "large-file-storage", value_name = "URL", requires = "action")]
    pub storage_url: Option<String>,
    /// What their links begin with, with rewrite
    #[arg(
        long = "large-file-public-url",
        value_name = "URL",
        requires = "action"
    )]
    pub public_base_url: Option<String>,
    /// How long they are kept, in days [default: 30]
    #[arg(long = "large-file-days", value_name = "DAYS", requires = "action", value_parser = number::whole::<u32>)]
    pub file_ttl_days: Option<u32>,
    /// How long they are kept once they were fetched, in days
    #[arg(long = "large-file-days-after-download", value_name = "DAYS", requires = "action", value_parser = number::whole::<u32>)]
    pub lifespan_after_download_days: Option<u32>,
}

/// What happens to a large attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LargeFileAction {
    /// Nothing.
    Off,
    /// It goes along, and the log says so.
    Warn,
    /// The message fails.
    Reject,
    /// The message gets a link instead.
    Rewrite,
}

/// Flags of `glasspost tenants suspend` and `activate`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct HoldBack {
    #[command(flatten)]
    #[serde(flatten)]
    pub tenant: OneTenant,
    /// Only the messages of this batch
    #[arg(long = "batch", value_name = "CODE")]
    pub batch_code: Option<String>,
}

/// Flags of `glasspost tenants create-key`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct CreateKey {
    #[command(flatten)]
    #[serde(flatten)]
    pub tenant: NamedTenant,
    /// When it ends, as in 2027-01-31T12:00:00Z or seconds since 1970 [default: never]
    #[arg(long, value_name = "TIME", value_parser = number::moment)]
    pub expires_at: Option<i64>,
}
