//! Certificates from an authority of the test's own, made by OpenSSL.

use std::fs;
use std::path::PathBuf;

use super::{Finished, Folder, Process, program};

/// An authority that nobody believes who is not told to.
pub struct Authority {
    folder: Folder,
}

/// A server's certificate and its private key, PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    chain: Vec<u8>,
    key: Vec<u8>,
}

const KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
];

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let authority = Self {
            folder: Folder::new(),
        };
        let subject = ["-subj", "/CN=An authority of the tests", "-days", "2"];
        let files = ["-keyout", "ca.key", "-out", "ca.pem"];
        authority.openssl(&[&["req", "-x509"], &KEY[..], &subject, &files].concat());
        authority
    }

    /// What someone has to believe to believe this authority, PEM.
    pub fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for names, as OpenSSL writes them: `DNS:localhost,IP:127.0.0.1`.
    pub fn certificate(&self, names: &str) -> Certificate {
        let count = fs::read_dir(self.folder.path()).unwrap().count();
        let [key, request, chain, extensions] =
            ["key", "request", "pem", "extensions"].map(|kind| format!("{count}.{kind}"));
        let lines = format!("subjectAltName={names}\nextendedKeyUsage=serverAuth\n");
        self.folder.write(&extensions, lines);
        let files = [
            "-subj",
            "/CN=A server of the tests",
            "-keyout",
            &key,
            "-out",
            &request,
        ];
        self.openssl(&[&["req"], &KEY[..], &files].concat());
        let authority = [
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
        ];
        let files = ["-in", &request, "-extfile", &extensions, "-out", &chain];
        self.openssl(&[&["x509", "-req"], &authority[..], &files].concat());
        let read = |name| fs::read(self.folder.join(name)).unwrap();
        Certificate {
            chain: read(&chain),
            key: read(&key),
        }
    }

    fn openssl(&self, args: &[&str]) -> Finished {
        let mut command = program("openssl");
        command.args(args).current_dir(self.folder.path());
        Process::start("openssl", &mut command)
            .wait()
            .expect_code(0)
    }
}

impl Certificate {
    /// Writes `certificate.pem` and `key.pem` where a server reads them.
    pub fn copy_to(&self, folder: &Folder) {
        folder.write("certificate.pem", &self.chain);
        folder.write("key.pem", &self.key);
    }
}
