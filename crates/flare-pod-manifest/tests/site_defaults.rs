//! The site's defaults for flare-kube's launcher: below what the job and the study's pod template say, and each with its source.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

use std::path::Path;

use flare_diagnostic::{Checked, Faults};
use flare_names::{Role, Target};
use flare_pod_manifest::{
    Additions, FileContent, LaunchRequest, Manifest, Origin, PreparedSite, SiteFiles, SitePath, Submission, manifest,
};
use flare_site_config::{JobPodDefaults, SiteConfig};
use serde_json::{Value, json};

/// The defaults of a `job_launcher` block in flow style.
fn defaults(job_launcher: &str) -> JobPodDefaults {
    let text = format!("runtime: k8s\nparent: {{docker_image: a/b:1}}\njob_launcher: {job_launcher}\n");
    let config = SiteConfig::parse(text.as_bytes(), "k8s.yaml", Target::V2_9).unwrap().value;
    JobPodDefaults::of(&config.job_launcher)
}

/// The pod of a job at `site-1`; `template` is a pod template of its study, as JSON.
fn made(
    defaults: Option<&JobPodDefaults>,
    target: Target,
    job: &Value,
    template: Option<&Value>,
) -> Result<Checked<Manifest>, Faults> {
    let launcher = serde_json::from_value(json!({
        "config_file_path": null, "namespace": "flare", "default_python_path": "/python", "workspace_mount_path": "/w",
        "study_data_pvc_file_path": "/w/local/study_data.yaml"
    }))
    .unwrap();
    let site = PreparedSite {
        role: Role::Client,
        site: "site-1",
        server_name: None,
        launcher: &launcher,
        pod_defaults: defaults,
        parent_url: None,
        parent_connection_security: None,
    };
    let meta = serde_json::to_vec_pretty(job).unwrap();
    let request = LaunchRequest::for_prepared(&site, &meta, "meta.json", Submission::default(), target)?.value;
    let runtime = template.map(|template| json!({"format_version": 2, "studies": {"default": {"pod_template": template}}}));
    let files = SiteFiles::default().gather(&request, |path| match (path, &runtime) {
        (SitePath::BelowKit(path), Some(runtime)) if Path::new(path).ends_with("study_runtime.yaml") => {
            FileContent::Bytes(runtime.to_string().into_bytes())
        }
        _ => FileContent::Missing,
    });
    manifest(&request, &files, &Additions::none())
}

fn job(block: &Value) -> Value {
    let mut k8s = json!({"image": "i:1"});
    k8s.as_object_mut().unwrap().extend(block.as_object().unwrap().clone());
    json!({"job_id": "9c0d", "launcher_spec": {"default": {"k8s": k8s}}})
}

fn container(manifest: &Manifest) -> &Value {
    &manifest.pod["spec"]["containers"][0]
}

#[test]
fn every_default_is_in_the_pod_and_says_where_it_came_from() {
    let all = include_str!("../../../fixtures/configs/valid/job_pod_defaults.yaml");
    for target in Target::ALL {
        let config = SiteConfig::parse(all.as_bytes(), "k8s.yaml", target).unwrap().value;
        let defaults = JobPodDefaults::of(&config.job_launcher);
        let plain = made(None, target, &job(&json!({"num_of_gpus": 1})), None).unwrap().value;
        let manifest = made(Some(&defaults), target, &job(&json!({"num_of_gpus": 1})), None).unwrap().value;
        let name = |field: &str| format!("site-defaults-{field}-{target}");
        let added: Vec<_> =
            manifest.explanation.fields().iter().filter(|row| !plain.explanation.fields().contains(row)).collect();
        insta::assert_json_snapshot!(name("explained"), added);
        insta::assert_json_snapshot!(name("spec"), manifest.pod["spec"]);
        let by_site = |field: &str| manifest.explanation.field(field).map(|row| row.origin) == Some(Origin::SiteDefault);
        assert!(by_site("container.resources.limits.cpu") && by_site("spec.tolerations") && by_site("volumes.shared-memory"));
        let none = made(Some(&JobPodDefaults::default()), target, &job(&json!({"num_of_gpus": 1})), None).unwrap().value;
        assert_eq!(none, plain, "defaults that decide nothing change nothing");
    }
}

#[test]
fn the_job_goes_before_the_site_part_by_part() {
    let site = defaults("{cpu: 4, cpu_request: 2, memory: 8Gi}");
    // The job's block; limits and requests of cpu and memory.
    let rows = [
        (json!({}), json!(["4", "2", "8Gi", "8Gi"])),
        (json!({"cpu": 1}), json!([1, 1, "8Gi", "8Gi"])),
        (json!({"cpu": "8", "cpu_request": "6"}), json!(["8", "6", "8Gi", "8Gi"])),
        (json!({"cpu_request": "3"}), json!(["4", "3", "8Gi", "8Gi"])),
        (json!({"cpu_request": "4000m", "memory_request": "8Gi"}), json!(["4", "4000m", "8Gi", "8Gi"])),
        (json!({"cpu": null, "memory": 0}), json!([null, null, null, null])),
        (json!({"cpu_request": ""}), json!(["4", null, "8Gi", "8Gi"])),
        (json!({"memory": "1Gi", "memory_request": "512Mi"}), json!(["4", "2", "1Gi", "512Mi"])),
    ];
    for (block, expected) in rows {
        for target in Target::ALL {
            let manifest =
                made(Some(&site), target, &job(&block), None).unwrap_or_else(|faults| panic!("{block}: {faults}")).value;
            let resources = &container(&manifest)["resources"];
            let found = json!([
                resources["limits"]["cpu"],
                resources["requests"]["cpu"],
                resources["limits"]["memory"],
                resources["requests"]["memory"]
            ]);
            assert_eq!(found, expected, "{block} {target}");
        }
    }
    let portable = json!({"job_id": "9c0d", "launcher_spec": {"default": {"k8s": {"image": "i", "cpu_request": "64"}}},
        "resource_spec": {"site-1": {"num_of_cpus": 6}}});
    let manifest = made(Some(&site), Target::V2_9, &portable, None).unwrap().value;
    let resources = &container(&manifest)["resources"];
    assert_eq!((&resources["limits"]["cpu"], &resources["requests"]["cpu"]), (&json!("6"), &json!("6")));
    assert_eq!(resources["limits"]["memory"], "8Gi");
}

