//! `stage --mode objects` on a real cluster: parents start from the staged objects, each version stays until nothing mounts it, and
//! only the participant's objects are changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use integration_tests::cluster::admin::Admin;
use integration_tests::cluster::federation::{Federation, PARTICIPANTS};
use integration_tests::cluster::install::{install, upgrade};
use integration_tests::cluster::limited_user::{LimitedUser, Rules};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, succeed_json, succeed_with, wait};
use integration_tests::command::Sandbox;
use integration_tests::helm::helm;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::{Value, json};

use crate::PROGRAM;

fn verb(namespace: &Namespace, verb: &str, prepared: &Path, arguments: &[&str]) -> Command {
    let mut command = namespace.cluster.program(PROGRAM);
    command.arg(verb).arg(prepared).args(["--mode", "objects", "-o", "json"]).args(arguments);
    command
}

fn stage(namespace: &Namespace, prepared: &Path, arguments: &[&str]) -> Value {
    succeed_json(&mut verb(namespace, "stage", prepared, arguments))["data"].take()
}

fn unstage(namespace: &Namespace, prepared: &Path, arguments: &[&str]) -> Value {
    succeed_json(&mut verb(namespace, "unstage", prepared, arguments))["data"].take()
}

fn refused(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "it was not refused");
    serde_json::from_slice(&output.stdout).expect("an envelope")
}

/// The staged objects of a namespace, with their uids and resource versions.
fn staged(namespace: &Namespace) -> String {
    let labels = "app.kubernetes.io/component=staged-kit";
    let columns = "custom-columns=KIND:.kind,NAME:.metadata.name,VERSION:.metadata.resourceVersion,UID:.metadata.uid";
    succeed(namespace.kubectl().args(["get", "configmaps,secrets", "--selector", labels, "--no-headers", "--output", columns]))
}

/// A kit of the fixtures, prepared for the namespace.
struct Scene {
    namespace: Namespace,
    sandbox: Sandbox,
}

impl Scene {
    fn new(test: &str) -> Self {
        Self { namespace: Namespace::open(test), sandbox: Sandbox::new() }
    }

    /// Prepares a kit as `output`; its project is renamed if `project` is given.
    fn prepare(&self, kit: &str, output: &str, project: Option<&str>, claim: &str) -> PathBuf {
        let source = self.sandbox.join(format!("{output}-kit"));
        Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3").join(kit)).write(&source);
        if let Some(project) = project {
            let file = source.join("startup/fed_client.json");
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains("flare-kube test material"), "{text}");
            fs::write(&file, text.replace("flare-kube test material", project)).unwrap();
        }
        let config = self.sandbox.join(format!("{output}.yaml"));
        let parent = format!("{{docker_image: {:?}, workspace_pvc: {claim}}}", self.namespace.cluster.image(Release::V28));
        fs::write(&config, format!("runtime: k8s\nnamespace: {}\nparent: {parent}\n", self.namespace.name)).unwrap();
        let output = self.sandbox.join(output);
        let mut prepare = self.sandbox.command(PROGRAM);
        succeed(prepare.arg("prepare").arg(source).arg("--config").arg(config).arg("--output").arg(&output));
        output
    }
}

/// Stages participants as objects and installs them; returns the directory of their prepared kits.
fn installed(federation: &Federation, namespace: &Namespace, participants: &[&str], settings: &[&str]) -> PathBuf {
    let prepared = federation.prepare(namespace, PROGRAM.as_ref());
    for name in participants {
        let data = stage(namespace, &prepared.join(name), &["--create-pvc", "1Gi"]);
        assert_eq!((&data["changed"], &data["claim_created"]), (&json!(true), &json!(true)));
        install(namespace, name, &prepared.join(name), settings);
        if *name != "nvflare-server" {
            namespace.wait_for_registration(name);
        }
    }
    prepared
}

/// The launcher reads `startup/`, and job pods get an archive of `local/`; here both are links into a mounted object.
fn job_completes(release: Release) {
    let namespace = Namespace::open(&format!("objects-job-{}", release.target().replace('.', "-")));
    let federation = Federation::provision(release);
    installed(&federation, &namespace, &PARTICIPANTS, &[]);
    assert_eq!(Admin::start(&namespace, &federation).run_hello().status, "FINISHED:COMPLETED");
}

#[test]
fn defect_32_a_job_of_2_8_completes_where_all_kits_are_objects() {
    job_completes(Release::V28);
}

#[test]
fn a_job_of_2_9_completes_where_all_kits_are_objects() {
    job_completes(Release::V29);
}

