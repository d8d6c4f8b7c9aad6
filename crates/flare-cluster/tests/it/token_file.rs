//! A token in a file that something renews while a client uses it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use flare_cluster::k8s_openapi::api::core::v1::ConfigMap;
use flare_diagnostic::Code;
use serde_json::json;

use crate::server::{Server, connected, refusal, usual};

/// A server that has no object and, once told so, refuses the token `first`.
async fn server(has_expired: &Arc<AtomicBool>) -> Server {
    let has_expired = Arc::clone(has_expired);
    Server::start(move |asked| {
        if has_expired.load(Ordering::SeqCst) && asked.headers.contains("Bearer first\r\n") {
            return refusal(401, "Unauthorized", "Unauthorized", &json!({}));
        }
        let details = json!({"name": "a", "kind": "configmaps"});
        usual(asked).unwrap_or_else(|| refusal(404, "NotFound", "configmaps \"a\" not found", &details))
    })
    .await
}

#[tokio::test]
async fn a_token_that_is_refused_is_read_again_before_the_next_request() {
    let (directory, has_expired) = (tempfile::tempdir().expect("a directory"), Arc::new(AtomicBool::new(false)));
    let server = server(&has_expired).await;
    let token = directory.path().join("token");
    // As `kubectl create token` prints it, with a line break.
    std::fs::write(&token, "first\n").expect("a file");
    let cluster = json!({"server": format!("http://{}", server.address)});
    let kubeconfig = server.kubeconfig_with(&cluster, &json!({"tokenFile": token.to_str()}));
    let objects = connected(kubeconfig).await.expect("the token is taken").namespaced::<ConfigMap>("site-1");
    assert_eq!(objects.find("a").await, Ok(None));
    assert!(server.last("configmaps").headers.contains("Bearer first\r\n"));

    has_expired.store(true, Ordering::SeqCst);
    // A file that is not there, or has nothing in it yet, is no reason to send no token.
    for is_there in [false, true] {
        if is_there {
            std::fs::write(&token, "\n").expect("a file");
        } else {
            std::fs::remove_file(&token).expect("it was there");
        }
        let fault = objects.find("a").await.expect_err("the first token is still held");
        assert_eq!(fault.code, Code::CredentialRefused, "{fault}");
        assert!(server.last("configmaps").headers.contains("Bearer first\r\n"));
    }

    std::fs::write(&token, "second\n").expect("a file");
    assert_eq!(objects.find("a").await, Ok(None), "it was refused before, so the file is read again");
    assert!(server.last("configmaps").headers.contains("Bearer second\r\n"));
}

#[tokio::test]
async fn a_token_file_without_a_token_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = server(&Arc::default()).await;
    let token = directory.path().join("token");
    let cluster = json!({"server": format!("http://{}", server.address)});
    for text in [None, Some("\n")] {
        if let Some(text) = text {
            std::fs::write(&token, text).expect("a file");
        }
        let fault = connected(server.kubeconfig_with(&cluster, &json!({"tokenFile": token.to_str()}))).await;
        let fault = fault.expect_err("there is no token");
        assert_eq!(fault.code, Code::CredentialUnavailable, "{fault}");
        assert!(fault.message.starts_with(&format!("the token file `{}` cannot be read", token.display())), "{fault}");
    }
    assert_eq!(server.count("version"), 0, "nothing is sent without it");
}
