//! GET: what arrives, what is cut, what ends in time, and which headers travel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use webclient::{Error, Fetch, HeaderMap, Redirects, Refusal, Response, Settings, WebClient};

use crate::support::{Dns, Reply, Server, client_for, settings};

async fn get(replies: Vec<Reply>, fetch: Fetch) -> (Result<Response, Error>, Server) {
    let server = Server::start(replies).await;
    let outcome = client_for(&["a.test", "b.test"])
        .get(&server.url("a.test", "/in"), &fetch)
        .await;
    (outcome, server)
}

fn chunked(pieces: &[&str]) -> String {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    pieces.iter().fold(head, |text, piece| {
        text + &format!("{:x}\r\n{piece}\r\n", piece.len())
    })
}

fn secrets() -> HeaderMap {
    let pairs = [
        ("authorization", "Bearer word"),
        ("cookie", "a=b"),
        ("x-api-key", "word"),
    ];
    pairs
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect()
}

/// Which requests carried the secrets.
fn carried(server: &Server) -> Vec<bool> {
    let holds = |request: &String| {
        let found =
            ["authorization: ", "cookie: ", "x-api-key: "].map(|name| request.contains(name));
        assert!(
            found[0] == found[1] && found[1] == found[2],
            "all or none: {request}"
        );
        found[0]
    };
    server.requests().iter().map(holds).collect()
}

