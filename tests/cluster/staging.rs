//! `stage` on a real cluster: what a parent finds on its volume, refusals, and what a killed run leaves.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use integration_tests::cluster::limited_user::{LimitedUser, Rules};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, succeed_json, wait};
use integration_tests::command::Sandbox;
use integration_tests::helm::helm;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::PROGRAM;

/// A prepared kit for a namespace.
pub(crate) struct Scene {
    pub(crate) namespace: Namespace,
    pub(crate) sandbox: Sandbox,
    pub(crate) prepared: PathBuf,
}

impl Scene {
    pub(crate) fn new(namespace: Namespace, kit: &str) -> Self {
        let sandbox = Sandbox::new();
        let mut scene = Self { namespace, sandbox, prepared: PathBuf::new() };
        scene.prepared = scene.prepare(kit, kit);
        scene
    }

    pub(crate) fn prepare(&self, kit: &str, output: &str) -> PathBuf {
        let config = self.sandbox.join("k8s.yaml");
        let image = self.namespace.cluster.image(Release::V28);
        let user = "{runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, runAsNonRoot: true}";
        let parent = format!("{{docker_image: {image:?}, pod_security_context: {user}}}");
        fs::write(&config, format!("runtime: k8s\nnamespace: {}\nparent: {parent}\n", self.namespace.name)).unwrap();
        let output = self.sandbox.join(output);
        let mut prepare = self.sandbox.command(PROGRAM);
        prepare.arg("prepare").arg(workspace_directory().join("fixtures/kits/one-port-2.8.3").join(kit));
        succeed(prepare.arg("--config").arg(config).arg("--output").arg(&output));
        output
    }

    pub(crate) fn stage(&self, arguments: &[&str]) -> Command {
        let mut stage = self.namespace.cluster.program(PROGRAM);
        stage.arg("stage").arg(&self.prepared).args(["--timeout", "300", "-o", "json"]).args(arguments);
        stage
    }

    fn unstage(&self, arguments: &[&str]) -> Command {
        let mut unstage = self.namespace.cluster.program(PROGRAM);
        unstage.arg("unstage").arg(&self.prepared).args(["--timeout", "300", "-o", "json"]).args(arguments);
        unstage
    }

    /// The outcome of a staging that is refused.
    pub(crate) fn refused(&self, arguments: &[&str]) -> Value {
        let output = self.stage(arguments).output().unwrap();
        assert!(!output.status.success(), "it was not refused");
        serde_json::from_slice(&output.stdout).expect("an envelope")
    }

    /// The output of a script in a pod that mounts the claim like the parent.
    pub(crate) fn in_volume(&self, script: &str) -> String {
        let name = "reader";
        let image = self.namespace.cluster.image(Release::V28);
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001, "runAsNonRoot": true,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}}],
            "containers": [{"name": "reader", "image": image, "command": ["python3", "-c", script],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "w", "mountPath": "/w"}]}]}});
        self.namespace.apply(&pod);
        let succeeded = ["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "--timeout=120s"];
        succeed(self.namespace.kubectl().args(succeeded));
        let printed = succeed(self.namespace.kubectl().args(["logs", name]));
        succeed(self.namespace.kubectl().args(["delete", "pod", name]));
        printed
    }

    /// The uids of all pods that were scheduled in the namespace, from their events, which outlive them.
    fn pods_so_far(&self) -> BTreeSet<String> {
        let ids = r#"jsonpath={range .items[?(@.reason=="Scheduled")]}{.involvedObject.uid}{"\n"}{end}"#;
        let printed = succeed(self.namespace.kubectl().args(["get", "events", "--output", ids]));
        printed.lines().map(str::to_owned).collect()
    }

    pub(crate) fn nothing_is_left(&self) {
        self.nothing_is_left_but(&[]);
    }

    /// Waits until no other pods and Leases than these are left.
    pub(crate) fn nothing_is_left_but(&self, stays: &[&str]) {
        let left = || succeed(self.namespace.kubectl().args(["get", "leases,pods", "--output", "name"]));
        wait(Duration::from_secs(30), left, || left().lines().all(|one| stays.contains(&one)).then_some(()));
    }

    /// How many replicas the parent is to have.
    fn replicas(&self) -> String {
        succeed(self.namespace.kubectl().args(["get", "deployment/site-1", "--output", "jsonpath={.spec.replicas}"]))
    }

    /// An annotation of `stage` on the claim; empty without one.
    pub(crate) fn noted(&self, what: &str) -> String {
        let path = format!("jsonpath={{.metadata.annotations.flare-kube/kit-{what}}}");
        succeed(self.namespace.kubectl().args(["get", "persistentvolumeclaim", "nvflws", "--output", &path]))
    }
}

