//! Tests of [`super`]: what each configuration becomes, and what is said of one that cannot be used.

use super::*;

const PLAIN: &str = r#"{"smtp":{"host":"mx.example.org","port":587,"username":"ada",
    "password":"hunter2","from":"Ada Lovelace <ada@example.org>"}}"#;

fn load(text: &str) -> Result<MailConfig, MailConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    std::fs::write(&path, text).unwrap();
    MailConfig::load(&path, None)
}

/// The plain configuration with some text put in place of another.
fn with(from: &str, to: &str) -> String {
    assert!(PLAIN.contains(from), "{from}");
    PLAIN.replace(from, to)
}

/// The error's text without the folder.
fn refusal(text: &str) -> String {
    let error = load(text).expect_err(text).to_string();
    let (_, rest) = error.split_once("config.json").unwrap();
    rest.to_owned()
}

#[test]
fn a_display_name_in_from_is_kept_apart_from_the_address() {
    let config = load(PLAIN).unwrap();
    assert_eq!(config.from.address.as_str(), "ada@example.org");
    assert_eq!(config.from.name.unwrap().as_str(), "Ada Lovelace");
    assert_eq!(
        (&*config.client.host, config.client.port),
        ("mx.example.org", 587)
    );
    assert_eq!(&*config.client.credentials.unwrap().username, "ada");
    assert!(config.warnings.is_empty());
}

#[test]
fn what_is_missing_is_named_with_the_file() {
    let cases = [
        (with("mx.example.org", ""), ": smtp.host is required"),
        (with("587", "0"), ": smtp.port is required"),
        (
            with("Ada Lovelace <ada@example.org>", " "),
            ": smtp.from is required",
        ),
        ("{}".to_owned(), ": smtp.host is required"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(&text), expected);
    }
    assert!(refusal(&with("hunter2", "")).starts_with(": smtp.password is required (or leave out"));
    assert!(refusal(&with("\"ada\"", "\"\"")).starts_with(": smtp.username is required (or leave"));
}

#[test]
fn wrong_json_is_named_with_line_and_column() {
    let broken = refusal("{\"smtp\": {\n\"host\": }");
    assert_eq!(broken, ": expected value at line 2 column 9");
    let typed = refusal(&with("587", "\"587\""));
    assert!(typed.contains("expected u16 at line 1 column"), "{typed}");
    let word = refusal(&with("587", "587,\"tls\":\"always\""));
    assert!(
        word.contains("unknown variant `always`, expected one of `auto`"),
        "{word}"
    );
    assert_eq!(
        refusal(&with("ada@example.org", "ada")),
        ": smtp.from \"Ada Lovelace <ada>\": the address has no @"
    );
}

#[test]
fn a_relay_may_ask_for_no_login() {
    let config = load(&with("\"ada\"", "\"\"").replace("hunter2", "")).unwrap();
    assert!(config.client.credentials.is_none());
    assert_eq!(config.client.tls, TlsMode::Opportunistic);
    let none = load(&with("587", "587,\"auth\":\"none\"")).unwrap();
    assert!(none.client.credentials.is_none());
}

