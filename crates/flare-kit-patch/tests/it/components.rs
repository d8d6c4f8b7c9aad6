//! `local/resources.json.default`: components, warnings, storage.

use flare_diagnostic::Code;
use flare_names::{Role, Target};
use serde_json::json;

use crate::support::*;

#[test]
fn provisioned_kits_become_what_the_reference_makes() {
    for role in BOTH_ROLES {
        for target in Target::ALL {
            let out = patched(kit(role), &plan(role, target)).value;
            insta::assert_snapshot!(format!("resources_{role}_{target}"), text(&out, RESOURCES));
        }
    }
}

#[test]
fn defect_22_untouched_kits_give_no_warning() {
    for role in BOTH_ROLES {
        for target in Target::ALL {
            assert_eq!(shown(&patched(kit(role), &plan(role, target)).warnings), "");
        }
    }
    // Releases before 2.7 wrote no expiration_period.
    let old = r#"[{"id": "resource_manager", "path": "nvflare.app_common.resource_managers.gpu_resource_manager.GPUResourceManager",
        "args": {"num_of_gpus": 0, "mem_per_gpu_in_GiB": 0}}]"#;
    assert_eq!(shown(&patched(kit_with_components(Role::Client, old), &plan(Role::Client, Target::V2_8)).warnings), "");
}

/// Which components the reference warns about, found by running both releases on each row. `role` is the kit's.
#[test]
fn a_warning_names_each_dropped_component_that_had_settings() {
    const GPU: &str = "nvflare.app_common.resource_managers.gpu_resource_manager.GPUResourceManager";
    const PASSTHROUGH: &str = "nvflare.app_common.resource_managers.passthrough_resource_manager.PassthroughResourceManager";
    const CONSUMER: &str = "nvflare.app_common.resource_consumers.gpu_resource_consumer.GPUResourceConsumer";
    const PROCESS: &str = "nvflare.app_common.job_launcher.server_process_launcher.ServerProcessJobLauncher";
    const DOCKER: &str = "nvflare.app_opt.job_launcher.docker_launcher.ClientDockerJobLauncher";
    const K8S_CLIENT: &str = "nvflare.app_opt.job_launcher.k8s_launcher.ClientK8sJobLauncher";
    const K8S_SERVER: &str = "nvflare.app_opt.job_launcher.k8s_launcher.ServerK8sJobLauncher";
    const SLURM: &str = "nvflare.app_opt.job_launcher.slurm.ClientSlurmJobLauncher";
    // id, rest of the component, whether 2.8 warns, whether 2.9 warns
    let rows = [
        ("resource_manager", json!({}), false, false),
        ("resource_manager", json!({"path": GPU}), false, false),
        ("resource_manager", json!({"path": PASSTHROUGH, "args": {}}), false, false),
        ("resource_manager", json!({"path": GPU, "args": {"num_of_gpus": 4, "mem_per_gpu_in_GiB": 16}}), true, true),
        ("resource_manager", json!({"path": GPU, "args": {"num_of_gpus": 0, "other": 0}}), true, true),
        ("resource_manager", json!({"path": GPU, "args": {"expiration_period": 30}}), true, true),
        ("resource_manager", json!({"args": {"num_of_gpus": 0}}), true, true),
        ("resource_manager", json!({"path": "my.Manager"}), true, true),
        ("resource_manager", json!({"path": CONSUMER}), true, true),
        ("resource_manager", json!({"path": "", "args": null}), false, false),
        ("resource_manager", json!({"path": 5}), true, true),
        ("resource_consumer", json!({"path": CONSUMER, "args": []}), false, false),
        ("resource_consumer", json!({"path": CONSUMER, "args": {"a": 1}}), true, true),
        ("resource_consumer", json!({"path": GPU}), true, true),
        ("process_launcher", json!({"path": PROCESS, "args": {}}), false, false),
        ("process_launcher", json!({"path": DOCKER}), false, false),
        ("process_launcher", json!({"path": K8S_SERVER}), false, false),
        ("process_launcher", json!({"path": SLURM}), true, false),
        ("process_launcher", json!({"path": "my.Launcher"}), true, true),
        ("docker_launcher", json!({"path": DOCKER, "args": {"network": "n"}}), true, true),
        ("k8s_launcher", json!({"path": K8S_CLIENT}), false, false),
        ("k8s_launcher", json!({"path": K8S_SERVER}), true, true),
        ("k8s_launcher", json!({"path": DOCKER}), true, true),
        ("k8s_launcher", json!({"path": K8S_CLIENT, "args": {"namespace": "n"}}), true, true),
        ("k8s_launcher", json!({}), false, false),
        ("slurm_launcher", json!({"path": "my.Launcher", "args": {"a": 1}}), false, true),
        ("slurm_launcher", json!({"path": SLURM}), false, false),
        ("my_launcher", json!({"path": "my.Launcher", "args": {"a": 1}}), false, false),
    ];
    for (id, rest, old, new) in rows {
        let mut component = rest.clone();
        component["id"] = json!(id);
        for (target, expected) in [(Target::V2_8, old), (Target::V2_9, new)] {
            let kit = kit_with_components(Role::Client, &json!([component]).to_string());
            let warnings = patched(kit, &plan(Role::Client, target)).warnings;
            assert_eq!(!warnings.is_empty(), expected, "{target} {component}: {}", shown(&warnings));
            for warning in warnings {
                assert_eq!(warning.code, Code::ComponentReplaced);
                assert!(warning.message.contains(&format!("`{id}`")), "{warning}");
                assert!(warning.place.is_some_and(|place| place.position.is_some()));
            }
        }
    }
}

