//! `glasspost completions`: what a shell needs to complete the command line.

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Failure;
use crate::terminal;

/// Runs the verb.
pub fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "glasspost", &mut script);
    Ok(terminal::print(&String::from_utf8_lossy(&script))?)
}