const LIST: &str = "import os
for d, _, fs in sorted(os.walk('/w')):
    for f in sorted(fs):
        p = os.path.join(d, f)
        print(p, oct(os.stat(p).st_mode & 0o777), len(open(p, 'rb').read()))";

#[test]
fn a_parent_that_is_not_root_reads_every_file_under_restricted_and_a_second_run_starts_no_pod() {
    let scene = Scene::new(Namespace::restricted("staging"), "site-1");
    let missing = scene.refused(&[]);
    assert_eq!(missing["error_code"], "CLAIM_NOT_USABLE");
    let plan = succeed_json(&mut scene.stage(&["--create-pvc", "1Gi", "--dry-run"]));
    assert_eq!((&plan["data"]["changed"], &plan["data"]["claim_created"]), (&json!(true), &json!(true)));
    let first = succeed_json(&mut scene.stage(&["--create-pvc", "1Gi"]));
    assert_eq!((&first["data"]["changed"], &first["data"]["claim"]), (&json!(true), &json!("nvflws")));
    scene.nothing_is_left();
    let before = scene.pods_so_far();
    assert!(!before.is_empty(), "the helper pod of the first run has events");
    let second = succeed_json(&mut scene.stage(&[]));
    assert_eq!(second["data"]["changed"], false);
    assert_eq!(scene.pods_so_far(), before, "no pod was needed");
    let listed = scene.in_volume(LIST);
    for file in ["/w/startup/client.key", "/w/startup/rootCA.pem", "/w/startup/fed_client.json", "/w/local/comm_config.json"] {
        assert!(listed.lines().any(|line| line.starts_with(file)), "{file} is missing:\n{listed}");
    }
    assert!(!listed.contains(".flare-stage-"), "{listed}");
    // An edit is staged and rolled back.
    fs::write(scene.prepared.join("local/note.txt"), "new").unwrap();
    assert_eq!(succeed_json(&mut scene.stage(&[]))["data"]["changed"], true);
    assert!(scene.in_volume(LIST).contains("/w/local/note.txt"));
    let tried = succeed_json(&mut scene.stage(&["--rollback", "--dry-run"]));
    let back = succeed_json(&mut scene.stage(&["--rollback"]));
    for key in ["files", "bytes", "fingerprint"] {
        assert_eq!((&tried["data"][key], &back["data"][key]), (&json!(null), &first["data"][key]), "{key}");
    }
    assert!(!scene.in_volume(LIST).contains("/w/local/note.txt"));
    scene.nothing_is_left();
}

