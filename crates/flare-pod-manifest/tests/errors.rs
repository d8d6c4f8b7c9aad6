//! Each error of the request, with its place; none of them shows a token.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

mod support;

use std::{fmt::Write as _, time::Duration};

use flare_names::Target::{self, V2_8, V2_9};
use flare_pod_manifest::Additions;
use serde_json::{Value, json};
use support::{launch, launch_in_memory, write_kit};

/// Tokens that are put wherever a token may be.
const TOKENS: [&str; 5] = ["CANARY-transfer", "CANARY-auth", "CANARY-signature", "CANARY-ssid", "CANARY-set"];

fn request() -> Value {
    json!({
        "role": "client", "site": "site-1", "workspace": "/w", "custom_dir": "/w/j/custom", "owner_fqcn": "site-1",
        "transfer_token": TOKENS[0], "set": [TOKENS[4]],
        "launcher": { "config_file_path": null, "study_data_pvc_file_path": "/w/local/data.yaml" },
        "job_meta": { "job_id": "3f2b8c1e-0d4a-4f7e-9b1a-5c6d7e8f9a0b", "study": "cancer", "launcher_spec": { "default": { "k8s": { "image": "i" } } } },
        "process_args": { "exe_module": ["-m", "module"], "auth_token": ["-t", TOKENS[1]], "auth_signature": ["-ts", TOKENS[2]], "ssid": ["-d", TOKENS[3]] },
    })
}

/// Name, target (`None`: both), pointer into the request, and the value to put there (`None`: removed).
fn request_faults() -> Vec<(&'static str, Option<Target>, &'static str, Option<Value>)> {
    let both = None;
    vec![
        ("no role", both, "/role", None),
        ("another role", both, "/role", Some(json!("admin"))),
        ("site is not a string", both, "/site", Some(json!(5))),
        ("relative workspace", both, "/workspace", Some(json!("w"))),
        ("custom directory elsewhere", both, "/custom_dir", Some(json!("/x/custom"))),
        ("custom directory beside", both, "/custom_dir", Some(json!("/w/../w2"))),
        ("relative custom directory", both, "/custom_dir", Some(json!("custom"))),
        ("no owner", both, "/owner_fqcn", None),
        ("no transfer token", both, "/transfer_token", None),
        ("transfer token is a number", both, "/transfer_token", Some(json!(123_456_789))),
        ("set is not a list", both, "/set", Some(json!("CANARY-set"))),
        ("set holds a number", both, "/set", Some(json!(["a", 1]))),
        ("unknown key", both, "/custom_dirs", Some(json!(null))),
        ("launcher is a list", both, "/launcher", Some(json!([]))),
        ("unknown launcher key", both, "/launcher/name_space", Some(json!("x"))),
        ("no config_file_path", both, "/launcher/config_file_path", None),
        ("no study data path", Some(V2_8), "/launcher/study_data_pvc_file_path", None),
        ("empty study data path", Some(V2_9), "/launcher/study_data_pvc_file_path", Some(json!(""))),
        ("negative pending_timeout", Some(V2_9), "/launcher/pending_timeout", Some(json!(-1))),
        ("boolean pending_timeout", Some(V2_9), "/launcher/pending_timeout", Some(json!(true))),
        ("empty python", both, "/launcher/default_python_path", Some(json!(""))),
        ("security context is a list", both, "/launcher/security_context", Some(json!([1]))),
        ("null ephemeral_storage", both, "/launcher/ephemeral_storage", Some(json!(null))),
        ("null workspace_mount_path", both, "/launcher/workspace_mount_path", Some(json!(null))),
        ("blank pull secret", both, "/launcher/image_pull_secrets", Some(json!(["a", " "]))),
        ("pull secrets as text", both, "/launcher/image_pull_secrets", Some(json!("a"))),
        ("no job id", both, "/job_meta/job_id", None),
        ("empty job id", both, "/job_meta/job_id", Some(json!(""))),
        ("job id without a name", both, "/job_meta/job_id", Some(json!("--"))),
        ("study is a number", both, "/job_meta/study", Some(json!(1))),
        ("launcher_spec is a list", both, "/job_meta/launcher_spec", Some(json!([]))),
        ("no image", both, "/job_meta/launcher_spec/default/k8s/image", Some(json!(""))),
        ("image is a number", both, "/job_meta/launcher_spec/default/k8s/image", Some(json!(1))),
        ("empty job storage", both, "/job_meta/launcher_spec/default/k8s/ephemeral_storage", Some(json!(""))),
        ("job storage is a number", both, "/job_meta/launcher_spec/default/k8s/ephemeral_storage", Some(json!(5))),
        ("cpu is a boolean", both, "/job_meta/launcher_spec/default/k8s/cpu", Some(json!(true))),
        ("null job python", both, "/job_meta/launcher_spec/default/k8s/python_path", Some(json!(null))),
        ("job pending_timeout is text", Some(V2_9), "/job_meta/launcher_spec/default/k8s/pending_timeout", Some(json!("5"))),
        ("portable GPUs below 0", Some(V2_9), "/job_meta/resource_spec", Some(json!({"site-1": {"num_of_gpus": -1}}))),
        ("portable CPUs are 0", Some(V2_9), "/job_meta/resource_spec", Some(json!({"@default": {"num_of_cpus": 0}}))),
        ("portable CPUs are null", Some(V2_9), "/job_meta/resource_spec", Some(json!({"@default": {"num_of_cpus": null}}))),
        ("portable memory in GB", Some(V2_9), "/job_meta/resource_spec", Some(json!({"site-1": {"memory": "8GB"}}))),
        ("no process arguments", both, "/process_args", Some(json!({}))),
        ("no module", both, "/process_args/exe_module", None),
        ("empty module", both, "/process_args/exe_module", Some(json!(["-m", ""]))),
        ("token is a list", both, "/process_args/auth_token", Some(json!(["-t", ["CANARY-auth"]]))),
        ("token alone", both, "/process_args/ssid", Some(json!("CANARY-ssid"))),
        ("flag is a number", both, "/process_args/ssid", Some(json!([1, "CANARY-ssid"]))),
    ]
}

