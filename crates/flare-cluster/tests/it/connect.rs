//! Which cluster is selected, and the faults if that is not possible.

use std::path::{Path, PathBuf};

use flare_cluster::{Access, Cluster, ClusterEnvironment, connect};
use flare_diagnostic::{Code, Diagnostic};
use serde_json::{Value, json};

use crate::server::{Answer, Server, connected, free_port, refusal, usual};

async fn server() -> Server {
    Server::start(|asked| usual(asked).unwrap_or(Answer::Close)).await
}

fn write(directory: &Path, name: &str, config: &Value) -> PathBuf {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    std::fs::write(&path, config.to_string()).expect("a file");
    path
}

fn config(context: &str, server: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Config", "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": server}}], "users": [],
        "contexts": [{"name": context, "context": {"cluster": context}}]})
}

async fn with_list(files: &[&Path], context: Option<&str>) -> Result<Cluster, Diagnostic> {
    let environment = ClusterEnvironment {
        kubeconfig_list: Some(std::env::join_paths(files).expect("paths")),
        ..ClusterEnvironment::default()
    };
    connect(&Access { kubeconfig: None, context: context.map(str::to_owned) }, &environment).await
}

#[tokio::test]
async fn the_list_of_files_is_merged_as_kubectl_does_and_missing_ones_are_skipped() {
    let (server, directory) = (server().await, tempfile::tempdir().expect("a directory"));
    let address = format!("http://{}", server.address);
    let first = write(directory.path(), "first", &config("a", "http://127.0.0.1:1"));
    let second = write(directory.path(), "second", &config("b", &address));
    let (missing, empty) = (directory.path().join("missing"), Path::new(""));
    let cluster = with_list(&[&missing, empty, &first, &second], Some("b")).await.expect("context b is there");
    assert_eq!((cluster.context(), cluster.version(), cluster.server()), (Some("b"), "v1.34.4", address.as_str()));
    // The first file with a value takes precedence: the current context is `a`.
    let fault = with_list(&[&first, &second], None).await.expect_err("nothing listens there");
    assert!(fault.message.contains("of context `a`"), "{fault}");
    // A file may leave the context to the next one by an empty name, which `kubectl config unset current-context` writes.
    let none = json!({"apiVersion": "v1", "kind": "Config", "current-context": "", "clusters": [], "users": [], "contexts": []});
    let none = write(directory.path(), "none", &none);
    let cluster = with_list(&[&none, &second], None).await.expect("context b is the current one");
    assert_eq!(cluster.context(), Some("b"));
}

#[tokio::test]
async fn the_time_is_the_servers_and_not_that_of_this_machine() {
    let cluster = server().await.connect().await;
    let since = cluster.time().expect("the answer about the version told it").as_second() - 946_684_800;
    assert!((0..3600).contains(&since), "{since} s after the year 2000 began");
}

#[tokio::test]
async fn the_file_in_the_home_directory_is_the_default() {
    let (server, home) = (server().await, tempfile::tempdir().expect("a directory"));
    write(home.path(), ".kube/config", &config("home", &format!("http://{}", server.address)));
    let environment = ClusterEnvironment { home: Some(home.path().into()), ..ClusterEnvironment::default() };
    let cluster = connect(&Access::default(), &environment).await.expect("it answers");
    assert_eq!((cluster.context(), cluster.default_namespace()), (Some("home"), "default"));
}

#[tokio::test]
async fn a_file_that_was_named_has_to_be_there() {
    let fault = connected("/nowhere/config".into()).await.expect_err("no file");
    assert_eq!(fault.message, "the kubeconfig cannot be read: there is no such file");
    assert_eq!((fault.code, fault.place.expect("a place").file.as_str()), (Code::KubeconfigInvalid, "/nowhere/config"));
    let home = tempfile::tempdir().expect("a directory");
    let environment = ClusterEnvironment { home: Some(home.path().into()), ..ClusterEnvironment::default() };
    let fault = connect(&Access::default(), &environment).await.expect_err("no file");
    assert_eq!(fault.code, Code::KubeconfigInvalid);
    assert!(fault.message.contains(".kube/config"), "{fault}");
}

