//! Messages made of drafts, read back by a parser that is not ours.

#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod random;
#[cfg(test)]
mod seen;
#[cfg(test)]
mod support;
