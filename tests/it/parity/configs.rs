//! Generated runtime configs: every key of the table, with random valid values.

use std::fmt::Write as _;

use integration_tests::random::Random;
use integration_tests::reference::Release;
use serde_json::{Map, Value, json};

const LABEL: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// A config as a value, into which faults can be put before it is written.
pub(crate) fn generate(random: &mut Random, release: Release) -> Value {
    let mut config = Map::new();
    config.insert("runtime".into(), json!("k8s"));
    if random.chance(70) {
        config.insert("namespace".into(), json!(namespace(random)));
    }
    if random.chance(40) {
        config.insert("server_service_name".into(), json!(service_name(random)));
    }
    config.insert("parent".into(), parent(random, release));
    if random.chance(70) {
        config.insert("job_launcher".into(), job_launcher(random));
    }
    Value::Object(config)
}

fn parent(random: &mut Random, release: Release) -> Value {
    let mut parent = Map::new();
    parent.insert("docker_image".into(), json!(image(random)));
    if random.chance(40) {
        // Never one of the kits' own ports, which only the reference accepts (defect 12).
        parent.insert("parent_port".into(), json!(*random.pick(&[2, 80, 8102, 8200, 18102, 65534])));
    }
    if random.chance(40) {
        parent.insert("workspace_pvc".into(), json!(subdomain(random)));
    }
    if random.chance(40) {
        let paths = ["/w", "/var/tmp/nvflare/workspace", "/data/my-ws", "/mnt/1e3", "/a b/ü", "/no", "/opt/{x}/'q'"];
        parent.insert("workspace_mount_path".into(), json!(*random.pick(&paths)));
    }
    if random.chance(30) {
        parent.insert("python_path".into(), json!(python_path(random)));
    }
    if random.chance(50) {
        parent.insert("resources".into(), resources(random));
    }
    if random.chance(40) {
        parent.insert("pod_security_context".into(), security_context(random));
    }
    if random.chance(40) {
        parent.insert("image_pull_secrets".into(), pull_secrets(random));
    }
    if release >= Release::V29 && random.chance(50) {
        parent.insert("internal_connection_security".into(), json!(*random.pick(&["clear", "mtls"])));
    }
    Value::Object(parent)
}

fn job_launcher(random: &mut Random) -> Value {
    let mut launcher = Map::new();
    if random.chance(30) {
        launcher.insert("config_file_path".into(), random.pick(&[json!("/etc/kube/config"), json!(null)]).clone());
    }
    if random.chance(40) {
        launcher.insert("default_python_path".into(), json!(python_path(random)));
    }
    if random.chance(50) {
        launcher.insert("pending_timeout".into(), json!(*random.pick(&[0, 1, 30, 120, 86_400])));
    }
    if random.chance(40) {
        let context = if random.chance(20) { json!({}) } else { security_context(random) };
        launcher.insert("job_pod_security_context".into(), context);
    }
    if random.chance(40) {
        launcher.insert("image_pull_secrets".into(), pull_secrets(random));
    }
    Value::Object(launcher)
}

fn namespace(random: &mut Random) -> String {
    let fixed = ["nvflare", "default", "n", "1", "0e11", "on", "null", "1e3", "team-a", "0x1f", "12-34"];
    if random.chance(60) { (*random.pick(&fixed)).to_owned() } else { label(random, 63) }
}

fn service_name(random: &mut Random) -> String {
    if random.chance(40) {
        (*random.pick(&["nvflare-server", "s", "yes", "server-1", "e10"])).to_owned()
    } else {
        format!("s{}", label(random, 62))
    }
}

fn label(random: &mut Random, limit: usize) -> String {
    let length = *random.pick(&[1, 2, 3, 8, 20, limit]);
    let mut text = random.text(&format!("{LABEL}-"), length);
    text.replace_range(0..1, &random.text(LABEL, 1));
    text.replace_range(length - 1..length, &random.text(LABEL, 1));
    text
}

fn subdomain(random: &mut Random) -> String {
    let fixed = ["nvflws", "my-claim", "a.b.c", "1", "claim.1e3", "no", "1.0"];
    if random.chance(70) { (*random.pick(&fixed)).to_owned() } else { label(random, 60) }
}

