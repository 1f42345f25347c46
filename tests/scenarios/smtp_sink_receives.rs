//! Postfix's `smtp-sink`, in the ways it can be made to lack things, counts as many messages as we do.

use std::fmt::Write;
use std::net::TcpStream;

use crate::harness::{Home, Process, free_port, program, until};

/// Recipients of each run.
const RECIPIENTS: usize = 1_000;

/// Postfix's own receiver, with its running count on standard output.
struct SmtpSink {
    process: Process,
    port: u16,
}

impl SmtpSink {
    fn start(options: &[&str]) -> Self {
        let port = free_port();
        let mut command = program("/usr/sbin/smtp-sink");
        // It refuses to run as root.
        command.args(["-c", "-u", "nobody"]).args(options);
        command.arg(format!("127.0.0.1:{port}")).arg("100");
        let process = Process::start("smtp-sink", &mut command);
        until("smtp-sink to listen", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { process, port }
    }

    /// The last of its counts: `sess=8 quit=8 mesg=1000`, one over the other.
    fn messages(&self) -> usize {
        let stdout = self.process.stdout();
        let last = stdout.rsplit("mesg=").next().unwrap_or_default();
        last.trim_end_matches('\r').parse().unwrap_or(0)
    }
}

fn counts_the_same(options: &[&str]) {
    let (sink, home) = (SmtpSink::start(options), Home::new());
    home.relay(sink.port);
    let mut list = "email,name\n".to_owned();
    for i in 0..RECIPIENTS {
        writeln!(list, "person{i}@example.test,Jörg {i}").unwrap();
    }
    home.write("list.csv", list);
    home.send(&[
        "-f",
        "list.csv",
        "-s",
        "Hi {{.name}}",
        "--text",
        "Hello {{.name}}",
        "-c",
        "4",
    ])
    .expect_code(0);
    assert_eq!(sink.messages(), RECIPIENTS, "{options:?}");
    assert_eq!(home.account().success.len(), RECIPIENTS, "{options:?}");
    assert_eq!(
        home.report(&[])["books"]["delivered"],
        RECIPIENTS,
        "{options:?}"
    );
}

#[test]
fn with_everything_it_offers() {
    counts_the_same(&[]);
}

#[test]
fn without_pipelining() {
    counts_the_same(&["-p"]);
}

#[test]
fn without_eight_bit_mime() {
    counts_the_same(&["-8"]);
}

#[test]
fn without_esmtp() {
    counts_the_same(&["-e"]);
}