#[tokio::test]
async fn a_file_that_is_no_kubeconfig_is_named_without_a_line_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    for text in [
        "users: [{name: u, user: {token: s3cret",
        "contexts: s3cret",
        "\u{0}s3cret: [",
        "users:\n- user:\n    token: [s3cret]\n  name: u\n",
    ] {
        let path = directory.path().join("config");
        std::fs::write(&path, text).expect("a file");
        let fault = connected(path).await.expect_err("no kubeconfig");
        assert_eq!(fault.code, Code::KubeconfigInvalid);
        assert!(!format!("{fault:?}").contains("s3cret"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_wrong_context_is_answered_with_those_that_there_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = write(directory.path(), "config", &config("production", "http://127.0.0.1:1"));
    let fault = with_list(&[&file], Some("prodution")).await.expect_err("misspelt");
    assert_eq!((fault.code, fault.message.as_str()), (Code::ContextNotFound, "the kubeconfig has no context `prodution`"));
    assert_eq!(fault.hint.as_deref(), Some("did you mean `production`? it has: `production`"));
    let mut none = config("production", "http://127.0.0.1:1");
    none["current-context"] = json!("");
    let file = write(directory.path(), "none", &none);
    assert_eq!(with_list(&[&file], None).await.expect_err("none chosen").code, Code::ContextNotFound);
    let nothing = json!({"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []});
    let file = write(directory.path(), "nothing", &nothing);
    for wanted in [None, Some("production")] {
        let fault = with_list(&[&file], wanted).await.expect_err("nothing to choose");
        assert_eq!(fault.code, Code::ContextNotFound);
        let hint = fault.hint.expect("a hint");
        assert!(hint.contains("--kubeconfig FILE") && !hint.contains("--context"), "{hint}");
    }
}

#[tokio::test]
async fn a_context_must_name_a_cluster_and_a_user_that_are_there() {
    let directory = tempfile::tempdir().expect("a directory");
    for (key, what) in [("cluster", "the cluster `gone`"), ("user", "the user `gone`")] {
        let mut broken = config("a", "http://127.0.0.1:1");
        broken["contexts"][0]["context"][key] = json!("gone");
        let file = write(directory.path(), key, &broken);
        let fault = with_list(&[&file], None).await.expect_err("dangling");
        assert_eq!(fault.code, Code::KubeconfigInvalid);
        assert!(fault.message.contains(what), "{fault}");
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_unreachable() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = free_port().await;
    let file = write(directory.path(), "config", &config("gone", &format!("https://{address}")));
    let fault = connected(file.clone()).await.expect_err("nobody listens");
    assert_eq!(fault.code, Code::ClusterUnreachable);
    assert!(
        fault.message.starts_with(&format!("the API server of context `gone` at `https://{address}` does not answer")),
        "{fault}"
    );
    let same = format!("`kubectl --kubeconfig {} --context gone version` asks the same server", file.display());
    assert!(fault.hint.expect("a hint").contains(&same), "the user named this file for one run only");
    let fault = with_list(&[&file], None).await.expect_err("nobody listens");
    assert!(fault.hint.expect("a hint").contains("`kubectl --context gone version`"), "kubectl reads the variable, too");
}

#[tokio::test]
async fn a_token_that_expired_is_refused_and_never_shown() {
    let server = Server::start(|_| refusal(401, "Unauthorized", "Unauthorized", &json!({}))).await;
    let fault = connected(server.kubeconfig()).await.expect_err("refused");
    assert_eq!(fault.code, Code::CredentialRefused);
    assert!(fault.hint.as_deref().expect("a hint").contains("expired"), "{fault:?}");
    assert!(!format!("{fault:?}").contains("secret-token"));
    assert!(server.last("version").headers.contains("Bearer secret-token"));
}

#[tokio::test]
async fn a_user_who_may_not_ask_for_the_version_lacks_a_permission() {
    let said = "forbidden: User \"ada\" cannot get path \"/version\"";
    for knows_the_user in [true, false] {
        let server = Server::start(move |asked| match usual(asked) {
            Some(answer) if knows_the_user && !asked.path.starts_with("/version") => answer,
            _ => refusal(403, "Forbidden", said, &json!({})),
        })
        .await;
        let fault = connected(server.kubeconfig()).await.expect_err("refused");
        assert_eq!(fault.code, Code::PermissionDenied, "{fault}");
        let who = if knows_the_user {
            "the user `anna` may not get `/version`"
        } else {
            "a user whom the cluster does not know may not"
        };
        assert!(fault.message.starts_with(who) && fault.message.contains(said), "{fault}");
        assert!(fault.hint.as_deref().expect("a hint").contains("--non-resource-url=/version"), "{fault:?}");
    }
}

pub(crate) fn plugin(directory: &Path, script: &str) -> Value {
    let path = directory.join("login");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": path.to_str(), "interactiveMode": "Never",
        "args": ["--password", "argument-secret"]}})
}

#[tokio::test]
async fn a_credential_plugin_is_run() {
    let (server, directory) = (server().await, tempfile::tempdir().expect("a directory"));
    let credential =
        r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"from-plugin"}}"#;
    let user = plugin(directory.path(), &format!("echo '{credential}'"));
    let file = server.kubeconfig_with(&json!({"server": format!("http://{}", server.address)}), &user);
    connected(file).await.expect("the plug-in gives a token");
    assert!(server.last("version").headers.contains("Bearer from-plugin"));
}