/// An edited kit becomes a new version; a parent that restarts before the upgrade still finds its own. Without root, under Pod
/// Security `restricted`.
#[test]
fn each_version_stays_until_nothing_mounts_it() {
    let namespace = &Namespace::restricted("objects-versions");
    let settings = ["securityProfile=restricted"];
    let federation = Federation::provision(Release::V29);
    let prepared = installed(&federation, namespace, &PARTICIPANTS[..2], &settings);
    let kit = prepared.join("site-1");
    let before = staged(namespace);
    let refusal = refused(&mut verb(namespace, "unstage", &kit, &[]));
    assert_eq!(refusal["error_code"], "OBJECT_IN_USE", "{refusal}");
    fs::write(kit.join("local/note.txt"), "new").unwrap();
    stage(namespace, &kit, &[]);
    let pod = namespace.parent("site-1");
    succeed(namespace.kubectl().args(["delete", "pod", &pod]));
    namespace.wait_for_rollout("site-1");
    assert_ne!(namespace.parent("site-1"), pod);
    namespace.wait_for_registration("site-1");
    let both = staged(namespace);
    assert!(before.lines().all(|line| both.contains(line)), "the first version stays as it is:\n{before}\n{both}");
    assert_eq!(unstage(namespace, &kit, &["--superseded"])["removed"], json!([]), "a pod mounts it");
    let mut to_new = upgrade(namespace, "site-1", &kit);
    succeed(to_new.args(["--wait", "--timeout", "300s", "--set"]).args(settings));
    let mounted = "jsonpath={.spec.template.spec.volumes}";
    let volumes = succeed(namespace.kubectl().args(["get", "deployment", "site-1", "--output", mounted]));
    assert!(volumes.contains("note.txt"), "{volumes}");
    namespace.wait_for_registration("site-1");
    // The previous pod may still be terminating; it no longer counts.
    let removed = unstage(namespace, &kit, &["--superseded"])["removed"].take();
    assert_eq!(removed.as_array().unwrap().len(), 2, "{removed}");
    for object in removed.as_array().unwrap() {
        assert!(before.contains(object["name"].as_str().unwrap()), "{object}");
    }
    assert_eq!(staged(namespace).lines().count(), 4, "one version of each of the two");
}

