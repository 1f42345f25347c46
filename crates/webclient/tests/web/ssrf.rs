//! No URL of a stranger reaches a listener on loopback: not by spelling, DNS, redirect or proxy.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Canary, Dns, Reply, Server, client_for, settings};
use webclient::{Error, Fetch, Refusal, Settings, TargetPolicy, WebClient};

struct Hostile {
    verdict: &'static str,
    url: String,
    addresses: Vec<IpAddr>,
}

fn corpus(port: u16) -> Vec<Hostile> {
    let lines = include_str!("data/ssrf.tsv").lines();
    let rows = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|row| {
        let [verdict, url, names] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {row}")
        };
        let addresses = names
            .split(',')
            .filter_map(|address| address.parse().ok())
            .collect();
        Hostile {
            verdict,
            url: url.replace("{port}", &port.to_string()),
            addresses,
        }
    })
    .collect()
}

/// A client that may use the canary's port, so that nothing but the address can stop it.
fn client(policy: TargetPolicy, port: u16, dns: Dns) -> WebClient {
    let resolver = Arc::new(dns);
    let web_ports = vec![80, 443, port];
    WebClient::new(Settings {
        policy,
        web_ports,
        resolver,
        ..settings()
    })
    .unwrap()
}

fn verdict(outcome: &Result<webclient::Response, Error>) -> &'static str {
    match outcome {
        Err(Error::Refused(Refusal::Address { .. })) => "address",
        Err(Error::Refused(Refusal::Port { .. })) => "port",
        Err(Error::BadUrl(_)) => "bad-url",
        _ => "not refused",
    }
}

fn refused_address(outcome: &Result<webclient::Response, Error>) -> Option<IpAddr> {
    match outcome {
        Err(Error::Refused(Refusal::Address { address, .. })) => Some(*address),
        _ => None,
    }
}

#[tokio::test]
async fn every_hostile_url_is_refused_before_a_connection() {
    let canary = Canary::start().await;
    let hostile = corpus(canary.port);
    assert!(
        hostile.len() >= 80,
        "the corpus has shrunk to {}",
        hostile.len()
    );
    let mut arrived = 0;
    for Hostile {
        verdict: expected,
        url,
        addresses,
    } in hostile
    {
        let dns = Dns::new(move |_, _| addresses.clone());
        let strict = client(TargetPolicy::PublicOnly, canary.port, dns.clone());
        let outcome = strict.get(&url, &Fetch::default()).await;
        assert_eq!(verdict(&outcome), expected, "{url}: {outcome:?}");
        assert_eq!(canary.connections().await, 0, "{url}");
        // The proof that the canary can sing: where the guard is off, the same URL gets through.
        if refused_address(&outcome) == Some(IpAddr::from([127, 0, 0, 1]))
            && !url.contains("public")
        {
            let open = client(TargetPolicy::AllowPrivate, canary.port, dns);
            open.get(&url, &Fetch::default()).await.unwrap_err();
            assert_ne!(canary.connections().await, 0, "{url}");
            arrived += 1;
        }
    }
    assert!(arrived >= 30, "{arrived}");
}

#[tokio::test]
async fn a_name_that_rebinds_to_loopback_reaches_nothing() {
    let canary = Canary::start().await;
    // Public at every even question, loopback at every odd one. The public address belongs to
    // AS112, the internet's sink, and is not waited for.
    let dns = Dns::new(|_, turn| match turn % 2 {
        0 => vec![[192, 31, 196, 1].into()],
        _ => vec![[127, 0, 0, 1].into()],
    });
    let (resolver, web_ports) = (Arc::new(dns.clone()), vec![canary.port]);
    let connect_timeout = Duration::from_millis(100);
    let client = WebClient::new(Settings {
        web_ports,
        resolver,
        connect_timeout,
        ..settings()
    })
    .unwrap();
    let url = format!("http://rebind.test:{}/", canary.port);
    for turn in 0..6 {
        let outcome = client.get(&url, &Fetch::default()).await;
        match turn % 2 {
            0 => assert!(matches!(
                outcome,
                Err(Error::Unreachable { .. } | Error::TimedOut { .. })
            )),
            _ => assert_eq!(verdict(&outcome), "address", "{outcome:?}"),
        }
        assert_eq!(
            dns.asked(),
            turn + 1,
            "one question a connection, no second look"
        );
    }
    assert_eq!(canary.connections().await, 0);
}

