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
        let configuration = include_str!("dovecot/dovecot.conf")
            .replace("{folder}", folder.path().to_str().unwrap())
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