/// As for a cluster that is kept in git: another tool applies what was printed.
#[test]
fn rendered_objects_that_another_tool_applies_are_taken_as_staged_and_the_parents_join() {
    let namespace = &Namespace::open("objects-rendered");
    let federation = Federation::provision(Release::V28);
    let prepared = federation.prepare(namespace, PROGRAM.as_ref());
    for name in &PARTICIPANTS[..2] {
        let kit = prepared.join(name);
        namespace
            .apply(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": Federation::claim(name)},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}));
        let rendered = succeed(namespace.cluster.program(PROGRAM).arg("stage").arg(&kit).arg("--render"));
        let install_kit = || {
            let mut install = namespace.cluster.program(PROGRAM);
            install.arg("install").arg(&kit).args(["-o", "json"]).env("HELM", helm());
            install
        };
        let too_early = refused(&mut install_kit());
        assert_eq!(too_early["error_code"], "KIT_NOT_STAGED", "{too_early}");
        succeed_with(namespace.kubectl().args(["apply", "--filename", "-"]), rendered.as_bytes());
        let applied = staged(namespace);
        let installed = succeed_json(&mut install_kit())["data"].take();
        assert_eq!((&installed["changed"], &installed["deployment"]), (&json!(true), &json!(name)), "{installed}");
        assert_eq!(stage(namespace, &kit, &[])["changed"], false, "they are the ones that would be sent");
        assert_eq!(staged(namespace), applied);
    }
    let log = namespace.log("site-1");
    assert!(log.contains("Successfully registered client:site-1"), "installed means joined: {log}");
}

#[test]
fn a_second_run_sends_nothing_and_unstaging_removes_what_is_ours_alone() {
    let scene = Scene::new("objects-twice");
    let namespace = &scene.namespace;
    let site = scene.prepare("site-1", "site", None, "nvflws");
    let values = || fs::read_to_string(site.join("helm_chart/values.yaml")).unwrap();
    let unstaged = values();
    let plan = stage(namespace, &site, &["--dry-run"]);
    assert_eq!((&plan["changed"], staged(namespace), values()), (&json!(true), String::new(), unstaged.clone()));
    let first = stage(namespace, &site, &[]);
    let sent = staged(namespace);
    assert_eq!((&first["changed"], sent.lines().count()), (&json!(true), 2));
    for again in [stage(namespace, &site, &[]), stage(namespace, &site, &["--dry-run"])] {
        assert_eq!(again["changed"], false, "{again}");
        assert!(again["objects"].as_array().unwrap().iter().all(|object| object["changed"] == false), "{again}");
    }
    assert_eq!(staged(namespace), sent);
    // Objects of others stay, whatever their names.
    let name = first["objects"][1]["name"].as_str().unwrap();
    for strange in [format!("{name}x"), "nvflare-staged-startup-site-1-000000000000".to_owned()] {
        let labels = json!({"app.kubernetes.io/managed-by": "flare-kube"});
        namespace.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": strange, "labels": labels}}));
    }
    let other = scene.prepare("site-2", "other", None, "nvflws-2");
    stage(namespace, &other, &[]);
    // A version with only the ConfigMap, as a killed run leaves it.
    fs::write(site.join("local/note.txt"), "new").unwrap();
    let half = stage(namespace, &site, &[]);
    succeed(namespace.kubectl().args(["delete", "secret", half["objects"][1]["name"].as_str().unwrap()]));
    let dry = unstage(namespace, &site, &["--dry-run"]);
    let removed = unstage(namespace, &site, &[]);
    assert_eq!((dry["removed"].as_array().unwrap().len(), &dry["removed"]), (3, &removed["removed"]));
    assert_eq!(values(), unstaged, "the values are as they were");
    assert_eq!(staged(namespace).lines().count(), 2, "those of site-2");
    let secrets = succeed(namespace.kubectl().args(["get", "secrets", "--output", "name"]));
    assert_eq!(secrets.lines().count(), 3, "{secrets}");
    assert_eq!(unstage(namespace, &site, &[])["changed"], false);
}

#[test]
fn defect_15_another_participants_name_or_claim_is_refused_before_anything_is_sent() {
    let scene = Scene::new("objects-others");
    let namespace = &scene.namespace;
    let site = scene.prepare("site-1", "site", None, "nvflws");
    stage(namespace, &site, &[]);
    let sent = staged(namespace);
    for (kit, project, claim, whose) in [
        ("site-1", Some("another project"), "nvflws-b", "the name `site-1`"),
        ("site-2", None, "nvflws", "the workspace claim `nvflws`"),
    ] {
        let other = scene.prepare(kit, &format!("other-{claim}"), project, claim);
        let refusal = refused(&mut verb(namespace, "stage", &other, &[]));
        assert_eq!(refusal["error_code"], "OBJECT_NOT_OURS", "{refusal}");
        let message = refusal["message"].as_str().unwrap();
        assert!(
            message.contains(whose) && message.contains("the client `site-1` of project `flare-kube test material`"),
            "{message}"
        );
        let values = fs::read_to_string(other.join("helm_chart/values.yaml")).unwrap();
        assert!(values.contains("secretName: null"), "nothing is recorded");
        assert_eq!(unstage(namespace, &other, &[])["removed"], json!([]));
    }
    assert_eq!(staged(namespace), sent);
    // Nor is a kit staged on the volume of a claim to which the parent of these objects writes.
    let on_volume = scene.prepare("site-2", "on-volume", None, "nvflws");
    let mut stage_on_volume = namespace.cluster.program(PROGRAM);
    let refusal = refused(stage_on_volume.arg("stage").arg(on_volume).args(["--create-pvc", "1Gi", "-o", "json"]));
    assert_eq!(refusal["error_code"], "OBJECT_NOT_OURS", "{refusal}");
    assert!(refusal["message"].as_str().unwrap().contains("the workspace claim `nvflws`"), "{refusal}");
    let made = succeed(namespace.kubectl().args(["get", "persistentvolumeclaims,leases,pods", "--output", "name"]));
    assert_eq!(made, "", "nothing is made");
    // The claim of a kit that is staged on its volume.
    let note = json!({"participant": "site-9", "role": "client", "project": null}).to_string();
    namespace.apply(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "nvflws-c", "annotations": {"flare-kube/kit-owner": note}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}));
    let third = scene.prepare("site-2", "third", None, "nvflws-c");
    assert_eq!(refused(&mut verb(namespace, "stage", &third, &[]))["error_code"], "VOLUME_NOT_OURS");
    // An object of that name that was not staged.
    let fourth = scene.prepare("site-2", "fourth", None, "nvflws-d");
    let name = stage(namespace, &fourth, &["--dry-run"])["objects"][1]["name"].take();
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"mine": "1"}}));
    assert_eq!(refused(&mut verb(namespace, "stage", &fourth, &[]))["error_code"], "OBJECT_CONFLICT");
    assert_eq!(staged(namespace), sent);
}

