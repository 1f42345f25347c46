//! The client against real servers on loopback.

#[cfg(test)]
mod fetch;
#[cfg(test)]
mod post;
#[cfg(test)]
mod ssrf;
#[cfg(test)]
mod support;
