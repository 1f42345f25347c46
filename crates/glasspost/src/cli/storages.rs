//! `glasspost storages`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

const ADD_HELP: &str = "\
An attachment then names a file of it as NAME:path/of/the/file.

Examples:
  glasspost storages add files --tenant acme --protocol local --folder /srv/acme
  glasspost storages add files --tenant acme --protocol s3 --bucket acme-files --region eu-south-1 \\
      --access-key-id AKIA… --secret-key-file secret.txt";

/// What to do with storages.
#[derive(Clone, Debug, Subcommand)]
pub enum StoragesVerb {
    /// List a tenant's storages
    List,
    /// Show a storage, without its keys
    Get(NamedStorage),
    /// Add a storage, or describe one anew
    #[command(after_help = ADD_HELP)]
    Add(AddStorage),
    /// Delete a storage; the files stay where they are
    Delete(NamedStorage),
}

/// The storage that is meant.
#[derive(Args, Clone, Debug, Serialize)]
pub struct NamedStorage {
    /// The storage
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Flags of `glasspost storages add`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct AddStorage {
    #[command(flatten)]
    #[serde(flatten)]
    pub storage: NamedStorage,
    /// What it is
    #[arg(long, value_enum, value_name = "KIND")]
    pub protocol: Protocol,
    #[command(flatten)]
    pub config: StorageConfig,
}

/// What a storage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A folder below one that the operator opened (attachments.roots).
    Local,
    /// A bucket of a service that speaks S3.
    S3,
}

/// Where its files are.
#[derive(Args, Clone, Debug, Serialize)]
pub struct StorageConfig {
    /// The folder, with local
    #[arg(long = "folder", value_name = "DIR")]
    pub base_path: Option<String>,
    /// The bucket, with s3
    #[arg(long, value_name = "NAME")]
    pub bucket: Option<String>,
    /// The bucket's region
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// What the names of the files in the bucket begin with
    #[arg(long, value_name = "PATH")]
    pub prefix: Option<String>,
    /// Where the bucket's service answers, when it is not Amazon's
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// The id of the bucket's key
    #[arg(long = "access-key-id", value_name = "ID")]
    pub aws_access_key_id: Option<String>,
    /// File with the key itself, `-` for standard input; asked for at a terminal when there is an id
    #[arg(long, value_name = "FILE", requires = "aws_access_key_id")]
    #[serde(skip)]
    pub secret_key_file: Option<PathBuf>,
}