#[test]
fn kept_components_keep_order_and_text() {
    let components = r#"[{"id": "b", "args": {"x": 1e400, "y": 10.0, "z": "\ud800"}}, {"path": "no.id"}, {"id": 5}, {"id": "process_launcher"}, {"id": "slurm_launcher"}, {"id": "b"}]"#;
    let ids = |target| {
        let out = patched(kit_with_components(Role::Client, components), &plan(Role::Client, target)).value;
        let text = text(&out, RESOURCES);
        assert!(text.contains("\"x\": 1e400,") && text.contains("\"y\": 10.0,") && text.contains(r#""z": "\ud800""#), "{text}");
        let ids = text.lines().filter(|line| line.trim().starts_with("\"id\"")).map(|line| line.trim().to_owned());
        ids.collect::<Vec<_>>().join(" ").replace("\"id\": ", "").replace(',', "")
    };
    assert_eq!(ids(Target::V2_8), r#""b" 5 "slurm_launcher" "b" "resource_manager" "k8s_launcher""#);
    assert_eq!(ids(Target::V2_9), r#""b" 5 "b" "resource_manager" "k8s_launcher""#);
}

#[test]
fn missing_components_are_made_and_doubled_keys_read_as_python_reads_them() {
    let mut server = kit(Role::Client);
    put(&mut server, RESOURCES, r#"{"z": 1, "components": 7, "a": 2, "components": [{"id": "own", "id": "process_launcher"}]}"#);
    let out = patched(server, &plan(Role::Client, Target::V2_8)).value;
    let resources = json(&out, RESOURCES);
    assert_eq!(resources.as_object().unwrap().keys().collect::<Vec<_>>(), ["z", "components", "a"]);
    assert_eq!(resources["components"].as_array().unwrap().len(), 2);

    let mut empty = kit(Role::Client);
    put(&mut empty, RESOURCES, "{}");
    let out = patched(empty, &plan(Role::Client, Target::V2_8)).value;
    assert_eq!(json(&out, RESOURCES)["components"][0]["id"], "resource_manager");
}

#[test]
fn launcher_arguments_are_those_of_the_plan() {
    let mut plan = plan(Role::Client, Target::V2_9);
    plan.launcher.config_file_path = Some("/kube/config".to_owned());
    plan.launcher.pending_timeout = Some(0);
    plan.launcher.security_context = json!({"runAsUser": 1000}).as_object().cloned();
    plan.launcher.image_pull_secrets = Some(Vec::new());
    let out = patched(kit(Role::Client), &plan).value;
    let resources = json(&out, RESOURCES);
    let launcher = resources["components"].as_array().unwrap().last().unwrap();
    assert_eq!(
        launcher["args"],
        json!({
            "config_file_path": "/kube/config", "namespace": "nvflare", "default_python_path": "/usr/local/bin/python3",
            "workspace_mount_path": "/var/tmp/nvflare/workspace", "pending_timeout": 0, "security_context": {"runAsUser": 1000},
            "image_pull_secrets": [],
        })
    );
}

#[test]
fn a_servers_storage_moves_to_the_claim() {
    let resources = |snapshot: &str, manager: &str| {
        let mut kit = kit(Role::Server);
        put(&mut kit, RESOURCES, format!(r#"{{{snapshot} "components": [{{"id": "job_manager"{manager}}}]}}"#));
        let out = patched(kit, &plan(Role::Server, Target::V2_8));
        let moved = json(&out.value, RESOURCES);
        let codes: Vec<_> = out.warnings.iter().map(|warning| warning.code).collect();
        (moved["snapshot_persistor"].clone(), moved["components"][0]["args"].clone(), codes)
    };
    let jobs = "/var/tmp/nvflare/workspace/jobs-storage";
    let snapshots = "/var/tmp/nvflare/workspace/snapshot-storage";
    let shape = r#""snapshot_persistor": {"args": {"storage": {"args": {}}}},"#;
    let (persistor, manager, codes) = resources(shape, "");
    assert_eq!(persistor, json!({"args": {"storage": {"args": {"root_dir": snapshots}}}}));
    assert_eq!(manager, json!({"uri_root": jobs}));
    assert!(codes.is_empty());

    let (_, manager, codes) = resources("", r#", "args": {"job_store_id": "s", "uri_root": "/tmp"}"#);
    assert_eq!(manager, json!({"job_store_id": "s", "uri_root": jobs}));
    assert!(codes.is_empty(), "no persistor, nothing to move");

    for odd in ["null", "[]", "{}", r#"{"args": {"storage": {"args": []}}}"#, r#"{"args": {"storage": "x"}}"#] {
        let (persistor, _, codes) = resources(&format!(r#""snapshot_persistor": {odd},"#), "");
        assert_eq!(persistor.to_string(), serde_json::from_str::<serde_json::Value>(odd).unwrap().to_string());
        assert_eq!(codes, [Code::StorageNotRelocated], "{odd}");
    }
    // A client has no storage, so its components are left alone.
    let mut client = kit_with_components(Role::Client, r#"[{"id": "job_manager", "args": null}]"#);
    put(&mut client, RESOURCES, r#"{"snapshot_persistor": 1, "components": [{"id": "job_manager", "args": null}]}"#);
    let out = patched(client, &plan(Role::Client, Target::V2_8));
    assert_eq!(json(&out.value, RESOURCES)["components"][0], json!({"id": "job_manager", "args": null}));
    assert!(out.warnings.is_empty());
}

#[test]
fn defect_31_components_of_the_wrong_kind_are_named_all_at_once() {
    let cases = [
        ("null", "1:16: `components` in `local/resources.json.default` must be a list, not null"),
        ("{}", "1:16: `components` in `local/resources.json.default` must be a list, not an object"),
        ("5", "1:16: `components` in `local/resources.json.default` must be a list, not a number"),
        ("[3]", "1:17: `components[0]` in `local/resources.json.default` must be an object, not a number"),
        ("[{}, null]", "1:21: `components[1]` in `local/resources.json.default` must be an object, not null"),
        ("[\n {\"id\": []}]", "2:9: `components[0].id` in `local/resources.json.default` must be a string, not a list"),
        (
            r#"[{"id": "job_manager", "args": null}]"#,
            "1:47: `components[0].args` in `local/resources.json.default` must be an object, not null",
        ),
    ];
    for (components, expected) in cases {
        let faults = faults(kit_with_components(Role::Server, components), &plan(Role::Server, Target::V2_9));
        assert_invalid_kit(&faults);
        assert_eq!(shown(faults.all()), format!("local/resources.json.default:{expected}\n"), "{components}");
    }
    let many = kit_with_components(Role::Server, r#"["x", {"id": "a"}, true]"#);
    assert_eq!(faults(many, &plan(Role::Server, Target::V2_8)).all().len(), 2);
}

#[test]
fn a_resources_file_that_is_none_is_refused() {
    let plan = plan(Role::Client, Target::V2_8);
    for text in ["", "[]", "null", "{", "{\"a\": NaN}", "\u{feff}{}", "{} {}"] {
        let mut kit = kit(Role::Client);
        put(&mut kit, RESOURCES, text);
        assert_invalid_kit(&faults(kit, &plan));
    }
    let mut missing = kit(Role::Client);
    missing.remove(RESOURCES);
    assert_invalid_kit(&faults(missing, &plan));
}
