//! Postfix's submission services take mail from whom Dovecot knows, by every mechanism and both ways of TLS.

use std::fs;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;

use crate::harness::TOKEN_OF_ADA;
use crate::harness::{Account, Authority, Dovecot, Entrance, Finished, Home, Postfix, Residents};

const ADA: &str = "ada@example.test";
const USER: &str = "ada";
const PASSWORD: &str = "a secret, €50 worth";
const WRONG: &str = "guessed-wrongly";

/// A Postfix with logins.
struct Scene {
    authority: Authority,
    postfix: Postfix,
    _dovecot: Dovecot,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new();
        let certificate = authority.certificate("DNS:localhost,IP:127.0.0.1");
        let dovecot = Dovecot::checking(&[(USER, PASSWORD)], &certificate);
        let residents = Residents::with_mailboxes([ADA]);
        let postfix = Postfix::with_logins(&residents, &certificate, &dovecot);
        Self {
            authority,
            postfix,
            _dovecot: dovecot,
        }
    }

    fn send(&self, home: &Home, entrance: Entrance, password: &str, auth: &str) -> Finished {
        let tls = if entrance == Entrance::Submissions {
            "implicit"
        } else {
            "required"
        };
        let values = json!({
            "tls": tls, "tls_cert_file": self.authority.file(),
            "username": USER, "password": password, "auth": auth,
        });
        home.relay_with(self.postfix.port(entrance), values);
        home.write_list("list.csv", [ADA]);
        home.send(&[
            "--csv",
            "list.csv",
            "--subject",
            "Hi",
            "--text",
            "Hello",
            "--retries",
            "0",
            "--log-level",
            "debug",
        ])
    }
}

#[test]
fn every_mechanism_logs_in_over_both_ways_of_tls() {
    let scene = Scene::new();
    let mechanisms = [
        ("plain", "PLAIN", PASSWORD),
        ("login", "LOGIN", PASSWORD),
        ("cram-md5", "CRAM-MD5", PASSWORD),
        ("xoauth2", "XOAUTH2", TOKEN_OF_ADA),
    ];
    for entrance in [Entrance::Submission, Entrance::Submissions] {
        let before = scene.postfix.log().len();
        for (auth, method, password) in mechanisms {
            let home = Home::new();
            let finished = scene.send(&home, entrance, password, auth).expect_code(0);
            no_password_is_shown(&finished, &home, password);
            let logged = format!("sasl_method={method}, sasl_username={USER}");
            let count = scene.postfix.log()[before..].matches(&logged).count();
            assert_eq!(count, 1, "{entrance:?} {auth}");
        }
    }
    let letters = scene.postfix.letters();
    assert_eq!(letters.len(), 2 * mechanisms.len());
    for letter in letters {
        let received = letter.header("received");
        assert!(received.contains("with ESMTPSA"), "{received}");
        assert!(received.contains("Authenticated sender: ada"), "{received}");
    }
}

#[test]
fn a_wrong_password_ends_the_run_before_anything_is_sent() {
    let scene = Scene::new();
    for auth in ["plain", "login", "cram-md5", "xoauth2"] {
        let home = Home::new();
        let finished = scene
            .send(&home, Entrance::Submission, WRONG, auth)
            .expect_code(5);
        let output = finished.output();
        assert!(
            output.contains("535 5.7.8 Error: authentication failed"),
            "{finished}"
        );
        no_password_is_shown(&finished, &home, WRONG);
        assert_eq!(home.account(), Account::default());
    }
    assert_eq!(scene.postfix.letters().len(), 0);
    assert!(
        !scene.postfix.log().contains(ADA),
        "Ada was named to Postfix"
    );
}

/// Not in what it printed, and in no file but the configuration; neither plain nor as AUTH sends it.
#[track_caller]
fn no_password_is_shown(finished: &Finished, home: &Home, password: &str) {
    let forms = [
        password.to_owned(),
        BASE64_STANDARD.encode(password),
        BASE64_STANDARD.encode(format!("\0{USER}\0{password}")),
        BASE64_STANDARD.encode(format!("user={USER}\x01auth=Bearer {password}\x01\x01")),
    ];
    for form in forms {
        assert!(
            !finished.output().contains(&form),
            "{form} is in the output: {finished}"
        );
        for file in home.files() {
            let content = fs::read(&file).unwrap();
            let shows = content
                .windows(form.len())
                .any(|found| found == form.as_bytes());
            assert_eq!(
                shows,
                file.ends_with("config.json") && form == password,
                "{form} {file:?}"
            );
        }
    }
}
