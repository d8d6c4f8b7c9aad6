//! `study-data` without a cluster: study files are read, and refused with their place, before any request.

use std::fs;

use integration_tests::{
    command::{Finished, Sandbox},
    kit::Tree,
    reference::Release,
    workspace_directory,
};
use serde_json::{Value, json};

/// A sandbox with a kit of the release, prepared as `out`, whose study files are replaced by these.
fn prepared(release: Release, files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    let kits = workspace_directory().join(format!("fixtures/kits/plain-{}", release.version()));
    Tree::read(&kits.join("site-1")).write(&sandbox.join("kit"));
    let image = format!("registry.example.com/nvflare/nvflare:{}", release.version());
    fs::write(sandbox.join("k8s.yaml"), format!("runtime: k8s\nnamespace: fl\nparent: {{docker_image: {image:?}}}\n")).unwrap();
    let prepare = "prepare kit --config k8s.yaml --output out";
    let _ = sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), prepare.split(' ')).expect_code(0);
    for name in ["study_data.yaml", "study_runtime.yaml"] {
        let _ = fs::remove_file(sandbox.join("out/local").join(name));
    }
    for (name, text) in files {
        fs::write(sandbox.join("out/local").join(name), text).unwrap();
    }
    sandbox
}

fn study_data(sandbox: &Sandbox, arguments: &[&str]) -> Finished {
    sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), ["study-data", "out"].iter().chain(arguments))
}

#[test]
fn a_kit_whose_studies_name_no_claim_needs_no_cluster() {
    for release in [Release::V28, Release::V29] {
        for (files, said) in [
            (&[][..], "no study file"),
            (&[("study_data.yaml", "# nothing yet\n")], "local/study_data.yaml names no claim"),
            (&[("study_data.yaml", "{a: {}}\n")], "local/study_data.yaml names no claim"),
        ] {
            let sandbox = prepared(release, files);
            let text = study_data(&sandbox, &[]).expect_code(0);
            assert!(text.stdout.contains(said), "{text:#?}");
            let document = study_data(&sandbox, &["--create", "1Gi", "-o", "json"]).expect_code(0).json();
            assert_eq!(document["data"], json!({"namespace": "fl", "claims": []}));
        }
    }
    let runtime = "format_version: 2\nstudies: {a: {env: {A: b}}}\n";
    let text = study_data(&prepared(Release::V29, &[("study_runtime.yaml", runtime)]), &[]).expect_code(0);
    assert!(text.stdout.contains("local/study_runtime.yaml names no claim"), "{text:#?}");
}

/// File, line and column of every error.
fn places(document: &Value) -> Vec<String> {
    let errors = document["errors"].as_array().unwrap().iter();
    errors
        .map(|error| {
            format!(
                "{}:{}:{}",
                error["location"]["file"].as_str().unwrap().split_once("/out/").expect("a whole path").1,
                error["location"]["line"],
                error["location"]["column"]
            )
        })
        .collect()
}

#[test]
fn a_damaged_study_file_is_refused_with_all_its_faults_before_a_cluster_is_asked() {
    let data = "a:\n  x: {source: data, mode: write}\n  y: {source: Not_A_Claim/status, mode: ro}\n  z: {mode: ro, source: ..}\n";
    let runtime = "format_version: 2\nstudies:\n  a:\n    datasets:\n      x: {type: mount, source: 'a b', mode: ro}\n";
    for (release, files, expected) in [
        (Release::V28, &[("study_data.yaml", "a: [")][..], &[][..]),
        (Release::V28, &[("study_data.yaml", data)], &["local/study_data.yaml:2:27"]),
        (
            Release::V28,
            &[("study_data.yaml", &data.replace("write", "rw"))],
            &["local/study_data.yaml:3:15", "local/study_data.yaml:4:25"],
        ),
        (Release::V29, &[("study_runtime.yaml", runtime)], &["local/study_runtime.yaml:5:32"]),
        (
            Release::V29,
            &[("study_data.yaml", "{}"), ("study_runtime.yaml", runtime)],
            &["local/study_data.yaml:null:null", "local/study_runtime.yaml:5:32"],
        ),
    ] {
        let sandbox = prepared(release, files);
        let document = study_data(&sandbox, &["-o", "json"]).expect_code(4).json();
        assert_eq!(document["error_code"], "INVALID_LAUNCH_REQUEST", "{document}");
        assert!(expected.is_empty() || places(&document) == expected, "{document}");
    }
}

#[test]
fn flags_of_a_claim_belong_to_one_that_is_made() {
    let sandbox = Sandbox::new();
    for line in ["--storage-class fast", "--access-mode ReadWriteMany", "--create 1Gi --access-mode Never"] {
        let _ = study_data(&sandbox, &line.split(' ').collect::<Vec<_>>()).expect_code(2);
    }
    let missing = study_data(&sandbox, &["-o", "json"]).expect_code(4).json();
    assert_eq!(missing["error_code"], "INVALID_PREPARED_KIT");
}