#[test]
fn defect_15_another_participants_kit_and_a_claim_in_use_are_refused() {
    let mut scene = Scene::new(Namespace::open("staging-others"), "site-1");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    let before = scene.noted("owner");
    let server = scene.prepare("nvflare-server", "server");
    let site = std::mem::replace(&mut scene.prepared, server);
    assert_eq!(scene.refused(&[])["error_code"], "VOLUME_NOT_OURS");
    assert!(before.contains("site-1"), "{before}");
    assert_eq!(scene.noted("owner"), before, "the note of the other participant stays");
    // Nor is it refused for good to remove what the server has elsewhere.
    let mut uninstall = scene.namespace.cluster.program(PROGRAM);
    uninstall.arg("uninstall").arg(&scene.prepared).args(["-o", "json"]).env("HELM", helm());
    assert_eq!(succeed_json(&mut uninstall)["data"]["changed"], false);
    assert_eq!(scene.noted("owner"), before);
    // The claim's note may be wrong, the volume's is not.
    let forget = ["annotate", "persistentvolumeclaim", "nvflws", "flare-kube/kit-fingerprint-", "flare-kube/kit-owner-"];
    succeed(scene.namespace.kubectl().args(forget));
    assert_eq!(scene.refused(&[])["error_code"], "VOLUME_NOT_OURS");
    assert_eq!(
        (scene.noted("owner"), scene.noted("fingerprint")),
        (String::new(), String::new()),
        "nothing of the server is noted"
    );
    scene.prepared = site;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"}, "spec": {"terminationGracePeriodSeconds": 1,
        "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}}],
        "containers": [{"name": "user", "image": "busybox:1.36", "command": ["sleep", "600"], "volumeMounts": [{"name": "w", "mountPath": "/w"}]}]}});
    scene.namespace.apply(&pod);
    let refused = scene.refused(&["--again"]);
    assert_eq!(refused["error_code"], "CLAIM_IN_USE");
    assert!(refused["message"].as_str().unwrap().contains("`user`"), "{refused}");
    succeed(scene.namespace.kubectl().args(["delete", "pod", "user"]));
    scene.nothing_is_left();
}

#[test]
fn stagings_at_once_are_kept_apart_and_a_lock_without_a_holder_is_taken() {
    let scene = Scene::new(Namespace::open("staging-at-once"), "site-1");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    let runs: Vec<_> = (0..3).map(|_| scene.stage(&["--again"]).stdout(Stdio::piped()).spawn().unwrap()).collect();
    let ended: Vec<Value> = runs
        .into_iter()
        .map(|run| serde_json::from_slice(&run.wait_with_output().unwrap().stdout).expect("an envelope"))
        .collect();
    assert!(ended.iter().any(|envelope| envelope["status"] == "ok"), "{ended:?}");
    // Each run waited for the lock: it either staged or was told that the lock is held.
    assert!(ended.iter().all(|envelope| envelope["status"] == "ok" || envelope["error_code"] == "STAGE_LOCKED"), "{ended:?}");
    scene.nothing_is_left();
    assert!(scene.in_volume(LIST).contains("/w/startup/client.key"));
    // The second one finds the kit there once it has the lock.
    fs::write(scene.prepared.join("local/note.txt"), "new").unwrap();
    let runs: Vec<_> = (0..2).map(|_| scene.stage(&[]).stdout(Stdio::piped()).spawn().unwrap()).collect();
    let ended = runs.into_iter().map(|run| run.wait_with_output().unwrap().stdout);
    let ended: Vec<Value> = ended.map(|printed| serde_json::from_slice(&printed).expect("an envelope")).collect();
    let changed = ended.iter().filter(|envelope| envelope["data"]["changed"] == true).count();
    assert!(
        changed == 1 && ended.iter().all(|envelope| envelope["status"] == "ok" || envelope["error_code"] == "STAGE_LOCKED"),
        "{ended:?}"
    );
    let lease = |renewals: u32| {
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "flare-kube-stage-nvflws",
            "annotations": {"flare-kube/renewals": renewals.to_string()}}, "spec": {"holderIdentity": "stage-other"}})
    };
    scene.namespace.apply(&lease(0));
    let mut refused = scene.stage(&["--again"]).stdout(Stdio::piped()).spawn().unwrap();
    for renewal in 1.. {
        scene.namespace.apply(&lease(renewal));
        sleep(Duration::from_secs(1));
        if refused.try_wait().unwrap().is_some() {
            break;
        }
    }
    let refused: Value = serde_json::from_slice(&refused.wait_with_output().unwrap().stdout).expect("an envelope");
    assert_eq!(refused["error_code"], "STAGE_LOCKED", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("`stage-other`"), "{refused}");
    // The lock's holder is gone.
    succeed(&mut scene.stage(&["--again"]));
    scene.nothing_is_left();
}

