//! `stage` under faults: kits with hostile names, kills at any time, cut connections, restarted components.
//!
//! Variables: `FLARE_KUBE_STAGE_KILLS` (number of kills, 4), `FLARE_KUBE_STAGE_CUTS` (cuts, 4), `FLARE_KUBE_STAGE_RESTARTS` (restarts
//! of each component, 1), `FLARE_KUBE_STAGE_SEED` (random; printed), `FLARE_KUBE_STAGE_MEBIBYTES` (size of the large file, 64).

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use integration_tests::cluster::component;
use integration_tests::cluster::cutting_proxy::{Cut, CuttingProxy};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, wait};
use integration_tests::random::Random;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::backup::{MEMORY, with_memory};
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

/// The expected output of [`DIGESTS`], from a local prepared kit.
pub(crate) fn digests(prepared: &Path) -> BTreeMap<String, String> {
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

/// The SHA-256 of a file, which may be large.
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

pub(crate) fn on_volume(scene: &Scene) -> BTreeMap<String, String> {
    let printed = scene.in_volume(DIGESTS);
    printed.lines().map(|line| line.rsplit_once(' ').map(|(what, path)| (path.to_owned(), what.to_owned())).unwrap()).collect()
}

pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) {
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
    let (staged, memory) = with_memory(&mut scene.stage(&["--create-pvc", "2Gi"]));
    println!("{large} MiB staged with {memory} KiB of memory");
    assert!(memory < MEMORY, "{memory} KiB");
    let expected = digests(&scene.prepared);
    let files = expected.values().filter(|what| what.starts_with('f')).count();
    assert_eq!(staged["data"]["files"], json!(files));
    let found = on_volume(&scene);
    let wrong: Vec<_> = expected.iter().filter(|(path, what)| found.get(*path) != Some(what)).take(5).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(found.len(), expected.len());
    scene.nothing_is_left();
}

/// The random times of a test; the seed is printed.
pub(crate) fn random() -> (u64, Random) {
    let fresh = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = number("FLARE_KUBE_STAGE_SEED", u64::from(fresh));
    println!("FLARE_KUBE_STAGE_SEED={seed}");
    (seed, Random::new(seed))
}

/// A volume with one of two kits, which differ in one file.
struct TwoKits<'scene> {
    scene: &'scene Scene,
    kits: Vec<BTreeMap<String, String>>,
    /// The time of a whole staging.
    whole: Duration,
}

impl<'scene> TwoKits<'scene> {
    /// Stages one of them. Each has 200 small files and a large one of this size in bytes.
    fn stage(scene: &'scene Scene, bytes: usize) -> Self {
        for index in 0..200 {
            write(&scene.prepared.join(format!("local/custom/{index}")), &[b'x'; 4096], 0o644);
        }
        write(&scene.prepared.join("local/custom/large"), &vec![b'y'; bytes], 0o644);
        let mut found = Self { scene, kits: Vec::new(), whole: Duration::ZERO };
        for kit in 0..2 {
            found.choose(kit);
            found.kits.push(digests(&scene.prepared));
        }
        succeed(&mut scene.stage(&["--create-pvc", "1Gi"]));
        let began = Instant::now();
        succeed(&mut scene.stage(&["--again"]));
        found.whole = began.elapsed();
        found
    }

    /// The kit that is staged from now on.
    fn choose(&self, kit: usize) {
        write(&self.scene.prepared.join("local/custom/which"), ["old", "new"][kit].as_bytes(), 0o644);
    }