/// Image references of every form, with every combination of parts (defect 10).
pub(crate) fn image(random: &mut Random) -> String {
    let repositories = [
        "nvflare",
        "nvflare/nvflare",
        "registry.example.com/nvflare",
        "registry.example.com/team/nvflare_k8s",
        "localhost:5000/nvflare",
        "10.0.0.1:5000/a/b/c",
        "no",
    ];
    let tags = ["2.8", "2.9.0", "latest", "1e3", "4212e12", "0x10", "007", "no", "null", "1_000", "2.8.3-k8s", "V1.0", "0e11"];
    let mut image = (*random.pick(&repositories)).to_owned();
    if random.chance(85) {
        image.push(':');
        image.push_str(random.pick::<&str>(&tags));
    }
    if random.chance(20) {
        image.push_str("@sha256:");
        if random.chance(20) {
            image.push_str("0e");
            image.push_str(&random.text("0123456789", 62));
        } else {
            image.push_str(&random.text("0123456789abcdef", 64));
        }
    }
    image
}

fn python_path(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["/usr/bin/python3", "/opt/conda/bin/python", "python3", "/no", "/opt/my python/bin/python"])
}

fn pull_secrets(random: &mut Random) -> Value {
    random.pick(&[json!([]), json!(["regcred"]), json!(["a", "b.c", "1e3"]), json!(["no"]), json!(["1"])]).clone()
}

fn resources(random: &mut Random) -> Value {
    random
        .pick(&[
            json!({"requests": {"cpu": "2", "memory": "8Gi"}}),
            json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}),
            json!({"requests": {"cpu": 2, "memory": 1_073_741_824}}),
            json!({"limits": {"cpu": 1.5, "memory": "2G"}}),
            json!({"limits": {"nvidia.com/gpu": 1}, "requests": {"nvidia.com/gpu": 1}}),
            json!({"limits": {"nvidia.com/gpu": "2", "cpu": "4"}}),
            json!({"requests": {"ephemeral-storage": "10Gi"}}),
            json!({"limits": {"hugepages-2Mi": "64Mi", "memory": "1Gi"}, "requests": {"cpu": "1"}}),
            json!({"claims": [{"name": "gpu"}], "requests": {"cpu": "1e2"}}),
            json!({"requests": {}}),
            json!({"requests": {"memory": "1e3"}}),
        ])
        .clone()
}

fn security_context(random: &mut Random) -> Value {
    random
        .pick(&[
            json!({"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}),
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}),
            json!({"runAsUser": 0}),
            json!({"supplementalGroups": [1, 2, 65534], "fsGroupChangePolicy": "OnRootMismatch"}),
            json!({"seLinuxOptions": {"level": "s0:c123,c456", "user": "no", "role": "1e3"}}),
            json!({"sysctls": [{"name": "net.core.somaxconn", "value": "1024"}]}),
            json!({"fsGroup": 4_294_967_295_u32, "runAsNonRoot": false}),
        ])
        .clone()
}

/// Writes a config as YAML: block style, strings randomly quoted or plain if that is safe in YAML 1.1 and 1.2.
pub(crate) fn write(random: &mut Random, config: &Value) -> Vec<u8> {
    if random.chance(15) {
        return serde_json::to_vec_pretty(config).unwrap();
    }
    let mut text = String::new();
    if random.chance(30) {
        text.push_str("# generated\n---\n");
    }
    write_mapping(random, config.as_object().expect("a config is a mapping"), 0, &mut text);
    text.into_bytes()
}

fn write_mapping(random: &mut Random, mapping: &Map<String, Value>, depth: usize, text: &mut String) {
    for (key, value) in mapping {
        text.push_str(&"  ".repeat(depth));
        text.push_str(&scalar(random, key));
        match value {
            Value::Object(inner) if !inner.is_empty() && random.chance(80) => {
                text.push_str(":\n");
                write_mapping(random, inner, depth + 1, text);
            }
            Value::String(word) => _ = writeln!(text, ": {}", scalar(random, word)),
            other => _ = writeln!(text, ": {other}"),
        }
    }
}

fn scalar(random: &mut Random, text: &str) -> String {
    let plain = text.len() > 3
        && text.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '/')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._/".contains(letter))
        && !["true", "false", "null"].contains(&text);
    match random.below(3) {
        0 if plain => text.to_owned(),
        1 if !text.contains('\'') => format!("'{text}'"),
        _ => Value::String(text.to_owned()).to_string(),
    }
}
