//! `backup` and `restore` on a real cluster: a running parent, an empty claim, the same bytes on the volume, and refusals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use integration_tests::cluster::limited_user::{LimitedUser, Rules};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, succeed_json, wait};
use integration_tests::reference::Release;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::PROGRAM;
use crate::staging::Scene;

/// The limit of flare-kube's memory for any amount of data, in KiB.
pub(crate) const MEMORY: u64 = 64 << 10;

/// Makes a server's data, with names and modes that break manual copies: 1,000 small files and one of 200 MiB.
const FILL: &str = r"
import os
# Once: a parent that starts again leaves what is there.
def put(path, content, mode=0o644):
    if os.path.lexists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(content)
    os.chmod(path, mode)
w = b'/w/'
put(w + b'transfer/upload [1].bin', b'up', 0o400)
put(w + b'transfer/-dash', b'')
put(w + b'snapshot-storage/run/data', b'snapshot')
put(w + b'jobs-storage/line\nfeed/\xff\xfe/meta', b'meta', 0o755)
put(w + b'jobs-storage/' + b'/'.join([b'deep' * 20] * 20) + b'/x', b'deep')
put(w + b'jobs-storage/1/client.key', b'secret')
for number in range(1000):
    put(w + b'jobs-storage/many/%d' % number, b'%d' % number)
if not os.path.lexists(w + b'jobs-storage/1/model'):
    with open(w + b'jobs-storage/1/model', 'wb') as file:
        for number in range(200):
            file.write(os.urandom(1 << 20))
os.makedirs(w + b'jobs-storage/empty', exist_ok=True)
os.chmod(w + b'jobs-storage/empty', 0o700)
if not os.path.lexists(w + b'jobs-storage/link'):
    os.symlink('/nowhere', w + b'jobs-storage/link')
put(w + b'log.txt', b'one\n')
print('filled', flush=True)
";

/// Prints one line for each file, directory and link of what was saved: kind, mode and content.
const HASHES: &str = r"
import hashlib, os, stat
for top in (b'transfer', b'snapshot-storage', b'jobs-storage'):
    for directory, directories, files in os.walk(b'/w/' + top):
        directories.sort()
        for name in [b'.'] + sorted(files) + [one for one in directories if os.path.islink(os.path.join(directory, one))]:
            path = os.path.join(directory, name)
            if name.endswith(b'.key'):
                continue
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                content = hashlib.sha256(open(path, 'rb').read()).hexdigest()
            else:
                content = os.readlink(path) if stat.S_ISLNK(found.st_mode) else b''
            print(path, oct(found.st_mode & 0o100777 if not stat.S_ISDIR(found.st_mode) else found.st_mode & 0o777), content)
";

impl Scene {
    fn run(&self, verb: &str, file: &Path, arguments: &[&str]) -> Command {
        let mut run = self.namespace.cluster.program(PROGRAM);
        run.arg(verb).arg(&self.prepared).arg(file).args(["--timeout", "200", "-o", "json"]).args(arguments);
        run
    }

    fn refuses(&self, verb: &str, file: &Path, arguments: &[&str]) -> Value {
        let output = self.run(verb, file, arguments).output().unwrap();
        assert!(!output.status.success(), "it was not refused");
        serde_json::from_slice(&output.stdout).expect("an envelope")
    }

    /// A parent that fills its volume, and then writes its log for ever.
    fn run_parent(&self) {
        let image = self.namespace.cluster.image(Release::V28);
        let script = format!(
            "{FILL}\nimport time\nwhile True:\n    open('/w/log.txt', 'a').write('more\\n' * 1000)\n    time.sleep(0.01)\n"
        );
        let labels = json!({"app": "parent"});
        let parent = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nvflare-server"}, "spec": {
            "replicas": 1, "selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 1,
                "securityContext": {"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001, "runAsNonRoot": true,
                    "seccompProfile": {"type": "RuntimeDefault"}},
                "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}}],
                "containers": [{"name": "parent", "image": image, "command": ["python3", "-c", script],
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "w", "mountPath": "/w"}]}]}}}});
        self.namespace.apply(&parent);
        self.parent_runs();
    }

    fn parent_runs(&self) {
        succeed(self.namespace.kubectl().args(["rollout", "status", "deployment/nvflare-server", "--timeout=60s"]));
        let logs = || attempt(self.namespace.kubectl().args(["logs", "deployment/nvflare-server"]), &[]);
        wait(
            Duration::from_mins(1),
            || format!("{:?}", logs()),
            || logs().is_ok_and(|said| said.contains("filled")).then_some(()),
        );
    }
}

