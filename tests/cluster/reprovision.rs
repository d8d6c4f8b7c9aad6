//! `reprovision` on a real cluster: a changed configuration reaches a running participant, or everything is as it was.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use integration_tests::cleanup::CleanupGuard;
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::upgrade;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{succeed, succeed_json, wait};
use integration_tests::cluster::telling::Telling;
use integration_tests::helm::helm;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::PROGRAM;

const SERVER: &str = "nvflare-server";

struct Scene {
    namespace: Namespace,
    federation: Federation,
    prepared: PathBuf,
}

/// What must not change if a run fails: the prepared kit, the fingerprint of the kit on the volume, and the parent's memory request.
type State = (Tree, String, String);

impl Scene {
    /// A running server.
    fn new(test: &str) -> Self {
        let (namespace, federation) = (Namespace::open(test), Federation::provision(Release::V28));
        let prepared = federation.prepare(&namespace, PROGRAM.as_ref()).join(SERVER);
        let scene = Self { namespace, federation, prepared };
        succeed(scene.program("stage").arg(&scene.prepared).args(["--create-pvc", "1Gi"]));
        succeed(scene.program("install").arg(&scene.prepared));
        scene
    }

    fn state(&self) -> State {
        (Tree::read(&self.prepared), self.noted_kit(), self.deployment(REQUEST))
    }

    /// Changes what the chart, and what the kit is made from.
    fn change(&self) {
        self.federation.edit(SERVER, "memory: 256Mi", "memory: 272Mi");
        self.federation.edit(SERVER, "parent:\n", "parent:\n  parent_port: 8112\n");
    }

    /// The data of a run that fails with this code, and its faults.
    fn fails(&self, arguments: &[&str], code: &str) -> Value {
        let output = self.reprovision(arguments).output().unwrap();
        let failed: Value = serde_json::from_slice(&output.stdout).expect("an envelope");
        assert_eq!(failed["error_code"], code, "{failed:#}");
        failed
    }

    /// Every check finds the server as it was before a run that failed.
    fn is_whole(&self, before: &State) {
        assert_eq!(self.state(), *before);
        let verified = succeed_json(self.program("verify").arg(&self.prepared).args(["-o", "json", "--stable", "5"]));
        assert_eq!(verified["data"]["counts"]["error"], 0, "{verified:#}");
        let install = succeed_json(self.program("install").arg(&self.prepared).args(["-o", "json"]));
        assert_eq!(install["data"]["changed"], false, "{install}");
    }

    fn program(&self, verb: &str) -> Command {
        let mut command = self.namespace.cluster.program(PROGRAM);
        command.arg(verb).env("HELM", helm());
        command
    }

    fn reprovision(&self, arguments: &[&str]) -> Command {
        let mut command = self.program("reprovision");
        command
            .arg(self.federation.kit(SERVER))
            .arg("--config")
            .arg(self.federation.config_file(SERVER))
            .arg("--output")
            .arg(&self.prepared);
        command.args(["--target", "2.8", "-o", "json"]).args(arguments);
        command
    }

    fn deployment(&self, path: &str) -> String {
        succeed(self.namespace.kubectl().args(["get", "deployment", SERVER, "--output"]).arg(format!("jsonpath={{{path}}}")))
    }

    fn noted_kit(&self) -> String {
        let path = "jsonpath={.metadata.annotations.flare-kube/kit-fingerprint}";
        succeed(self.namespace.kubectl().args(["get", "persistentvolumeclaim", &Federation::claim(SERVER), "--output", path]))
    }
}

