//! Certificates: the right one, and every way in which one can be wrong.

use std::sync::{Arc, Mutex};

use flare_diagnostic::{Code, Diagnostic};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::server::{Answer, Asked, Handler, Server, connected, serve, usual};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let pem = parameters.self_signed(&key).expect("a certificate").pem();
    Authority { pem, issuer: Issuer::new(parameters, key) }
}

/// Serves TLS with a certificate of this authority, and connects with a kubeconfig that trusts the same or another one.
async fn outcome(
    serving: &Authority,
    trusted: &str,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> Result<(), Diagnostic> {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    change(&mut parameters);
    let certificate = parameters.signed_by(&key, &serving.issuer).expect("a certificate");
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a configuration")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let Ok(connection) = acceptor.accept(connection).await else { continue };
            let handler: Arc<Handler> = Arc::new(|asked: &Asked| usual(asked).unwrap_or(Answer::Close));
            tokio::spawn(serve(connection, handler, Arc::new(Mutex::new(Vec::new()))));
        }
    });
    let directory = tempfile::tempdir().expect("a directory");
    let ca = directory.path().join("ca.crt");
    std::fs::write(&ca, trusted).expect("a file");
    let files = Server::start(|_| Answer::Close).await;
    let cluster = json!({"server": format!("https://{address}"), "certificate-authority": ca.to_str()});
    connected(files.kubeconfig_with(&cluster, &json!({}))).await.map(|_| ())
}

#[tokio::test]
async fn a_server_with_the_right_certificate_is_trusted() {
    let ours = authority();
    outcome(&ours, &ours.pem, "127.0.0.1", |_| ()).await.expect("trusted");
}

#[tokio::test]
async fn each_wrong_certificate_is_refused_for_its_own_reason() {
    let (ours, theirs) = (authority(), authority());
    let wrong_authority = outcome(&ours, &theirs.pem, "127.0.0.1", |_| ()).await;
    let wrong_name = outcome(&ours, &ours.pem, "kubernetes.example", |_| ()).await;
    let expired = outcome(&ours, &ours.pem, "127.0.0.1", |parameters| parameters.not_after = date_time_ymd(2001, 1, 1)).await;
    let future = outcome(&ours, &ours.pem, "127.0.0.1", |parameters| parameters.not_before = date_time_ymd(2900, 1, 1)).await;
    let expected = [
        (wrong_authority, "was not signed by the CA of the kubeconfig"),
        (wrong_name, "is made out to other names than this address"),
        (expired, "has expired"),
        (future, "is not valid yet"),
    ];
    for (outcome, reason) in expected {
        let fault = outcome.expect_err(reason);
        assert_eq!(fault.code, Code::ClusterNotTrusted, "{fault}");
        assert!(fault.message.ends_with(reason), "{fault}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_a_wrong_certificate() {
    let ours = authority();
    let plain = Server::start(|_| Answer::Close).await;
    let directory = tempfile::tempdir().expect("a directory");
    let ca = directory.path().join("ca.crt");
    std::fs::write(&ca, &ours.pem).expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut connection, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let cluster = json!({"server": format!("https://{address}"), "certificate-authority": ca.to_str()});
    let fault = connected(plain.kubeconfig_with(&cluster, &json!({}))).await.expect_err("no TLS there");
    assert_eq!(fault.code, Code::ClusterUnreachable);
    assert!(fault.message.contains("does not speak TLS"), "{fault}");
}
