//! What FLARE's launcher silently passes on or ignores: each is a warning that names the key, and the pod is the same as
//! the launcher's.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

mod support;

use std::fmt::Write as _;

use flare_diagnostic::Collector;
use flare_names::Target::{self, V2_8, V2_9};
use flare_pod_manifest::{Additions, FileContent, SitePath, check_study_files};
use serde_json::{Value, json};
use support::launch_in_memory;

fn request(meta: &Value) -> Value {
    let mut job_meta = json!({ "job_id": "3f2b8c1e-0d4a-4f7e-9b1a-5c6d7e8f9a0b" });
    for (key, value) in meta.as_object().unwrap() {
        job_meta[key] = value.clone();
    }
    json!({
        "role": "client", "site": "site-1", "workspace": "/w", "owner_fqcn": "site-1", "transfer_token": "T",
        "launcher": { "config_file_path": null, "study_data_pvc_file_path": "/w/local/study_data.yaml" }, "job_meta": job_meta,
        "process_args": { "exe_module": ["-m", "module"] },
    })
}

fn k8s(block: &Value) -> Value {
    let mut block = block.clone();
    block.as_object_mut().unwrap().entry("image").or_insert(json!("a/b:1"));
    json!({ "launcher_spec": { "default": { "k8s": block } } })
}

/// The warnings of a request, or its error, one per line, each with its hint.
fn answer(name: &str, request: &Value, target: Target, files: &[(String, String)]) -> String {
    let text = serde_json::to_string_pretty(request).unwrap();
    let mut shown = String::new();
    let found = match launch_in_memory(&text, files, target, &Additions::none()) {
        Ok(made) => made.warnings,
        Err(faults) => {
            let (errors, warnings) = faults.into_parts();
            warnings.into_iter().chain(errors).collect()
        }
    };
    for diagnostic in found {
        writeln!(shown, "{name} ({target}): {diagnostic}\n    {}", diagnostic.hint.as_deref().unwrap_or("-")).unwrap();
    }
    shown
}