#[tokio::test]
async fn a_fetch_returns_status_headers_and_body() {
    let reply = Reply::with(203, "content-type: text/csv\r\n", "a,b\n1,2\n");
    let fetch = Fetch {
        headers: secrets(),
        ..Fetch::default()
    };
    let (answer, server) = get(vec![reply], fetch).await;
    let Response { head, body } = answer.unwrap();
    assert_eq!(&body[..], b"a,b\n1,2\n");
    assert_eq!((head.status, head.body_bytes), (203, 8));
    assert_eq!(head.headers["content-type"], "text/csv");
    assert_eq!(head.url.as_str(), server.url("a.test", "/in"));
    let request = &server.requests()[0];
    assert!(request.starts_with("GET /in HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("user-agent: Glasspost/"), "{request}");
    assert!(!request.contains("accept-encoding"), "{request}");
}

#[tokio::test]
async fn a_fetch_streams_into_a_file() {
    let line = "someone@example.com,Someone\n".repeat(100);
    let text = chunked(&vec![line.as_str(); 300]) + "0\r\n\r\n";
    let server = Server::start(vec![Reply::Say(text)]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut sink = tokio::fs::File::from_std(file.reopen().unwrap());
    let client = client_for(&["a.test"]);
    let url = server.url("a.test", "/");
    let head = client
        .get_to(&url, &Fetch::default(), &mut sink)
        .await
        .unwrap();
    let written = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(head.body_bytes, written.len() as u64);
    assert_eq!(written, line.repeat(300));
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_cut_off() {
    let cap = || Fetch {
        body_bytes_max: 10,
        ..Fetch::default()
    };
    let (exact, _) = get(vec![Reply::ok("0123456789")], cap()).await;
    assert_eq!(exact.unwrap().body.len(), 10);
    let (announced, _) = get(vec![Reply::ok("0123456789!")], cap()).await;
    assert!(
        matches!(announced, Err(Error::TooLarge { bytes_max: 10, .. })),
        "{announced:?}"
    );
    // No size announced, and no end: only counting helps.
    let endless = Reply::Stall(chunked(&["01234567", "89abcdef"]));
    let (counted, _) = get(vec![endless], cap()).await;
    assert!(
        matches!(counted, Err(Error::TooLarge { bytes_max: 10, .. })),
        "{counted:?}"
    );
}

#[tokio::test]
async fn a_body_that_stalls_ends_at_the_deadline() {
    let deadline = Duration::from_millis(200);
    let fetch = || Fetch {
        deadline,
        ..Fetch::default()
    };
    for stalled in ["", "HTTP/1.1 200 OK\r\n", &chunked(&["some"])] {
        let (outcome, _) = get(vec![Reply::Stall(stalled.to_owned())], fetch()).await;
        assert!(matches!(outcome, Err(Error::TimedOut { after, .. }) if after == deadline));
    }
}

#[tokio::test]
async fn the_deadline_covers_all_hops_together() {
    let fetch = Fetch {
        deadline: Duration::from_secs(1),
        ..Fetch::default()
    };
    let replies = vec![
        Reply::redirect("/1"),
        Reply::redirect("/2"),
        Reply::Stall(String::new()),
    ];
    let (outcome, server) = get(replies, fetch).await;
    assert!(
        matches!(outcome, Err(Error::TimedOut { .. })),
        "{outcome:?}"
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_connection_dropped_in_the_body_is_an_error() {
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this";
    for broken in [
        short.to_owned(),
        chunked(&["only this"]),
        "HTTP/1.1 2".to_owned(),
        String::new(),
    ] {
        let (outcome, _) = get(vec![Reply::Say(broken)], Fetch::default()).await;
        assert!(
            matches!(outcome, Err(Error::Unreachable { .. })),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_never_comes_ends_with_the_connect_timeout() {
    // The system completes the TCP connection; nobody ever speaks TLS.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://a.test:{}/", silent.local_addr().unwrap().port());
    let connect_timeout = Duration::from_millis(200);
    let allowed = vec!["a.test".parse().unwrap()];
    let client = WebClient::new(Settings {
        allowed,
        connect_timeout,
        ..settings()
    })
    .unwrap();
    let outcome = client.get(&url, &Fetch::default()).await;
    let Err(Error::TimedOut { after, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(after, connect_timeout);
}

#[tokio::test]
async fn a_name_without_an_address_is_unreachable() {
    let resolver = Arc::new(Dns::new(|_, _| vec![]));
    let client = WebClient::new(Settings {
        resolver,
        ..settings()
    })
    .unwrap();
    let error = client
        .get("http://nowhere.test/", &Fetch::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "nowhere.test cannot be reached: the name has no address"
    );
}

#[tokio::test]
async fn an_unwanted_status_is_an_error_with_its_number() {
    for status in [304, 400, 404, 500] {
        let (outcome, _) = get(vec![Reply::status(status)], Fetch::default()).await;
        assert!(matches!(outcome, Err(Error::Status { status: found, .. }) if found == status));
    }
}

#[tokio::test]
async fn a_compressed_answer_is_refused_rather_than_misread() {
    let reply = Reply::with(200, "content-encoding: gzip\r\n", "\u{1f}…");
    let (outcome, _) = get(vec![reply], Fetch::default()).await;
    assert!(matches!(outcome, Err(Error::Encoded { .. })), "{outcome:?}");
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let lines = |count| {
        (0..count)
            .map(|n| format!("x-{n}: y\r\n"))
            .collect::<String>()
    };
    let (few, _) = get(vec![Reply::with(200, &lines(90), "")], Fetch::default()).await;
    few.unwrap();
    let (many, _) = get(vec![Reply::with(200, &lines(200), "")], Fetch::default()).await;
    assert!(matches!(many, Err(Error::Unreachable { .. })), "{many:?}");
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_allowed() {
    let chain = || {
        vec![
            Reply::redirect("/1"),
            Reply::redirect("2?x"),
            Reply::ok("end"),
        ]
    };
    let (arrived, server) = get(chain(), Fetch::default()).await;
    let arrived = arrived.unwrap();
    assert_eq!(
        (arrived.head.url.as_str(), &arrived.body[..]),
        (&*server.url("a.test", "/2?x"), &b"end"[..])
    );
    let fetch = Fetch {
        redirects: Redirects::up_to(1),
        ..Fetch::default()
    };
    let (refused, server) = get(chain(), fetch).await;
    let Err(Error::Refused(Refusal::TooManyRedirects { hops_max: 1, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn redirects_go_only_to_hosts_of_the_callers_choice() {
    let redirects = Redirects::up_to(3).only_to(|host| host == "a.test");
    let fetch = Fetch {
        redirects,
        ..Fetch::default()
    };
    let (outcome, server) = get(vec![Reply::redirect("http://b.test/")], fetch).await;
    assert!(
        matches!(outcome, Err(Error::Refused(Refusal::RedirectHost { .. }))),
        "{outcome:?}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn credentials_stay_with_the_origin_they_were_given_for() {
    let fetch = || Fetch {
        headers: secrets(),
        ..Fetch::default()
    };
    let (_, same) = get(vec![Reply::redirect("/next"), Reply::ok("")], fetch()).await;
    assert_eq!(carried(&same), [true, true]);

    let other = Server::start(vec![Reply::ok("")]).await;
    let (_, first) = get(vec![Reply::redirect(&other.url("b.test", "/"))], fetch()).await;
    assert_eq!(
        (carried(&first), carried(&other)),
        (vec![true], vec![false])
    );

    // The same host at another port is someone else, too.
    let other = Server::start(vec![Reply::ok("")]).await;
    let (_, first) = get(vec![Reply::redirect(&other.url("a.test", "/"))], fetch()).await;
    assert_eq!(
        (carried(&first), carried(&other)),
        (vec![true], vec![false])
    );
}

#[tokio::test]
async fn credentials_do_not_return_when_a_stranger_redirects_back() {
    let home = Server::start(vec![Reply::redirect("/away"), Reply::status(500)]).await;
    let away = Server::start(vec![Reply::redirect(&home.url("a.test", "/delete-all"))]).await;
    let door = Server::start(vec![Reply::redirect(&away.url("b.test", "/"))]).await;
    let fetch = Fetch {
        headers: secrets(),
        ..Fetch::default()
    };
    let client = client_for(&["a.test", "b.test"]);
    client
        .get(&door.url("a.test", "/"), &fetch)
        .await
        .unwrap_err();
    assert_eq!(carried(&door), [true]);
    assert_eq!(
        (carried(&away), carried(&home)),
        (vec![false], vec![false, false])
    );
}

#[tokio::test]
async fn an_error_does_not_tell_the_path_of_a_url() {
    let closed = Server::start(vec![Reply::Say(String::new())]).await;
    let url = closed.url("a.test", "/hooks/T0P-S3CRET?key=S3CRET");
    let error = client_for(&["a.test"])
        .get(&url, &Fetch::default())
        .await
        .unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("a.test") && !text.contains("S3CRET"),
        "{text}"
    );
}

#[tokio::test]
async fn https_is_verified_against_the_roots() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["secure.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start_tls(vec![Reply::ok("sealed")], acceptor).await;
    let get = |host: &str, extra_roots_pem| {
        let allowed = vec!["127.0.0.0/8".parse().unwrap()];
        let web_ports = vec![server.port];
        let url = server.url(host, "/").replace("http:", "https:");
        let settings = Settings {
            allowed,
            web_ports,
            extra_roots_pem,
            ..settings()
        };
        let client = WebClient::new(settings).unwrap();
        async move { client.get(&url, &Fetch::default()).await }
    };
    let trusted = get("secure.test", vec![cert.pem()]).await.unwrap();
    assert_eq!(&trusted.body[..], b"sealed");
    for (host, roots) in [("secure.test", vec![]), ("other.test", vec![cert.pem()])] {
        let refused = get(host, roots).await.unwrap_err();
        assert!(refused.to_string().contains("certificate"), "{refused}");
    }
}

#[tokio::test]
async fn a_root_that_is_no_certificate_stops_the_client() {
    let extra_roots_pem = vec!["not a certificate".to_owned()];
    let outcome = WebClient::new(Settings {
        extra_roots_pem,
        ..settings()
    });
    assert!(matches!(outcome, Err(Error::Setup { .. })), "{outcome:?}");
}

/// A writer whose disk is full.
struct Full;

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_full_disk_is_not_blamed_on_the_server() {
    let server = Server::start(vec![Reply::ok("data")]).await;
    let url = server.url("a.test", "/");
    let outcome = client_for(&["a.test"])
        .get_to(&url, &Fetch::default(), &mut Full)
        .await;
    assert!(matches!(outcome, Err(Error::Sink { .. })), "{outcome:?}");
}
