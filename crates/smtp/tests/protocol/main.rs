//! The two roles against each other, against scripted peers and against hostile ones, on loopback.

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod dialogues;
#[cfg(test)]
mod dot;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod secured;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod support;