#[tokio::test]
async fn a_credential_plugin_that_fails_is_named_without_what_it_printed() {
    let (server, directory) = (server().await, tempfile::tempdir().expect("a directory"));
    for script in ["echo s3cret; echo s3cret >&2; exit 4", "echo s3cret", "echo '{\"status\": null}'"] {
        let user = plugin(directory.path(), script);
        let file = server.kubeconfig_with(&json!({"server": format!("http://{}", server.address)}), &user);
        let fault = connected(file).await.expect_err("no credential");
        assert_eq!(fault.code, Code::CredentialUnavailable, "{script}");
        assert!(fault.message.contains("login"), "{fault}");
        let shown = format!("{fault:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("argument-secret"), "{shown}");
    }
    let missing = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login-program"}});
    let file = server.kubeconfig_with(&json!({"server": format!("http://{}", server.address)}), &missing);
    let fault = connected(file).await.expect_err("no program");
    assert_eq!(fault.code, Code::CredentialUnavailable);
    assert!(fault.message.contains("not on this machine"), "{fault}");
}

#[tokio::test]
async fn a_server_behind_a_path_is_asked_there() {
    let server = server().await;
    let handler =
        Server::start(
            |asked| if asked.path.starts_with("/k8s/c1/version") { usual(&version()).expect("it") } else { Answer::Close },
        )
        .await;
    let cluster = json!({"server": format!("http://{}/k8s/c1", handler.address)});
    connected(server.kubeconfig_with(&cluster, &json!({}))).await.expect("the path is kept");
}

fn version() -> crate::server::Asked {
    crate::server::Asked { method: "GET".into(), path: "/version".into(), headers: String::new(), body: String::new() }
}

#[tokio::test]
async fn a_proxy_is_used_where_it_is_asked_for_and_named_without_its_password() {
    let (server, directory) = (server().await, tempfile::tempdir().expect("a directory"));
    let gone = free_port().await;
    let mut config = config("far", "https://cluster.example:6443");
    config["clusters"][0]["cluster"]["proxy-url"] = json!(format!("http://user:pr0xy-secret@{gone}"));
    let fault = connected(write(directory.path(), "config", &config)).await.expect_err("no proxy there");
    assert_eq!(fault.code, Code::ClusterUnreachable);
    assert!(fault.message.contains(&format!("by the proxy {gone}")), "{fault}");
    assert!(!format!("{fault:?}").contains("pr0xy-secret"), "{fault:?}");
    // A proxy of the environment is not used for this machine itself, and odd lists are accepted.
    let environment = ClusterEnvironment {
        https_proxy: Some(format!("http://{gone}")),
        http_proxy: Some(format!("http://{gone}")),
        no_proxy: Some("a,,b ".into()),
        ..ClusterEnvironment::default()
    };
    let access = Access { kubeconfig: Some(server.kubeconfig()), context: None };
    connect(&access, &environment).await.expect("loopback needs no proxy");
}

#[tokio::test]
async fn what_cannot_be_an_address_or_a_certificate_is_said_before_anything_is_sent() {
    let server = server().await;
    let clusters = [
        json!({"server": "https://"}),
        json!({"server": "ftp://a"}),
        json!({"server": "https://127.0.0.1:99999"}),
        json!({"server": "https://:6443"}),
        json!({}),
        json!({"server": "https://a:6443", "certificate-authority-data": "%%%"}),
        json!({"server": "https://a:6443", "certificate-authority-data": "bm8gY2VydGlmaWNhdGU="}),
        json!({"server": "https://a:6443", "certificate-authority": "/nowhere/ca.crt"}),
    ];
    for cluster in clusters {
        let fault = connected(server.kubeconfig_with(&cluster, &json!({}))).await.expect_err("unusable");
        assert_eq!(fault.code, Code::KubeconfigInvalid, "{cluster}: {fault}");
    }
    assert_eq!(server.count(""), 0);
}
