//! A private Dovecot with one mailbox, in a temporary folder.

use std::fs::{self, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use intake::bounce::mailbox::{Deadlines, Security, Settings, Trust, Trusted};
use model::Secret;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// Who logs in. The password is no ASCII, as people's are not.
pub const USER: &str = "bounces";
pub const PASSWORD: &str = "gehäimnis \"1\"";
/// How long anything may take that is expected to happen.
const DEADLINE: Duration = Duration::from_secs(60);
/// Debian's `nobody` and `nogroup`.
const NOBODY: u32 = 65_534;

/// A running Dovecot, or the folder of one that was ended.
pub struct Dovecot {
    process: Option<Child>,
    folder: TempDir,
    imap: u16,
    imaps: u16,
    /// The authority that its certificate for 127.0.0.1 is from, PEM.
    authority: String,
    /// How many messages it was given.
    count: usize,
}

impl Dovecot {
    /// Starts one with an empty INBOX.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("glasspost-")
            .tempdir()
            .unwrap();
        // Services drop root's rights, so everybody may pass through it.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let (authority, certificate, key) = certificate();
        let (imap, imaps) = free_ports();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("certificate.pem", certificate);
        write("key.pem", key);
        write("users", format!("{USER}:{{PLAIN}}{PASSWORD}\n"));
        let path = folder.path().to_str().unwrap();
        let configuration = include_str!("dovecot.conf")
            .replace("{folder}", path)
            .replace("{imap}", &imap.to_string())
            .replace("{imaps}", &imaps.to_string());
        write("dovecot.conf", configuration);
        let mut dovecot = Self {
            process: None,
            folder,
            imap,
            imaps,
            authority,
            count: 0,
        };
        for name in ["home", "mail", "mail/new", "mail/cur", "mail/tmp"] {
            dovecot.own_folder(name);
        }
        dovecot.run();
        dovecot
    }

    /// Starts it again after [`Dovecot::kill`].
    pub fn run(&mut self) {
        // It ends with the thread that started it, also when the test is killed.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", "/usr/sbin/dovecot", "-F", "-c"])
            .arg(self.path("dovecot.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.unwrap());
        until("Dovecot to listen", || {
            TcpStream::connect(("127.0.0.1", self.imaps)).is_ok()
        });
    }

    /// Ends it at once, and every connection with it.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        // Whoever serves a connection would go on without its master.
        let id = process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        let ended = Command::new("kill")
            .arg("-KILL")
            .args(children.split_whitespace())
            .output();
        // One of them may be gone already.
        ended.unwrap();
    }

    /// How it is reached: without TLS, by its certificate's address.
    pub fn settings(&self) -> Settings {
        Settings {
            host: "127.0.0.1".into(),
            port: self.imap,
            security: Security::Plain,
            trust: Trusted::prepare(&Trust::Platform).unwrap(),
            user: USER.into(),
            password: Secret::new(PASSWORD),
            folder: "INBOX".into(),
            deadlines: Deadlines::default(),
        }
    }

    /// The same with TLS, trusting its authority too.
    pub fn secure_settings(&self, security: Security) -> Settings {
        let port = if security == Security::Implicit {
            self.imaps
        } else {
            self.imap
        };
        Settings {
            port,
            security,
            trust: self.trusted(),
            ..self.settings()
        }
    }

    /// Who believes its authority too.
    pub fn trusted(&self) -> Trusted {
        Trusted::prepare(&self.trust()).unwrap()
    }

    /// Trust in its authority too.
    pub fn trust(&self) -> Trust {
        Trust::PlatformAnd(self.authority.as_bytes().into())
    }

    /// Puts a message into INBOX, behind those before it.
    pub fn deliver(&mut self, message: &[u8]) {
        self.deliver_to("mail", message);
    }

    /// Puts a message into a folder of the mailbox.
    pub fn deliver_to(&mut self, folder: &str, message: &[u8]) {
        self.count += 1;
        let name = format!("{}.M{}.test", 1_700_000_000 + self.count, self.count);
        let file = self.path(folder).join("tmp").join(&name);
        fs::write(&file, message).unwrap();
        chown(&file, Some(NOBODY), Some(NOBODY)).unwrap();
        fs::rename(file, self.path(folder).join("new").join(name)).unwrap();
    }

    /// Runs Debian's `doveadm` on it.
    pub fn doveadm(&self, arguments: &[&str]) {
        let output = Command::new("doveadm")
            .arg("-c")
            .arg(self.path("dovecot.conf"))
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "doveadm {arguments:?}: {said}");
    }

    /// The names of the folders beside INBOX.
    pub fn folders(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("mail")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter_map(|name| name.strip_prefix('.').map(str::to_owned))
            .collect()
    }

    /// The names of the messages in INBOX, which end in their flags.
    pub fn names(&self) -> Vec<String> {
        let folders = ["mail/new", "mail/cur"].map(|name| self.path(name));
        let entries = folders
            .iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap());
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn own_folder(&self, name: &str) {
        fs::create_dir(self.path(name)).unwrap();
        chown(self.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            eprintln!("--- Dovecot's log\n{log}");
        }
    }
}

/// Looks again and again until it is so.
pub fn until(what: &str, mut look: impl FnMut() -> bool) {
    let started = Instant::now();
    while !look() {
        assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
        sleep(Duration::from_millis(5));
    }
}

/// Two ports on loopback that nobody listens on.
fn free_ports() -> (u16, u16) {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [first, second] = listeners.map(|listener| listener.local_addr().unwrap().port());
    (first, second)
}

/// An authority that nobody believes who is not told to, and a certificate of it for 127.0.0.1 with its key, PEM.
pub fn certificate() -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    (authority.pem(), certificate.pem(), key.serialize_pem())
}
