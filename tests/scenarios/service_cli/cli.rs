//! The command line of somebody beside a running service.

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Home, Service, program};

/// The binary under test.
pub const GLASSPOST: &str = env!("CARGO_BIN_EXE_glasspost");

/// Somebody's command line: the service's address, and more variables, are in the environment.
pub struct Cli<'a> {
    home: &'a Home,
    variables: Vec<(&'static str, String)>,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

impl<'a> Cli<'a> {
    /// The operator's, on the service's own machine: the token is in the data folder.
    pub fn new(home: &'a Home, service: &Service) -> Self {
        Self::at(home, &format!("http://{}", service.address))
    }

    /// The same for whatever answers at an address.
    pub fn at(home: &'a Home, url: &str) -> Self {
        Self {
            home,
            variables: vec![("GLASSPOST_URL", url.to_owned())],
        }
    }

    /// The same with one more variable.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs a command; whatever came of it.
    pub fn run(&self, args: &[&str]) -> Said {
        self.run_on(Stdio::null(), args)
    }

    /// Runs a command that reads this from standard input.
    pub fn fed(&self, input: &str, args: &[&str]) -> Said {
        let path = self.home.write("input", input);
        self.run_on(File::open(path).unwrap().into(), args)
    }

    /// What a command prints that does what it is asked for.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        self.run(args).expect(0).stdout
    }

    /// The same as JSON.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--json"]].concat()).expect(0).json()
    }

    /// What a command says that does not do what it is asked for.
    #[track_caller]
    pub fn error(&self, code: i32, args: &[&str]) -> String {
        self.run(args).expect(code).stderr
    }

    /// The variables that a command sees, for those that are started elsewhere.
    pub fn variables(&self) -> Vec<(&str, &str)> {
        let variables = self.variables.iter();
        variables
            .map(|(name, value)| (*name, value.as_str()))
            .collect()
    }

    /// A program in this folder and with these variables alone.
    pub fn set_up<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("GLASSPOST_DATA", self.home.data())
            .envs(self.variables())
    }

    fn run_on(&self, stdin: Stdio, args: &[&str]) -> Said {
        let output = self
            .set_up(&mut program(GLASSPOST))
            .args(args)
            .stdin(stdin)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Said {
    /// The same, having checked the exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Checks that a text holds all of these.
#[track_caller]
pub fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}
