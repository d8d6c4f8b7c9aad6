//! Single faults, each with the expected results of both sides, and configs that only flare-kube reads as the specification does.

use integration_tests::kit::Entry;
use integration_tests::random::Random;
use integration_tests::reference::Release::{self, V28, V29};
use serde_json::{Value, json};

use super::case::{Case, Config, Expected, Output, Role};

/// Puts one fault into a valid case.
pub(crate) fn apply(random: &mut Random, case: &mut Case, config: &mut Value) {
    case.expected = Expected::Refused;
    match random.below(10) {
        0..=3 => config_fault(random, case, config),
        4..=7 => kit_fault(random, case),
        8 => output_fault(random, case),
        _ => null_means_left_out(random, case, config),
    }
}

type Edit = fn(&mut Value);

/// Faults for which both sides report `INVALID_CONFIG`.
const BOTH: &[(&str, Edit)] = &[
    ("no runtime", |config| remove(config, "/runtime")),
    ("runtime is a number", |config| config["runtime"] = json!(8)),
    ("runtime is unknown", |config| config["runtime"] = json!("podman")),
    ("unknown key", |config| config["name_space"] = json!("x")),
    ("unknown key in parent", |config| config["parent"]["image"] = json!("x")),
    ("unknown key in job_launcher", |config| config["job_launcher"] = json!({"timeout": 5})),
    ("no parent", |config| remove(config, "/parent")),
    ("parent is a text", |config| config["parent"] = json!("x")),
    ("parent is null", |config| config["parent"] = json!(null)),
    ("job_launcher is a list", |config| config["job_launcher"] = json!([])),
    ("no image", |config| remove(config, "/parent/docker_image")),
    ("image is empty", |config| config["parent"]["docker_image"] = json!("")),
    ("image is a number", |config| config["parent"]["docker_image"] = json!(5)),
    ("image is null", |config| config["parent"]["docker_image"] = json!(null)),
    ("namespace in capitals", |config| config["namespace"] = json!("NVFlare")),
    ("namespace with a dash at the end", |config| config["namespace"] = json!("nvflare-")),
    ("namespace with a dot", |config| config["namespace"] = json!("a.b")),
    ("namespace of 64 letters", |config| config["namespace"] = json!("a".repeat(64))),
    ("namespace is empty", |config| config["namespace"] = json!("")),
    ("namespace is a number", |config| config["namespace"] = json!(12)),
    ("namespace is a boolean", |config| config["namespace"] = json!(true)),
    ("service name begins with a digit", |config| config["server_service_name"] = json!("1server")),
    ("service name with a dot", |config| config["server_service_name"] = json!("a.b")),
    ("service name of 64 letters", |config| config["server_service_name"] = json!("a".repeat(64))),
    ("parent_port is a text", |config| config["parent"]["parent_port"] = json!("8102")),
    ("parent_port is a fraction", |config| config["parent"]["parent_port"] = json!(8102.5)),
    ("workspace_pvc is empty", |config| config["parent"]["workspace_pvc"] = json!("")),
    ("workspace_pvc is a number", |config| config["parent"]["workspace_pvc"] = json!(1)),
    ("mount path is empty", |config| config["parent"]["workspace_mount_path"] = json!("")),
    ("python_path is empty", |config| config["parent"]["python_path"] = json!("")),
    ("python_path is a list", |config| config["parent"]["python_path"] = json!(["python3"])),
    ("resources is a list", |config| config["parent"]["resources"] = json!([])),
    ("pod_security_context is a text", |config| config["parent"]["pod_security_context"] = json!("x")),
    ("pull secrets are a text", |config| config["parent"]["image_pull_secrets"] = json!("regcred")),
    ("a pull secret is empty", |config| config["parent"]["image_pull_secrets"] = json!([""])),
    ("a pull secret in capitals", |config| config["parent"]["image_pull_secrets"] = json!(["Reg"])),
    ("a pull secret is a mapping", |config| config["parent"]["image_pull_secrets"] = json!([{"name": "reg"}])),
    ("config_file_path is empty", |config| config["job_launcher"] = json!({"config_file_path": ""})),
    ("default_python_path is empty", |config| config["job_launcher"] = json!({"default_python_path": ""})),
    ("pending_timeout is a text", |config| config["job_launcher"] = json!({"pending_timeout": "5"})),
    ("pending_timeout is a fraction", |config| config["job_launcher"] = json!({"pending_timeout": 1.5})),
    ("job security context is a list", |config| config["job_launcher"] = json!({"job_pod_security_context": []})),
    ("launcher pull secret is bad", |config| config["job_launcher"] = json!({"image_pull_secrets": ["a..b"]})),
];

