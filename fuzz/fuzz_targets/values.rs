//! Whatever `values.yaml` and the marker of a prepared kit hold: nothing panics, and what the user accepts is what was
//! refused, no more and no less.
//!
//! Input: a byte (bit 0: client, bit 1: the newest release, bit 2: the marker), then `values.yaml` or the marker.
#![no_main]

use std::{collections::HashMap, sync::LazyLock};

use flare_diagnostic::Code;
use flare_file_tree::FileTree;
use flare_kube_fuzz::{ROLES, assert_faults, assert_message, choice, default_plan, prepare, put};
use flare_names::{Role, Target};
use flare_prepared_kit::{OpenOptions, MARKER_FILE, Marker, PreparedKit};
use libfuzzer_sys::fuzz_target;

const VALUES: &str = "helm_chart/values.yaml";

static PREPARED: LazyLock<HashMap<(Role, Target), PreparedKit>> = LazyLock::new(|| {
    let releases = ROLES.into_iter().flat_map(|role| Target::ALL.map(|target| (role, target)));
    releases.map(|(role, target)| ((role, target), prepare(default_plan(role, target).clone()))).collect()
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = choice(input) else { return };
    let prepared = &PREPARED[&(choice.role(), choice.target())];
    let mut tree = prepared.tree().clone();
    match choice.bit(2) {
        true => {
            put(&mut tree, MARKER_FILE, bytes);
            check_marker(tree, bytes);
        }
        false => {
            put(&mut tree, VALUES, bytes);
            check_values(tree, prepared);
        }
    }
});

fn check_values(tree: FileTree, prepared: &PreparedKit) {
    let same = tree.bytes(VALUES) == prepared.tree().bytes(VALUES);
    let strict = PreparedKit::from_tree(tree.clone(), OpenOptions::default());
    let accepted = PreparedKit::from_tree(tree, OpenOptions { accept_changes: true }).expect("values are all that changed");
    accepted.warnings.iter().for_each(assert_message);
    assert_eq!(accepted.value.fingerprint(), prepared.fingerprint(), "the fingerprint is the kit's alone");
    assert_eq!(accepted.value.changes().len(), usize::from(!same));
    match strict {
        Ok(opened) => assert_eq!(opened.warnings, accepted.warnings),
        Err(faults) => {
            assert_faults(&faults, Code::InvalidPreparedKit);
            assert!(accepted.warnings.len() >= faults.all().len());
        }
    }
}

fn check_marker(tree: FileTree, bytes: &[u8]) {
    let opened = PreparedKit::from_tree(tree, OpenOptions { accept_changes: true });
    match Marker::parse(bytes) {
        Ok(marker) => {
            let opened = opened.expect("with a marker that can be read everything else may be accepted");
            opened.warnings.iter().for_each(assert_message);
            assert_eq!(*opened.value.plan(), marker.plan);
            let written = serde_json::to_vec(&marker).expect("a marker serializes");
            assert_eq!(Marker::parse(&written).expect("its own text").files, marker.files);
        }
        Err(faults) => {
            assert_faults(&faults, Code::InvalidPreparedKit);
            assert_eq!(opened.expect_err("no marker").all(), faults.all());
        }
    }
}