/// Runs a program, which must succeed, and returns its envelope and its peak memory in KiB.
pub(crate) fn with_memory(command: &mut Command) -> (Value, u64) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0);
        most = most.max(now);
        sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let envelope: Value = serde_json::from_slice(&output.stdout).expect("an envelope");
    assert!(output.status.success(), "{envelope}");
    (envelope, most)
}

#[test]
fn a_running_parent_is_saved_and_an_empty_claim_holds_the_same_bytes_afterwards() {
    let scene = Scene::new(Namespace::restricted("backup"), "nvflare-server");
    let file = scene.sandbox.join("server.tar");
    succeed(&mut scene.stage(&["--create-pvc", "2Gi"]));
    scene.run_parent();
    let plan = succeed_json(&mut scene.run("backup", &file, &["--dry-run"]));
    assert_eq!((&plan["data"]["dry_run"], &plan["data"]["files"], file.exists()), (&json!(true), &json!(null), false));
    let (saved, memory) = with_memory(&mut scene.run("backup", &file, &[]));
    assert!(memory < MEMORY, "{memory} KiB");
    let data = &saved["data"];
    assert_eq!(data["file"], json!(file));
    assert!(data["files"].as_u64().unwrap() >= 1007 && data["bytes"].as_u64().unwrap() > 200 << 20, "{data}");
    assert!(saved["warnings"].to_string().contains("jobs-storage/1/client.key"), "{saved}");
    let sum = succeed(Command::new("sha256sum").arg(&file));
    assert!(sum.starts_with(data["sha256"].as_str().unwrap()), "{sum}");
    let listed = succeed(Command::new("tar").arg("tf").arg(&file));
    assert!(!listed.contains(".key") && !listed.contains("startup"), "{listed}");
    // A file is not replaced without `--force`.
    assert_eq!(scene.refuses("backup", &file, &[])["error_code"], "INVALID_ARGS");
    // Nor is data on a volume, nor while a parent runs.
    assert_eq!(scene.refuses("restore", &file, &[])["error_code"], "CLAIM_IN_USE");
    let occupied = scene.refuses("restore", &file, &["--restart"]);
    assert_eq!(occupied["error_code"], "VOLUME_OCCUPIED", "{occupied}");
    scene.parent_runs();
    succeed(scene.namespace.kubectl().args(["delete", "deployment", "nvflare-server", "--wait"]));
    let pods = || succeed(scene.namespace.kubectl().args(["get", "pods", "--output", "name"]));
    wait(Duration::from_mins(1), pods, || pods().is_empty().then_some(()));
    let before = scene.in_volume(HASHES);
    assert!(before.contains("snapshot-storage/run/data") && before.lines().count() > 1000, "{before}");
    succeed(scene.namespace.kubectl().args(["delete", "pvc", "nvflws", "--wait"]));
    assert_eq!(scene.refuses("restore", &file, &[])["error_code"], "CLAIM_NOT_USABLE");
    succeed(&mut scene.stage(&["--create-pvc", "2Gi"]));
    let (restored, memory) = with_memory(&mut scene.run("restore", &file, &[]));
    assert!(memory < MEMORY, "{memory} KiB");
    assert_eq!((&restored["data"]["files"], &restored["data"]["replaced"]), (&data["files"], &json!([])), "{restored}");
    assert_eq!(scene.in_volume(HASHES), before);
    // Again, replacing what is there now.
    let again = succeed_json(&mut scene.run("restore", &file, &["--replace", "--what", "jobs,snapshots"]));
    assert_eq!(again["data"]["replaced"], json!(["jobs-storage", "snapshot-storage"]), "{again}");
    assert_eq!(scene.in_volume(HASHES), before);
    scene.nothing_is_left();
}