#[test]
fn an_image_without_shell_and_tar_is_enough() {
    let scene = Scene::new(Namespace::restricted("staging-distroless"), "site-1");
    let image = scene.namespace.cluster.image_with_tag("2.8.3-distroless");
    let staged = succeed_json(&mut scene.stage(&["--create-pvc", "1Gi", "--helper-image", &image]));
    assert_eq!(staged["data"]["changed"], true);
    assert!(scene.in_volume(LIST).contains("/w/startup/client.key"));
}

#[test]
fn values_that_the_release_is_given_also_hold_for_the_helper_pod() {
    let scene = Scene::new(Namespace::restricted("staging-values"), "site-1");
    let values = scene.sandbox.join("values.yaml");
    fs::write(&values, "image: {tag: 2.8.3-distroless}\n").unwrap();
    succeed(&mut scene.stage(&["--create-pvc", "1Gi", "--values", values.to_str().unwrap()]));
    let messages = succeed(scene.namespace.kubectl().args(["get", "events", "--output", "jsonpath={.items[*].message}"]));
    assert!(messages.contains(&scene.namespace.cluster.image_with_tag("2.8.3-distroless")), "{messages}");
    fs::write(&values, "nodeSelector: {site: nowhere}\n").unwrap();
    let mut stage = scene.namespace.cluster.program(PROGRAM);
    stage.arg("stage").arg(&scene.prepared).args(["--again", "--timeout", "5", "-o", "json", "-f"]).arg(&values);
    let waits: Value = serde_json::from_slice(&stage.output().unwrap().stdout).expect("an envelope");
    assert_eq!(waits["error_code"], "TIMED_OUT", "{waits}");
    assert!(waits["message"].as_str().unwrap().contains("node"), "{waits}");
    fs::write(&values, "- no mapping\n").unwrap();
    assert_eq!(scene.refused(&["-f", values.to_str().unwrap()])["error_code"], "INVALID_VALUES");
    scene.nothing_is_left();
}

#[test]
fn an_interrupted_staging_says_that_the_claim_which_it_created_stays() {
    let scene = Scene::new(Namespace::open("staging-interrupted"), "site-1");
    let values = scene.sandbox.join("values.yaml");
    fs::write(&values, "nodeSelector: {site: nowhere}\n").unwrap();
    let mut stage = scene.stage(&["--create-pvc", "1Gi", "-f", values.to_str().unwrap()]);
    let run = stage.stdout(Stdio::piped()).spawn().unwrap();
    let pods = || succeed(scene.namespace.kubectl().args(["get", "pods", "--output", "name"]));
    wait(Duration::from_mins(1), pods, || (!pods().is_empty()).then_some(()));
    kill_process(Pid::from_child(&run), Signal::INT).unwrap();
    let output = run.wait_with_output().unwrap();
    let envelope: Value = serde_json::from_slice(&output.stdout).expect("an envelope");
    assert_eq!((output.status.code(), &envelope["error_code"]), (Some(130), &json!("INTERRUPTED")));
    let message = "the staging was interrupted; it changed nothing on the volume; the claim `nvflws`, which it created, stays";
    assert_eq!(envelope["message"], message, "{envelope}");
    scene.nothing_is_left();
    assert_eq!(scene.noted("owner"), "", "the claim is there");
    assert_eq!(succeed_json(&mut scene.stage(&[]))["data"]["claim_created"], false);
}

#[test]
fn a_claim_for_which_there_can_be_no_volume_is_refused_with_the_reason() {
    let scene = Scene::new(Namespace::open("staging-volume"), "site-1");
    // The local cluster's storage class only has volumes for one node.
    let refused = scene.refused(&["--create-pvc", "1Gi", "--access-mode", "ReadWriteMany"]);
    assert_eq!(refused["error_code"], "CLAIM_NOT_USABLE", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("ReadWriteOnce"), "{refused}");
    scene.nothing_is_left();
}

