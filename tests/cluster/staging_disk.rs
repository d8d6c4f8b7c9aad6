//! `stage` onto a full volume and onto a read-only one.

use std::fs;

use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::succeed;
use integration_tests::cluster::small_volume::SmallVolume;

use crate::staging::Scene;
use crate::staging_faults::{digests, on_volume, write};

#[test]
fn a_full_volume_and_one_that_can_only_be_read_keep_the_old_kit() {
    let scene = Scene::new(Namespace::open("staging-disk"), "site-1");
    let disk = SmallVolume::new(&scene.namespace, "nvflws");
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
