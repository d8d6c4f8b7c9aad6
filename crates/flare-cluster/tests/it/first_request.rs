//! What the first request meets: a server that asks to wait, one that leads elsewhere, and tokens that no request can carry.

use std::sync::atomic::{AtomicUsize, Ordering};

use flare_diagnostic::Code;
use serde_json::json;

use crate::{
    connect::plugin,
    server::{Answer, Server, connected, refusal, usual},
};

#[tokio::test]
async fn a_server_that_asks_to_wait_is_asked_again() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |asked| match count.fetch_add(1, Ordering::Relaxed) {
        0 => refusal(429, "TooManyRequests", "slow down", &json!({})),
        _ => usual(asked).unwrap_or(Answer::Close),
    })
    .await;
    assert_eq!(server.connect().await.version(), "v1.34.4");
    assert_eq!(server.count("/version"), 2);
}

#[tokio::test]
async fn a_server_that_leads_elsewhere_is_no_kubernetes_api_and_is_asked_once() {
    let server = Server::start(|_| Answer::Page(302, "")).await;
    let fault = connected(server.kubeconfig()).await.expect_err("a page for logging in");
    assert_eq!(fault.code, Code::ClusterAnswerInvalid, "{fault}");
    assert!(fault.message.ends_with("answered as no Kubernetes API does (status 302)"), "{fault}");
    assert_eq!(server.count(""), 1);
}

#[tokio::test]
async fn a_token_that_no_request_can_carry_is_a_fault_of_where_it_comes_from() {
    let (server, directory) = (Server::start(|_| Answer::Close).await, tempfile::tempdir().expect("a directory"));
    let printed =
        r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"secret\ntoken"}}"#;
    let users = [
        (json!({"token": "secret\ntoken"}), Code::KubeconfigInvalid),
        (plugin(directory.path(), &format!("printf %s '{printed}'")), Code::CredentialUnavailable),
    ];
    for (user, code) in users {
        let file = server.kubeconfig_with(&json!({"server": format!("http://{}", server.address)}), &user);
        let fault = connected(file).await.expect_err("no header can hold it");
        assert_eq!(fault.code, code, "{fault}");
        assert!(fault.hint.as_deref().expect("a hint").contains("without line breaks"), "{fault:?}");
        assert!(!format!("{fault:?}").contains("secret"), "{fault:?}");
    }
    assert_eq!(server.count(""), 0);
}