/// A parent as a Deployment that mounts the claim.
fn parent() -> Value {
    let labels = json!({"app": "parent"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "site-1"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"},
        "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}}],
            "containers": [{"name": "parent", "image": "busybox:1.36", "command": ["sleep", "600"],
                "volumeMounts": [{"name": "w", "mountPath": "/w"}]}]}}}})
}

/// The arguments with which kubectl waits until the parent runs.
const ROLLED_OUT: [&str; 4] = ["rollout", "status", "deployment/site-1", "--timeout=60s"];

#[test]
fn a_parent_that_waits_for_its_claim_gets_it_together_with_its_kit() {
    let scene = Scene::new(Namespace::open("staging-pending"), "site-1");
    scene.namespace.apply(&parent());
    let pods = || succeed(scene.namespace.kubectl().args(["get", "pods", "--output", "name"]));
    wait(Duration::from_mins(1), pods, || (!pods().is_empty()).then_some(()));
    let refused = scene.refused(&["--create-pvc", "1Gi"]);
    assert_eq!(refused["error_code"], "CLAIM_IN_USE", "{refused}");
    let made = succeed(scene.namespace.kubectl().args(["get", "persistentvolumeclaims,leases", "--output", "name"]));
    assert_eq!(made, "", "nothing is made beside a parent that would start without a kit");
    let staged = succeed_json(&mut scene.stage(&["--create-pvc", "1Gi", "--restart"]));
    assert_eq!((&staged["data"]["changed"], &staged["data"]["claim_created"]), (&json!(true), &json!(true)), "{staged}");
    assert_eq!(scene.replicas(), "1");
    succeed(scene.namespace.kubectl().args(ROLLED_OUT));
}

