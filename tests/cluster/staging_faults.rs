//! `stage` under faults: kits with hostile names, kills at any time, full and read-only volumes.
//!
//! `FLARE_KUBE_STAGE_KILLS` says how many kills (8), `FLARE_KUBE_STAGE_SEED` which (fresh; printed), `FLARE_KUBE_STAGE_MEBIBYTES` how long
//! the large file is (64).

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use integration_tests::cleanup::CleanupGuard;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, succeed_json, wait};
use integration_tests::random::Random;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::staging::Scene;

/// Prints a line for each file and directory of the kit: kind, mode, SHA-256, and the path in hexadecimal digits.
const DIGESTS: &str = "import hashlib, os
def line(path, directory):
    mode = os.lstat(path).st_mode & 0o777
    digest = hashlib.sha256()
    if not directory:
        with open(path, 'rb') as file:
            for block in iter(lambda: file.read(1 << 20), b''):
                digest.update(block)
    print('d' if directory else 'f', oct(mode)[2:], '-' if directory else digest.hexdigest(), os.path.relpath(path, b'/w').hex())
for top in (b'/w/local', b'/w/startup'):
    for at, directories, files in os.walk(top):
        line(at, True)
        for name in files:
            line(os.path.join(at, name), False)";

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What [`DIGESTS`] prints of the volume, for a prepared kit here.
fn digests(prepared: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![prepared.join("local"), prepared.join("startup")];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let below = path.strip_prefix(prepared).unwrap().as_os_str().as_encoded_bytes();
        let name: String = below.iter().map(|byte| format!("{byte:02x}")).collect();
        let mode = metadata.mode() & 0o777;
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            found.insert(name, format!("d {mode:o} -"));
        } else {
            let digest = digest(&path);
            found.insert(name, format!("f {mode:o} {digest}"));
        }
    }
    found
}

/// The SHA-256 of a file, which may be a long one.
fn digest(path: &Path) -> String {
    let (mut file, mut hasher, mut block) = (fs::File::open(path).unwrap(), Sha256::new(), vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut block).unwrap();
        if count == 0 {
            return hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        }
        hasher.update(&block[..count]);
    }
}

