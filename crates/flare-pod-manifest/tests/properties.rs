//! Properties over typed input and over generated requests: names are valid, Kubernetes' own schema accepts the result, the
//! requests never exceed the limits unless the input said so, additions only add, the same input gives the same bytes,
//! and no input makes a reader panic.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

mod support;

use flare_names::{PodName, SecretName, Target, VolumeName};
use flare_pod_manifest::{Additions, FileContent, LaunchRequest, SiteFiles, manifest, schema};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{
    generate::{Random, case},
    launch_in_memory,
};

fn kubernetes(kind: &str) -> jsonschema::Validator {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/kubernetes-schemas/kubernetes-1.34.4.json");
    let mut all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all["$ref"] = json!(format!("#/definitions/{}", kind.replace('/', "~1")));
    jsonschema::validator_for(&all).unwrap()
}

fn target() -> impl Strategy<Value = Target> {
    prop::sample::select(Target::ALL.to_vec())
}

prop_compose! {
    /// A valid request, with quantities that Kubernetes accepts.
    fn valid_request()(
        site in ".{0,70}",
        job_id in "[0-9a-zA-Z][0-9a-zA-Z_-]{0,50}[0-9a-z]",
        study in "[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?",
        dataset in "[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?",
        cpu in prop::option::of(1_u32..512), memory in prop::option::of("[1-9][0-9]{0,3}(Mi|Gi)"),
        gpus in prop::option::of(0_u32..9), token in ".{0,20}", server in any::<bool>(), storage in prop::option::of("[1-9][0-9]{0,2}Gi"),
    ) -> (Value, String) {
        let request = json!({
            "role": if server { "server" } else { "client" }, "site": site, "workspace": "/w", "custom_dir": "/w/x/custom", "owner_fqcn": site,
            "transfer_token": token, "set": ["a=b"],
            "launcher": { "config_file_path": null, "study_data_pvc_file_path": "/w/local/study_data.yaml", "namespace": "flare" },
            "job_meta": { "job_id": job_id, "study": study, "launcher_spec": { "default": { "k8s": {
                "image": "i", "cpu": cpu, "memory": memory, "num_of_gpus": gpus, "ephemeral_storage": storage } } } },
            "process_args": { "exe_module": ["-m", "m"], "workspace": ["-m", "/w"], "auth_token": ["-t", token], "ssid": ["-d", 5] },
        });
        (request, json!({ study: { dataset: { "source": "claim", "mode": "rw" } } }).to_string())
    }
}

