//! What can come next at the prompt: verbs and flags, as the command line knows them.

use clap::{Command, CommandFactory};
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::cli::PromptLine;

/// Completes the word before the cursor.
pub struct Words(Command);

impl Words {
    /// What the prompt knows.
    pub fn new() -> Self {
        let mut command = PromptLine::command();
        // Puts the flags that hold for a whole group below each of its verbs.
        command.build();
        Self(command)
    }

    /// Where the last word begins, and what it can become.
    fn next(&self, line: &str) -> (usize, Vec<String>) {
        let start = line.rfind(char::is_whitespace).map_or(0, |place| place + 1);
        let (before, word) = line.split_at(start);
        let mut command = &self.0;
        for verb in before.split_whitespace() {
            command = command.find_subcommand(verb).unwrap_or(command);
        }
        let verbs = command
            .get_subcommands()
            .map(|verb| verb.get_name().to_owned());
        let flags = command
            .get_arguments()
            .filter(|flag| word.starts_with('-') && !flag.is_hide_set())
            .filter_map(|flag| Some(format!("--{}", flag.get_long()?)));
        let mut found: Vec<String> = verbs
            .chain(flags)
            .filter(|candidate| candidate.starts_with(word))
            .collect();
        found.sort();
        found.dedup();
        (start, found)
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.next(&line[..cursor]))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_flags_are_completed_where_they_may_stand() {
        let words = Words::new();
        let next = |line| words.next(line);
        assert_eq!(next("ten"), (0, vec!["tenants".to_owned()]));
        assert_eq!(next("tenants cre"), (8, vec!["create-key".to_owned()]));
        let (start, flags) = next("accounts add main --limit-per");
        assert_eq!(start, 18);
        assert_eq!(
            flags,
            ["--limit-per-day", "--limit-per-hour", "--limit-per-minute"]
        );
        let (_, flags) = next("messages count --te");
        assert_eq!(flags, ["--tenant"]);
        assert!(next("").1.contains(&"use".to_owned()));
        assert!(next("nothing like it").1.is_empty());
    }
}
