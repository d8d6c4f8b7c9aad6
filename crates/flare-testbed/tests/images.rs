//! The content of the FLARE images. They are taken from the user's cache, and built there if they are missing.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start programs and use the disk")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::AtomicBool,
};

use flare_testbed::{
    Context,
    image::{FlareImage, seed},
};
use serde_json::Value;

fn blob(registry: &Path, digest: &str) -> PathBuf {
    let digits = digest.trim().strip_prefix("sha256:").unwrap();
    registry.join("docker/registry/v2/blobs/sha256").join(&digits[..2]).join(digits).join("data")
}

/// The layers of an image in a registry's directory.
fn layers(registry: &Path, image: FlareImage) -> Vec<PathBuf> {
    let repository = registry.join("docker/registry/v2/repositories").join(FlareImage::REPOSITORY);
    let tag = repository.join("_manifests/tags").join(image.tag()).join("current/link");
    let manifest = blob(registry, &fs::read_to_string(tag).unwrap());
    let manifest: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    layers.map(|layer| blob(registry, layer["digest"].as_str().unwrap())).collect()
}

/// Unpacks an image into a directory, as a node would.
fn unpacked(registry: &Path, image: FlareImage, root: &Path) {
    fs::create_dir(root).unwrap();
    for layer in layers(registry, image) {
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--numeric-owner", "--same-permissions", "--file"]).arg(layer).arg("--directory").arg(root);
        assert!(tar.status().unwrap().success());
    }
}

fn python(root: &Path, user: &str, code: &str) -> Output {
    let mut chroot = Command::new("chroot");
    chroot.arg(format!("--userspec={user}")).arg(root).args(["/usr/local/bin/python3", "-c", code]);
    chroot.env_clear().env("PATH", "/usr/sbin:/usr/bin:/bin").env("HOME", "/tmp").output().unwrap()
}

/// Imports of FLARE's parent and launcher and their dependencies.
const LOAD: &str = "import sys, ssl, nvflare, kubernetes, grpc, nvflare.private.fed.app.client.client_train, \
    nvflare.private.fed.app.server.server_train; print(nvflare.__version__, *sys.version_info[:2], sep=' ')";

#[test]
fn flare_loads_in_every_image_as_root_and_as_another_user() {
    let work = tempfile::tempdir().unwrap();
    let registry = work.path().join("registry");
    let (cache, search_path, interrupted) = (support::cache(), support::search_path(), AtomicBool::new(false));
    let say = |line: &str| println!("{line}");
    let context = Context { cache: &cache, search_path: &search_path, interrupted: &interrupted, report: &say };
    seed(&context, &registry, FlareImage::ALL).unwrap();
    let expected = [("2.8.3", "3 13"), ("2.9.0", "3 13"), ("2.8.3", "3 11"), ("2.8.3", "3 13")];
    assert_eq!(FlareImage::ALL.len(), expected.len());
    for (image, (release, version)) in FlareImage::ALL.iter().zip(expected) {
        let root = work.path().join(image.tag());
        unpacked(&registry, *image, &root);
        for user in ["0:0", "10001:10001"] {
            let output = python(&root, user, LOAD);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                said.ends_with(&format!("{release} {version}\n")),
                "{image} as {user}: {said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let has = |program: &str| {
            ["bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin"]
                .iter()
                .any(|directory| root.join(directory).join(program).exists())
        };
        let is_distroless = *image == FlareImage::Flare283Distroless;
        for program in ["sh", "bash", "dash", "tar", "busybox", "cat", "cp", "perl"] {
            assert!(!(is_distroless && has(program)), "{image} has {program}");
        }
        assert!(is_distroless || (has("sh") && has("tar")), "{image}");
        nothing_of_this_machine(&root, *image);
        fs::remove_dir_all(&root).unwrap();
    }
    let lowest = |image| layers(&registry, image).swap_remove(0);
    assert_eq!(lowest(FlareImage::Flare283), lowest(FlareImage::Flare290), "two releases do not share Debian");
}

/// Checks that the image has nothing of this machine's name service, trust store and package index, which the build used.
fn nothing_of_this_machine(root: &Path, image: FlareImage) {
    for path in [
        "etc/resolv.conf",
        "etc/hosts",
        "etc/hostname",
        "etc/machine-id",
        "etc/apt",
        "etc/pip.conf",
        "build",
        "usr/local/share/ca-certificates/x",
    ] {
        let found = root.join(path);
        let is_empty = fs::read_dir(&found).is_ok_and(|mut entries| entries.next().is_none());
        assert!(!found.exists() || is_empty, "{image} has /{path}");
    }
    let names = fs::read_dir("/usr/local/share/ca-certificates").into_iter().flatten();
    for own in names.map(|entry| entry.unwrap().path()) {
        let Ok(own) = fs::read_to_string(own) else { continue };
        let trust = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
        let body = own.lines().nth(1).unwrap_or("none");
        assert!(!trust.contains(body), "{image} trusts what this machine trusts");
    }
}
