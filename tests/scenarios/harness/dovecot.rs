//! A private Dovecot: logins for Postfix, and a submission service that relays to it.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread::panicking;

use super::{Certificate, Folder, Process, free_port, program, until};

/// A name and its password.
pub type Login = (&'static str, &'static str);

/// A running Dovecot.
pub struct Dovecot {
    // First, so that it ends before its folder goes.
    _process: Process,
    folder: Folder,
    port: u16,
}

/// A token that logs in `ada` until the year 2100: `{"sub":"ada","iat":1767225600,"exp":4102444800}`, signed by
/// HMAC-SHA256 with the key below.
pub const TOKEN_OF_ADA: &str = concat!(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    ".eyJzdWIiOiJhZGEiLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6NDEwMjQ0NDgwMH0",
    ".onpi8KPpAvQNE1H0geiv8iCf1OE1LERsL3kD_-iU3UM"
);
/// What tokens are signed with, in base64: `a key that nobody knows`.
const TOKEN_KEY: &str = "YSBrZXkgdGhhdCBub2JvZHkga25vd3M=";
/// Where a Dovecot relays that only checks logins: to nobody.
const NOWHERE: u16 = 9;

impl Dovecot {
    /// Starts it to check the logins of these people for another server.
    pub fn checking(logins: &[Login], certificate: &Certificate) -> Self {
        Self::relaying(logins, certificate, NOWHERE)
    }

    /// Starts it as a submission service for these people, which hands their mail on to a port.
    pub fn relaying(logins: &[Login], certificate: &Certificate, relay: u16) -> Self {
        let folder = Folder::new();
        let port = free_port();
        let users = logins
            .iter()
            .map(|(name, password)| format!("{name}:{{PLAIN}}{password}\n"));
        folder.write("users", users.collect::<String>());
        certificate.copy_to(&folder);
        folder.create_for("nobody", "home");
        folder.create_for("nobody", "mail");
        folder.write("keys/default/HS256/default", TOKEN_KEY);
        let path = folder.path().to_str().unwrap();
        let tokens = include_str!("dovecot/tokens.conf").replace("{folder}", path);
        folder.write("tokens.conf", tokens);
        let configuration = include_str!("dovecot/dovecot.conf")
            .replace("{folder}", path)
            .replace("{submission}", &port.to_string())
            .replace("{relay}", &relay.to_string());
        let file = folder.write("dovecot.conf", configuration);
        let mut command = program("/usr/sbin/dovecot");
        command.arg("-F").arg("-c").arg(file);
        let mut process = Process::start("dovecot", &mut command);
        until("Dovecot to listen", || {
            assert!(
                !process.has_ended(),
                "Dovecot does not start: {}",
                process.stderr()
            );
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self {
            _process: process,
            folder,
            port,
        }
    }

    /// Where another server asks whether a login is right.
    pub fn auth_socket(&self) -> PathBuf {
        self.folder.join("run/auth-client")
    }

    /// The port of its submission service, with STARTTLS.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it wrote down.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        if panicking() {
            eprintln!("--- Dovecot's log\n{}", self.log());
        }
    }
}