#[test]
fn a_request_above_the_limit_of_the_site_is_refused_where_it_stands() {
    let site = defaults("{cpu: 2500m, memory: 1Gi}");
    let both = job(&json!({"cpu_request": 3, "memory_request": "2Gi"}));
    for target in Target::ALL {
        let faults = made(Some(&site), target, &both, None).expect_err("both requests are too high");
        let shown: Vec<_> = faults.all().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "meta.json:7:24: `launcher_spec.default.k8s.cpu_request` is above the site's limit `2500m`: Kubernetes refuses the pod",
                "meta.json:8:27: `launcher_spec.default.k8s.memory_request` is above the site's limit `1Gi`: Kubernetes refuses the pod",
            ]
        );
        assert!(faults.first().hint.as_deref().unwrap().contains("ask for at most 2500m"));
        let own_limit = job(&json!({"cpu_request": 3, "cpu": 3, "memory_request": "words"}));
        assert!(
            made(Some(&site), target, &own_limit, None).is_ok(),
            "a limit of its own takes precedence; what is not an amount is a warning"
        );
    }
}

#[test]
fn a_pod_template_goes_before_the_site_key_by_key() {
    let site = defaults(
        "{shm_size: 1Gi, node_selector: {a: b}, tolerations: [{operator: Exists}], runtime_class_name: nvidia, image_pull_policy: Never}",
    );
    let template = json!({"spec": {
        "nodeSelector": {"c": "d"}, "tolerations": [], "runtimeClassName": null,
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}, {"name": "shared-memory", "emptyDir": {}}],
        "containers": [{"name": "nvflare_job", "imagePullPolicy": "IfNotPresent", "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm/"}]}]
    }});
    let with_template = made(Some(&site), Target::V2_9, &job(&json!({})), Some(&template)).unwrap().value;
    let spec = &with_template.pod["spec"];
    assert_eq!((&spec["nodeSelector"], &spec["tolerations"]), (&json!({"c": "d"}), &json!([])));
    assert_eq!(spec["runtimeClassName"], "nvidia", "null is not a word");
    assert_eq!(container(&with_template)["imagePullPolicy"], "IfNotPresent");
    let at_shm = |manifest: &Manifest| {
        let mounts = container(manifest)["volumeMounts"].as_array().unwrap().clone();
        mounts
            .into_iter()
            .filter(|mount| mount["mountPath"].as_str().unwrap().trim_end_matches('/') == "/dev/shm")
            .collect::<Vec<_>>()
    };
    assert_eq!(at_shm(&with_template).len(), 1, "nothing is mounted twice");
    let other = json!({"spec": {"volumes": [{"name": "shared-memory", "emptyDir": {}}]}});
    let beside = made(Some(&site), Target::V2_9, &job(&json!({})), Some(&other)).unwrap().value;
    assert_eq!(at_shm(&beside), [json!({"name": "shared-memory-2", "mountPath": "/dev/shm"})]);
    let volumes = beside.pod["spec"]["volumes"].as_array().unwrap();
    assert!(volumes.contains(&json!({"name": "shared-memory-2", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}})));
}

#[test]
fn a_job_without_gpus_asks_for_none_whatever_they_are_called() {
    let site = defaults("{gpu_resource_name: nvidia.com/mig-1g.5gb}");
    for (gpus, expected) in [(json!(2), json!(2)), (json!(0), Value::Null), (Value::Null, Value::Null)] {
        let manifest = made(Some(&site), Target::V2_8, &job(&json!({"num_of_gpus": gpus})), None).unwrap().value;
        let resources = &container(&manifest)["resources"];
        for part in ["limits", "requests"] {
            assert_eq!(resources[part]["nvidia.com/mig-1g.5gb"], expected, "{gpus}");
            assert_eq!(resources[part]["nvidia.com/gpu"], Value::Null);
        }
    }
}

#[test]
fn an_image_or_a_python_of_the_job_is_its_own_code_from_2_9_on() {
    let of = |target, job: &Value| made(None, target, job, None).unwrap().value.own_code;
    let both = json!({"job_id": "9c0d", "launcher_spec": {
        "default": {"k8s": {"image": "i"}}, "site-1": {"k8s": {"python_path": "/p", "cpu": 1}}, "site-2": {"k8s": {"image": "j"}}}});
    assert_eq!(of(Target::V2_9, &both), ["launcher_spec.default.k8s.image", "launcher_spec.site-1.k8s.python_path"]);
    assert!(of(Target::V2_8, &both).is_empty());
    let legacy = json!({"job_id": "9c0d", "resource_spec": {"site-1": {"k8s": {"image": "i"}}}});
    assert_eq!(of(Target::V2_9, &legacy), ["resource_spec.site-1.k8s.image"]);
}
