//! What the reference accepts and flare-kube refuses, and vice versa, by the numbers of `docs/defects.md`.

use flare_names::Target;
use flare_site_config::{InternalSecurity, SiteConfig};

/// A config with one more line in `parent`, and one more block.
fn config(parent: &str, rest: &str) -> String {
    format!("runtime: k8s\nparent:\n  docker_image: nvflare:2.8.3\n{parent}\n{rest}\n")
}

#[test]
fn defect_12_what_cannot_work_is_refused_with_its_place() {
    let table = [
        ("  parent_port: 0", "", "4:16"),
        ("  parent_port: 99999", "", "4:16"),
        ("  parent_port: true", "", "4:16"),
        ("  parent_port: 1\n  parent_port: 2", "", "5:3"),
        ("", "job_launcher: {pending_timeout: -1}", "5:33"),
        ("", "job_launcher: {pending_timeout: true}", "5:33"),
        ("  workspace_pvc: Bad_Claim", "", "4:18"),
        ("  workspace_mount_path: relative", "", "4:25"),
        ("  workspace_mount_path: /slash/", "", "4:25"),
        ("  resources: {request: {cpu: 1}}", "", "4:15"),
        ("  resources: {requests: {cpu: two}}", "", "4:31"),
        ("  resources: {requests: {memory: 8GB}}", "", "4:34"),
        ("  resources: {requests: {cpu: 2}, limits: {cpu: 1}}", "", "4:31"),
        ("  resources: {limits: {nvidia.com/gpu: -1}}", "", "4:40"),
    ];
    for (parent, rest, place) in table {
        let faults = SiteConfig::parse(config(parent, rest).as_bytes(), "k8s.yaml", Target::V2_8).expect_err(parent);
        assert_eq!(faults.all().len(), 1, "{faults}");
        assert_eq!(faults.first().place.as_ref().unwrap().to_string(), format!("k8s.yaml:{place}"), "{faults}");
    }
}

#[test]
fn defect_12_empty_resources_mean_none_and_an_empty_block_is_left_out() {
    let read = |text: &str| SiteConfig::parse(text.as_bytes(), "k8s.yaml", Target::V2_8).unwrap().value;
    assert!(read(&config("  resources: {}", "")).parent.resources.is_empty());
    assert_eq!(read(&config("", "job_launcher:")).job_launcher, read(&config("", "")).job_launcher);
}

#[test]
fn defect_28_null_is_left_out_everywhere() {
    for target in Target::ALL {
        let read = |text: &str| {
            let mut config = SiteConfig::parse(text.as_bytes(), "k8s.yaml", target).unwrap().value;
            assert!(config.place("parent.parent_port").is_none(), "null is not written");
            config.places.clear();
            config
        };
        let mut parent =
            "parent_port workspace_pvc workspace_mount_path python_path resources pod_security_context image_pull_secrets"
                .to_owned();
        if target.capabilities().internal_mutual_tls {
            parent.push_str(" internal_connection_security");
        }
        let nulls = |keys: &str| format!("  {}: null\n", keys.replace(' ', ": null\n  "));
        let launcher = "config_file_path default_python_path pending_timeout job_pod_security_context image_pull_secrets";
        let rest = format!("namespace:\nserver_service_name: ~\njob_launcher:\n{}", nulls(launcher));
        assert_eq!(read(&config(&nulls(&parent), &rest)), read(&config("", "")), "{target}");
    }
    let security =
        |target| SiteConfig::parse(config("", "").as_bytes(), "x", target).unwrap().value.parent.internal_connection_security;
    // The plan, which knows the release, turns it into a clear link for 2.8 (defect 17).
    assert_eq!(Target::ALL.map(security), [InternalSecurity::Mtls; Target::ALL.len()]);
}

#[test]
fn the_keys_that_hold_a_mapping_come_from_the_table() {
    let expected = [
        ("parent", "resources"),
        ("parent", "pod_security_context"),
        ("job_launcher", "job_pod_security_context"),
        ("job_launcher", "node_selector"),
        ("job_launcher", "affinity"),
    ];
    assert_eq!(flare_site_config::mapping_keys(), expected);
}

/// Quotes are proposed only if the quoted text is accepted, for each key and each kind of scalar that is not a string.
#[test]
fn quotes_are_proposed_only_where_they_help() {
    const KEYS: [(&str, &str); 14] = [
        ("runtime", ""),
        ("namespace", ""),
        ("server_service_name", ""),
        ("docker_image", "parent"),
        ("workspace_pvc", "parent"),
        ("workspace_mount_path", "parent"),
        ("python_path", "parent"),
        ("image_pull_secrets", "parent"),
        ("internal_connection_security", "parent"),
        ("config_file_path", "job_launcher"),
        ("default_python_path", "job_launcher"),
        ("ephemeral_storage", "job_launcher"),
        ("image_pull_secrets", "job_launcher"),
        ("memory", "requests"),
    ];
    let config = |key: &str, block: &str, value: &str| {
        let value = if key == "image_pull_secrets" { format!("[{value}]") } else { value.to_owned() };
        let line = |name: &str| if block == name { format!("{key}: {value}") } else { String::new() };
        let image = if key == "docker_image" { "" } else { "docker_image: a," };
        let runtime = if key == "runtime" { "" } else { "runtime: k8s" };
        format!(
            "{runtime}\n{}\nparent: {{{image} {}, resources: {{requests: {{{}}}}}}}\njob_launcher: {{{}}}\n",
            line(""),
            line("parent"),
            line("requests"),
            line("job_launcher")
        )
        .replace(" , ", " ")
    };
    let (mut proposed, mut refused) = (0, 0);
    for (key, block) in KEYS {
        for scalar in ["123", "1.5", "true", "no", "2026-01-01", "1:30", "0x1F", ".inf", "1_000"] {
            let Err(faults) = SiteConfig::parse(config(key, block, scalar).as_bytes(), "k8s.yaml", Target::V2_9) else {
                continue;
            };
            refused += 1;
            for fault in faults.all().iter().filter(|fault| fault.hint.as_ref().unwrap().contains("in quotes")) {
                proposed += 1;
                let quoted = config(key, block, &format!("\"{scalar}\""));
                let again = SiteConfig::parse(quoted.as_bytes(), "k8s.yaml", Target::V2_9);
                assert!(again.is_ok(), "{key}: {scalar}: {fault}: {}", again.unwrap_err());
            }
        }
    }
    assert!(proposed > 10 && refused > 60, "{proposed} {refused}");
}
