//! What is learned from messages: a corpus of every form we know, and input that means harm.

#![cfg(test)]

mod corpus;
mod hostile;