/// Faults that the reference accepts (defect 12).
const TAKEN: &[(&str, Edit)] = &[
    ("parent_port 0", |config| config["parent"]["parent_port"] = json!(0)),
    ("parent_port 99999", |config| config["parent"]["parent_port"] = json!(99_999)),
    ("parent_port true", |config| config["parent"]["parent_port"] = json!(true)),
    ("image with capitals", |config| config["parent"]["docker_image"] = json!("Registry/NVFlare:1")),
    ("image with a space", |config| config["parent"]["docker_image"] = json!("a b")),
    ("image with a short digest", |config| config["parent"]["docker_image"] = json!("a@sha256:00")),
    ("claim in capitals", |config| config["parent"]["workspace_pvc"] = json!("Claim")),
    ("mount path is relative", |config| config["parent"]["workspace_mount_path"] = json!("a/b")),
    ("mount path ends with a slash", |config| config["parent"]["workspace_mount_path"] = json!("/a/")),
    ("mount path is the root", |config| config["parent"]["workspace_mount_path"] = json!("/")),
    ("mount path with ..", |config| config["parent"]["workspace_mount_path"] = json!("/a/../b")),
    ("mount path with a colon", |config| config["parent"]["workspace_mount_path"] = json!("/a:b")),
    ("request for requests", |config| config["parent"]["resources"] = json!({"request": {"cpu": "1"}})),
    ("cpu: two", |config| config["parent"]["resources"] = json!({"requests": {"cpu": "two"}})),
    ("memory: 8GB", |config| config["parent"]["resources"] = json!({"requests": {"memory": "8GB"}})),
    ("request above limit", |config| {
        config["parent"]["resources"] = json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}});
    }),
    ("negative GPUs", |config| config["parent"]["resources"] = json!({"limits": {"nvidia.com/gpu": -1}})),
    ("fraction of a GPU", |config| config["parent"]["resources"] = json!({"limits": {"nvidia.com/gpu": "0.5"}})),
    ("unknown resource", |config| config["parent"]["resources"] = json!({"limits": {"gpu": 1}})),
];

fn remove(config: &mut Value, pointer: &str) {
    let (above, key) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    if let Some(mapping) = config.pointer_mut(above).and_then(Value::as_object_mut) {
        mapping.remove(key);
    }
}

fn config_fault(random: &mut Random, case: &mut Case, config: &mut Value) {
    match random.below(12) {
        0..=5 => {
            let (note, edit) = random.pick(BOTH);
            edit(config);
            case.notes.push((*note).to_owned());
        }
        6..=8 => {
            let (note, edit) = random.pick(TAKEN);
            edit(config);
            case.notes.push((*note).to_owned());
            case.expected = Expected::OnlyWeRefuse { code: "INVALID_CONFIG", reason: "defect 12" };
        }
        9 => whole_config_fault(random, case),
        10 => target_specific(random, case, config),
        _ => {
            let runtime = if case.release >= V29 { *random.pick(&["docker", "slurm"]) } else { "docker" };
            case.notes.push(format!("runtime {runtime}"));
            case.config = Config::File(format!("runtime: {runtime}\nparent:\n  docker_image: a\n").into_bytes());
            case.expected = match runtime {
                "docker" => Expected::OnlyWeRefuse { code: "INVALID_CONFIG", reason: "scope: only runtime k8s" },
                _ => Expected::Refused,
            };
        }
    }
}