fn on_volume(scene: &Scene) -> BTreeMap<String, String> {
    let printed = scene.in_volume(DIGESTS);
    printed.lines().map(|line| line.rsplit_once(' ').map(|(what, path)| (path.to_owned(), what.to_owned())).unwrap()).collect()
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn every_file_of_a_hostile_kit_arrives_with_its_name_mode_and_content() {
    let scene = Scene::new(Namespace::restricted("staging-hostile"), "site-1");
    let custom = scene.prepared.join("local/custom");
    let names = [
        "with space",
        "[brackets]*?",
        "new\nline",
        "größe-模型",
        "-rf",
        "--",
        "..dots",
        "a'b\"c$d`e",
        "tab\there",
        "back\\slash",
        "%2e%2e",
        "name\r",
        "trailing ",
    ];
    for (index, name) in names.iter().enumerate() {
        write(&custom.join(name), name.as_bytes(), [0o400, 0o755, 0o644, 0o600][index % 4]);
        write(&custom.join(format!("{name}-d/{name}")), b"", 0o644);
    }
    let deep = (0..30).fold(custom.clone(), |path, level| path.join(format!("level-{level}")));
    write(&deep.join("leaf"), b"deep", 0o640);
    fs::create_dir_all(custom.join("empty/emptier")).unwrap();
    fs::set_permissions(custom.join("empty/emptier"), Permissions::from_mode(0o750)).unwrap();
    for index in 0..5000_u32 {
        write(&custom.join(format!("many/{}/{index}.bin", index % 50)), index.to_le_bytes().repeat(64).as_slice(), 0o644);
    }
    let mut random = Random::new(1);
    let block: Vec<u8> = (0..1 << 17).flat_map(|_| random.next_bits().to_le_bytes()).collect();
    let large = usize::try_from(number("FLARE_KUBE_STAGE_MEBIBYTES", 64)).unwrap();
    write(&custom.join("large.bin"), b"", 0o644);
    let mut file = fs::File::options().append(true).open(custom.join("large.bin")).unwrap();
    for _ in 0..large {
        std::io::Write::write_all(&mut file, &block).unwrap();
    }
    let staged = succeed_json(&mut scene.stage(&["--create-pvc", "2Gi"]));
    let expected = digests(&scene.prepared);
    let files = expected.values().filter(|what| what.starts_with('f')).count();
    assert_eq!(staged["data"]["files"], json!(files));
    let found = on_volume(&scene);
    let wrong: Vec<_> = expected.iter().filter(|(path, what)| found.get(*path) != Some(what)).take(5).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(found.len(), expected.len());
    scene.nothing_is_left();
}

/// Whose end comes too early.
#[derive(Debug, Clone, Copy)]
enum Killed {
    Program,
    Pod,
}

#[test]
fn whatever_is_killed_at_any_time_one_kit_is_there_whole_and_the_next_run_succeeds() {
    let fresh = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = number("FLARE_KUBE_STAGE_SEED", u64::from(fresh));
    println!("FLARE_KUBE_STAGE_SEED={seed}");
    let mut random = Random::new(seed);
    let scene = Scene::new(Namespace::open("staging-kills"), "site-1");
    for index in 0..200 {
        write(&scene.prepared.join(format!("local/custom/{index}")), &[b'x'; 4096], 0o644);
    }
    let which = scene.prepared.join("local/custom/which");
    let mut kits = Vec::new();
    for kit in ["old", "new"] {
        write(&which, kit.as_bytes(), 0o644);
        kits.push(digests(&scene.prepared));
    }
    succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
    let began = Instant::now();
    succeed(&mut scene.stage(&["--again"]));
    let whole = began.elapsed();
    for round in 0..number("FLARE_KUBE_STAGE_KILLS", 8) {
        let kit = random.below(2);
        write(&which, ["old", "new"][kit].as_bytes(), 0o644);
        let killed = *random.pick(&[Killed::Program, Killed::Program, Killed::Pod]);
        let after = whole * u32::try_from(random.below(1100)).unwrap() / 1000;
        let told = || format!("seed {seed}, round {round}: {killed:?} after {after:?} of {whole:?}");
        let mut run = scene.stage(&["--again"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        sleep(after);
        match killed {
            Killed::Program => drop(run.kill()),
            Killed::Pod => {
                let pods = ["delete", "pods", "--all", "--force", "--grace-period=0", "--wait=true"];
                let _ = attempt(scene.namespace.kubectl().args(pods), &[]);
            }
        }
        let output = run.wait_with_output().unwrap();
        if matches!(killed, Killed::Pod) {
            // It either was done before, or says that it failed: never half a success.
            let envelope: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{}: {error}", told()));
            assert_eq!(envelope["status"] == "ok", output.status.success(), "{}: {envelope}", told());
        }
        // The helper pod of a killed run may still be at its last renames.
        let one_of_both = || {
            let found = on_volume(&scene);
            kits.contains(&found).then_some(())
        };
        wait(Duration::from_mins(1), || format!("{}: {:?}", told(), on_volume(&scene).len()), one_of_both);
        let next = attempt(&mut scene.stage(&["--again"]), &[]);
        assert!(next.is_ok(), "{}: {next:?}", told());
        assert!(on_volume(&scene) == kits[kit], "{}: the next run put another kit there", told());
    }
    scene.nothing_is_left();
    let names = scene.in_volume("import os; print(sorted(os.listdir('/w')))");
    assert!(!names.contains(".flare-stage-") && !names.contains("swap.json"), "{names}");
}

/// A volume on the node that a test can fill and make read-only: a small file system in memory, mounted by a privileged pod.
struct SmallVolume<'scene> {
    scene: &'scene Scene,
    _end: CleanupGuard,
}

impl<'scene> SmallVolume<'scene> {
    fn new(scene: &'scene Scene) -> Self {
        let name = scene.namespace.name.clone();
        let on_node = format!("/var/tmp/flare-kube-{name}");
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": name, "name": "nvflws"},
            "hostPath": {"path": format!("{on_node}/volume"), "type": "DirectoryOrCreate"}}});
        let (cluster, gone) = (scene.namespace.cluster.clone(), name.clone());
        let end = CleanupGuard::plan(move || {
            let _ = attempt(cluster.kubectl().args(["delete", "persistentvolume", &gone, "--wait=false"]), &[]);
        });
        scene.namespace.apply(&volume);
        let mount =
            "mkdir -p /node/volume && mount -t tmpfs -o size=8m,mode=0777 small /node/volume && touch /tmp/mounted && sleep 3600";
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "disk"}, "spec": {
            "terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "node", "hostPath": {"path": on_node, "type": "DirectoryOrCreate"}}],
            "containers": [{"name": "disk", "image": "busybox:1.36", "securityContext": {"privileged": true},
                "command": ["sh", "-c", mount],
                "lifecycle": {"preStop": {"exec": {"command": ["umount", "-l", "/node/volume"]}}},
                "volumeMounts": [{"name": "node", "mountPath": "/node", "mountPropagation": "Bidirectional"}],
                "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/mounted"]}, "periodSeconds": 1}}]}});
        scene.namespace.apply(&pod);
        succeed(scene.namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/disk", "--timeout=60s"]));
        Self { scene, _end: end }
    }

    fn run(&self, script: &str) {
        succeed(self.scene.namespace.kubectl().args(["exec", "disk", "--", "sh", "-c", script]));
    }
}

impl Drop for SmallVolume<'_> {
    fn drop(&mut self) {
        // The node keeps a mount until it is taken off, whatever becomes of the pod.
        let off = ["exec", "disk", "--", "umount", "-l", "/node/volume"];
        let _ = attempt(self.scene.namespace.kubectl().args(off), &[]);
    }
}

#[test]
fn a_full_volume_and_one_that_can_only_be_read_keep_the_old_kit() {
    let scene = Scene::new(Namespace::open("staging-disk"), "site-1");
    let disk = SmallVolume::new(&scene);
    succeed(&mut scene.stage(&["--create-pvc", "1Gi", "--storage-class", ""]));
    let old = digests(&scene.prepared);
    let big = scene.prepared.join("local/custom/model.bin");
    write(&big, &vec![7; 12 << 20], 0o644);
    let refused = scene.refused(&[]);
    assert_eq!(refused["error_code"], "STAGE_FAILED", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("ENOSPC"), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("make room"), "{refused}");
    assert_eq!(on_volume(&scene), old);
    fs::remove_dir_all(scene.prepared.join("local/custom")).unwrap();
    write(&scene.prepared.join("local/note"), b"new", 0o644);
    disk.run("mount -o remount,ro /node/volume");
    let refused = scene.refused(&[]);
    assert_eq!(refused["error_code"], "STAGE_FAILED", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("EROFS"), "{refused}");
    assert_eq!(on_volume(&scene), old);
    disk.run("mount -o remount,rw /node/volume");
    succeed(&mut scene.stage(&[]));
    assert_eq!(on_volume(&scene), digests(&scene.prepared));
    scene.namespace.kubectl().args(["delete", "pod", "disk"]).output().unwrap();
    scene.nothing_is_left();
}