#[test]
fn a_backup_that_is_interrupted_or_killed_leaves_no_file_and_the_next_one_succeeds() {
    let scene = Scene::new(Namespace::open("backup-killed"), "nvflare-server");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    scene.in_volume(FILL);
    let file = scene.sandbox.join("server.tar");
    let began = Instant::now();
    succeed(&mut scene.run("backup", &file, &[]));
    let whole = began.elapsed();
    let names = || fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    fs::remove_file(&file).unwrap();
    let before = names();
    for (part, signal) in [(2, Signal::INT), (3, Signal::INT), (2, Signal::KILL), (3, Signal::KILL)] {
        let mut run = scene.run("backup", &file, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(whole * part / 4);
        kill_process(Pid::from_child(&run), signal).unwrap();
        let ended = run.wait().unwrap();
        if !ended.success() {
            assert_eq!(names(), before, "{signal:?} after {part}/4 of {whole:?}");
            assert!(signal == Signal::KILL || ended.code() == Some(130), "{ended}");
        }
        succeed(&mut scene.run("backup", &file, &["--force"]));
        scene.nothing_is_left();
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_restore_that_is_killed_is_finished_or_undone_by_the_next_one() {
    let scene = Scene::new(Namespace::open("restore-killed"), "nvflare-server");
    succeed(&mut scene.stage(&["--create-pvc", "2Gi"]));
    scene.in_volume(FILL);
    let before = scene.in_volume(HASHES);
    let file = scene.sandbox.join("server.tar");
    succeed(&mut scene.run("backup", &file, &[]));
    let began = Instant::now();
    succeed(&mut scene.run("restore", &file, &["--replace"]));
    let whole = began.elapsed();
    for part in 1..4_u32 {
        let mut run = scene.run("restore", &file, &["--replace"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(whole * part / 4);
        run.kill().unwrap();
        run.wait().unwrap();
        succeed(&mut scene.run("restore", &file, &["--replace"]));
        assert_eq!(scene.in_volume(HASHES), before, "killed after {part}/4 of {whole:?}");
    }
    let names = scene.in_volume("import os; print(os.listdir('/w'))");
    assert!(!names.contains(".flare-stage-") && !names.contains("swap.json"), "{names}");
    scene.nothing_is_left();
}

#[test]
fn defect_15_the_backup_of_another_participant_is_refused() {
    let mut scene = Scene::new(Namespace::open("backup-others"), "nvflare-server");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    let file = scene.sandbox.join("server.tar");
    succeed(&mut scene.run("backup", &file, &["--with-keys"]));
    let mode = succeed(Command::new("stat").args(["--format", "%a"]).arg(&file));
    assert_eq!(mode.trim(), "600", "it holds private keys");
    let server: PathBuf = scene.prepared.clone();
    scene.prepared = scene.prepare("site-1", "site-1");
    assert_eq!(scene.refuses("restore", &file, &[])["error_code"], "VOLUME_NOT_OURS");
    assert_eq!(scene.refuses("backup", &scene.sandbox.join("site.tar"), &[])["error_code"], "VOLUME_NOT_OURS");
    scene.prepared = server;
    fs::write(&file, &fs::read(&file).unwrap()[..5000]).unwrap();
    assert_eq!(scene.refuses("restore", &file, &["--with-keys"])["error_code"], "INVALID_BACKUP");
    scene.nothing_is_left();
}

#[test]
fn a_kit_at_the_wrong_level_is_moved_on_request() {
    let scene = Scene::new(Namespace::open("staging-repair"), "site-1");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    scene.in_volume("import os; [os.makedirs('/w/site-1-k8s/' + name) for name in ('startup', 'local')]; open('/w/site-1-k8s/startup/client.key', 'w')");
    let named = succeed_json(&mut scene.stage(&["--again"]));
    assert!(named["warnings"].to_string().contains("`site-1-k8s`"), "{named}");
    let repaired = succeed_json(&mut scene.stage(&["--repair"]));
    let moved = json!([{"from": "site-1-k8s/local", "to": ".flare-kube-previous/.misplaced/site-1-k8s/local"},
        {"from": "site-1-k8s/startup", "to": ".flare-kube-previous/.misplaced/site-1-k8s/startup"}]);
    assert_eq!(repaired["data"]["moved"], moved, "{repaired}");
    assert_eq!(succeed_json(&mut scene.stage(&["--repair"]))["data"]["changed"], false);
    let left = scene.in_volume("import os; print(os.listdir('/w'))");
    assert!(!left.contains("site-1-k8s"), "{left}");
    scene.nothing_is_left();
}

/// The Role that README of flare-pvc-stage lists for a backup, and for a restore without the kit.
const RULES: Rules<'_> = &[
    ("", "pods", &["get", "list", "watch", "create", "delete"]),
    ("", "pods/exec", &["get", "create"]),
    ("coordination.k8s.io", "leases", &["get", "create", "update", "delete"]),
    ("", "persistentvolumeclaims", &["get"]),
];

#[test]
fn the_documented_role_is_enough_and_each_verb_that_is_missing_is_named() {
    let scene = Scene::new(Namespace::open("backup-role"), "nvflare-server");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    let saver = LimitedUser::new(&scene.namespace, "saver", &scene.sandbox);
    let as_saver = ["--force", "--kubeconfig", saver.kubeconfig.to_str().unwrap()];
    let file = scene.sandbox.join("server.tar");
    for (_, resource, verbs) in RULES {
        for verb in *verbs {
            saver.grant(RULES, Some((resource, verb)));
            let named = || {
                let refused = scene.refuses("backup", &file, &as_saver);
                assert_eq!(refused["error_code"], "PERMISSION_DENIED", "{refused}");
                let wanted = format!("may not {verb} `{resource}` in namespace");
                refused["message"].as_str().unwrap().contains(&wanted).then_some(())
            };
            // The API server applies a role with a delay.
            wait(Duration::from_mins(1), || format!("{verb} {resource} to be named"), named);
        }
    }
    saver.grant(RULES, None);
    let done = || attempt(&mut scene.run("backup", &file, &as_saver), &[]);
    wait(Duration::from_mins(1), || format!("{:?}", done()), || done().ok());
    succeed(&mut scene.run("restore", &file, &["--replace", "--kubeconfig", saver.kubeconfig.to_str().unwrap()]));
    scene.nothing_is_left();
}

#[test]
fn the_documented_role_is_enough_to_restart_the_parent_and_to_restore_its_kit() {
    let scene = Scene::new(Namespace::open("backup-restart-role"), "nvflare-server");
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    // A parent that does nothing.
    let labels = json!({"app": "parent"});
    scene.namespace.apply(
        &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nvflare-server"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"},
        "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}}],
            "containers": [{"name": "parent", "image": "busybox:1.36", "command": ["sleep", "3600"],
                "volumeMounts": [{"name": "w", "mountPath": "/w"}]}]}}}}),
    );
    succeed(scene.namespace.kubectl().args(["rollout", "status", "deployment/nvflare-server", "--timeout=120s"]));
    let saver = LimitedUser::new(&scene.namespace, "saver", &scene.sandbox);
    let kubeconfig = saver.kubeconfig.to_str().unwrap();
    let file = scene.sandbox.join("server.tar");
    let to_save = [RULES, &[("apps", "deployments", &["get", "patch"])]].concat();
    let to_put_back = [to_save.as_slice(), &[("", "persistentvolumeclaims", &["patch"])]].concat();
    let of_parent = [("deployments", "get"), ("deployments", "patch")];
    let of_kit = [of_parent[0], of_parent[1], ("persistentvolumeclaims", "patch")];
    for (verb, rules, missing, flag) in
        [("backup", &to_save, &of_parent[..], "--force"), ("restore", &to_put_back, &of_kit[..], "--replace")]
    {
        let arguments = [flag, "--with-keys", "--restart", "--kubeconfig", kubeconfig];
        for &(resource, one) in missing {
            saver.grant(rules, Some((resource, one)));
            let wanted = format!("may not {one} `{resource}` in namespace");
            let refused = || scene.refuses(verb, &file, &arguments)["errors"].take().to_string();
            // The API server applies a role with a delay.
            wait(Duration::from_mins(1), || format!("{wanted}: {}", refused()), || refused().contains(&wanted).then_some(()));
        }
        saver.grant(rules, None);
        let done = || attempt(&mut scene.run(verb, &file, &arguments), &[]);
        wait(Duration::from_mins(2), || format!("{verb}: {:?}", done()), || done().ok());
        let replicas = ["get", "deployment/nvflare-server", "--output", "jsonpath={.spec.replicas}"];
        assert_eq!(succeed(scene.namespace.kubectl().args(replicas)), "1", "{verb} scales it up again");
    }
    assert_eq!(scene.noted("owner"), "", "the kit of a backup is not one that was staged");
}