#[test]
fn tls_is_a_must_wherever_a_password_leaves_this_machine() {
    let cases = [
        (PLAIN.to_owned(), TlsMode::Required),
        (with("587", "465"), TlsMode::Implicit),
        (with("mx.example.org", "localhost"), TlsMode::Opportunistic),
        (with("mx.example.org", "127.0.0.2"), TlsMode::Opportunistic),
        (with("mx.example.org", "::1"), TlsMode::Opportunistic),
        (with("587", "587,\"tls\":\"off\""), TlsMode::Off),
        (with("587", "465,\"tls\":\"required\""), TlsMode::Required),
        (
            with("587", "25,\"allow_clear_text_auth\":true"),
            TlsMode::Opportunistic,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(load(&text).unwrap().client.tls, expected, "{text}");
    }
}

#[test]
fn a_named_authority_makes_tls_a_must_even_on_loopback() {
    let authority = tempfile::NamedTempFile::new().unwrap();
    let key = format!(
        "127.0.0.1\",\"tls_cert_file\":\"{}",
        authority.path().display()
    );
    let config = load(&with("mx.example.org", &key)).unwrap();
    assert_eq!(config.client.tls, TlsMode::Required);
}

#[test]
fn every_way_to_log_in_has_its_word() {
    let cases = [
        ("auto", None),
        ("plain", Some(Mechanism::Plain)),
        ("login", Some(Mechanism::Login)),
        ("cram-md5", Some(Mechanism::CramMd5)),
        ("xoauth2", Some(Mechanism::Xoauth2)),
    ];
    for (word, expected) in cases {
        let config = load(&with("587", &format!("587,\"auth\":\"{word}\""))).unwrap();
        assert_eq!(
            config.client.credentials.unwrap().mechanism,
            expected,
            "{word}"
        );
    }
}

#[test]
fn unknown_keys_are_accepted_and_named() {
    let text = with("587", "587,\"pool\":3").replace("}}", "},\"colour\":1}");
    let config = load(&text).unwrap();
    let expected = [
        "colour is not known and has no effect",
        "smtp.pool is not known and has no effect",
    ];
    assert_eq!(config.warnings, expected);
}

#[test]
fn certificates_that_are_not_checked_are_warned_of() {
    let config = load(&with("587", "587,\"insecure_tls\":true")).unwrap();
    assert_eq!(config.client.trust, Trust::DangerousAcceptAnyCertificate);
    assert!(config.warnings[0].starts_with("smtp.insecure_tls is on"));
}

#[test]
fn the_flag_comes_before_the_files_timeout_before_ten_seconds() {
    let connect = |text: &str, flag| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        let deadlines = MailConfig::load(&path, flag).unwrap().client.deadlines;
        assert_eq!(deadlines.final_reply, FINAL_REPLY_TIMEOUT);
        assert_eq!(deadlines.mail, REPLY_TIMEOUT);
        deadlines.connect
    };
    let timed = PLAIN.replace("}}", "},\"timeout_ms\":2500,\"rate_limit\":40}");
    assert_eq!(connect(PLAIN, None), Duration::from_secs(10));
    assert_eq!(connect(&timed, None), Duration::from_millis(2500));
    assert_eq!(
        connect(&timed, Some(Duration::from_secs(3))),
        Duration::from_secs(3)
    );
    assert_eq!(load(&timed).unwrap().per_second_max, Some(40));
    assert_eq!(load(PLAIN).unwrap().per_second_max, None);
}

#[test]
fn the_limit_of_each_reply_can_be_set() {
    let limited = |millis: u64| {
        let text = PLAIN.replace("}}", &format!(",\"reply_timeout_ms\":{millis}}}}}"));
        load(&text).unwrap().client.deadlines
    };
    let deadlines = limited(1_500);
    for deadline in [
        deadlines.greeting,
        deadlines.recipient,
        deadlines.final_reply,
    ] {
        assert_eq!(deadline, Duration::from_millis(1_500));
    }
    assert_eq!(deadlines.connect, CONNECT_TIMEOUT);
    assert_eq!(
        limited(0).mail,
        REPLY_TIMEOUT,
        "no limit at all is none that ends"
    );
}

#[test]
fn certificate_files_are_found_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    std::fs::write(folder.path().join("glasspost-test-ca.pem"), "PEM").unwrap();
    std::fs::write(folder.path().join("glasspost-test-key.pem"), "KEY").unwrap();
    let files = "587,\"tls_cert_file\":\"glasspost-test-ca.pem\"";
    std::fs::write(&path, with("587", files)).unwrap();
    let config = MailConfig::load(&path, None).unwrap();
    assert_eq!(
        config.client.trust,
        Trust::PlatformAnd(b"PEM".as_slice().into())
    );
    assert!(config.client.client_certificate.is_none());
    let both = format!("{files},\"tls_key_file\":\"glasspost-test-key.pem\"");
    std::fs::write(&path, with("587", &both)).unwrap();
    let certificate = MailConfig::load(&path, None)
        .unwrap()
        .client
        .client_certificate
        .unwrap();
    assert_eq!(&*certificate.chain_pem, b"PEM");
    std::fs::write(&path, with("587", "587,\"tls_cert_file\":\"nowhere.pem\"")).unwrap();
    let missing = MailConfig::load(&path, None).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("cannot read smtp.tls_cert_file nowhere.pem")
    );
}

#[test]
fn a_password_never_shows() {
    let config = load(PLAIN).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let typed = refusal(&with("\"hunter2\"", "20261234"));
    assert_eq!(typed, ": smtp.password must be a text in quotes");
}