    /// Starts to stage the chosen one.
    fn begin(&self, arguments: &[&str]) -> Child {
        self.scene.stage(&[&["--again"], arguments].concat()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Checks that after any end of a staging one of the two kits is there, whole, and that the next run stages `kit`.
    fn are_whole(&self, kit: usize, told: &dyn Fn() -> String) {
        // The helper pod of a killed run may still be executing its last renames.
        let one_of_both = || self.kits.contains(&on_volume(self.scene)).then_some(());
        wait(Duration::from_mins(1), || format!("{}: {:?}", told(), on_volume(self.scene).len()), one_of_both);
        let next = attempt(&mut self.scene.stage(&["--again"]), &[]);
        assert!(next.is_ok(), "{}: {next:?}", told());
        assert!(on_volume(self.scene) == self.kits[kit], "{}: the next run put another kit there", told());
    }

    fn nothing_is_left(&self) {
        self.scene.nothing_is_left();
        let names = self.scene.in_volume("import os; print(sorted(os.listdir('/w')))");
        assert!(!names.contains(".flare-stage-") && !names.contains("swap.json"), "{names}");
    }
}

/// Checks the result of a run that was not killed itself: it either had finished before, or reports its failure.
fn envelope_of(run: Child, told: &dyn Fn() -> String) -> Value {
    let output = run.wait_with_output().unwrap();
    let envelope: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{}: {error}", told()));
    assert_eq!(envelope["status"] == "ok", output.status.success(), "{}: {envelope}", told());
    envelope
}

/// The process that is killed.
#[derive(Debug, Clone, Copy)]
enum Killed {
    Program,
    Pod,
}

#[test]
fn whatever_is_killed_at_any_time_one_kit_is_there_whole_and_the_next_run_succeeds() {
    let (seed, mut random) = random();
    let scene = Scene::new(Namespace::open("staging-kills"), "site-1");
    let kits = TwoKits::stage(&scene, 0);
    for round in 0..number("FLARE_KUBE_STAGE_KILLS", 4) {
        let kit = random.below(2);
        kits.choose(kit);
        let killed = *random.pick(&[Killed::Program, Killed::Program, Killed::Pod]);
        let after = kits.whole * u32::try_from(random.below(1100)).unwrap() / 1000;
        let told = || format!("seed {seed}, round {round}: {killed:?} after {after:?} of {:?}", kits.whole);
        let mut run = kits.begin(&[]);
        sleep(after);
        match killed {
            Killed::Program => {
                let _ = run.kill();
                run.wait().unwrap();
            }
            Killed::Pod => {
                let pods = ["delete", "pods", "--all", "--force", "--grace-period=0", "--wait=true"];
                let _ = attempt(scene.namespace.kubectl().args(pods), &[]);
                envelope_of(run, &told);
            }
        }
        kits.are_whole(kit, &told);
    }
    kits.nothing_is_left();
}

#[test]
fn wherever_the_connection_is_cut_one_kit_is_there_whole_and_the_next_run_succeeds() {
    let (seed, mut random) = random();
    let scene = Scene::new(Namespace::open("staging-cuts"), "site-1");
    let kits = TwoKits::stage(&scene, 4 << 20);
    let proxy = CuttingProxy::start(&scene.namespace.cluster, &scene.sandbox.join("kubeconfig-cut"));
    let through = ["--kubeconfig", proxy.kubeconfig.to_str().unwrap()];
    proxy.begin(None);
    envelope_of(kits.begin(&through), &|| "a run without a cut".to_owned());
    let most = proxy.largest();
    assert!(most.sent > 4 << 20 && most.received > 0, "the files went through the proxy: {most:?}");
    let mut failed = 0;
    for round in 0..number("FLARE_KUBE_STAGE_CUTS", 4) {
        let kit = random.below(2);
        kits.choose(kit);
        let mut below = |limit: u64| u64::try_from(random.below(usize::try_from(limit).unwrap())).unwrap();
        // The answer and the status are most of what is received.
        let cut = if round % 2 == 0 { Cut::Sent(below(most.sent)) } else { Cut::Received(below(most.received)) };
        let told = || format!("seed {seed}, round {round}: {cut:?} of {most:?}");
        proxy.begin(Some(cut));
        let envelope = envelope_of(kits.begin(&through), &told);
        if envelope["status"] != "ok" {
            failed += 1;
            let code = envelope["error_code"].as_str().unwrap();
            assert!(["STREAM_BROKEN", "CLUSTER_UNREACHABLE"].contains(&code), "{}: {envelope}", told());
            assert!(proxy.is_cut(), "{}: it failed without a cut: {envelope}", told());
        }
        kits.are_whole(kit, &told);
    }
    assert!(failed > 0, "seed {seed}: no cut was felt");
    kits.nothing_is_left();
}

#[test]
fn components_that_are_restarted_meanwhile_leave_one_kit_whole_and_the_next_run_succeeds() {
    let (seed, mut random) = random();
    let scene = Scene::new(Namespace::exclusive("staging-restarts"), "site-1");
    let kits = TwoKits::stage(&scene, 32 << 20);
    for component in ["kube-apiserver", "kubelet"] {
        for round in 0..number("FLARE_KUBE_STAGE_RESTARTS", 1) {
            let kit = random.below(2);
            kits.choose(kit);
            let after = kits.whole * u32::try_from(200 + random.below(700)).unwrap() / 1000;
            let told = || format!("seed {seed}, round {round}: {component} after {after:?} of {:?}", kits.whole);
            let run = kits.begin(&[]);
            sleep(after);
            component::restart(&scene.namespace, component);
            let envelope = envelope_of(run, &told);
            println!("{}: {} {}", told(), envelope["status"], envelope["message"]);
            let said = envelope["error_code"].as_str().unwrap_or("none");
            assert!(["none", "STREAM_BROKEN", "CLUSTER_UNREACHABLE"].contains(&said), "{}: {envelope}", told());
            kits.are_whole(kit, &told);
        }
    }
    kits.nothing_is_left();
}
