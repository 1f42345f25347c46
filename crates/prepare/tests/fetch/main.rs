//! Attachments fetched from real servers and folders, by friends and by foes, and messages made with them.

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod files;
#[cfg(test)]
mod large;
#[cfg(test)]
mod s3;
#[cfg(test)]
#[path = "../message/seen.rs"]
mod seen;
#[cfg(test)]
mod support;
#[cfg(test)]
mod web;
#[cfg(test)]
mod workshop;
