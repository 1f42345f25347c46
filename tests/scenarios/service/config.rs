//! The service's settings: checked before anything begins, and explained.

use serde_json::Value;

use crate::harness::{Finished, Home, Service};

/// The base64 of 32 bytes.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const FILE: &str = "\
[http]
port = 8000

[delivery]
retry_delays = [1, 2]
active = \"perhaps\"
";

fn run(home: &Home, variables: &[(&str, &str)], args: &[&str]) -> Finished {
    home.glasspost_with(variables, args).wait()
}

#[test]
fn a_wrong_file_is_named_with_its_line_and_key() {
    let home = Home::new();
    let wrong = [
        (FILE.to_owned(), 6, "delivery.active"),
        (FILE.replace("\"perhaps\"", "maybe"), 6, ""),
        (
            FILE.replace("retry_delays", "retry_delay"),
            5,
            "delivery.retry_delay",
        ),
        (FILE.replace("port = 8000", "port = 99999"), 2, "http.port"),
        (
            "[deliveries]\n\nactive = true\n".to_owned(),
            3,
            "deliveries.active",
        ),
    ];
    for (text, line, key) in wrong {
        home.write("glasspost.toml", &text);
        let place = format!("glasspost.toml:{line}: ");
        for verb in [&["config", "check"][..], &["serve", "--port", "0"]] {
            // A flag that says the same would hide what the file says.
            if verb[0] == "serve" && key == "http.port" {
                continue;
            }
            let finished = run(
                &home,
                &[],
                &[verb, &["--config", "glasspost.toml"]].concat(),
            );
            let finished = finished.expect_code(3);
            assert!(finished.stderr.contains(&place), "{place}{key}: {finished}");
            assert!(finished.stderr.contains(key), "{key}: {finished}");
            assert_eq!(finished.stdout, "", "{finished}");
        }
    }
    assert!(!home.data().exists(), "a data folder was made");
    run(&home, &[], &["config", "check", "--config", "nowhere.toml"]).expect_code(4);
    let finished = run(&home, &[("GMP_RETRY_DELAYS", "1,x")], &["config", "check"]);
    let finished = finished.expect_code(3);
    assert!(finished.stderr.contains("GMP_RETRY_DELAYS"), "{finished}");
}

#[test]
fn the_check_shows_every_setting_with_who_said_it_and_no_secret() {
    let home = Home::new();
    home.write("glasspost.toml", FILE.replace("\"perhaps\"", "false"));
    let variables = [
        ("GMP_CONFIG", "glasspost.toml"),
        ("GMP_PORT", "9000"),
        ("GMP_API_TOKEN", "canary-token"),
        ("GMP_CLIENT_SYNC_PASSWORD", "canary-password"),
        ("GMP_TEST_MODE", "1"),
    ];
    let args = ["config", "check", "--set", "delivery.default_priority=1"];
    let finished = run(&home, &variables, &args).expect_code(0);
    assert!(!finished.output().contains("canary"), "{finished}");
    assert!(
        finished
            .stdout
            .contains("GMP_TEST_MODE decides nothing here"),
        "{finished}"
    );
    let json = run(&home, &variables, &[&args[..], &["--json"]].concat()).expect_code(0);
    assert!(!json.output().contains("canary"), "{json}");
    let shown: Value = serde_json::from_str(&json.stdout).unwrap();
    for (name, value, from) in [
        ("http.port", "9000", "GMP_PORT"),
        ("http.host", "127.0.0.1", "default"),
        ("delivery.active", "false", "glasspost.toml:6"),
        ("delivery.retry_delays", "1,2", "glasspost.toml:5"),
        ("delivery.default_priority", "1", "--set"),
        ("http.admin_token", "(set, not shown)", "GMP_API_TOKEN"),
    ] {
        assert_eq!(shown[name]["value"], value, "{name}");
        assert_eq!(shown[name]["from"], from, "{name}");
    }
    // Everything that can be set is explained.
    let listed = run(&home, &[], &["config", "list", "--json"]).expect_code(0);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let names = |value: &Value| -> Vec<String> {
        let mut names: Vec<String> = match value {
            Value::Object(fields) => fields.keys().cloned().collect(),
            Value::Array(items) => items
                .iter()
                .map(|item| item["name"].as_str().unwrap().to_owned())
                .collect(),
            other => panic!("{other}"),
        };
        names.sort();
        names
    };
    assert_eq!(names(&listed), names(&shown));
    let text = run(&home, &[], &["config", "list"]).expect_code(0).stdout;
    assert!(
        text.contains("delivery.retry_delays") && text.contains("GMP_RETRY_DELAYS"),
        "{text}"
    );
}

#[test]
fn a_key_that_is_none_stops_the_start() {
    let home = Home::new();
    for key in [
        "short",
        "bm90IDMyIGJ5dGVz",
        "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!=",
    ] {
        let finished = run(
            &home,
            &[("MAIL_PROXY_ENCRYPTION_KEY", key)],
            &["serve", "--port", "0"],
        );
        assert_ne!(finished.status.code(), Some(0), "{finished}");
        assert!(
            finished.stderr.contains("MAIL_PROXY_ENCRYPTION_KEY"),
            "{finished}"
        );
        assert!(
            finished.stderr.contains("openssl rand -base64 32"),
            "{finished}"
        );
        assert!(!finished.output().contains(key), "{finished}");
        assert!(!finished.output().contains("Listening"), "{finished}");
    }
    // It starts with a key, and then with no other.
    let started = Service::start_with(&home, &[("MAIL_PROXY_ENCRYPTION_KEY", KEY)]);
    started.tenant("shop", 9);
    started.stop();
    let other = KEY.replace('A', "B");
    let variables = [("MAIL_PROXY_ENCRYPTION_KEY", &*other)];
    let finished = run(&home, &variables, &["serve", "--port", "0"]);
    assert_ne!(finished.status.code(), Some(0), "{finished}");
    assert!(!finished.output().contains(&other), "{finished}");
    assert!(
        finished.stderr.contains("MAIL_PROXY_ENCRYPTION_KEY"),
        "{finished}"
    );
    Service::start_with(&home, &[("MAIL_PROXY_ENCRYPTION_KEY", KEY)]).stop();
}