fn whole_config_fault(random: &mut Random, case: &mut Case) {
    let texts: [(&str, &[u8]); 9] = [
        ("empty file", b""),
        ("only a comment", b"# nothing\n"),
        ("a list", b"- runtime: k8s\n"),
        ("a text", b"runtime\n"),
        ("no YAML", b"runtime: [k8s\n"),
        ("tabs", b"runtime: k8s\nparent:\n\tdocker_image: a\n"),
        ("not UTF-8", b"runtime: k8s\nparent:\n  docker_image: a\xff\n"),
        ("two documents", b"runtime: k8s\nparent:\n  docker_image: a\n---\nruntime: k8s\n"),
        ("unknown alias", b"runtime: k8s\nparent: *nope\n"),
    ];
    let doubled = b"runtime: k8s\nparent:\n  docker_image: a\n  docker_image: b\n";
    match random.below(8) {
        0 => {
            case.notes.push("config is missing".to_owned());
            case.config = Config::Missing;
        }
        1 => {
            case.notes.push("doubled key".to_owned());
            case.config = Config::File(doubled.to_vec());
            case.expected = Expected::OnlyWeRefuse { code: "INVALID_CONFIG", reason: "defect 12" };
        }
        _ => {
            let (note, text) = *random.pick(&texts);
            case.notes.push(format!("config: {note}"));
            case.config = Config::File(text.to_vec());
        }
    }
}

fn target_specific(random: &mut Random, case: &mut Case, config: &mut Value) {
    match random.below(4) {
        0 => {
            config["parent"]["internal_connection_security"] = json!(if case.release == V28 { "mtls" } else { "tls" });
            case.notes.push("internal_connection_security that the target does not know".to_owned());
        }
        1 => {
            config["job_launcher"] = json!({"pending_timeout": -1});
            case.notes.push("pending_timeout -1".to_owned());
            taken_by(case, V28);
        }
        2 => {
            config["job_launcher"] = json!({"pending_timeout": true});
            case.notes.push("pending_timeout true".to_owned());
            taken_by(case, V28);
        }
        _ => {
            config["parent"]["parent_port"] = json!(8002);
            case.notes.push("parent_port is the kit's FL port, if it is a server".to_owned());
            case.expected = Expected::Good;
            if case.role == Role::Server {
                case.kit.edit_json(Role::Server.file(), |file| {
                    file["servers"] = json!([{"service": {"target": "nvflare-server:8002"}, "admin_server": case.facts.name}]);
                });
                case.expected = Expected::OnlyWeRefuse { code: "INVALID_CONFIG", reason: "defect 12" };
            }
        }
    }
}

fn taken_by(case: &mut Case, release: Release) {
    if case.release == release {
        case.expected = Expected::OnlyWeRefuse { code: "INVALID_CONFIG", reason: "defect 12" };
    }
}

type KitEdit = fn(&mut Case);

