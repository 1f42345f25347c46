//! The service's readers against a real store, with real receivers on loopback.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod exposition;
#[cfg(test)]
mod house;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod webhook;
