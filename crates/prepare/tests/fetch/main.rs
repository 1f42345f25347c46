//! Attachments fetched from real servers and folders, by friends and by foes.

#[cfg(test)]
mod cache;
#[cfg(test)]
mod files;
#[cfg(test)]
mod large;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod support;
#[cfg(test)]
mod web;