#[test]
fn a_parent_is_scaled_down_and_up_again_also_where_a_run_was_killed_between() {
    let scene = Scene::new(Namespace::open("staging-restart"), "site-1");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    scene.namespace.apply(&parent());
    succeed(scene.namespace.kubectl().args(ROLLED_OUT));
    assert_eq!(scene.refused(&["--again"])["error_code"], "CLAIM_IN_USE");
    succeed(&mut scene.stage(&["--again", "--restart"]));
    let replicas = || scene.replicas();
    assert_eq!(replicas(), "1");
    succeed(scene.namespace.kubectl().args(ROLLED_OUT));
    let mut run = scene.stage(&["--again", "--restart"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait(Duration::from_secs(30), replicas, || (replicas() == "0").then_some(()));
    run.kill().unwrap();
    run.wait().unwrap();
    succeed(&mut scene.stage(&["--restart"]));
    assert_eq!(replicas(), "1");
}

/// The Role that the README of flare-pvc-stage lists.
const RULES: Rules<'_> = &[
    ("", "pods", &["get", "list", "watch", "create", "delete"]),
    ("", "pods/exec", &["get", "create"]),
    ("coordination.k8s.io", "leases", &["get", "create", "update", "delete"]),
    ("", "persistentvolumeclaims", &["get", "patch"]),
];

#[test]
fn the_documented_role_is_enough_and_each_verb_that_is_missing_is_named() {
    let scene = Scene::new(Namespace::open("staging-role"), "site-1");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    let stager = LimitedUser::new(&scene.namespace, "stager", &scene.sandbox);
    let as_stager = ["--again", "--kubeconfig", stager.kubeconfig.to_str().unwrap()];
    for (_, resource, verbs) in RULES {
        for verb in *verbs {
            stager.grant(RULES, Some((resource, verb)));
            let refused = scene.refused(&as_stager);
            assert_eq!(refused["error_code"], "PERMISSION_DENIED", "{refused}");
            let message = refused["message"].as_str().unwrap();
            assert!(
                message.contains(&format!("may not {verb} `{resource}` in namespace")),
                "without {verb} {resource}: {message}"
            );
        }
    }
    stager.grant(RULES, None);
    // The API server applies a role with a delay.
    let done = || attempt(&mut scene.stage(&as_stager), &[]);
    wait(Duration::from_mins(1), || format!("{:?}", done()), || done().ok());
}

#[test]
fn where_programs_in_pods_are_forbidden_nothing_is_made_and_the_other_mode_is_named() {
    let scene = Scene::new(Namespace::open("staging-no-exec"), "site-1");
    let stager = LimitedUser::new(&scene.namespace, "stager", &scene.sandbox);
    let with_claims = [RULES, &[("", "persistentvolumeclaims", &["create"])]].concat();
    let without_exec: Vec<_> = with_claims.into_iter().filter(|(_, resource, _)| *resource != "pods/exec").collect();
    stager.grant(&without_exec, None);
    let refused = || scene.refused(&["--create-pvc", "1Gi", "--kubeconfig", stager.kubeconfig.to_str().unwrap()]);
    let only_exec = || {
        let refused = refused();
        let errors = refused["errors"].as_array().unwrap();
        // The API server applies a role with a delay.
        errors.iter().all(|error| error["message"].as_str().unwrap().contains("`pods/exec`")).then(|| errors.clone())
    };
    let errors = wait(Duration::from_mins(1), || refused().to_string(), only_exec);
    assert_eq!(errors.len(), 2, "{errors:#?}");
    for error in &errors {
        assert!(error["hint"].as_str().unwrap().contains("--mode objects"), "{error}");
    }
    let made = succeed(scene.namespace.kubectl().args(["get", "persistentvolumeclaims,leases,pods", "--output", "name"]));
    assert_eq!(made, "");
}

#[test]
fn unstaging_takes_away_what_stagings_left_around_the_volume_and_nothing_on_it() {
    let mut scene = Scene::new(Namespace::open("staging-unstage"), "site-1");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    // The pod of the first run is being deleted, and is not one that a killed run left.
    scene.nothing_is_left();
    let mut killed = scene.stage(&["--again"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let left = || succeed(scene.namespace.kubectl().args(["get", "leases,pods", "--output", "name"]));
    wait(Duration::from_mins(1), left, || left().contains("pod/").then_some(()));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let notes = || scene.noted("owner");
    let dry = succeed_json(&mut scene.unstage(&["--dry-run"]));
    assert_eq!(dry["data"]["removed"].as_array().unwrap().len(), 1 + left().lines().count() - usize::from(notes().is_empty()));
    let removed = succeed_json(&mut scene.unstage(&[]));
    assert_eq!(removed["data"]["removed"], dry["data"]["removed"]);
    assert_eq!((left(), notes()), (String::new(), String::new()));
    assert_eq!(succeed_json(&mut scene.unstage(&[]))["data"]["changed"], false);
    let listed = scene.in_volume(LIST);
    assert!(listed.contains("/w/startup/client.key"), "{listed}");
    // On request the kit is removed as well, but not the site's own files.
    scene.in_volume("import os; os.mkdir('/w/transfer'); open('/w/transfer/mine', 'w').write('x')");
    let removed = succeed_json(&mut scene.unstage(&["--remove-kit"]))["data"]["removed"].take();
    // The kit for a rollback exists only if the run was killed after its swap.
    for name in ["local", "startup"] {
        let directory = json!({"kind": "directory on the volume", "name": name});
        assert!(removed.as_array().unwrap().contains(&directory), "{removed}");
    }
    assert_eq!(scene.in_volume(LIST).trim(), "/w/transfer/mine 0o644 1");
    scene.nothing_is_left();
    // Another participant's note stays.
    assert_eq!(succeed_json(&mut scene.stage(&[]))["data"]["changed"], true);
    let server = scene.prepare("nvflare-server", "server");
    scene.prepared = server;
    let refused: Value = serde_json::from_slice(&scene.unstage(&[]).output().unwrap().stdout).unwrap();
    assert_eq!(refused["error_code"], "VOLUME_NOT_OURS");
}