#[test]
fn values_that_kubernetes_refuses_are_named_and_passed_on() {
    let mut text = String::new();
    for (name, block) in [
        ("image", json!({"image": "A/B:1"})),
        ("image with a password", json!({"image": "user:CANARY@registry.example.com/a/b:1"})),
        ("cpu", json!({"cpu": "two"})),
        ("memory in GB", json!({"memory": "8GB"})),
        ("memory in bytes", json!({"memory": 16})),
        ("memory in thousandths", json!({"memory": "512m"})),
        ("request above limit", json!({"cpu": 1, "cpu_request": 2})),
        ("storage", json!({"ephemeral_storage": "lots"})),
        ("negative GPUs", json!({"num_of_gpus": -1})),
        ("many GPUs", json!({"num_of_gpus": 100_000})),
        ("half a GPU", json!({"num_of_gpus": 0.5})),
        ("misspelt key", json!({"memroy": "8Gi"})),
        ("word of people", json!({"gpus": 2})),
        ("Docker's key", json!({"shm_size": "8g"})),
        ("Slurm's key", json!({"partition": "gpu"})),
        ("pending_timeout", json!({"pending_timeout": 0})),
        ("portable key", json!({"num_of_cpus": 4})),
    ] {
        for target in Target::ALL {
            let shown = answer(name, &request(&k8s(&block)), target, &[]);
            assert!(!shown.is_empty() && !shown.contains("CANARY"), "{name} ({target}): {shown}");
            if target == V2_9 || name == "pending_timeout" {
                text += &shown;
            }
        }
    }
    for (pointer, value) in [
        ("namespace", json!("Fl_1")),
        ("workspace_mount_path", json!("var/tmp")),
        ("ephemeral_storage", json!("1GB")),
        ("pending_timeout", json!(0)),
        ("image_pull_secrets", json!(["Reg Cred"])),
    ] {
        let mut request = request(&k8s(&json!({})));
        request["launcher"][pointer] = value;
        text += &answer(pointer, &request, V2_8, &[]);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn keys_that_match_nothing_are_named() {
    let image = json!({ "k8s": { "image": "a/b:1" } });
    let rows = [
        ("@ALL in launcher_spec", json!({"launcher_spec": {"@ALL": image}})),
        ("@default in launcher_spec", json!({"launcher_spec": {"@default": image}})),
        ("misspelt default", json!({"launcher_spec": {"defaults": image}})),
        ("swapped default", json!({"launcher_spec": {"defualt": image}})),
        ("case of the site", json!({"launcher_spec": {"Site_1": image}})),
        ("no such site", json!({"launcher_spec": {"site-9": image}, "deploy_map": {"app": ["server", "site-1"]}})),
        ("flat", json!({"launcher_spec": {"site-1": {"image": "a/b:1"}}})),
        ("misspelt mode", json!({"launcher_spec": {"site-1": {"K8s": {"image": "a/b:1"}}}})),
        ("another mode", json!({"launcher_spec": {"site-1": {"docker": {"image": "a/b:1"}}}})),
        ("unknown mode", json!({"launcher_spec": {"site-1": {"k8s": {"image": "a/b:1"}, "swarm": {}}}})),
        ("image in deploy_map", json!({"deploy_map": {"app": [{"sites": ["server", "site-1"], "image": "a/b:1"}]}})),
        ("default in resource_spec", json!({"resource_spec": {"default": image}})),
        ("@ALL in resource_spec", json!({"resource_spec": {"@ALL": {"num_of_gpus": 1}, "site-1": image}})),
        ("image in resource_spec", json!({"resource_spec": {"site-1": {"image": "a/b:1"}}})),
        ("older place", json!({"launcher_spec": {"default": image}, "resource_spec": {"site-1": {"k8s": {"cpu": 1}}}})),
        ("misspelt resource", json!({"launcher_spec": {"default": image}, "resource_spec": {"site-1": {"num_of_gpu": 1}}})),
        ("image at the top", json!({"image": "a/b:1"})),
        ("misspelt spec", json!({"launcher_specs": {"default": image}})),
        ("not deployed", json!({"launcher_spec": {"default": image}, "deploy_map": {"app": ["server", {"sites": ["site-2"]}]}})),
        ("deployed", json!({"launcher_spec": {"default": image}, "deploy_map": {"app": {"sites": ["@all"]}}})),
        (
            "other people's keys",
            json!({"name": "x", "min_clients": 1, "scope": "s", "stats": 1, "launcher_spec": {"default": image, "site-2": image}}),
        ),
    ];
    let mut text = String::new();
    for (name, meta) in rows {
        for target in Target::ALL {
            text += &answer(name, &request(&meta), target, &[]);
        }
    }
    insta::assert_snapshot!(text);
}

fn of_kit(files: &[(&str, &str)], target: Target) -> String {
    let read = |path: &SitePath| {
        let found = files.iter().find(|(name, _)| *name == path.to_string());
        found.map_or(FileContent::Missing, |(_, text)| FileContent::Bytes(text.as_bytes().to_vec()))
    };
    let mut shown = String::new();
    let mut found = Collector::new();
    found.keep_checked(check_study_files(target, read));
    for diagnostic in found {
        writeln!(shown, "{diagnostic}").unwrap();
    }
    shown
}

#[test]
fn study_files_of_a_kit_are_checked_before_any_job() {
    let mut text = String::new();
    for (file, content) in [
        ("local/study_data.yaml", "cancer:\n  training: {source: Data_1, mode: ro}\n"),
        ("local/study_data.yaml", "cancer:\n  training: {source: data, mode: rx}\n"),
        ("local/study_data.yaml", "- cancer\n"),
        ("local/study_runtime.yaml", "format_version: 2\nstudies: {cancer: {container: {image: 'A:1'}, env: {'a b': 1}}}\n"),
        ("local/study_runtime.yaml", "format_version: 2\nstudies: {cancer: {pod_template: missing.yaml}}\n"),
        (
            "local/study_runtime.yaml",
            "format_version: 2\nstudies:\n  cancer:\n    secret_env: {P: {source: Se_cret, key: 'a/b'}}\n    secret_mounts: {m: {source: s, mount_path: '/a:b'}}\n    pod_template: {spec: {activeDeadlineSeconds: 0, containers: [{name: a, resources: {limits: {memory: 8GB}}}]}}\n",
        ),
    ] {
        text += &of_kit(&[(file, content)], V2_9);
    }
    insta::assert_snapshot!(text);
    let broken = ("local/study_runtime.yaml", "format_version: 2\nstudies: {cancer: {pod_template: pods/gpu.yaml}}\n");
    assert!(of_kit(&[broken, ("local/pods/gpu.yaml", "kind: Deployment\n")], V2_9).starts_with("local/pods/gpu.yaml:1:7"));
    let also_doubtful = ("local/pods/gpu.yaml", "kind: Deployment\nspec: {activeDeadlineSeconds: 0}\n");
    let found = of_kit(&[broken, also_doubtful], V2_9);
    assert!(found.contains("\nlocal/pods/gpu.yaml:2:31: "), "the warnings of a template come with its faults: {found}");
    assert_eq!(of_kit(&[broken], V2_8), "", "2.8 has no such file");
}

/// Both releases write a study file without a study, which is not warned about.
#[test]
fn an_untouched_study_file_is_no_reason_for_a_warning() {
    let mut meta = k8s(&json!({}));
    meta["study"] = json!("default");
    for (target, file, content) in [
        (V2_8, "local/study_data.yaml", "# comments\n{}\n"),
        (V2_8, "local/study_data.yaml", ""),
        (V2_9, "local/study_data.yaml", "# comments\n"),
        (V2_9, "local/study_runtime.yaml", "format_version: 2\nstudies: {}\n"),
        (V2_9, "local/study_runtime.yaml", "format_version: 2\nstudies:\n"),
    ] {
        let files = [(file.to_owned(), content.to_owned())];
        assert_eq!(answer("untouched", &request(&meta), target, &files), "", "{content}");
        assert_eq!(of_kit(&[(file, content)], target), "");
    }
}

#[test]
fn a_misspelt_study_is_told_from_the_one_beside_it() {
    let mut meta = k8s(&json!({}));
    meta["study"] = json!("cancr");
    let data = [("local/study_data.yaml".to_owned(), "cancer: {training: {source: data, mode: ro}}\n".to_owned())];
    let runtime = [("local/study_runtime.yaml".to_owned(), "format_version: 2\nstudies: {cancer: {}}\n".to_owned())];
    for (target, files) in [(V2_8, &data), (V2_9, &data), (V2_9, &runtime)] {
        let shown = answer("misspelt", &request(&meta), target, files);
        assert!(shown.contains("`cancr`") && shown.contains("did you mean `cancer`?"), "{shown}");
    }
}

#[test]
fn two_volumes_at_one_path_are_named() {
    let mut meta = k8s(&json!({}));
    meta["study"] = json!("cancer");
    let runtime = "format_version: 2\nstudies: {cancer: {datasets: {a: {source: data, mode: ro}}, secret_mounts: {s: {source: x, mount_path: /data/cancer/a}}}}\n";
    let shown = answer("twice", &request(&meta), V2_9, &[("local/study_runtime.yaml".to_owned(), runtime.to_owned())]);
    assert_eq!(shown.matches("two volumes are mounted at `mount_path` `/data/cancer/a`").count(), 1, "{shown}");
}
