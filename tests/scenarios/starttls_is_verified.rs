//! Required TLS is TLS with a certificate that was checked; otherwise nothing is sent.

use serde_json::{Value, json};

use crate::harness::{Account, Authority, Entrance, Finished, Home, Postfix, Residents};

const ADA: &str = "ada@example.test";

/// A Postfix for Ada, and a home that knows its authority.
struct Scene {
    authority: Authority,
    postfix: Postfix,
    home: Home,
}

impl Scene {
    /// Its certificate is for these names.
    fn with_certificate_for(names: &str) -> Self {
        let authority = Authority::new();
        let residents = Residents::with_mailboxes([ADA]);
        let postfix = Postfix::start(&residents, &authority.certificate(names));
        let home = Home::new();
        home.write_list("list.csv", [ADA]);
        Self {
            authority,
            postfix,
            home,
        }
    }

    fn new() -> Self {
        Self::with_certificate_for("DNS:localhost,IP:127.0.0.1")
    }

    fn send(&self, entrance: Entrance, values: Value, args: &[&str]) -> Finished {
        self.home.relay_with(self.postfix.port(entrance), values);
        let common = [
            "--csv",
            "list.csv",
            "--subject",
            "Hi",
            "--text",
            "Hello",
            "--retries",
            "0",
        ];
        self.home.send(&[&common, args].concat())
    }

    /// That no message even began.
    #[track_caller]
    fn nothing_was_sent(&self) {
        assert_eq!(self.postfix.letters().len(), 0);
        assert!(
            !self.postfix.log().contains(ADA),
            "Ada was named to Postfix"
        );
        assert_eq!(self.home.account(), Account::default());
    }
}

#[test]
fn an_authority_that_is_known_is_believed() {
    let scene = Scene::new();
    let trust = json!({"tls": "required", "tls_cert_file": scene.authority.file()});
    scene.send(Entrance::Mx, trust, &[]).expect_code(0);
    let [letter] = scene.postfix.letters().try_into().unwrap();
    let received = letter.header("received");
    assert!(
        received.contains("with ESMTPS") && received.contains("using TLSv1.3"),
        "{received}"
    );
}

#[test]
fn without_its_authority_nothing_is_sent_until_it_is_known() {
    let scene = Scene::new();
    let finished = scene
        .send(Entrance::Mx, json!({"tls": "required"}), &[])
        .expect_code(5);
    assert!(finished.output().contains("certificate"), "{finished}");
    scene.nothing_was_sent();

    let trust = json!({"tls": "required", "tls_cert_file": scene.authority.file()});
    scene
        .send(Entrance::Mx, trust, &["--resume"])
        .expect_code(0);
    assert_eq!(scene.postfix.letters().len(), 1);
    assert_eq!(scene.home.account().success, [ADA]);
}

#[test]
fn a_certificate_of_another_server_is_refused() {
    let scene = Scene::with_certificate_for("DNS:other.test,IP:127.0.0.9");
    let trust = json!({"tls": "required", "tls_cert_file": scene.authority.file()});
    let finished = scene.send(Entrance::Mx, trust, &[]).expect_code(5);
    assert!(finished.output().contains("certificate"), "{finished}");
    scene.nothing_was_sent();
}

#[test]
fn unchecked_certificates_work_with_a_warning() {
    let scene = Scene::with_certificate_for("DNS:other.test");
    let lenient = json!({"tls": "required", "insecure_tls": true});
    let finished = scene.send(Entrance::Mx, lenient, &[]).expect_code(0);
    assert!(finished.stderr.contains("insecure_tls"), "{finished}");
    let [letter] = scene.postfix.letters().try_into().unwrap();
    assert!(letter.header("received").contains("with ESMTPS"));
}

#[test]
fn a_server_without_starttls_gets_nothing_when_tls_is_required() {
    let scene = Scene::new();
    let finished = scene
        .send(Entrance::Clear, json!({"tls": "required"}), &[])
        .expect_code(5);
    assert!(finished.output().contains("STARTTLS"), "{finished}");
    scene.nothing_was_sent();
}