/// Lets the claims of a namespace carry only these fingerprints of a kit, where an empty one is none, until the guard is dropped: a staging
/// removes the one that is there first, and notes its own when everything else is done.
fn only_fingerprints(namespace: &Namespace, allowed: &[&str]) -> CleanupGuard {
    let name = namespace.name.clone();
    let rule =
        json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["persistentvolumeclaims"]});
    let expression = format!("object.metadata.?annotations[?'flare-kube/kit-fingerprint'].orValue('') in {}", json!(allowed));
    namespace.apply(&json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": expression}]}}));
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    namespace.apply(&json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": selector}}}));
    let mut delete = namespace.cluster.kubectl();
    delete.args(["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", &name]);
    let guard = CleanupGuard::plan(move || drop(delete.output()));
    let other = ["annotate", "persistentvolumeclaim", &Federation::claim(SERVER), "--overwrite", "--dry-run=server"];
    let is_refused = || {
        let tried = namespace.kubectl().args(other).arg("flare-kube/kit-fingerprint=other").output().unwrap();
        (!tried.status.success()).then_some(())
    };
    wait(Duration::from_mins(1), || "a policy that refuses".to_owned(), is_refused);
    guard
}

const REQUEST: &str = ".spec.template.spec.containers[0].resources.requests.memory";

#[test]
fn a_changed_configuration_reaches_the_parent_and_one_that_fails_leaves_everything_as_it_was() {
    let scene = Scene::new("reprovision");
    let (kit, pod) = (scene.noted_kit(), scene.namespace.parent(SERVER));
    let same = succeed_json(&mut scene.reprovision(&[]));
    let unchanged = json!({"backup": "unchanged", "prepare": "unchanged", "stage": "unchanged", "install": "unchanged", "verify": "unchanged"});
    assert_eq!(same["data"]["steps"], unchanged, "{same}");
    assert_eq!(scene.namespace.parent(SERVER), pod, "nothing was restarted");

    scene.federation.edit(SERVER, "memory: 256Mi", "memory: 272Mi");
    scene.federation.edit(SERVER, "parent:\n", "parent:\n  parent_port: 8112\n");
    let changed = succeed_json(&mut scene.reprovision(&[]))["data"].take();
    let done = json!({"backup": "done", "prepare": "done", "stage": "done", "install": "done", "verify": "unchanged"});
    assert_eq!(changed["steps"], done, "{changed}");
    assert_eq!(scene.deployment(REQUEST), "272Mi");
    assert_ne!(scene.namespace.parent(SERVER), pod);
    assert_eq!((&changed["fingerprint"]["before"], &changed["fingerprint"]["after"]), (&json!(kit), &json!(scene.noted_kit())));
    assert!(changed["backup"]["files"].as_u64() > Some(0), "{changed}");
    assert!(PathBuf::from(changed["backup"]["file"].as_str().unwrap()).is_file(), "{changed}");

    let (kit, whole) = (scene.noted_kit(), Tree::read(&scene.prepared));
    scene.federation.edit(SERVER, "memory: 272Mi", "memory: 288Mi");
    scene.federation.edit(SERVER, "parent_port: 8112", "parent_port: 8122");
    let output = scene.reprovision(&["--set", "image.tag=no-such-tag"]).output().unwrap();
    let failed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &failed["error_code"]), (Some(5), &json!("INSTALL_FAILED")), "{failed}");
    assert_eq!(failed["data"]["steps"]["install"], "failed", "{failed}");
    assert_eq!(failed["data"]["back"]["prepared"], true, "{failed}");
    assert_eq!(failed["data"]["back"]["cluster"]["state"], "rolled_back", "{failed}");
    assert_eq!(failed["data"]["back"]["cluster"]["runs"], true, "{failed}");
    assert_eq!((scene.noted_kit(), scene.deployment(REQUEST)), (kit, "272Mi".to_owned()));
    assert_eq!(Tree::read(&scene.prepared), whole);
    // What was put back is whole: the earlier kit installs without a change.
    let install = succeed_json(scene.program("install").arg(&scene.prepared).args(["-o", "json"]));
    assert_eq!(install["data"]["changed"], false, "{install}");
    let again = succeed_json(&mut scene.reprovision(&[]));
    assert_eq!(again["data"]["steps"]["install"], "done", "{again}");
    assert_eq!(scene.deployment(REQUEST), "288Mi");
}

