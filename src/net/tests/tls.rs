//! The client over TLS, against a server of its own that has a certificate of the test's authority.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::*;
use crate::net::tls::{ClientTls, ClientTlsKeys, ServerTls, ServerTlsKeys, TlsProblem};
use crate::observe::facts::Kind;

/// An authority and a folder for what it signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// Files of a certificate and its key.
#[derive(Clone)]
struct Signed {
    cert: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        // two of the same name would be taken for one
        params.distinguished_name.push(DnType::CommonName, folder.path().display().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("it is valid");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("the folder is writable");
        Authority { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Signs a certificate for `name`, changed by `change`.
    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("it is valid");
        let signed = Signed { cert: self.path(name, "crt"), key: self.path(name, "key") };
        std::fs::write(&signed.cert, certificate.pem()).expect("the folder is writable");
        std::fs::write(&signed.key, key.serialize_pem()).expect("the folder is writable");
        signed
    }

    fn path(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.{ending}"))
    }
}

fn server_keys(signed: &Signed) -> ServerTlsKeys {
    ServerTlsKeys { cert_file: signed.cert.clone(), key_file: signed.key.clone(), ..ServerTlsKeys::default() }
}

fn trusting(authority: &Authority) -> ClientTlsKeys {
    ClientTlsKeys { ca_file: authority.file(), ..ClientTlsKeys::default() }
}

fn over(keys: &ClientTlsKeys, protocol: Protocol) -> Client {
    let (tls, _) = ClientTls::build(keys).expect("the keys are right");
    Client::new(&ClientConfig { protocol, tls: Some(tls), ..ClientConfig::default() })
}

/// A server that says which protocol it was spoken to in, and which ALPN name was agreed on.
struct Secured {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Secured {
    async fn start(keys: &ServerTlsKeys) -> Secured {
        let (tls, _) = ServerTls::build(keys).expect("the keys are right");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec).unwrap_or_default();
                    let has_client = stream.get_ref().1.peer_certificates().is_some();
                    let service =
                        hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                            let alpn = String::from_utf8_lossy(&alpn).into_owned();
                            let said = format!("{:?} {alpn} {has_client}", request.version());
                            async move { Ok::<_, std::convert::Infallible>(Response::new(Body::from(said))) }
                        });
                    let executor = hyper_util::rt::TokioExecutor::new();
                    let io = hyper_util::rt::TokioIo::new(stream);
                    // how it ends is the client's part of the test
                    let _ = hyper_util::server::conn::auto::Builder::new(executor)
                        .serve_connection(io, service)
                        .await;
                });
            }
        });
        Secured { address, serving }
    }

    async fn ask(&self, client: &Client) -> Result<String, SendError> {
        let answer = client.send(post(&format!("https://{}/", self.address), "x"), LONG).await?;
        Ok(String::from_utf8(answer.body().bytes.to_vec()).expect("the server says text"))
    }

    async fn refusal(&self, client: &Client) -> String {
        let error = self.ask(client).await.expect_err("there is no connection");
        assert_eq!(error.kind, SendErrorKind::NotSecure, "{error}");
        error.to_string()
    }
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_gets_through_in_both_protocols() {
    let authority = Authority::new();
    let server = Secured::start(&server_keys(&authority.sign("127.0.0.1", |_| {}))).await;
    let keys = trusting(&authority);
    assert_eq!(server.ask(&over(&keys, Protocol::Http2)).await.expect("it answers"), "HTTP/2.0 h2 false");
    // the best that both have
    assert_eq!(server.ask(&over(&keys, Protocol::Http1)).await.expect("it answers"), "HTTP/2.0 h2 false");
    for (min, max) in [("1.2", "1.2"), ("1.3", "1.3")] {
        let keys = ClientTlsKeys { min_version: min.into(), max_version: max.into(), ..keys.clone() };
        server.ask(&over(&keys, Protocol::Http2)).await.expect("both versions are there");
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_refused_with_the_reason() {
    let (authority, other) = (Authority::new(), Authority::new());
    let good = Secured::start(&server_keys(&authority.sign("127.0.0.1", |_| {}))).await;
    let stranger = good.refusal(&over(&trusting(&other), Protocol::Http2)).await;
    assert!(stranger.contains("name its authority as tls.ca_file"), "{stranger}");
    let expired = authority.sign("127.0.0.1", |params| {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let expired = Secured::start(&server_keys(&expired))
        .await
        .refusal(&over(&trusting(&authority), Protocol::Http2))
        .await;
    assert!(expired.contains("the server's certificate has expired"), "{expired}");
    let early = authority.sign("127.0.0.1", |params| params.not_before = rcgen::date_time_ymd(3000, 1, 1));
    let early = Secured::start(&server_keys(&early))
        .await
        .refusal(&over(&trusting(&authority), Protocol::Http2))
        .await;
    assert!(early.contains("is not valid yet"), "{early}");
    let named = Secured::start(&server_keys(&authority.sign("otel.example", |_| {}))).await;
    let wrong_name = named.refusal(&over(&trusting(&authority), Protocol::Http2)).await;
    assert!(
        wrong_name.contains("is for another name") && wrong_name.contains("server_name_override"),
        "{wrong_name}"
    );
    let keys = ClientTlsKeys { server_name_override: "otel.example".into(), ..trusting(&authority) };
    named.ask(&over(&keys, Protocol::Http2)).await.expect("the name is the one that was asked for");
    let keys = ClientTlsKeys { insecure_skip_verify: true, ..ClientTlsKeys::default() };
    named.ask(&over(&keys, Protocol::Http2)).await.expect("nothing was looked at");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_the_clients() {
    let authority = Authority::new();
    let keys = server_keys(&authority.sign("127.0.0.1", |_| {}));
    let server = Secured::start(&ServerTlsKeys { client_ca_file: authority.file(), ..keys }).await;
    let client = authority.sign("client", |_| {});
    let keys = ClientTlsKeys { cert_file: client.cert, key_file: client.key, ..trusting(&authority) };
    assert_eq!(server.ask(&over(&keys, Protocol::Http2)).await.expect("it is let in"), "HTTP/2.0 h2 true");
    // In TLS 1.3 a client is done before the server has looked, so that it may hear of it a moment later.
    let keys = ClientTlsKeys { max_version: "1.2".into(), ..trusting(&authority) };
    let error = server.ask(&over(&keys, Protocol::Http2)).await.expect_err("it showed nothing");
    assert_eq!(error.kind, SendErrorKind::NotSecure, "{error}");
}

#[tokio::test]
async fn a_server_in_plain_text_is_named_as_that() {
    let server = start(patient(), By(|_, _| async { answer(StatusCode::OK, String::new()) })).await;
    let (tls, _) = ClientTls::build(&ClientTlsKeys::default()).expect("the defaults are right");
    let client = Client::new(&ClientConfig { tls: Some(tls), ..ClientConfig::default() });
    let uri = format!("https://{}/", server.address);
    let error = client.send(post(&uri, "x"), LONG).await.expect_err("there is no TLS");
    assert_eq!(error.kind, SendErrorKind::NotSecure, "{error}");
    let without =
        super::client(Protocol::Http1).send(post(&uri, "x"), LONG).await.expect_err("no TLS at all");
    assert_eq!(without.kind, SendErrorKind::Invalid);
}

#[tokio::test]
async fn new_files_are_in_force_after_the_interval_and_broken_ones_change_nothing() {
    let (authority, newer) = (Authority::new(), Authority::new());
    let signed = authority.sign("127.0.0.1", |_| {});
    let keys = ServerTlsKeys { reload_interval: Duration::from_nanos(1).into(), ..server_keys(&signed) };
    let server = Secured::start(&keys).await;
    server.ask(&over(&trusting(&authority), Protocol::Http2)).await.expect("the first certificate");
    std::fs::write(&signed.cert, "half a certif").expect("the folder is writable");
    server.ask(&over(&trusting(&authority), Protocol::Http2)).await.expect("still the first certificate");
    let next = newer.sign("127.0.0.1", |_| {});
    std::fs::copy(&next.key, &signed.key).expect("the folder is writable");
    std::fs::copy(&next.cert, &signed.cert).expect("the folder is writable");
    server.ask(&over(&trusting(&newer), Protocol::Http2)).await.expect("the second certificate");
    server.refusal(&over(&trusting(&authority), Protocol::Http2)).await;
}

fn server_problem(keys: &ServerTlsKeys) -> String {
    let problems = ServerTls::build(keys).expect_err("something is wrong");
    problems.iter().map(TlsProblem::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_wrong_with_the_keys_is_said_with_key_file_and_reason() {
    let authority = Authority::new();
    let (one, two) = (authority.sign("one", |_| {}), authority.sign("two", |_| {}));
    let text = |text: &str| -> PathBuf {
        let path = authority.path(&format!("{}", text.len()), "pem");
        std::fs::write(&path, text).expect("the folder is writable");
        path
    };
    let with = |cert: &Path, key: &Path| {
        server_problem(&ServerTlsKeys {
            cert_file: cert.into(),
            key_file: key.into(),
            ..ServerTlsKeys::default()
        })
    };
    for (said, expected) in [
        (server_problem(&ServerTlsKeys::default()), "tls.cert_file is missing"),
        (with(&one.cert, Path::new("")), "tls.cert_file has no key beside it; add key_file or key_pem"),
        (with(Path::new("/nowhere"), &one.key), "tls.cert_file /nowhere: there is no such file"),
        (with(authority.folder.path(), &one.key), "it is a folder, not a file"),
        (with(&one.cert, &two.key), "the key is not that of the certificate"),
        (with(&one.key, &one.key), "there is no certificate in it"),
        (with(&one.cert, &one.cert), "there is no private key in it"),
        (with(&text("-----BEGIN CERTIFICATE-----\nMII"), &one.key), "is it cut off?"),
        (with(&one.cert, &text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII")), "the key has a password"),
        (
            server_problem(&ServerTlsKeys { min_version: "1.1".into(), ..server_keys(&one) }),
            "tls.min_version is 1.1, which is no longer safe",
        ),
        (
            server_problem(&ServerTlsKeys {
                min_version: "1.3".into(),
                max_version: "1.2".into(),
                ..server_keys(&one)
            }),
            "tls.max_version must not be less than min_version",
        ),
        (
            server_problem(&ServerTlsKeys { cipher_suites: vec!["RC4".into()], ..server_keys(&one) }),
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            server_problem(&ServerTlsKeys { curve_preferences: vec!["P521".into()], ..server_keys(&one) }),
            "leaves nothing that burgee has",
        ),
        (
            server_problem(&ServerTlsKeys { cert_pem: "x".into(), ..server_keys(&one) }),
            "tls.cert_pem stands beside cert_file",
        ),
    ] {
        assert!(said.contains(expected), "{said}\nhas no {expected}");
    }
    let keys = ServerTlsKeys { key_pem: crate::values::Secret::new("hunter2"), ..ServerTlsKeys::default() };
    let keys = ServerTlsKeys { cert_file: one.cert.clone(), ..keys };
    let said = server_problem(&keys);
    assert!(
        said.contains("no private key")
            && !said.contains("hunter2")
            && !format!("{keys:?}").contains("hunter2")
    );
}

async fn secured(keys: &ServerTlsKeys, service: impl Service) -> Running {
    let (tls, _) = ServerTls::build(keys).expect("the keys are right");
    start(Limits { tls: Some(tls), ..patient() }, service).await
}

async fn asked(running: &Running, client: &Client) -> Result<String, SendError> {
    let answer = client.send(post(&format!("https://{}/", running.address), "hello"), LONG).await?;
    Ok(String::from_utf8(answer.body().bytes.to_vec()).expect("the server says text"))
}

#[tokio::test]
async fn a_port_with_tls_serves_both_protocols_and_chunks_of_any_size() {
    let authority = Authority::new();
    let server = secured(&server_keys(&authority.sign("127.0.0.1", |_| {})), reader()).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = over(&trusting(&authority), protocol);
        assert_eq!(asked(&server, &client).await.expect("it answers"), "hello");
        let large = "x".repeat(3_000_000);
        let request = post(&format!("https://{}/", server.address), large.clone());
        let answer = client.send(request, LONG).await.expect("it answers");
        assert_eq!(answer.body().bytes, large.as_bytes());
    }
    let report = server.end(LONG).await;
    assert_eq!(report, Report::default());
}

#[tokio::test]
async fn plain_text_on_a_port_with_tls_is_told_in_its_own_protocol() {
    let authority = Authority::new();
    let server = secured(&server_keys(&authority.sign("127.0.0.1", |_| {})), reader()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it listens");
    let said = String::from_utf8_lossy(&rest(&mut stream).await).into_owned();
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("use https://"), "{said}");
    let mut stream = server.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("it listens");
    let said = rest(&mut stream).await;
    assert_eq!((said[3], said[12]), (4, 7), "SETTINGS, then GOAWAY");
    assert!(String::from_utf8_lossy(&said).contains("This port speaks TLS"));
    assert!(server.facts.latest(Kind::PlainOnTlsPort).is_some_and(|seen| seen.count == 2));
}

#[tokio::test]
async fn a_client_without_the_certificate_that_is_asked_for_gets_nowhere() {
    let (authority, other) = (Authority::new(), Authority::new());
    let keys = server_keys(&authority.sign("127.0.0.1", |_| {}));
    let server = secured(&ServerTlsKeys { client_ca_file: authority.file(), ..keys }, reader()).await;
    asked(&server, &over(&trusting(&authority), Protocol::Http2)).await.expect_err("it shows nothing");
    let stranger = other.sign("client", |_| {});
    let keys = ClientTlsKeys { cert_file: stranger.cert, key_file: stranger.key, ..trusting(&authority) };
    asked(&server, &over(&keys, Protocol::Http2)).await.expect_err("nobody knows who signed it");
    let seen = server.facts.latest(Kind::HandshakeFailed).expect("it was seen");
    assert!(
        seen.fact.to_string().contains("nobody in client_ca_file has signed its certificate"),
        "{}",
        seen.fact
    );
    let known = authority.sign("client", |_| {});
    let keys = ClientTlsKeys { cert_file: known.cert, key_file: known.key, ..trusting(&authority) };
    assert_eq!(asked(&server, &over(&keys, Protocol::Http2)).await.expect("it is let in"), "hello");
}

#[tokio::test]
async fn a_handshake_that_never_ends_ends_by_its_deadline() {
    let authority = Authority::new();
    let (tls, _) = ServerTls::build(&server_keys(&authority.sign("127.0.0.1", |_| {}))).expect("right keys");
    let server = start(Limits { tls: Some(tls), hello: SHORT, ..patient() }, reader()).await;
    let mut stream = server.connect().await;
    stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await.expect("it listens");
    rest(&mut stream).await;
    assert!(server.facts.latest(Kind::HelloTimeout).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_change_under_load_and_no_request_fails() {
    let (authority, newer) = (Authority::new(), Authority::new());
    let signed = authority.sign("127.0.0.1", |_| {});
    let keys = ServerTlsKeys { reload_interval: Duration::from_nanos(1).into(), ..server_keys(&signed) };
    let server = Arc::new(secured(&keys, reader()).await);
    let end = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let load = |protocol| {
        let (server, end) = (Arc::clone(&server), Arc::clone(&end));
        let client = over(&trusting(&authority), protocol);
        tokio::spawn(async move {
            let mut requests = 0;
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(asked(&server, &client).await.expect("its connection stays"), "hello");
                requests += 1;
            }
            requests
        })
    };
    let senders = [load(Protocol::Http1), load(Protocol::Http2), load(Protocol::Http2)];
    for turn in 0..40 {
        match turn % 4 {
            // the two files are never changed together, so that some connections meet a pair that does not fit
            0 | 2 => {
                let next = authority.sign("next", |params| {
                    params.subject_alt_names = vec![rcgen::SanType::IpAddress([127, 0, 0, 1].into())];
                });
                std::fs::copy(&next.cert, &signed.cert).expect("the folder is writable");
                let between = over(&trusting(&authority), Protocol::Http2);
                assert_eq!(asked(&server, &between).await.expect("the pair before is in force"), "hello");
                std::fs::copy(&next.key, &signed.key).expect("the folder is writable");
            }
            1 => std::fs::write(&signed.cert, "").expect("the folder is writable"),
            _ => std::fs::write(&signed.key, "-----BEGIN PRIVATE KEY-----").expect("the folder is writable"),
        }
        let fresh = over(&trusting(&authority), Protocol::Http2);
        assert_eq!(asked(&server, &fresh).await.expect("there is always a certificate"), "hello");
    }
    let last = newer.sign("127.0.0.1", |_| {});
    std::fs::copy(&last.key, &signed.key).expect("the folder is writable");
    std::fs::copy(&last.cert, &signed.cert).expect("the folder is writable");
    assert_eq!(
        asked(&server, &over(&trusting(&newer), Protocol::Http2)).await.expect("the last one"),
        "hello"
    );
    end.store(true, std::sync::atomic::Ordering::Relaxed);
    for sender in senders {
        assert!(sender.await.expect("no request failed") > 0);
    }
}

#[tokio::test]
async fn a_port_that_is_served_can_be_given_tls() {
    let authority = Authority::new();
    let server = start(patient(), reader()).await;
    let plain = client(Protocol::Http2);
    plain.send(post(&server.uri("/"), "hello"), LONG).await.expect("plain text at first");
    let (tls, _) = ServerTls::build(&server_keys(&authority.sign("127.0.0.1", |_| {}))).expect("right keys");
    server.offer.replace(Arc::new(reader()), Limits { tls: Some(tls), ..patient() });
    let secure = over(&trusting(&authority), Protocol::Http2);
    assert_eq!(asked(&server, &secure).await.expect("new connections begin with TLS"), "hello");
    let fresh = client(Protocol::Http1);
    let answer = fresh.send(post(&server.uri("/"), "hello"), LONG).await.expect("it is told");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}