#[test]
fn a_run_that_is_killed_at_any_time_is_finished_by_the_next_one() {
    let scene = Scene::new("objects-killed");
    let namespace = &scene.namespace;
    let site = scene.prepare("site-1", "site", None, "nvflws");
    for part in 0..12_u64 {
        fs::write(site.join("local/note.txt"), part.to_string()).unwrap();
        let mut run = verb(namespace, "stage", &site, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(10 * part));
        run.kill().unwrap();
        run.wait().unwrap();
        let data = stage(namespace, &site, &[]);
        let values = fs::read_to_string(site.join("helm_chart/values.yaml")).unwrap();
        for object in data["objects"].as_array().unwrap() {
            let name = object["name"].as_str().unwrap();
            assert!(values.contains(name) && staged(namespace).contains(name), "{name} after {part}");
        }
    }
    assert_eq!(staged(namespace).lines().count() % 2, 0);
    let mut run = verb(namespace, "unstage", &site, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    sleep(Duration::from_millis(80));
    run.kill().unwrap();
    run.wait().unwrap();
    unstage(namespace, &site, &[]);
    assert_eq!(staged(namespace), "");
}

#[test]
fn the_largest_kit_that_is_let_through_is_taken_by_the_cluster_and_by_helm() {
    let scene = Scene::new("objects-large");
    let namespace = &scene.namespace;
    let site = scene.prepare("site-1", "site", None, "nvflws");
    let local = site.join("local");
    let used: u64 = fs::read_dir(&local).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let rest = usize::try_from((1 << 20) - used).unwrap();
    fs::write(local.join("model.bin"), vec![7_u8; rest + 1]).unwrap();
    assert_eq!(refused(&mut verb(namespace, "stage", &site, &[]))["error_code"], "KIT_TOO_LARGE");
    assert_eq!(staged(namespace), "");
    fs::write(local.join("model.bin"), vec![7_u8; rest]).unwrap();
    stage(namespace, &site, &[]);
    fs::remove_file(local.join("model.bin")).unwrap();
    for number in 0..4000 {
        fs::write(local.join(format!("{number:0>40}")), "").unwrap();
    }
    assert_eq!(stage(namespace, &site, &[])["files"].as_u64().unwrap() / 1000, 4);
    succeed(&mut upgrade(namespace, "site-1", &site));
}

/// The Role that the README of flare-pvc-stage lists for staging.
const TO_STAGE: Rules<'_> = &[
    ("", "configmaps", &["get", "list", "create", "patch"]),
    ("", "secrets", &["get", "create", "patch"]),
    ("", "persistentvolumeclaims", &["get"]),
];

/// The Role that the README of flare-pvc-stage lists for unstaging.
const TO_UNSTAGE: Rules<'_> =
    &[("", "configmaps", &["get", "list", "delete"]), ("", "secrets", &["get", "delete"]), ("", "pods", &["list"])];

#[test]
fn the_documented_roles_are_enough_and_each_verb_that_is_missing_is_named() {
    let scene = Scene::new("objects-role");
    let namespace = &scene.namespace;
    let site = scene.prepare("site-1", "site", None, "nvflws");
    for (name, word, rules) in [("stager", "stage", TO_STAGE), ("unstager", "unstage", TO_UNSTAGE)] {
        let user = LimitedUser::new(namespace, name, &scene.sandbox);
        let kubeconfig = user.kubeconfig.to_str().unwrap();
        let command = || verb(namespace, word, &site, &["--kubeconfig", kubeconfig]);
        let before = staged(namespace);
        for (_, resource, verbs) in rules {
            for missing in *verbs {
                user.grant(rules, Some((resource, missing)));
                let expected = format!("may not {missing} `{resource}` in namespace");
                let named = |refusal: &Value| {
                    let errors = refusal["errors"].as_array().unwrap();
                    errors.iter().any(|error| error["message"].as_str().unwrap().contains(&expected))
                };
                // The API server applies a role with a delay.
                let refusal = || refused(&mut command());
                wait(Duration::from_secs(20), || format!("{expected}: {}", refusal()), || named(&refusal()).then_some(()));
                assert_eq!(refusal()["error_code"], "PERMISSION_DENIED");
            }
        }
        assert_eq!(staged(namespace), before, "nothing was changed");
        user.grant(rules, None);
        let done = || attempt(&mut command(), &[]);
        wait(Duration::from_mins(1), || format!("{:?}", done()), || done().ok());
        assert_eq!(staged(namespace).is_empty(), word == "unstage");
    }
}
