//! A person at a terminal: keys that are pressed, and what the screen shows.

use std::fs;
use std::io::Write;
use std::process::{Child, ChildStdin, Stdio};

use tempfile::NamedTempFile;

use super::cli::Cli;
use crate::harness::{program, until};

/// A command at a terminal of its own.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: NamedTempFile,
}

impl Terminal {
    /// Starts one.
    pub fn start(cli: &Cli<'_>, args: &[&str]) -> Self {
        let screen = NamedTempFile::new().unwrap();
        let command = [&[super::cli::GLASSPOST], args].concat().join(" ");
        let mut child = cli
            .set_up(&mut program("script"))
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(screen.reopen().unwrap())
            .spawn()
            .unwrap();
        let keys = child.stdin.take().unwrap();
        Self {
            child,
            keys,
            screen,
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// What the screen has shown so far.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.screen.path()).unwrap()).into_owned()
    }

    /// Waits for a text on the screen.
    #[track_caller]
    pub fn until_shown(&self, text: &str) {
        until(text, || self.shown().contains(text).then_some(()));
    }

    /// Waits for the command's end; everything that was shown.
    pub fn end(mut self) -> String {
        // The keyboard is there until then.
        until("the end of the command", || self.child.try_wait().unwrap());
        self.shown()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
