//! `up`, `status` and `down` of a federation whose participants belong to different users: each has a kubeconfig or a context of its own, and
//! no rights in the namespace of the other one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::limited_user::{LimitedUser, Rules};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, succeed_json, wait};
use integration_tests::command::Sandbox;
use integration_tests::helm::helm;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use crate::PROGRAM;
use crate::federation_up::{failed, states};

const SERVER: &str = "nvflare-server";
const SITE: &str = "site-1";

/// All that a user may be granted in a namespace.
const EVERYTHING: Rules<'_> = &[("*", "*", &["*"])];

/// Writes a kubeconfig with the user of another one in the context `site`. The current context is that of somebody whom the API server does
/// not know, so that whatever leaves the context out fails.
fn with_a_context_of(user: &Path, file: &Path) {
    let mut config: Value = serde_json::from_str(&fs::read_to_string(user).unwrap()).unwrap();
    let (cluster, account) = (config["clusters"][0]["name"].clone(), config["users"][0].clone());
    let context = |name: &str, user: &Value| json!({"name": name, "context": {"cluster": cluster, "user": user}});
    config["contexts"] = json!([context("site", &account["name"]), context("nobody", &json!("nobody"))]);
    config["users"] = json!([account, {"name": "nobody", "user": {"token": "nobody"}}]);
    config["current-context"] = json!("nobody");
    fs::write(file, config.to_string()).unwrap();
}

/// Adds keys to the entry of a participant in federation.yaml.
fn add(file: &Path, name: &str, keys: &str) {
    let (entry, text) = (format!("{{name: {name},"), fs::read_to_string(file).unwrap());
    assert!(text.contains(&entry), "no `{entry}` in\n{text}");
    fs::write(file, text.replace(&entry, &format!("{entry} {keys},"))).unwrap();
}

/// Whether a user may delete pods in a namespace.
fn may(user: &LimitedUser<'_>, namespace: &Namespace) -> bool {
    let mut ask = namespace.kubectl();
    ask.env("KUBECONFIG", &user.kubeconfig).args(["auth", "can-i", "delete", "pods"]);
    attempt(&mut ask, &[]).is_ok()
}

/// Grants a user these rights; the API server applies a role with a delay.
fn grant(user: &LimitedUser<'_>, namespace: &Namespace, rules: Rules<'_>) {
    user.grant(rules, None);
    let is_applied = || (may(user, namespace) != rules.is_empty()).then_some(());
    wait(Duration::from_mins(1), || format!("the rights of {} to be applied", user.kubeconfig.display()), is_applied);
}

/// The names of what a namespace has of these kinds.
fn there(namespace: &Namespace, kinds: &str) -> String {
    succeed(namespace.kubectl().args(["get", kinds, "--output", "name"])).trim().to_owned()
}

#[test]
fn each_participant_is_reached_as_its_own_user_at_each_step_of_up_status_and_down() {
    let (namespace, sandbox) = (Namespace::open("federation-users"), Sandbox::new());
    let of_site = namespace.beside("federation-users-site");
    let federation = Federation::with_sites(Release::V28, 1);
    let file = federation.describe(&namespace);
    federation.edit(SITE, &format!("namespace: {}", namespace.name), &format!("namespace: {}", of_site.name));
    let spec = json!({"type": "ExternalName", "externalName": format!("{SERVER}.{}.svc.cluster.local", namespace.name)});
    of_site.apply(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVER}, "spec": spec}));

    let (anna, bert) = (LimitedUser::new(&namespace, "anna", &sandbox), LimitedUser::new(&of_site, "bert", &sandbox));
    grant(&anna, &namespace, EVERYTHING);
    grant(&bert, &of_site, EVERYTHING);
    assert!(!may(&anna, &of_site) && !may(&bert, &namespace), "each has no rights where the other one is");
    let shared = sandbox.join("shared-kubeconfig");
    with_a_context_of(&bert.kubeconfig, &shared);
    add(&file, SERVER, &format!("kubeconfig: {:?}", anna.kubeconfig.display().to_string()));
    add(&file, SITE, &format!("kubeconfig: {:?}, context: site", shared.display().to_string()));

    let prepared = sandbox.join("up");
    let verb = |verb: &str, more: &[&str]| {
        let mut command = namespace.cluster.program(PROGRAM);
        command.arg(verb).arg("--federation").arg(&file).arg("--prepared").arg(&prepared).args([
            "--timeout",
            "300",
            "-o",
            "json",
        ]);
        command.args(more).env("HELM", helm()).env("KUBECONFIG", &shared);
        command
    };
    let up = succeed_json(&mut verb("up", &["--create-pvc", "1Gi"]));
    assert_eq!(states(&up["data"]), ["done done done unchanged true"; 2], "{up}");
    let findings = up["data"]["participants"][1]["findings"].as_array().expect("findings");
    let reached = findings.iter().find(|finding| finding["id"] == "D01").expect("D01");
    assert!(reached["message"].as_str().unwrap().ends_with("context `site`"), "{reached}");
    let again = succeed_json(&mut verb("up", &["--create-pvc", "1Gi"]));
    assert_eq!(states(&again["data"]), ["unchanged unchanged unchanged unchanged true"; 2], "{again}");
    let status = succeed_json(&mut verb("status", &[]));
    assert_eq!(states(&status["data"]), ["ok ok ok ok true"; 2], "{status}");

    // A user who lost the rights keeps nobody else from being seen and taken down.
    grant(&bert, &of_site, &[]);
    let status = failed(&mut verb("status", &[]));
    assert_eq!(states(&status["data"]), ["ok ok ok ok true", "ok unknown unknown unknown false"], "{status}");
    let down = failed(&mut verb("down", &[]));
    let rows = down["data"]["participants"].as_array().expect("participants");
    assert_eq!((&rows[0]["ok"], &rows[1]["ok"]), (&json!(true), &json!(false)), "{down}");
    let mut errors = down["errors"].as_array().expect("errors").iter();
    assert!(errors.all(|error| error["message"].as_str().unwrap().starts_with("site-1: ")), "{down}");
    assert_eq!(there(&namespace, "deployments"), "");
    assert_eq!(there(&of_site, "deployments"), format!("deployment.apps/{SITE}"));

    grant(&bert, &of_site, EVERYTHING);
    let down = succeed_json(&mut verb("down", &[]));
    assert!(down["data"]["participants"].as_array().unwrap().iter().all(|one| one["ok"] == json!(true)), "{down}");
    for (namespace, name) in [(&namespace, SERVER), (&of_site, SITE)] {
        assert_eq!(there(namespace, "deployments,pods,secrets"), "");
        assert_eq!(there(namespace, "persistentvolumeclaims"), format!("persistentvolumeclaim/{}", Federation::claim(name)));
    }
}
