//! The one place that reads the environment, and what is decided from it together with the flags.

mod data_folder;
mod environment;
pub mod service;
mod store_address;

pub use data_folder::{DataFolderError, data_folder, is_platform_folder};
pub use environment::{Environment, Variable};
pub use store_address::StoreAddress;