fn set(request: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = request.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(parent.insert(key.to_owned(), value)),
        None => drop(parent.shift_remove(key)),
    }
}

/// The faults of one broken input as text; fails if there is no fault or a token is visible.
fn faults(name: &str, request: &str, target: Target, files: &[(String, String)]) -> String {
    let kit = tempfile::tempdir().unwrap();
    write_kit(kit.path(), files);
    let faults = launch(request, kit.path(), target, &Additions::default()).expect_err(name);
    let mut text = String::new();
    for fault in faults.all() {
        writeln!(text, "{name} ({target}): {fault}").unwrap();
        if let Some(hint) = &fault.hint {
            writeln!(text, "    {hint}").unwrap();
        }
        let all = format!("{fault:?} {}", serde_json::to_string(fault).unwrap());
        assert!(!all.contains("CANARY") && !all.contains("123456789"), "a token is visible: {all}");
    }
    text
}

#[test]
fn each_fault_of_a_request_has_its_key_and_place() {
    let mut text = String::new();
    for (name, only, pointer, value) in request_faults() {
        for target in Target::ALL.into_iter().filter(|target| only.is_none_or(|only| only == *target)) {
            let mut request = request();
            set(&mut request, pointer, value.clone());
            let shown = faults(name, &serde_json::to_string_pretty(&request).unwrap(), target, &[]);
            if only.is_some() || target == V2_9 {
                text.push_str(&shown);
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_pending_timeout_is_the_jobs_then_the_launchers_and_null_is_without_end() {
    let waits = |job: Option<Value>, launcher: Option<Value>, target: Target| {
        let mut request = request();
        for (pointer, value) in
            [("/job_meta/launcher_spec/default/k8s/pending_timeout", job), ("/launcher/pending_timeout", launcher)]
        {
            if value.is_some() {
                set(&mut request, pointer, value);
            }
        }
        launch_in_memory(&request.to_string(), &[], target, &Additions::none()).unwrap().value.pending_timeout
    };
    let seconds = Duration::from_secs;
    for target in Target::ALL {
        assert_eq!(waits(None, None, target), seconds(120), "{target}");
        assert_eq!(waits(None, Some(json!(30)), target), seconds(30), "{target}");
        assert_eq!(waits(None, Some(json!(0)), target), seconds(0), "{target}");
        assert_eq!(waits(None, Some(json!(null)), target), Duration::MAX, "{target}");
    }
    // From 2.9 on a job may have its own.
    for (job, of_2_9) in [(json!(0), seconds(0)), (json!(7), seconds(7)), (json!(null), Duration::MAX)] {
        assert_eq!(waits(Some(job.clone()), Some(json!(30)), V2_9), of_2_9, "{job}");
        assert_eq!(waits(Some(job), Some(json!(30)), V2_8), seconds(30));
    }
}

#[test]
fn all_faults_of_a_request_are_reported_at_once_in_file_order() {
    let text = include_str!("many_faults.json");
    insta::assert_snapshot!(faults("many", text, V2_9, &[]));
    for (name, text) in [
        ("not JSON", "{\"transfer_token\": \"CANARY-transfer\",\n  oops}"),
        ("empty", ""),
        ("a list", "[]"),
        ("half a character", "{\"site\": \"\\ud800\"}"),
        ("deep", &"[".repeat(200)),
        ("deep and closed", &format!("{{\"a\": {}{}}}", "[".repeat(200), "]".repeat(200))),
    ] {
        assert!(faults(name, text, V2_8, &[]).starts_with(name));
    }
}

#[test]
fn each_fault_of_study_data_has_its_key_and_place() {
    let files = [
        ("no YAML", "cancer: [\n"),
        ("no mapping", "- cancer\n"),
        ("two documents", "a: {}\n---\nb: {}\n"),
        ("name of a study", "Cancer: {}\n"),
        ("study is null", "cancer:\n"),
        ("name of a dataset", "cancer:\n  \"a b\": {source: s, mode: ro}\n"),
        ("dataset is text", "cancer:\n  training: nvfldata\n"),
        ("no source", "cancer:\n  training: {mode: ro}\n"),
        ("source is a number", "cancer:\n  training: {source: 12, mode: ro}\n"),
        ("source is in doubt", "cancer:\n  training: {source: no, mode: ro}\n"),
        ("mode", "cancer:\n  training: {source: s, mode: rx}\n"),
        ("another study", "cancer: {}\nother:\n  x: {source: s}\n"),
        ("doubled key", "cancer: {}\ncancer: {}\n"),
        ("alias in itself", "cancer: &a [*a]\n"),
        ("tag", "cancer: !secret {}\n"),
        ("name is a number", "1: {}\n"),
        ("several", "A: 1\nb:\n  C: {mode: x}\n"),
    ];
    let mut text = String::new();
    for (name, file) in files {
        text += &faults(name, &request().to_string(), V2_8, &[("local/data.yaml".to_owned(), file.to_owned())]);
    }
    insta::assert_snapshot!(text);
}

const RUNTIME_FAULTS: [(&str, &str); 38] = [
    ("empty", ""),
    ("no YAML", "a: ["),
    ("version", "format_version: 1\n"),
    ("no version", "studies: {}\n"),
    ("version as text", "format_version: '2'\n"),
    ("unknown key", "format_version: 2\nstudy: {}\n"),
    ("studies", "format_version: 2\nstudies: []\n"),
    ("study is null", "format_version: 2\nstudies: {cancer: }\n"),
    ("unknown study key", "format_version: 2\nstudies: {cancer: {enviroment: {}}}\n"),
    ("slurm", "format_version: 2\nstudies: {cancer: {slurm: {}}}\n"),
    ("docker", "format_version: 2\nstudies: {other: {docker_kwargs: {}}}\n"),
    ("no image", "format_version: 2\nstudies: {cancer: {container: {}}}\n"),
    ("container key", "format_version: 2\nstudies: {cancer: {container: {image: i, tag: t}}}\n"),
    ("null datasets", "format_version: 2\nstudies: {cancer: {datasets: }}\n"),
    ("dataset type", "format_version: 2\nstudies: {cancer: {datasets: {a: {type: databricks, source: s, mode: ro}}}}\n"),
    ("dataset key", "format_version: 2\nstudies: {cancer: {datasets: {a: {source: s, mode: ro, more: 1}}}}\n"),
    ("dataset mode", "format_version: 2\nstudies: {cancer: {datasets: {a: {source: s, mode: RO}}}}\n"),
    ("reserved variable", "format_version: 2\nstudies: {cancer: {env: {PYTHONPATH: x}}}\n"),
    ("reserved secret variable", "format_version: 2\nstudies: {cancer: {secret_env: {NVFLARE_JOB_SSID: {source: s, key: k}}}}\n"),
    ("empty variable", "format_version: 2\nstudies: {cancer: {env: {A: ''}}}\n"),
    ("null variable", "format_version: 2\nstudies: {cancer: {env: {A: }}}\n"),
    ("list variable", "format_version: 2\nstudies: {cancer: {env: {A: [1]}}}\n"),
    ("variable in doubt", "format_version: 2\nstudies: {cancer: {env: {A: yes}}}\n"),
    ("variable name in doubt", "format_version: 2\nstudies: {cancer: {env: {on: x}}}\n"),
    ("variable name is a number", "format_version: 2\nstudies: {cancer: {env: {1: x}}}\n"),
    ("variable twice", "format_version: 2\nstudies:\n  cancer:\n    env: {A: x}\n    secret_env: {A: {source: s, key: k}}\n"),
    ("no key", "format_version: 2\nstudies: {cancer: {secret_env: {A: {source: s}}}}\n"),
    ("secret mount mode", "format_version: 2\nstudies: {cancer: {secret_mounts: {a: {source: s, mount_path: /a, mode: rw}}}}\n"),
    ("secret mount path", "format_version: 2\nstudies: {cancer: {secret_mounts: {a: {source: s, mount_path: a}}}}\n"),
    (
        "secret mount items",
        "format_version: 2\nstudies: {cancer: {secret_mounts: {a: {source: s, mount_path: /a, items: {}}}}}\n",
    ),
    (
        "secret mount item",
        "format_version: 2\nstudies: {cancer: {secret_mounts: {a: {source: s, mount_path: /a, items: {k: }}}}}\n",
    ),
    ("template is a list", "format_version: 2\nstudies: {cancer: {pod_template: []}}\n"),
    ("template leaves local", "format_version: 2\nstudies: {cancer: {pod_template: ../pod.yaml}}\n"),
    ("template file is missing", "format_version: 2\nstudies: {other: {pod_template: none.yaml}}\n"),
    ("template kind", "format_version: 2\nstudies: {cancer: {pod_template: {kind: Job}}}\n"),
    ("template in doubt", "format_version: 2\nstudies: {cancer: {pod_template: {spec: {hostNetwork: yes}}}}\n"),
    (
        "template containers",
        "format_version: 2\nstudies: {cancer: {pod_template: {metadata: 1, spec: {containers: {}, volumes: x}}}}\n",
    ),
    ("no main container", "format_version: 2\nstudies: {cancer: {pod_template: {spec: {containers: [{name: a}, {name: b}]}}}}\n"),
];

#[test]
fn each_fault_of_a_study_runtime_has_its_key_and_place() {
    let mut text = String::new();
    for (name, file) in RUNTIME_FAULTS {
        text += &faults(name, &request().to_string(), V2_9, &[("local/study_runtime.yaml".to_owned(), file.to_owned())]);
    }
    let both = [
        ("local/study_runtime.yaml".to_owned(), "format_version: 2".to_owned()),
        ("local/study_data.yaml".to_owned(), String::new()),
    ];
    text += &faults("both files", &request().to_string(), V2_9, &both);
    let template = [
        ("local/study_runtime.yaml".to_owned(), "format_version: 2\nstudies: {cancer: {pod_template: pods/p.yaml}}".to_owned()),
        ("local/pods/p.yaml".to_owned(), "spec:\n  containers: []\nkind: Deployment\n".to_owned()),
    ];
    text += &faults("template file kind", &request().to_string(), V2_9, &template);
    insta::assert_snapshot!(text);
}

/// Short input must not be expensive: nested aliases, one long text copied often, thousands of faults on one line.
#[test]
fn hostile_files_cost_no_more_than_their_size() {
    let mut bomb = "a0: &a0 {source: s, mode: ro}\n".to_owned();
    for level in 1..40 {
        writeln!(bomb, "a{level}: &a{level} [{}]", format!("*a{}, ", level - 1).repeat(10)).unwrap();
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(5_000));
    for file in [bomb, long] {
        let text = faults("bomb", &request().to_string(), V2_8, &[("local/data.yaml".to_owned(), file)]);
        assert!(text.contains("it holds more than 100000 values, counting all that aliases repeat"), "{text}");
    }
    let keys: String = (0..50_000).fold(String::new(), |keys, key| keys + &format!("\"é{key}\": 1, "));
    let text = format!("{{{keys}\"role\": 1}}");
    let found = flare_pod_manifest::LaunchRequest::parse(text.as_bytes(), "r", V2_8).unwrap_err();
    assert!(found.all().len() > 50_000);
    let last = found.all().last().and_then(|fault| fault.place.as_ref()?.position).unwrap();
    assert_eq!((last.line, usize::try_from(last.column).unwrap()), (1, text.chars().count() - 1));
}

/// Tokens may be only in 2.8's pod and in the Secrets.
#[test]
fn tokens_and_keys_stand_nowhere_but_where_they_belong() {
    let kit = tempfile::tempdir().unwrap();
    write_kit(
        kit.path(),
        &[("startup/client.key".to_owned(), "CANARY-key".to_owned()), ("startup/rootCA.pem".to_owned(), "CANARY-pem".to_owned())],
    );
    for target in Target::ALL {
        let text = request().to_string();
        let parsed = flare_pod_manifest::LaunchRequest::parse(text.as_bytes(), "r", target).unwrap();
        assert!(!format!("{parsed:?}").contains("CANARY"), "Debug of the request");
        let files = support::read_site(&parsed.value, kit.path());
        assert!(!format!("{files:?}").contains("CANARY"), "Debug of the files");
        let made = launch(&text, kit.path(), target, &Additions::default()).unwrap();
        assert!(!format!("{made:?}").contains("CANARY"), "Debug of the manifest");
        assert!(!made.value.explanation.to_string().contains("CANARY"), "the explanation");
        assert!(!serde_json::to_string(&made.value.explanation).unwrap().contains("CANARY"));
        let pod = made.value.pod.to_string();
        for token in &TOKENS[..4] {
            // Tokens are on the command line and in the environment of 2.8 (defect 17), never in 2.9's pod.
            assert_eq!(pod.contains(token), target == V2_8, "{token} in the pod of {target}");
        }
        assert!(!pod.contains("CANARY-key") && !pod.contains("CANARY-pem"));
        assert!(!made.value.to_json().to_string().contains("CANARY-key"), "keys only as base64 in the Secret");
    }
}