/// The request without values that the reader ignores but the schema, which knows neither site nor release, checks: a
/// default that the site's own block overlays and, for 2.8, `@default` and the blocks of other sites.
fn without_what_nobody_reads(request: &Value, target: Target) -> Value {
    let mut request = request.clone();
    let site = request["site"].as_str().unwrap_or_default().to_owned();
    if let (Target::V2_8, Some(resources)) = (target, request["job_meta"]["resource_spec"].as_object_mut()) {
        resources.remove("@default");
    }
    if let Some(own) = request["job_meta"]["launcher_spec"][&site]["k8s"].as_object().cloned()
        && let Some(default) = request["job_meta"]["launcher_spec"]["default"]["k8s"].as_object_mut()
    {
        default.retain(|key, _| !own.contains_key(key));
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_valid_request_gives_valid_objects(request in valid_request(), target in target()) {
        let (request, study_data) = request;
        let files = [("local/study_data.yaml".to_owned(), study_data), ("startup/rootCA.pem".to_owned(), "x".to_owned())];
        let text = request.to_string();
        let made = launch_in_memory(&text, &files, target, &Additions::default()).unwrap();
        prop_assert!(made.warnings.is_empty());
        let made = made.value;
        thread_local! {
            static SCHEMAS: (jsonschema::Validator, jsonschema::Validator) = (kubernetes("v1/Pod"), kubernetes("v1/Secret"));
        }
        SCHEMAS.with(|(pod, secret)| {
            assert_eq!(pod.iter_errors(&made.pod).map(|error| error.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
            assert!(made.secrets.iter().all(|object| secret.is_valid(object)));
        });
        prop_assert!(PodName::new(made.pod["metadata"]["name"].as_str().unwrap()).is_ok());
        for secret in &made.secrets {
            prop_assert!(SecretName::new(secret["metadata"]["name"].as_str().unwrap()).is_ok());
        }
        let volumes = made.pod["spec"]["volumes"].as_array().unwrap();
        prop_assert_eq!(volumes.len(), 3);
        prop_assert!(volumes.iter().all(|volume| VolumeName::new(volume["name"].as_str().unwrap()).is_ok()));
        for value in made.pod["metadata"]["labels"].as_object().unwrap().values() {
            prop_assert!(value.as_str().unwrap().len() <= 63);
        }
        // No request in this input is below its limit, so both are equal.
        let resources = &made.pod["spec"]["containers"][0]["resources"];
        prop_assert_eq!(&resources["requests"], &resources["limits"]);
        let again = launch_in_memory(&text, &files, target, &Additions::default()).unwrap().value;
        prop_assert_eq!(made.to_json().to_string(), again.to_json().to_string());
    }

    #[test]
    fn generated_requests_keep_the_properties(seed in any::<u64>(), target in target()) {
        let case = case(&mut Random(seed), target, "/w");
        let text = case.request.to_string();
        let Ok(plain) = launch_in_memory(&text, &case.files, target, &Additions::none()) else { return Ok(()) };
        let made = launch_in_memory(&text, &case.files, target, &Additions::default()).unwrap().value;
        only_added(&plain.value.pod, &made.pod, "pod");
        let resources = made.pod["spec"]["containers"].as_array().unwrap().iter().find(|c| c["args"][0] == "-u").unwrap()["resources"].clone();
        prop_assert_eq!(&resources["requests"]["ephemeral-storage"], &resources["limits"]["ephemeral-storage"]);
        prop_assert_eq!(&resources["requests"]["nvidia.com/gpu"], &resources["limits"]["nvidia.com/gpu"]);
        thread_local! {
            static REQUEST: jsonschema::Validator = jsonschema::validator_for(&schema::launch_request()).unwrap();
            static RUNTIME: jsonschema::Validator = jsonschema::validator_for(&schema::study_runtime()).unwrap();
        }
        let request = without_what_nobody_reads(&case.request, target);
        let errors = REQUEST.with(|schema| schema.iter_errors(&request).map(|error| format!("{} {error}", error.instance_path())).collect::<Vec<_>>());
        prop_assert_eq!(errors, Vec::<String>::new(), "what we take, the schema takes");
        for (path, text) in &case.files {
            if path == "local/study_runtime.yaml" && let Ok(value) = serde_json::from_str::<Value>(text) {
                let errors = RUNTIME.with(|schema| schema.iter_errors(&value).map(|error| error.to_string()).collect::<Vec<_>>());
                prop_assert_eq!(errors, Vec::<String>::new());
            }
        }
    }

    #[test]
    fn no_request_makes_the_reader_panic(seed in any::<u64>(), cuts in prop::collection::vec((any::<u16>(), ".{0,3}"), 0..4)) {
        let case = case(&mut Random(seed), Target::V2_9, "/w");
        for target in Target::ALL {
            if let Err(faults) = LaunchRequest::parse(spliced(&case.request.to_string(), &cuts).as_bytes(), "r", target) {
                prop_assert!(!faults.all().is_empty());
            }
        }
    }

    #[test]
    fn no_study_file_makes_a_reader_panic(seed in any::<u64>(), cuts in prop::collection::vec((any::<u16>(), "[:{}&*!\\[\\]\n -]{0,3}"), 0..6)) {
        let mut random = Random(seed);
        let case = case(&mut random, Target::V2_9, "/w");
        let Ok(request) = LaunchRequest::parse(case.request.to_string().as_bytes(), "r", Target::V2_9) else { return Ok(()) };
        let files = SiteFiles::default().gather(&request.value, |path| {
            let path = path.to_string();
            let found = case.files.iter().find(|(name, _)| *name == path);
            found.map_or(FileContent::Missing, |(_, text)| FileContent::Bytes(spliced(text, &cuts).into_bytes()))
        });
        let _ = manifest(&request.value, &files, &Additions::default());
    }
}

/// A text with pieces replaced.
fn spliced(text: &str, cuts: &[(u16, String)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (at, piece) in cuts {
        if !text.is_empty() {
            let at = usize::from(*at) % text.len();
            let end = (at + 2).min(text.len());
            text.splice(at..end, piece.chars());
        }
    }
    text.into_iter().collect()
}

/// The list of `launch-request.md`, "Additions", and nothing else.
fn only_added(plain: &Value, made: &Value, path: &str) {
    const ALLOWED: [&str; 9] = [
        "pod.metadata.labels",
        "pod.metadata.annotations",
        "pod.metadata.namespace",
        "pod.spec.automountServiceAccountToken",
        "pod.spec.containers[].securityContext",
        "pod.spec.containers[].securityContext.allowPrivilegeEscalation",
        "pod.spec.containers[].securityContext.runAsNonRoot",
        "pod.spec.containers[].securityContext.seccompProfile",
        "pod.spec.containers[].securityContext.capabilities",
    ];
    match (plain, made) {
        (Value::Object(plain), Value::Object(made)) => {
            for (key, value) in made {
                let path = format!("{path}.{key}");
                match plain.get(key) {
                    Some(before) => only_added(before, value, &path),
                    None => assert!(ALLOWED.contains(&path.as_str()) || path.starts_with("pod.metadata."), "{path} was added"),
                }
            }
            assert!(plain.keys().all(|key| made.contains_key(key)), "{path} lost a key");
        }
        (Value::Array(plain), Value::Array(made)) => {
            assert_eq!(plain.len(), made.len());
            plain.iter().zip(made).for_each(|(plain, made)| only_added(plain, made, &format!("{path}[]")));
        }
        _ => assert_eq!(plain, made, "{path} was changed"),
    }
}

#[test]
fn the_schemas_are_schemas_and_refuse_what_the_readers_refuse() {
    for (name, make) in schema::ALL {
        assert!(jsonschema::meta::is_valid(&make()), "{name}");
        insta::assert_json_snapshot!(format!("schema-{name}"), make());
    }
    let runtime = jsonschema::validator_for(&schema::study_runtime()).unwrap();
    for refused in [
        json!({}),
        json!({"format_version": 1}),
        json!({"format_version": 2, "study": {}}),
        json!({"format_version": 2, "studies": {"A": {}}}),
        json!({"format_version": 2, "studies": {"a": {"slurm": {}}}}),
        json!({"format_version": 2, "studies": {"a": {"env": {"PYTHONPATH": "x"}}}}),
        json!({"format_version": 2, "studies": {"a": {"datasets": {"d": {"source": "s", "mode": "x"}}}}}),
    ] {
        assert!(!runtime.is_valid(&refused), "{refused}");
    }
}
