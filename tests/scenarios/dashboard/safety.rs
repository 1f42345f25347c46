//! Nobody gets at a dashboard through a browser: no name that leads here by a trick, no page of another site, no form.

use console::ROUTES;
use serde_json::json;

use super::scene::{people, watch, write_list};
use crate::harness::{Answer, Dashboard, Home, Process, Request, Sink, wait_for_the_end};

/// What a console answers beside its routes, and a page of a list.
const OTHERS: [&str; 4] = [
    "/",
    "/index.html",
    "/assets/none.js",
    "/api/recipients?limit=2",
];
const CONTROLS: &str = "/api/campaigns/{job}/controls";
/// Names that lead here when somebody else answers for them, or look as if they were ours.
const FOREIGN_HOSTS: [&str; 7] = [
    "evil.example",
    "localhost.evil",
    "localhost.evil:80",
    "127.0.0.1.evil.example",
    "evil.example:9091",
    "10.0.0.1",
    "",
];
const FOREIGN_ORIGINS: [&str; 4] = [
    "https://evil.example",
    "null",
    "http://localhost.evil",
    "http://127.0.0.1:1",
];

/// A campaign that is over, and its dashboard.
struct Scene {
    _home: Home,
    _sink: Sink,
    process: Process,
    dashboard: Dashboard,
    job: String,
    id: String,
}

impl Scene {
    fn new(args: &[&str]) -> Self {
        let (home, sink) = (Home::new(), Sink::start(&[]));
        home.relay(sink.port());
        home.write("letter.html", "<p>Hello {{.email}}</p>");
        write_list(&home, &people(3));
        let own = ["--template", "letter.html", "--monitor-linger", "10m"];
        let (mut process, dashboard) = watch(&home, &[&own, args].concat());
        wait_for_the_end(&mut process);
        let job = dashboard.job();
        let messages = dashboard.json(&format!("/api/campaigns/{job}/messages"));
        let id = messages["messages"][0]["id"].as_str().unwrap().to_owned();
        Self {
            _home: home,
            _sink: sink,
            process,
            dashboard,
            job,
            id,
        }
    }

    fn target(&self, route: &str) -> String {
        route.replace("{job}", &self.job).replace("{id}", &self.id)
    }

    /// Every address that answers when it is asked for.
    fn routes(&self) -> Vec<String> {
        let reading = ROUTES.iter().filter(|route| route.method == "GET");
        let own = reading.map(|route| route.path);
        own.chain(OTHERS).map(|route| self.target(route)).collect()
    }

    fn send(&self, request: &Request) -> Answer {
        request.send(self.dashboard.address)
    }

    /// What would cancel the campaign, if it came from the right place.
    fn cancel(&self) -> Request {
        Request::new("POST", &self.target(CONTROLS)).json(&json!({"action": "retry_failed"}))
    }

    /// Ends it, having checked that nobody has intervened.
    fn end(self) {
        let stats = self.dashboard.json("/api/stats");
        let entries = stats["log_entries"].as_array().unwrap();
        let has_intervened = |entry: &serde_json::Value| {
            entry["message"]
                .as_str()
                .unwrap()
                .contains(" by dashboard ")
        };
        assert!(!entries.iter().any(has_intervened), "{entries:?}");
        self.process.signal("INT");
        self.process.wait().expect_code(0);
    }
}

/// What every answer of ours has, and none has.
#[track_caller]
fn check_headers(what: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'"), "{what}: {answer:?}");
    assert!(
        !policy.contains("'unsafe-eval'") && !policy.contains('*'),
        "{what}: {policy}"
    );
    assert!(!policy.contains("script-src 'unsafe"), "{what}: {policy}");
    assert_eq!(
        answer.header("x-content-type-options"),
        Some("nosniff"),
        "{what}"
    );
    assert_eq!(
        answer.header("referrer-policy"),
        Some("no-referrer"),
        "{what}"
    );
    let shares = answer
        .headers
        .iter()
        .find(|(name, _)| name.starts_with("access-control-"));
    assert_eq!(shares, None, "{what}");
}

#[test]
fn no_route_answers_under_a_foreign_name() {
    let scene = Scene::new(&[]);
    for target in scene.routes() {
        for host in FOREIGN_HOSTS {
            let answer = scene.send(&Request::new("GET", &target).header("Host", host));
            assert_eq!(
                answer.status,
                403,
                "{target} at {host:?}: {}",
                answer.text()
            );
            check_headers(&target, &answer);
        }
        let nameless = scene.send(&Request::new("GET", &target));
        assert_eq!(nameless.status, 400, "{target}");
        check_headers(&target, &nameless);
    }
    for host in FOREIGN_HOSTS {
        let answer = scene.send(&scene.cancel().header("Host", host));
        assert_eq!(answer.status, 403, "{host}");
    }
    assert_eq!(scene.send(&scene.cancel()).status, 400);
    scene.end();
}

