//! A private Postfix that delivers into Maildirs.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread::panicking;

use super::folder::files_below;
use super::mailboxes::{Letter, read_letters};
use super::{Certificate, Dovecot, Folder, Process, free_port, program, until};

/// Who lives at `example.test`, and who is treated how. Everybody else is refused with 550 at RCPT.
#[derive(Clone, Debug, Default)]
pub struct Residents {
    /// They have a mailbox.
    pub mailboxes: Vec<String>,
    /// They have one that is always busy: 450 at RCPT.
    pub busy: Vec<String>,
    /// They have one, but what is addressed to them is refused with 550 after the whole message.
    pub refused_after_data: Vec<String>,
}

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// For everybody; STARTTLS is offered, AUTH is not.
    Mx,
    /// The same without STARTTLS.
    Clear,
    /// STARTTLS and AUTH are required.
    Submission,
    /// TLS from the first byte, AUTH is required.
    Submissions,
}

impl Entrance {
    const ALL: [Self; 4] = [Self::Mx, Self::Clear, Self::Submission, Self::Submissions];

    fn name(self) -> &'static str {
        match self {
            Self::Mx => "mx",
            Self::Clear => "clear",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
        }
    }
}

/// A running Postfix.
pub struct Postfix {
    // First, so that it ends before its folder goes.
    _process: Process,
    folder: Folder,
    ports: [u16; Entrance::ALL.len()],
}

impl Postfix {
    /// Starts it without logins: [`Entrance::Submission`] and [`Entrance::Submissions`] let nobody in.
    pub fn start(residents: &Residents, certificate: &Certificate) -> Self {
        Self::with_socket(residents, certificate, Path::new("private/nobody"))
    }

    /// Starts it with the logins of a Dovecot.
    pub fn with_logins(residents: &Residents, certificate: &Certificate, logins: &Dovecot) -> Self {
        Self::with_socket(residents, certificate, &logins.auth_socket())
    }

    fn with_socket(residents: &Residents, certificate: &Certificate, logins: &Path) -> Self {
        let folder = Folder::new();
        folder.create_for("postfix", "data");
        folder.create_for("nobody", "mail");
        fs::create_dir(folder.join("queue")).unwrap();
        residents.write(&folder);
        certificate.copy_to(&folder);
        let ports = Entrance::ALL.map(|_| free_port());
        let main = include_str!("postfix/main.cf")
            .replace("{folder}", folder.path().to_str().unwrap())
            .replace("{logins}", logins.to_str().unwrap());
        folder.write("etc/main.cf", main);
        let master = Entrance::ALL.iter().zip(ports).fold(
            include_str!("postfix/master.cf").to_owned(),
            |text, (entrance, port)| {
                text.replace(&format!("{{{}}}", entrance.name()), &port.to_string())
            },
        );
        folder.write("etc/master.cf", master);
        let mut process = start_master(&folder);
        until("Postfix to listen", || {
            assert!(
                !process.has_ended(),
                "Postfix does not start: {}",
                log(&folder)
            );
            TcpStream::connect(("127.0.0.1", ports[0])).ok()
        });
        Self {
            _process: process,
            folder,
            ports,
        }
    }

    /// The port of a way in.
    pub fn port(&self, entrance: Entrance) -> u16 {
        self.ports[entrance as usize]
    }

    /// What it wrote down.
    pub fn log(&self) -> String {
        log(&self.folder)
    }

    /// Every message in every mailbox, as soon as everything that was taken is delivered.
    pub fn letters(&self) -> Vec<Letter> {
        until("Postfix to deliver what it took", || {
            self.queue_is_empty().then_some(())
        });
        read_letters(&self.folder.join("mail"))
    }

    fn queue_is_empty(&self) -> bool {
        ["maildrop", "incoming", "active", "deferred"]
            .iter()
            .all(|queue| files_below(&self.folder.join("queue").join(queue)).is_empty())
    }
}

/// What `postfix start` starts. It changes its user for a moment, which makes the kernel forget that it is to end with
/// its parent, so a shell stands between that does not.
const MASTER: &str = "trap 'kill $!' TERM; /usr/lib/postfix/sbin/master -c \"$0\" -s & wait; wait";

/// Makes the queue's folders and starts the master.
fn start_master(folder: &Folder) -> Process {
    let configuration = folder.join("etc");
    let mut install = program("/usr/sbin/postfix");
    install
        .arg("-c")
        .arg(&configuration)
        .args(["post-install", "create-missing"]);
    Process::start("postfix post-install", &mut install)
        .wait()
        .expect_code(0);
    let mut master = program("sh");
    master.args(["-c", MASTER]).arg(&configuration);
    Process::start("postfix", &mut master)
}

fn log(folder: &Folder) -> String {
    fs::read_to_string(folder.join("maillog")).unwrap_or_default()
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if panicking() {
            eprintln!("--- Postfix's log\n{}", self.log());
        }
    }
}

impl Residents {
    /// People who just have a mailbox.
    pub fn with_mailboxes<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Self {
        let mailboxes = addresses.into_iter().map(str::to_owned).collect();
        Self {
            mailboxes,
            ..Self::default()
        }
    }

    fn write(&self, folder: &Folder) -> PathBuf {
        let everybody = self
            .mailboxes
            .iter()
            .chain(&self.busy)
            .chain(&self.refused_after_data);
        // A mailbox is found by its address in lower case.
        let mailboxes = everybody
            .enumerate()
            .map(|(i, who)| format!("{} {i}/\n", who.to_lowercase()));
        folder.write("etc/mailboxes", mailboxes.collect::<String>());
        let busy = self
            .busy
            .iter()
            .map(|who| format!("{who} 450 4.2.1 mailbox is busy\n"));
        folder.write("etc/recipients", busy.collect::<String>());
        let refused = self.refused_after_data.iter().map(|who| {
            let pattern = who.replace('.', "\\.");
            format!("/^To:.*{pattern}/ REJECT we do not take this\n")
        });
        folder.write("etc/headers", refused.collect::<String>())
    }
}
