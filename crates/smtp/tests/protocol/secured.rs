//! TLS and AUTH: real certificates, every mechanism, and what a stripping or injecting middle gets (nothing).

use std::net::SocketAddr;
use std::sync::Arc;

use model::{Category, Phase, Secret};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use smtp::server::{AuthPolicy, ServerTls};
use smtp::{
    ClearTextAuth, ClientConfig, Connector, Credentials, Mechanism, Peer, ServerConfig, TlsMode,
    Trust, Verdict,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::support::{MESSAGE, client_config, envelope, listen};

/// An authority of our own and a server's certificate from it, for `127.0.0.1`.
struct Certified {
    authority_pem: String,
    server: Arc<rustls::ServerConfig>,
}

fn certified() -> Certified {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Certified {
        authority_pem: issuer.pem(),
        server: Arc::new(server),
    }
}

fn trusting(address: SocketAddr, certified: &Certified, tls: TlsMode) -> ClientConfig {
    ClientConfig {
        tls,
        trust: Trust::PlatformAnd(certified.authority_pem.as_bytes().into()),
        ..client_config(address)
    }
}

fn login(mechanism: Option<Mechanism>, password: &str) -> Option<Credentials> {
    Some(Credentials {
        username: "ada".into(),
        password: Secret::new(password),
        mechanism,
    })
}

#[tokio::test]
async fn messages_go_through_tls_however_it_starts() {
    let certified = certified();
    for (offered, tls) in [
        (
            ServerTls::StartTls(certified.server.clone()),
            TlsMode::Required,
        ),
        (
            ServerTls::StartTls(certified.server.clone()),
            TlsMode::Opportunistic,
        ),
        (
            ServerTls::Implicit(certified.server.clone()),
            TlsMode::Implicit,
        ),
    ] {
        let mut config = ServerConfig::new("mx.example.org");
        config.tls = offered;
        config.auth = AuthPolicy::Required;
        let (address, inbox) = listen(config).await;
        let mut config = trusting(address, &certified, tls);
        config.credentials = login(None, "s3cret-pass");
        let mut connection = Connector::new(config).unwrap().connect().await.unwrap();
        let to = envelope(&["ada@example.org"]);
        for number in 0..20 {
            let sent = connection.send(&to, MESSAGE, Some(&to)).await;
            assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
            let summary = sent.attempt.tls.unwrap();
            assert!(summary.starts_with("TLSv1.3 "), "{summary}");
            assert_eq!(
                summary.contains("not checked"),
                tls == TlsMode::Opportunistic
            );
            assert_eq!(sent.attempt.times.tls_us > 0, number == 0);
            assert_eq!(sent.attempt.times.authenticate_us > 0, number == 0);
        }
        assert_eq!(inbox.messages().len(), 20);
    }
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused_unless_any_will_do() {
    let certified = certified();
    let mut config = ServerConfig::new("mx.example.org");
    config.tls = ServerTls::StartTls(certified.server.clone());
    let (address, _) = listen(config).await;
    let mut config = trusting(address, &self::certified(), TlsMode::Required);
    let error = Connector::new(config.clone())
        .unwrap()
        .connect()
        .await
        .unwrap_err();
    assert_eq!(
        (error.attempt.phase, error.attempt.category),
        (Phase::Tls, Some(Category::Tls))
    );
    assert!(!error.is_permanent());
    config.trust = Trust::DangerousAcceptAnyCertificate;
    let connection = Connector::new(config).unwrap().connect().await.unwrap();
    assert!(
        connection
            .tls()
            .unwrap()
            .ends_with("certificate not checked")
    );
}

#[tokio::test]
async fn opportunistic_goes_on_without_tls_and_required_does_not() {
    let (address, inbox) = listen(ServerConfig::new("mx.example.org")).await;
    let mut config = client_config(address);
    config.tls = TlsMode::Opportunistic;
    let mut connection = Connector::new(config.clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let sent = connection
        .send(&envelope(&["a@example.org"]), MESSAGE, None)
        .await;
    assert_eq!((sent.verdict, sent.attempt.tls), (Verdict::Delivered, None));
    config.tls = TlsMode::Required;
    config.trust = Trust::DangerousAcceptAnyCertificate;
    let error = Connector::new(config).unwrap().connect().await.unwrap_err();
    assert_eq!(error.attempt.category, Some(Category::Tls));
    assert!(error.to_string().contains("STARTTLS"), "{error}");
    assert_eq!(inbox.messages().len(), 1);
}

/// Plays a middle that strips or injects; gives all the client said to it.
async fn heard_by(script: &'static [&'static str], config: ClientConfig) -> String {
    let (client, server) = tokio::io::duplex(1 << 16);
    let middle = tokio::spawn(async move {
        let mut stream = BufReader::new(server);
        let mut heard = String::new();
        for reply in script {
            stream.write_all(reply.as_bytes()).await.unwrap();
            stream.read_line(&mut heard).await.unwrap();
        }
        stream.read_to_string(&mut heard).await.unwrap_or_default();
        heard
    });
    let connector = Connector::new(config).unwrap();
    let error = connector.open(client, Peer::Remote).await.unwrap_err();
    assert_eq!(error.attempt.category, Some(Category::Tls), "{error}");
    assert!(!error.is_permanent());
    middle.await.unwrap()
}

/// CVE-2011-0411 and its kin: what is said in clear behind STARTTLS is used for nothing, and what may only be
/// said in TLS is never said in clear.
#[tokio::test]
async fn starttls_injection_and_stripping_get_no_mail_and_no_password() {
    const SCRIPTS: [&[&str]; 6] = [
        &[
            "220 x\r\n",
            "250-x\r\n250 STARTTLS\r\n",
            "220 go\r\n250-x\r\n250 AUTH PLAIN\r\n",
        ],
        &["220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\nx"],
        &["220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "454 not now\r\n"],
        &["220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "501 what\r\n"],
        &["220 x\r\n", "250-x\r\n250 AUTH PLAIN LOGIN\r\n"],
        &["220 x\r\n", "502 what\r\n", "250 x\r\n"],
    ];
    for script in SCRIPTS {
        let mut config = client_config("127.0.0.1:1".parse().unwrap());
        config.tls = TlsMode::Required;
        config.trust = Trust::DangerousAcceptAnyCertificate;
        config.credentials = login(None, "s3cret-pass");
        config.clear_text_auth = ClearTextAuth::Allow;
        let heard = heard_by(script, config).await;
        assert!(
            !heard.contains("MAIL") && !heard.contains("AUTH"),
            "{heard}"
        );
        assert!(!heard.contains("s3cret"), "{heard}");
    }
}

#[tokio::test]
async fn starttls_injection_on_the_server_is_never_answered() {
    let certified = certified();
    for behind in ["NOOP\r\n", "MAIL FROM:<evil@example.org>\r\n", "x"] {
        let mut config = ServerConfig::new("mx.example.org");
        config.tls = ServerTls::StartTls(certified.server.clone());
        let (address, _) = listen(config).await;
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let script = format!("EHLO x\r\nSTARTTLS\r\n{behind}");
        stream.write_all(script.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        // The connection is reset or closed; either way nothing more comes.
        let _ = stream.read_to_end(&mut heard).await;
        let heard = String::from_utf8(heard).unwrap();
        assert!(
            !heard.contains("go ahead") && !heard.contains("250 2."),
            "{heard}"
        );
    }
}

#[tokio::test]
async fn wrong_passwords_are_permanent_and_show_nowhere() {
    let mut config = ServerConfig::new("mx.example.org");
    config.auth = AuthPolicy::Required;
    let (address, _) = listen(config).await;
    for mechanism in [None, Some(Mechanism::Plain), Some(Mechanism::Login)] {
        let mut config = client_config(address);
        config.credentials = login(mechanism, "wrong-canary");
        let connector = Connector::new(config.clone()).unwrap();
        let error = connector.connect().await.unwrap_err();
        assert!(error.is_permanent());
        assert_eq!(error.attempt.category, Some(Category::Authentication));
        assert_eq!(error.attempt.reply.as_ref().unwrap().code, 535);
        let shown = format!("{error} {error:?} {connector:?} {config:?}");
        // Both as it is and as PLAIN and LOGIN encode it.
        for secret in [
            "wrong-canary",
            "AGFkYQB3cm9uZy1jYW5hcnk",
            "d3JvbmctY2FuYXJ5",
        ] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(error.attempt.dialogue.unwrap().contains("***"));
        config.credentials = login(mechanism, "s3cret-pass");
        Connector::new(config).unwrap().connect().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_asked_for() {
    let certified = certified();
    let own = rcgen::generate_simple_self_signed(vec!["client.example.org".into()]).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        provider.clone(),
    );
    let key = KeyPair::generate().unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![
                CertificateParams::new(vec!["x".into()])
                    .unwrap()
                    .self_signed(&key)
                    .unwrap()
                    .into(),
            ],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let mut config = ServerConfig::new("mx.example.org");
    config.tls = ServerTls::Implicit(Arc::new(server));
    let (address, _) = listen(config).await;
    let mut config = trusting(address, &certified, TlsMode::Implicit);
    config.trust = Trust::DangerousAcceptAnyCertificate;
    assert!(
        Connector::new(config.clone())
            .unwrap()
            .connect()
            .await
            .is_err()
    );
    config.client_certificate = Some(smtp::ClientCertificate {
        chain_pem: own.cert.pem().into_bytes().into(),
        key_pem: Secret::new(own.signing_key.serialize_pem()),
    });
    Connector::new(config).unwrap().connect().await.unwrap();
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = client_config(listener.local_addr().unwrap());
    config.tls = TlsMode::Implicit;
    config.trust = Trust::DangerousAcceptAnyCertificate;
    config.deadlines.tls = std::time::Duration::from_millis(100);
    let error = Connector::new(config).unwrap().connect().await.unwrap_err();
    assert_eq!(
        (error.attempt.phase, error.attempt.category),
        (Phase::Tls, Some(Category::Timeout))
    );
}

#[test]
fn configurations_that_cannot_work_are_refused_at_once() {
    let good = client_config("127.0.0.1:25".parse().unwrap());
    for name in ["", "a b", "x\r\nMAIL FROM:<>", "é", "x\0"] {
        let config = ClientConfig {
            hello_name: name.into(),
            ..good.clone()
        };
        assert!(Connector::new(config).is_err(), "{name:?}");
    }
    for (user, password) in [
        ("", "x"),
        ("a\0b", "x"),
        ("a", "x\r\ny"),
        ("a", ""),
        ("a\x01", "x"),
    ] {
        let config = ClientConfig {
            credentials: Some(Credentials {
                username: user.into(),
                password: Secret::new(password),
                mechanism: None,
            }),
            ..good.clone()
        };
        assert!(Connector::new(config).is_err(), "{user:?} {password:?}");
    }
    for pem in [
        "",
        "not pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let config = ClientConfig {
            tls: TlsMode::Required,
            trust: Trust::PlatformAnd(pem.as_bytes().into()),
            ..good.clone()
        };
        assert!(Connector::new(config).is_err(), "{pem:?}");
    }
}