#[test]
fn no_page_of_another_site_reads_or_intervenes() {
    let scene = Scene::new(&[]);
    let own = scene.dashboard.address.to_string();
    for target in scene.routes() {
        for origin in FOREIGN_ORIGINS {
            let request = Request::new("GET", &target).header("Host", &own);
            let answer = scene.send(&request.header("Origin", origin));
            assert_eq!(answer.status, 403, "{target} from {origin}");
            check_headers(&target, &answer);
        }
        for site in ["cross-site", "same-site"] {
            let request = Request::new("GET", &target).header("Host", &own);
            let answer = scene.send(&request.header("Sec-Fetch-Site", site));
            assert_eq!(answer.status, 403, "{target} from {site}");
        }
        let asked_before = Request::new("OPTIONS", &target)
            .header("Host", &own)
            .header("Origin", "https://evil.example")
            .header("Access-Control-Request-Method", "POST");
        let answer = scene.send(&asked_before);
        assert_eq!(answer.status, 403, "{target}");
        check_headers(&target, &answer);
    }
    for origin in FOREIGN_ORIGINS {
        let request = scene.cancel().header("Host", &own);
        let answer = scene.send(&request.header("Origin", origin));
        assert_eq!(answer.status, 403, "{origin}");
        check_headers(origin, &answer);
    }
    scene.end();
}

#[test]
fn no_form_intervenes() {
    let scene = Scene::new(&[]);
    let own = scene.dashboard.address.to_string();
    let kinds = [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
    ];
    for kind in kinds {
        let mut request = Request::new("POST", &scene.target(CONTROLS)).header("Host", &own);
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let answer = scene.send(&request.body(r#"{"action":"retry_failed"}"#));
        assert_eq!(answer.status, 415, "{kind:?}");
        check_headers("a form", &answer);
    }
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let request = Request::new(method, &scene.target(CONTROLS)).header("Host", &own);
        let answer = scene.send(&request.json(&json!({"action": "retry_failed"})));
        assert_eq!(answer.status, 405, "{method}");
        check_headers(method, &answer);
    }
    scene.end();
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let scene = Scene::new(&[]);
    for target in scene.routes() {
        match target.as_str() {
            "/api/stream" => continue,
            "/assets/none.js" => assert_eq!(scene.dashboard.get(&target).status, 404),
            _ => assert_eq!(scene.dashboard.get(&target).status, 200, "{target}"),
        }
        check_headers(&target, &scene.dashboard.get(&target));
    }
    let missing = [
        "/api",
        "/api/campaigns/none",
        "/api/campaigns/{job}/messages/none",
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        "//evil.example/",
    ];
    for route in missing {
        let answer = scene.dashboard.get(&scene.target(route));
        assert_eq!(answer.status, 404, "{route}: {}", answer.text());
        check_headers(route, &answer);
    }
    let wrong = scene.dashboard.get("/api/recipients?limit=0");
    assert_eq!(wrong.status, 400);
    check_headers("a wrong limit", &wrong);
    check_stream(&scene);
    check_preview(&scene);
    scene.end();
}

/// The stream has them as well: its head is read and the rest left.
fn check_stream(scene: &Scene) {
    let request = scene.dashboard.request("HEAD", "/api/stream");
    let answer = scene.send(&request);
    assert_eq!(answer.status, 200);
    check_headers("the stream", &answer);
}

/// What the letter says is shown in a frame that runs nothing and asks nobody.
fn check_preview(scene: &Scene) {
    let target = scene.target("/api/campaigns/{job}/messages/{id}/content/html");
    let answer = scene.dashboard.get(&target);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("sandbox"), "{policy}");
    assert!(
        !policy.contains("script-src") && !policy.contains("allow-"),
        "{policy}"
    );
    assert!(answer.text().contains("Hello person"), "{}", answer.text());
}

#[test]
fn a_name_that_was_given_is_let_through_and_no_other() {
    let scene = Scene::new(&["--monitor-host", "mail.proxy.example"]);
    let at = |host: &str| {
        let request = Request::new("GET", "/api/stats").header("Host", host);
        scene.send(&request).status
    };
    assert_eq!(at("mail.proxy.example"), 200);
    assert_eq!(at("mail.proxy.example:8443"), 200);
    assert_eq!(at("proxy.example"), 403);
    assert_eq!(at("evil.example"), 403);
    let from = |origin: &str| {
        let request = Request::new("GET", "/api/stats").header("Host", "mail.proxy.example");
        scene.send(&request.header("Origin", origin)).status
    };
    assert_eq!(from("https://mail.proxy.example"), 200);
    assert_eq!(from("https://evil.example"), 403);
    scene.end();
}
