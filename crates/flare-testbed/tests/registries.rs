//! Real docker-registries serve what was pushed into their directory, and skopeo pulls it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start programs and use the disk")]

mod support;

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use flare_testbed::{
    Context,
    image::seed,
    registry::{RegistryPlacement, SlowLink, credentials, processes, serve_slow_link},
};

/// Kills a registry when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Three consecutive free ports.
fn free_ports() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if port < 65_000 && (port..port + 3).all(is_free) {
            return port;
        }
    }
}

fn skopeo(arguments: &[&str]) -> Output {
    Command::new("skopeo").args(arguments).output().unwrap()
}

fn inspect(port: u16, image: &str, more: &[&str]) -> Output {
    let image = format!("docker://127.0.0.1:{port}/{image}");
    skopeo(&[&["inspect", "--tls-verify=false"], more, &[image.as_str()]].concat())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Starts a program without its log, which would fill the test's.
fn quietly(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Pushes the images that every cluster has; they are built in the user's cache if missing.
fn push_small_images(registry: &Path) {
    let (cache, search_path, interrupted) = (support::cache(), support::search_path(), AtomicBool::new(false));
    let context = Context { cache: &cache, search_path: &search_path, interrupted: &interrupted, report: &|_: &str| {} };
    seed(&context, registry, &[]).unwrap();
}

/// Pushes the small images and starts all registries.
fn start(state: &Path) -> (u16, Vec<Running>) {
    push_small_images(&state.join("registry"));
    let (search_path, interrupted) = (support::search_path(), AtomicBool::new(false));
    let context = Context { cache: state, search_path: &search_path, interrupted: &interrupted, report: &|_: &str| {} };
    let port = free_ports();
    let place = RegistryPlacement {
        state_directory: state,
        seen_as: state,
        images: "registry",
        listen: Ipv4Addr::LOCALHOST,
        port,
        own_program: Path::new("/none"),
    };
    let mut running = Vec::new();
    for process in processes(&context, place).unwrap() {
        if process.name == "registry-slow" {
            // The program that starts clusters does only this if it is started for a link.
            let link = SlowLink { listen: process.port, forward: port, rate: 1 << 20 };
            std::thread::spawn(move || serve_slow_link(link));
        } else {
            running.push(Running(quietly(Command::new(process.program).args(process.arguments))));
        }
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", process.port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "{} does not listen", process.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    (port, running)
}

/// The size of the busybox layer, in bytes.
fn largest_blob(registry: &Path) -> u64 {
    let prefixes = fs::read_dir(registry.join("docker/registry/v2/blobs/sha256")).unwrap();
    let blobs = prefixes.flat_map(|prefix| fs::read_dir(prefix.unwrap().path()).unwrap());
    blobs.map(|blob| fs::metadata(blob.unwrap().path().join("data")).unwrap().len()).max().unwrap()
}

#[test]
fn registries_serve_what_was_laid() {
    let state = tempfile::tempdir().unwrap();
    let (port, _running) = start(state.path());
    for image in ["lab/pause:1", "library/busybox:1.36"] {
        let output = inspect(port, image, &[]);
        assert!(output.status.success(), "{image}: {}", said(&output));
    }
    let missing = inspect(port, "lab/pause:none", &[]);
    assert!(!missing.status.success() && said(&missing).contains("manifest unknown"), "{}", said(&missing));

    let copy = format!("oci:{}:copy", state.path().join("copy").display());
    let source = format!("docker://127.0.0.1:{port}/library/busybox:1.36");
    let copied = skopeo(&["copy", "--insecure-policy", "--src-tls-verify=false", &source, &copy]);
    assert!(copied.status.success(), "{}", said(&copied));

    let refused = inspect(port + 1, "lab/pause:1", &["--no-creds"]);
    assert!(!refused.status.success() && said(&refused).contains("authentication required"), "{}", said(&refused));
    let known = credentials(state.path()).unwrap();
    let known = format!("--creds={}:{}", known.user, known.password);
    let output = inspect(port + 1, "lab/pause:1", &[&known]);
    assert!(output.status.success(), "{}", said(&output));
    let wrong = inspect(port + 1, "lab/pause:1", &["--creds=puller:wrong"]);
    assert!(!wrong.status.success());

    let slow = format!("docker://127.0.0.1:{}/library/busybox:1.36", port + 2);
    let began = Instant::now();
    let slowly = format!("oci:{}:copy", state.path().join("slowly").display());
    let copied = skopeo(&["copy", "--insecure-policy", "--src-tls-verify=false", &slow, &slowly]);
    assert!(copied.status.success(), "{}", said(&copied));
    let least = Duration::from_millis((largest_blob(&state.path().join("registry")) * 1000) >> 20);
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
}

#[test]
fn a_second_seed_takes_no_disk_and_no_time() {
    let state = tempfile::tempdir().unwrap();
    let (cache, interrupted) = (support::cache(), AtomicBool::new(false));
    // Cached layers need no program.
    push_small_images(&state.path().join("first"));
    let context = Context { cache: &cache, search_path: &[], interrupted: &interrupted, report: &|_: &str| {} };
    for cluster in ["one", "two"] {
        seed(&context, &state.path().join(cluster), &[]).unwrap();
    }
    let manifest = |cluster: &str| {
        let tag = state.path().join(cluster).join("docker/registry/v2/repositories/lab/pause/_manifests/tags/1/current/link");
        fs::read_to_string(tag).unwrap()
    };
    assert_eq!(manifest("one"), manifest("two"));
}
