//! Through a real Postfix that asks for STARTTLS and a login that a real Dovecot checks, into mailboxes.

use serde_json::{Value, json};

use crate::harness::{
    Authority, Caller, Dovecot, Entrance, Home, Postfix, Residents, Service, until,
};

const PASSWORD: &str = "a secret, €50 worth";
const PEOPLE: [&str; 3] = ["one@example.test", "two@example.test", "three@example.test"];

/// A Postfix with mailboxes, its Dovecot, and who certified both.
struct Scene {
    authority: Authority,
    _dovecot: Dovecot,
    postfix: Postfix,
    home: Home,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new();
        let certificate = authority.certificate("DNS:localhost,IP:127.0.0.1");
        let dovecot = Dovecot::checking(&[("ada", PASSWORD)], &certificate);
        let residents = Residents::with_mailboxes(PEOPLE);
        let postfix = Postfix::with_logins(&residents, &certificate, &dovecot);
        Self {
            authority,
            _dovecot: dovecot,
            postfix,
            home: Home::new(),
        }
    }

    /// A service that believes this authority.
    fn service(&self) -> Service {
        let file = self.authority.file();
        let believed = ("SSL_CERT_FILE", file.to_str().unwrap());
        let delays = ("GMP_RETRY_DELAYS", "1,1,1,1,1,1,1,1,1,1");
        Service::start_with(&self.home, &[believed, delays])
    }
}

/// An account of Ada's.
fn login(password: &str) -> Value {
    json!({"use_tls": true, "user": "ada", "password": password})
}

/// What the service says of the server of a tenant's account: the words of its trouble.
fn trouble(service: &Service, tenant: &str, account: &str) -> Option<String> {
    let traffic = service.get("/api/traffic");
    let mut accounts = traffic["accounts"].as_array().unwrap().iter();
    let is_meant = |known: &&Value| known["tenant_id"] == tenant && known["account_id"] == account;
    let known = accounts.find(is_meant).unwrap();
    known["trouble"].as_str().map(str::to_owned)
}

#[test]
fn it_logs_in_over_starttls_and_what_arrives_can_be_traced() {
    let scene = Scene::new();
    let service = scene.service();
    let shop = service.tenant_with("shop", json!({}));
    shop.account(
        "main",
        scene.postfix.port(Entrance::Submission),
        login(PASSWORD),
    );
    let mut messages = Vec::new();
    for (number, address) in PEOPLE.iter().enumerate() {
        messages.push(shop.message(&format!("m{number}"), address));
    }
    messages[1]["headers"] = json!({"X-Season": "Frühling", "List-Id": "<news.sender.test>"});
    messages[1]["reply_to"] = json!("answers@sender.test");
    messages[2]["message_id"] = json!("<given.id@sender.test>");
    messages[2]["return_path"] = json!("bounces@sender.test");
    messages.push(shop.message("stranger", "stranger@example.test"));
    shop.send(&messages);
    service.until_done();
    let stranger = shop.record("stranger");
    let error = stranger["error"].as_str().unwrap();
    assert!(error.contains("User unknown"), "{error}");

    let letters = scene.postfix.letters();
    let of = |who: &str| {
        let mut letters = letters.iter().filter(|letter| letter.delivered_to == who);
        let only = letters
            .next()
            .unwrap_or_else(|| panic!("{who} got nothing"));
        assert_eq!(letters.count(), 0, "{who} got it twice");
        only
    };
    for (number, who) in PEOPLE.iter().enumerate() {
        let (letter, record) = (of(who), shop.record(&format!("m{number}")));
        assert_eq!(
            letter.header("x-genro-mail-id"),
            record["pk"].as_str().unwrap()
        );
        assert!(
            (-1.0..60.0).contains(&letter.age_s),
            "{} s old",
            letter.age_s
        );
        assert_eq!(letter.defects, Vec::<String>::new());
        let received = letter.headers["received"].join("\n");
        assert!(
            received.contains("with ESMTPSA") && received.contains("Authenticated sender: ada"),
            "{received}"
        );
    }
    let [one, two, three] = PEOPLE.map(of);
    let id = one.header("message-id");
    assert!(id.starts_with('<') && id.ends_with("@sender.test>"), "{id}");
    assert_eq!(one.return_path, "<ada@sender.test>");
    assert_eq!(two.header("x-season"), "Frühling");
    assert_eq!(two.header("reply-to"), "answers@sender.test");
    assert_eq!(three.header("message-id"), "<given.id@sender.test>");
    assert_eq!(three.return_path, "<bounces@sender.test>");
}

#[test]
fn a_wrong_password_is_told_and_costs_only_its_account() {
    let scene = Scene::new();
    let service = scene.service();
    let shop = service.tenant_with("shop", json!({}));
    let port = scene.postfix.port(Entrance::Submission);
    shop.account("main", port, login(PASSWORD));
    // The same server and the same name, so that what is kept open for one is not used for the other.
    shop.account("wrong", port, login("another secret"));
    let other = service.tenant_with("other", json!({}));
    other.account("main", port, login("another secret"));
    let to = |id: &str, account: &str, address: &str| {
        let mut message = shop.message(id, address);
        message["account_id"] = json!(account);
        message
    };
    shop.send(&[
        to("good", "main", PEOPLE[0]),
        to("wrong", "wrong", PEOPLE[1]),
    ]);
    other.send(&[other.message("foreign", PEOPLE[2])]);
    let record = shop.ended("good");
    assert!(record["sent_ts"].is_number(), "{record}");
    for (tenant, account) in [("shop", "wrong"), ("other", "main")] {
        let words = until("the trouble", || trouble(&service, tenant, account));
        assert!(words.contains("535"), "{words}");
        assert!(!words.contains("another secret"), "{words}");
    }
    // The account that can log in has no trouble, and goes on.
    assert_eq!(trouble(&service, "shop", "main"), None);
    shop.send(&[to("again", "main", PEOPLE[0])]);
    shop.ended("again");
    let arrived = |who: &str| {
        let letters = scene.postfix.letters();
        letters
            .iter()
            .filter(|letter| letter.delivered_to == who)
            .count()
    };
    assert_eq!(PEOPLE.map(arrived), [2, 0, 0]);
    // With the right password its mail goes on by itself.
    shop.account("wrong", port, login(PASSWORD));
    let record = shop.ended("wrong");
    assert!(record["sent_ts"].is_number(), "{record}");
    until("the end of the trouble", || {
        trouble(&service, "shop", "wrong").is_none().then_some(())
    });
    assert_eq!(PEOPLE.map(arrived), [2, 1, 0]);
    let log = service.process.stdout();
    assert!(
        !log.contains("another secret") && !log.contains(PASSWORD),
        "{log}"
    );
}

#[test]
fn without_the_servers_authority_nothing_is_sent() {
    let scene = Scene::new();
    let service = Service::start(&scene.home);
    let shop = service.tenant_with("shop", json!({}));
    shop.account(
        "main",
        scene.postfix.port(Entrance::Submission),
        login(PASSWORD),
    );
    shop.send(&[shop.message("m", PEOPLE[0])]);
    let words = until("the trouble", || trouble(&service, "shop", "main"));
    assert!(words.contains("certificate"), "{words}");
    assert!(
        !scene.postfix.log().contains("sasl_username"),
        "somebody logged in"
    );
}