#[tokio::test]
async fn a_connection_goes_to_the_address_that_was_checked() {
    let server = Server::start(vec![Reply::ok("here")]).await;
    // The first answer is the listed server; any later one would lead elsewhere.
    let dns = Dns::new(|_, turn| match turn {
        0 => vec![[127, 0, 0, 1].into()],
        _ => vec![[127, 0, 0, 9].into()],
    });
    let settings = Settings {
        allowed: vec!["127.0.0.0/8".parse().unwrap()],
        web_ports: vec![server.port],
        resolver: Arc::new(dns.clone()),
        ..settings()
    };
    let client = WebClient::new(settings).unwrap();
    let answer = client
        .get(&server.url("once.test", "/"), &Fetch::default())
        .await
        .unwrap();
    assert_eq!((&answer.body[..], dns.asked()), (&b"here"[..], 1));
}

#[tokio::test]
async fn the_systems_resolver_is_guarded_too() {
    let canary = Canary::start().await;
    let settings = Settings {
        web_ports: vec![canary.port],
        ..Settings::default()
    };
    let url = format!("http://localhost:{}/", canary.port);
    let outcome = WebClient::new(settings)
        .unwrap()
        .get(&url, &Fetch::default())
        .await;
    assert_eq!(verdict(&outcome), "address", "{outcome:?}");
    assert_eq!(canary.connections().await, 0);
}

#[tokio::test]
async fn a_redirect_chain_into_loopback_is_refused() {
    let canary = Canary::start().await;
    let settings = || Settings {
        allowed: vec!["start.test".parse().unwrap()],
        web_ports: vec![80, 443, canary.port],
        ..settings()
    };
    for inside in [
        "127.0.0.1",
        "0x7f.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "inside.test",
        "0",
    ] {
        let last = format!("http://{inside}:{}/latest/meta-data", canary.port);
        let chain = vec![
            Reply::redirect("/second"),
            Reply::redirect("?third"),
            Reply::redirect(&last),
        ];
        let server = Server::start(chain).await;
        let client = WebClient::new(settings()).unwrap();
        let outcome = client
            .get(&server.url("start.test", "/first"), &Fetch::default())
            .await;
        assert_eq!(verdict(&outcome), "address", "{inside}: {outcome:?}");
        assert_eq!(server.requests().len(), 3);
        assert_eq!(canary.connections().await, 0, "{inside}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_port_or_protocol_or_with_credentials_is_refused() {
    for (to, expected) in [
        ("http://public.test:6379/", "port"),
        ("ftp://start.test/", "bad-url"),
        ("file:///etc/passwd", "bad-url"),
        ("http://me:word@start.test/", "bad-url"),
        ("http://[fe80::1%25eth0]/", "bad-url"),
    ] {
        let server = Server::start(vec![Reply::redirect(to)]).await;
        let client = client_for(&["start.test"]);
        let outcome = client
            .get(&server.url("start.test", "/"), &Fetch::default())
            .await;
        assert_eq!(verdict(&outcome), expected, "{to}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_plain_fetch_works() {
    let server = Server::start(vec![Reply::ok("direct")]).await;
    let client = client_for(&["plain.test"]);
    let answer = client
        .get(&server.url("plain.test", "/"), &Fetch::default())
        .await
        .unwrap();
    assert_eq!(&answer.body[..], b"direct");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let canary = Canary::start().await;
    let proxy = format!("http://127.0.0.1:{}", canary.port);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "ssrf::a_plain_fetch_works"]);
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
    ] {
        child.env(name, &proxy);
    }
    child.env_remove("no_proxy").env_remove("NO_PROXY");
    let output = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    assert_eq!(canary.connections().await, 0);
}