/// Faults of kits for which both sides report the same code.
const KIT_BOTH: &[(&str, KitEdit)] = &[
    ("no startup", |case| case.kit.remove("startup")),
    ("no local", |case| case.kit.remove("local")),
    ("startup is a file", |case| {
        case.kit.remove("startup");
        case.kit.put("startup", "x");
    }),
    ("no role file", |case| case.kit.remove(case.role.file())),
    ("two role files", |case| case.kit.put("startup/fed_admin.json", "{}")),
    ("an admin kit", |case| {
        case.kit.remove(case.role.file());
        case.kit.put("startup/fed_admin.json", "{\"admin\": {\"name\": \"a\"}}");
    }),
    ("no kit", |case| case.kit.0.clear()),
    ("the kit is a file", |case| {
        case.kit.0.clear();
        case.kit.0.insert(String::new(), Entry::File(b"x".to_vec(), 0o644));
    }),
    ("no rootCA.pem", |case| case.kit.remove("startup/rootCA.pem")),
    ("no certificate", |case| case.kit.remove(&format!("startup/{}.crt", case.role.word()))),
    ("no key", |case| case.kit.remove(&format!("startup/{}.key", case.role.word()))),
    ("certificate is garbage", |case| case.kit.put(&format!("startup/{}.crt", case.role.word()), "garbage")),
    ("certificate is empty", |case| case.kit.put(&format!("startup/{}.crt", case.role.word()), "")),
    ("no resources", |case| case.kit.remove("local/resources.json.default")),
    ("resources are not JSON", |case| case.kit.put("local/resources.json.default", "{")),
    ("resources are a list", |case| case.kit.put("local/resources.json.default", "[]")),
    ("resources with a BOM", |case| {
        let mut bytes = b"\xef\xbb\xbf".to_vec();
        bytes.extend(case.kit.bytes("local/resources.json.default"));
        case.kit.put("local/resources.json.default", bytes);
    }),
    ("resources not UTF-8", |case| case.kit.put("local/resources.json.default", b"{\"a\": \"\xff\"}".to_vec())),
    ("role file is not JSON", |case| case.kit.put(case.role.file(), "nope")),
    ("role file is a list", |case| case.kit.put(case.role.file(), "[1]")),
    ("components are an object", |case| components(case, json!({}))),
    ("components are null", |case| components(case, json!(null))),
    ("comm_config is not JSON", |case| case.kit.put("local/comm_config.json", "{,}")),
    ("comm_config is a list", |case| case.kit.put("local/comm_config.json", "[]")),
    ("internal.resources is a list", |case| {
        case.kit.put("local/comm_config.json", "{\"internal\": {\"resources\": []}}");
    }),
    ("internal.resources is null", |case| {
        case.kit.put("local/comm_config.json", "{\"internal\": {\"resources\": null}}");
    }),
];

fn components(case: &mut Case, value: Value) {
    case.kit.edit_json("local/resources.json.default", |file| file["components"] = value);
}

fn kit_fault(random: &mut Random, case: &mut Case) {
    match random.below(12) {
        0..=7 => {
            let (note, edit) = random.pick(KIT_BOTH);
            edit(case);
            case.notes.push((*note).to_owned());
        }
        8 => {
            case.kit.put("local/comm_config.json", "{\"internal\": {\"scheme\": \"shared-file\"}}");
            case.notes.push("shared-file".to_owned());
            if case.release == V28 {
                case.expected = Expected::Good;
            }
        }
        9 => symbolic_link(random, case),
        10 => crash(random, case),
        _ => port_out_of_range(random, case),
    }
}

fn symbolic_link(random: &mut Random, case: &mut Case) {
    let place = *random.pick(&["startup/link", "local/link", "link"]);
    case.kit.put("readme.txt", "x");
    let target = if place == "link" { "readme.txt" } else { "../readme.txt" };
    case.kit.0.insert(place.to_owned(), Entry::Link(target.to_owned()));
    case.notes.push(format!("symlink {place}"));
    case.expected = Expected::OnlyWeRefuse { code: "INVALID_KIT", reason: "defect 22" };
}

/// Makes a kit on which the reference crashes (defect 31; for `internal` defect 22).
fn crash(random: &mut Random, case: &mut Case) {
    let mut reason = "defect 31";
    match random.below(5) {
        0 => {
            let text = *random.pick(&["{\"internal\": null}", "{\"internal\": \"x\"}", "{\"internal\": []}"]);
            case.kit.put("local/comm_config.json", text);
            reason = "defect 22";
        }
        1 => components(case, json!(["text"])),
        2 if case.role == Role::Server => components(case, json!([{"id": "job_manager", "path": "x", "args": null}])),
        2 => components(case, json!([null])),
        3 if case.role == Role::Server => {
            case.kit.edit_json(Role::Server.file(), |file| file["servers"] = json!({"a": 1}));
        }
        // A generated kit may have no list of servers.
        4 if case.role == Role::Server && case.kit.json(Role::Server.file()).pointer("/servers/0").is_some() => {
            case.kit.edit_json(Role::Server.file(), |file| file["servers"][0]["service"] = json!({"target": 8002}));
        }
        _ => case.kit.edit_json(case.role.file(), |file| {
            file["client"] = json!("x");
            file["servers"] = json!(["x"]);
        }),
    }
    case.notes.push("a kit on which the reference crashes".to_owned());
    case.expected = Expected::OtherCode { code: "INVALID_KIT", reason };
}

