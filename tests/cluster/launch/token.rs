//! `launch run` with a token that expires while its job runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use integration_tests::cluster::limited_user::{LimitedUser, Rules};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, wait};
use serde_json::{Value, json};

use super::{SHORT, Site, jobs, last_document, stream};

/// The service account.
const LAUNCHER: &str = "launcher";

/// The Role that the README of flare-pod-launch lists.
const TO_LAUNCH: Rules<'_> = &[
    ("", "pods", &["create", "get", "list", "watch", "delete"]),
    ("", "pods/log", &["get"]),
    ("", "events", &["list", "watch"]),
    ("", "secrets", &["create", "update", "patch", "delete"]),
];

/// A token of the launcher, as kubectl prints it, which is valid as long as this Secret is there.
fn token_bound_to(namespace: &Namespace, secret: &str) -> String {
    succeed(namespace.kubectl().args(["create", "secret", "generic", secret]));
    let bound = ["--bound-object-kind", "Secret", "--bound-object-name", secret];
    succeed(namespace.kubectl().args(["create", "token", LAUNCHER]).args(bound))
}

/// The kubeconfig of a user with another credential.
fn kubeconfig_with(site: &Site<'_>, user: &LimitedUser<'_>, name: &str, credential: &Value) -> PathBuf {
    let mut config: Value = serde_json::from_str(&fs::read_to_string(&user.kubeconfig).unwrap()).unwrap();
    config["users"][0]["user"] = credential.clone();
    let path = site.sandbox.join(name);
    fs::write(&path, config.to_string()).unwrap();
    path
}

/// What the API server answers to a list of pods.
fn pods_as_seen_with(namespace: &Namespace, kubeconfig: &Path) -> Result<String, String> {
    let path = format!("/api/v1/namespaces/{}/pods", namespace.name);
    attempt(namespace.cluster.kubectl().arg("--kubeconfig").arg(kubeconfig).args(["get", "--raw", &path]), &[])
}

#[test]
fn a_job_outlives_the_token_of_its_launcher_and_ends_once() {
    let namespace = Namespace::open("launch-token");
    let site = Site::new(&namespace);
    let user = LimitedUser::new(&namespace, LAUNCHER, &site.sandbox);
    user.grant(TO_LAUNCH, None);
    let (file, first) = (site.sandbox.join("token"), token_bound_to(&namespace, "first"));
    fs::write(&file, &first).unwrap();
    let renewed = kubeconfig_with(&site, &user, "kubeconfig-renewed", &json!({"tokenFile": file.to_str().unwrap()}));
    let kept = kubeconfig_with(&site, &user, "kubeconfig-kept", &json!({"token": first.trim()}));
    let with_first = || pods_as_seen_with(&namespace, &kept);
    // The API server applies a role with a delay.
    wait(Duration::from_mins(1), || format!("the launcher's role: {:?}", with_first()), || with_first().ok());
    site.job("good", SHORT, &json!({}));
    let (mut run, pod) = site.start("good", &["--kubeconfig", renewed.to_str().unwrap()]);

    succeed(namespace.kubectl().args(["delete", "secret", "first"]));
    // The API server remembers for some seconds that a token is good. This is what kubectl makes of 401.
    let is_refused = || with_first().err().filter(|said| said.contains("You must be logged in"));
    wait(Duration::from_mins(1), || format!("the refusal of the token: {:?}", with_first()), is_refused);
    site.let_go(&pod);
    site.wait_for("Succeeded");
    let next = site.sandbox.join("token-next");
    fs::write(&next, token_bound_to(&namespace, "second")).unwrap();
    assert_eq!(site.phase(&pod).as_deref(), Some("Succeeded"), "with the first token the launcher cannot remove it");
    fs::rename(&next, &file).unwrap();

    let document = last_document(&mut run, 0);
    let [job] = jobs(&document) else { panic!("one job: {document}") };
    assert_eq!(job["uid"], pod["metadata"]["uid"], "the same pod");
    // A watch that the API server ends meanwhile cannot begin anew before the token is renewed.
    let told = stream(job);
    let mut seen: Vec<_> = told.lines().filter(|line| !line.starts_with("unknown")).collect();
    seen.dedup();
    assert_eq!(seen, ["pending", "running Running", "succeeded Completed", "end: succeeded 0 0 - Completed removed"], "{told}");
    assert_eq!(site.names("pods"), [""; 0]);
}