#[test]
fn a_staging_that_fails_late_leaves_the_earlier_kit_on_the_volume() {
    let scene = Scene::new("reprovision-late");
    let (kit, whole) = (scene.noted_kit(), Tree::read(&scene.prepared));
    scene.federation.edit(SERVER, "parent:\n", "parent:\n  parent_port: 8112\n");
    let failing = |arguments: &[&str], kept: bool| {
        let output = scene.reprovision(arguments).output().unwrap();
        let failed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &failed["data"]["steps"]["stage"]), (Some(5), &json!("failed")), "{failed}");
        assert_eq!(failed["data"]["back"].is_null(), kept, "{failed}");
        failed
    };
    let policy = only_fingerprints(&scene.namespace, &["", &kit]);
    let failed = failing(&[], false);
    assert_eq!(failed["data"]["back"], json!({"cluster": {"state": "left", "kit": kit}, "prepared": true}), "{failed}");
    assert_eq!((scene.noted_kit(), Tree::read(&scene.prepared)), (kit.clone(), whole));
    scene.namespace.wait_for_rollout(SERVER);
    // What is kept of a failed run is gone on with: the volume was touched, so the backup is the one from before.
    let kept = failing(&["--keep-failed"], true);
    assert_eq!((kept["data"]["steps"]["backup"].clone(), scene.noted_kit()), (json!("done"), String::new()), "{kept}");
    let again = failing(&["--keep-failed"], true);
    assert_eq!(
        (&again["data"]["steps"]["backup"], &again["data"]["backup"]),
        (&json!("unchanged"), &kept["data"]["backup"]),
        "{again}"
    );
    drop(policy);
    let done = succeed_json(&mut scene.reprovision(&[]))["data"].take();
    let steps = json!({"backup": "unchanged", "prepare": "unchanged", "stage": "done", "install": "done", "verify": "unchanged"});
    assert_eq!(done["steps"], steps, "{done}");
    assert_ne!(scene.noted_kit(), kit);
}

#[test]
fn a_run_that_never_touched_the_volume_is_not_gone_on_with_its_old_backup() {
    let scene = Scene::new("reprovision-untouched");
    let kit = scene.noted_kit();
    scene.federation.edit(SERVER, "parent:\n", "parent:\n  parent_port: 8112\n");
    let policy = only_fingerprints(&scene.namespace, &[&kit]);
    let output = scene.reprovision(&["--keep-failed"]).output().unwrap();
    let kept: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&kept["data"]["steps"]["backup"], &kept["data"]["steps"]["stage"]), (&json!("done"), &json!("failed")), "{kept}");
    assert_eq!(scene.noted_kit(), kit);
    scene.namespace.wait_for_rollout(SERVER);
    drop(policy);
    let done = succeed_json(&mut scene.reprovision(&[]))["data"].take();
    let steps = json!({"backup": "done", "prepare": "unchanged", "stage": "done", "install": "done", "verify": "unchanged"});
    assert_eq!(done["steps"], steps, "{done}");
    assert_eq!(done["fingerprint"]["before"], json!(kit), "the kit from before both runs is the one to go back to: {done}");
}