fn port_out_of_range(random: &mut Random, case: &mut Case) {
    if case.role != Role::Server {
        return symbolic_link(random, case);
    }
    let (target, admin) = *random.pick(&[("nvflare-server:0", 8003), ("nvflare-server:70000", 8003), ("nvflare-server:8002", 0)]);
    let name = case.facts.name.clone();
    case.kit.edit_json(Role::Server.file(), |file| {
        file["servers"] = json!([{"identity": name, "service": {"target": target}, "admin_port": admin}]);
    });
    case.notes.push(format!("target {target}, admin port {admin}"));
    case.expected = Expected::OnlyWeRefuse { code: "INVALID_KIT", reason: "defect 12" };
}

fn output_fault(random: &mut Random, case: &mut Case) {
    case.earlier_output = None;
    match random.below(6) {
        0 => {
            case.notes.push("output is the kit".to_owned());
            case.output = Output::At(format!("kits/{}", case.directory));
        }
        1 => {
            case.notes.push("output contains the kit".to_owned());
            case.output = Output::At("kits".to_owned());
        }
        2 => {
            case.notes.push("output is a file".to_owned());
            case.output = Output::InKit("readme.txt".to_owned());
            case.kit.put("readme.txt", "x");
        }
        3 => {
            case.notes.push("a file stands where the output's parent should".to_owned());
            case.output = Output::InKit("readme.txt/out".to_owned());
            case.kit.put("readme.txt", "x");
        }
        4 => {
            let output = *random.pick(&["local/x", "startup/x", "local/custom/out"]);
            case.notes.push(format!("output in the kit's {output}, from which keys would be copied with the kit"));
            case.output = Output::InKit(output.to_owned());
            case.expected = Expected::OnlyWeRefuse { code: "INVALID_ARGS", reason: "defect 8" };
        }
        _ => {
            let mut foreign = integration_tests::kit::Tree::default();
            foreign.put_directory("", 0o755);
            foreign.put("thesis.txt", "the only copy");
            case.output = Output::At("foreign".to_owned());
            case.earlier_output = Some(foreign);
            case.notes.push("output is a foreign directory".to_owned());
            case.expected = Expected::OnlyWeRefuse { code: "INVALID_ARGS", reason: "defect 8" };
        }
    }
}

/// Null for an optional key: flare-kube treats it as left out, the reference does not (defect 28).
fn null_means_left_out(random: &mut Random, case: &mut Case, config: &mut Value) {
    let mut keys = vec![
        "/namespace",
        "/server_service_name",
        "/parent/parent_port",
        "/parent/workspace_pvc",
        "/parent/workspace_mount_path",
        "/parent/python_path",
        "/parent/resources",
        "/parent/pod_security_context",
        "/parent/image_pull_secrets",
        "/job_launcher/config_file_path",
        "/job_launcher/default_python_path",
        "/job_launcher/pending_timeout",
        "/job_launcher/job_pod_security_context",
        "/job_launcher/image_pull_secrets",
        "/job_launcher",
    ];
    if case.release >= V29 {
        keys.push("/parent/internal_connection_security");
    }
    let key = *random.pick(&keys);
    let mut left_out = config.clone();
    remove(&mut left_out, key);
    case.reference_config = Some(serde_json::to_vec(&left_out).unwrap());
    let (above, name) = key.rsplit_once('/').expect("a pointer begins with a slash");
    if config.pointer(above).is_none() {
        config["job_launcher"] = json!({});
    }
    config.pointer_mut(above).unwrap()[name] = json!(null);
    if key.ends_with("resources") {
        case.facts.empty_resources = false;
    }
    case.notes.push(format!("{key} is null, the reference gets a config without it"));
    case.expected = Expected::OnlyReferenceRefuses { reason: if key == "/job_launcher" { "defect 12" } else { "defect 28" } };
}