#[test]
fn a_fault_that_only_the_checks_find_takes_release_and_kit_back() {
    let scene = Scene::new("reprovision-checks");
    let before = scene.state();
    scene.change();
    // The parent starts without its token, and only a job's launch would need it.
    let failed = scene.fails(&["--set", "serviceAccount.automountServiceAccountToken=false"], "CHECK_FAILED");
    let steps = json!({"backup": "done", "prepare": "done", "stage": "done", "install": "done", "verify": "failed"});
    assert_eq!(failed["data"]["steps"], steps, "{failed}");
    let findings = failed["data"]["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["id"] == "D13" && finding["severity"] == "error"), "{findings:#?}");
    let back = &failed["data"]["back"];
    assert_eq!((&back["prepared"], &back["cluster"]["state"]), (&json!(true), &json!("rolled_back")), "{failed}");
    assert_eq!((&back["cluster"]["kit"], &back["cluster"]["runs"]), (&json!(before.1), &json!(true)), "{failed}");
    scene.is_whole(&before);
}

/// Somebody upgrades the release while this run waits for a parent that will not start.
#[test]
fn what_another_run_made_of_the_release_meanwhile_is_not_taken_back() {
    let scene = Scene::new("reprovision-beside");
    let (whole, kit, _) = scene.state();
    scene.change();
    let bad = ["--set", "image.tag=no-such-tag"];
    let mut run = Telling::start(scene.reprovision(&bad).arg("-v"));
    run.wait_for("installing revision 2 of the release");
    let newest = || {
        let history = succeed_json(scene.namespace.helm(&helm()).args(["history", SERVER, "--output", "json"]));
        let last = history.as_array().and_then(|revisions| revisions.last()).cloned().unwrap_or_default();
        (last["revision"].as_u64(), last["status"].as_str().unwrap_or_default().to_owned())
    };
    let deployed = |revision: u64| (Some(revision), "deployed".to_owned());
    wait(Duration::from_mins(2), || format!("{:?}", newest()), || (newest() == deployed(2)).then_some(()));
    succeed(upgrade(&scene.namespace, SERVER, &scene.prepared).args(bad));
    let output = run.output();
    let failed: Value = serde_json::from_slice(&output.stdout).expect("an envelope");
    assert_eq!(failed["data"]["steps"]["install"], "failed", "{failed:#}");
    let back = &failed["data"]["back"];
    assert_eq!(back["cluster"], json!({"state": "left", "kit": null, "why": "another_run"}), "{failed:#}");
    let warnings = failed["warnings"].to_string();
    assert!(warnings.contains("newest revision 3") && warnings.contains("helm history"), "{failed:#}");
    assert_eq!(newest(), deployed(3));
    assert_ne!(scene.noted_kit(), kit, "the kit for the release that stands stays on the volume");
    assert_eq!((&back["prepared"], Tree::read(&scene.prepared)), (&json!(true), whole));
}

#[test]
fn an_interrupted_run_puts_nothing_back_and_the_next_one_goes_on_with_its_backup() {
    let scene = Scene::new("reprovision-interrupted");
    let (whole, kit, _) = scene.state();
    scene.change();
    let run = scene.reprovision(&[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let staged = || scene.noted_kit();
    wait(Duration::from_mins(2), staged, || (staged() != kit).then_some(()));
    kill_process(Pid::from_child(&run), Signal::INT).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let ended: Value = serde_json::from_slice(&output.stdout).expect("an envelope");
    let data = &ended["data"];
    assert_eq!(
        (&data["steps"]["backup"], &data["steps"]["prepare"], &data["back"]),
        (&json!("done"), &json!("done"), &json!(null))
    );
    assert_ne!(Tree::read(&scene.prepared), whole, "the new kit stays");
    let next = succeed_json(&mut scene.reprovision(&[]))["data"].take();
    assert_eq!((&next["steps"]["backup"], &next["steps"]["prepare"]), (&json!("unchanged"), &json!("unchanged")), "{next}");
    assert_eq!((&next["backup"], &next["fingerprint"]["before"]), (&data["backup"], &json!(kit)), "{next}");
    assert_eq!((&json!(scene.noted_kit()), scene.deployment(REQUEST)), (&next["fingerprint"]["after"], "272Mi".to_owned()));
}

#[test]
fn a_run_that_goes_on_with_an_interrupted_one_takes_back_what_that_one_staged() {
    let scene = Scene::new("reprovision-resumed");
    let before = scene.state();
    scene.change();
    let run = scene.reprovision(&[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let staged = || scene.noted_kit();
    let is_new = |kit: &str| !kit.is_empty() && kit != before.1;
    wait(Duration::from_mins(2), staged, || is_new(&staged()).then_some(()));
    kill_process(Pid::from_child(&run), Signal::INT).unwrap();
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(130));
    // It finds the kit on the volume, and is refused before it touches the release.
    let failed = scene.fails(&["--set", "name=other"], "INVALID_VALUES");
    assert_eq!(
        (&failed["data"]["steps"]["stage"], &failed["data"]["steps"]["install"]),
        (&json!("unchanged"), &json!("failed")),
        "{failed:#}"
    );
    let back = &failed["data"]["back"];
    assert_eq!((&back["prepared"], &back["cluster"]["state"]), (&json!(true), &json!("rolled_back")), "{failed:#}");
    assert_eq!(back["cluster"]["kit"], json!(before.1), "{failed:#}");
    scene.is_whole(&before);
}
