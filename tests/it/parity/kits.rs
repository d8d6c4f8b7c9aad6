//! Generated kits: the fixture kits with random names, certificates, components, settings and files.

use integration_tests::identity::{Authority, Subject};
use integration_tests::kit::Tree;
use integration_tests::random::Random;
use serde_json::{Map, Value, json};

use super::case::Role;

const RESOURCES: &str = "local/resources.json.default";
const COMM_CONFIG: &str = "local/comm_config.json";

/// A kit, with the generator's decisions about it.
#[derive(Debug, Clone)]
pub(crate) struct Generated {
    pub(crate) tree: Tree,
    pub(crate) directory: String,
    pub(crate) name: String,
}

/// Changes the fixture kit of a role randomly, such that it stays valid.
pub(crate) fn generate(
    random: &mut Random,
    role: Role,
    base: &Tree,
    authority: &Authority,
    notes: &mut Vec<String>,
) -> Generated {
    let mut tree = base.clone();
    let (directory, name) = match role {
        Role::Server => name_server(random, &mut tree, authority, notes),
        Role::Client => name_client(random, &mut tree, authority, notes),
    };
    components(random, role, &mut tree, notes);
    if random.chance(50) {
        other_settings(random, &mut tree, notes);
    }
    if role == Role::Server && random.chance(60) {
        snapshot_persistor(random, &mut tree, notes);
    }
    comm_config(random, &mut tree, notes);
    study_files(random, &mut tree, notes);
    extra_files(random, &mut tree, notes);
    Generated { tree, directory, name }
}

const NAMES: [&str; 22] = [
    "site-1",
    "Site_1",
    "1site",
    "no",
    "on",
    "null",
    "1e3",
    "0e11",
    "12",
    "site--x",
    "x_",
    "A B",
    "ünï",
    "日本",
    "İstanbul",
    "-",
    "a-b-c",
    "site-1-",
    "Straße",
    "x'y\"z",
    "s",
    "hospital-of-a-rather-long-name-that-goes-beyond-fifty-three-letters",
];

fn participant(random: &mut Random) -> String {
    match random.below(10) {
        0 => random.text("abcdefghij-", 75),
        1 => format!("s{}", random.text("abc", 62)),
        2 => format!("s{}", random.text("abc", 52)),
        3 => format!("s{}", random.text("abc", 53)),
        _ => (*random.pick(&NAMES)).to_owned(),
    }
}

fn organisation(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["nvidia", "no", "Universität 1", "a b", "1e3", "O'Neil \"x\"", "${HOME}", "{{ .Values }}", "x:y", "#1"])
}

fn name_server(random: &mut Random, tree: &mut Tree, authority: &Authority, notes: &mut Vec<String>) -> (String, String) {
    let mut directory = (*random.pick(&["nvflare-server", "server 1", "Server_X"])).to_owned();
    let own_certificate = random.chance(65);
    let mut name = "nvflare-server".to_owned();
    if own_certificate {
        name = if random.chance(25) { "server1.example.com".to_owned() } else { participant(random) };
        let empty = random.pick(&[None, Some(json!("")), Some(json!(null))]).clone();
        let place = *random.pick(&["identity", "admin_server", "directory"]);
        tree.edit_json(Role::Server.file(), |file| {
            let server = file["servers"][0].as_object_mut().unwrap();
            for key in ["identity", "admin_server"] {
                server.remove(key);
                if let Some(empty) = &empty {
                    server.insert(key.into(), empty.clone());
                }
            }
            if place != "directory" {
                server.insert(place.into(), json!(name));
            }
            if place == "identity" {
                server.insert("admin_server".into(), json!("other"));
            }
        });
        if place == "directory" {
            directory.clone_from(&name);
        }
        notes.push(format!("server named `{name}` by its {place}"));
    }
    let host = (*random.pick(&["nvflare-server", "fl.example.com", "localhost"])).to_owned();
    if own_certificate {
        let organisation = organisation(random);
        let dns_names = [host.clone(), "nvflare-server".to_owned(), "localhost".to_owned()];
        let subject = Subject { common_name: &name, organisation: Some(organisation), dns_names: &dns_names };
        authority.identify(tree, "server", &subject);
    }
    if random.chance(60) {
        ports(random, tree, if own_certificate { &host } else { "nvflare-server" }, notes);
    }
    if random.chance(5) && own_certificate {
        tree.edit_json(Role::Server.file(), |file| {
            file.as_object_mut().unwrap().remove("servers");
        });
        name.clone_from(&directory);
        let subject = Subject { common_name: &name, organisation: Some("nvidia"), dns_names: &[] };
        authority.identify(tree, "server", &subject);
        notes.push("no servers in the role file".to_owned());
    }
    (directory, name)
}

fn ports(random: &mut Random, tree: &mut Tree, host: &str, notes: &mut Vec<String>) {
    let service = match random.below(7) {
        0 => None,
        1 => Some(json!(null)),
        2 => Some(json!({"scheme": "grpc"})),
        3 => Some(json!({"target": host, "scheme": "grpc"})),
        4 => Some(json!({"target": "", "scheme": "grpc"})),
        _ => Some(json!({"target": format!("{host}:{}", random.pick(&[8002, 1, 443, 65535])), "scheme": "http"})),
    };
    let admin_port = random
        .pick(&[None, Some(json!(null)), Some(json!(8003)), Some(json!(8002)), Some(json!("8003")), Some(json!(443))])
        .clone();
    notes.push(format!("service {service:?}, admin port {admin_port:?}"));
    tree.edit_json(Role::Server.file(), |file| {
        let server = file["servers"][0].as_object_mut().unwrap();
        server.remove("service");
        server.remove("admin_port");
        if let Some(service) = service {
            server.insert("service".into(), service);
        }
        if let Some(port) = admin_port {
            server.insert("admin_port".into(), port);
        }
        if random.chance(10) {
            file["servers"].as_array_mut().unwrap().push(json!({"admin_port": 1, "identity": "second"}));
        }
    });
}

fn name_client(random: &mut Random, tree: &mut Tree, authority: &Authority, notes: &mut Vec<String>) -> (String, String) {
    let directory = (*random.pick(&["site-1", "My Site", "SITE_9"])).to_owned();
    if random.chance(35) {
        return (directory, "site-1".to_owned());
    }
    let mut name = participant(random);
    let mut directory = directory;
    let mut common_name = name.clone();
    match random.below(10) {
        0 => {
            directory.clone_from(&name);
            tree.edit_json(Role::Client.file(), |file| {
                file["client"].as_object_mut().unwrap().remove("fqsn");
            });
        }
        1 => {
            directory.clone_from(&name);
            let empty = random.pick(&[json!(null), json!("")]).clone();
            tree.edit_json(Role::Client.file(), |file| file["client"]["fqsn"] = empty);
        }
        2 => {
            // A client below another one (defect 27).
            common_name.clone_from(&name);
            name = format!("site-1.{name}");
            tree.edit_json(Role::Client.file(), |file| file["client"]["fqsn"] = json!(name));
        }
        _ => tree.edit_json(Role::Client.file(), |file| file["client"]["fqsn"] = json!(name)),
    }
    notes.push(format!("client named `{name}`"));
    let subject = Subject { common_name: &common_name, organisation: Some(organisation(random)), dns_names: &[] };
    authority.identify(tree, "client", &subject);
    (directory, name)
}

const SPECIAL_IDS: [&str; 6] =
    ["process_launcher", "docker_launcher", "k8s_launcher", "slurm_launcher", "resource_consumer", "resource_manager"];

const PATHS: [&str; 13] = [
    "nvflare.app_common.resource_managers.gpu_resource_manager.GPUResourceManager",
    "nvflare.app_common.resource_managers.passthrough_resource_manager.PassthroughResourceManager",
    "nvflare.app_common.resource_consumers.gpu_resource_consumer.GPUResourceConsumer",
    "nvflare.app_common.job_launcher.client_process_launcher.ClientProcessJobLauncher",
    "nvflare.app_common.job_launcher.server_process_launcher.ServerProcessJobLauncher",
    "nvflare.app_opt.job_launcher.docker_launcher.ClientDockerJobLauncher",
    "nvflare.app_opt.job_launcher.docker_launcher.ServerDockerJobLauncher",
    "nvflare.app_opt.job_launcher.k8s_launcher.ClientK8sJobLauncher",
    "nvflare.app_opt.job_launcher.k8s_launcher.ServerK8sJobLauncher",
    "nvflare.app_opt.job_launcher.slurm.ClientSlurmJobLauncher",
    "nvflare.app_opt.job_launcher.slurm.ServerSlurmJobLauncher",
    "my.company.Launcher",
    "",
];

fn components(random: &mut Random, role: Role, tree: &mut Tree, notes: &mut Vec<String>) {
    if random.chance(20) {
        return;
    }
    if random.chance(8) {
        tree.edit_json(RESOURCES, |file| {
            file.as_object_mut().unwrap().remove("components");
        });
        notes.push("no components".to_owned());
        return;
    }
    let mut list = tree.json(RESOURCES)["components"].as_array().cloned().unwrap_or_default();
    if random.chance(30) {
        list.clear();
    }
    for _ in 0..random.below(7) {
        let component = component(random, role);
        notes.push(format!("component {component}"));
        list.insert(random.below(list.len() + 1), component);
    }
    tree.edit_json(RESOURCES, |file| file["components"] = Value::Array(list));
}

fn component(random: &mut Random, role: Role) -> Value {
    let mut component = Map::new();
    match random.below(10) {
        0 => {}
        1 => {
            component.insert("id".into(), random.pick(&[json!(null), json!(5), json!(""), json!("foo")]).clone());
        }
        2 if role == Role::Server => {
            component.insert("id".into(), json!("job_manager"));
        }
        _ => {
            component.insert("id".into(), json!(*random.pick(&SPECIAL_IDS)));
        }
    }
    if random.chance(85) {
        component.insert("path".into(), json!(*random.pick(&PATHS)));
    } else if random.chance(30) {
        component.insert("path".into(), json!(null));
    }
    let job_manager = component.get("id") == Some(&json!("job_manager"));
    match random.below(5) {
        0 => {}
        1 if !job_manager => {
            component.insert("args".into(), json!(null));
        }
        2 => {
            component.insert("args".into(), json!({"uri_root": "/x", "n": 1.50, "deep": {"b": [1, 2.0], "a": null}}));
        }
        _ => {
            component.insert("args".into(), json!({}));
        }
    }
    if random.chance(10) {
        component.insert("note".into(), json!("ünï \u{1F600} </script> \\ \u{7f}"));
    }
    Value::Object(component)
}

/// Adds values that must be preserved exactly: large and small numbers, order of keys, escapes.
fn other_settings(random: &mut Random, tree: &mut Tree, notes: &mut Vec<String>) {
    let lines = [
        "\"z_first\": 1, \"a_second\": 2,",
        "\"big\": 123456789012345678901234567890, \"negative\": -0,",
        "\"small\": 1e-7, \"exact\": 0.1, \"whole\": 5.0, \"e\": 1E5, \"minus\": -0.0,",
        "\"text\": \"\\u00fc\\ud83d\\ude00 \\/ \\t\", \"\": \"empty key\",",
        "\"format_version\": 3, \"nested\": {\"b\": {}, \"a\": []},",
    ];
    let text = String::from_utf8(tree.bytes(RESOURCES).to_vec()).unwrap();
    let line = *random.pick(&lines);
    tree.put(RESOURCES, text.replacen('{', &format!("{{\n {line}"), 1));
    notes.push(format!("resources with {line}"));
}

fn snapshot_persistor(random: &mut Random, tree: &mut Tree, notes: &mut Vec<String>) {
    let shapes = [
        json!(null),
        json!({}),
        json!("text"),
        json!([]),
        json!({"args": null}),
        json!({"args": {"storage": "text"}}),
        json!({"args": {"storage": {}}}),
        json!({"args": {"storage": {"args": null}}}),
        json!({"args": {"storage": {"args": []}}}),
        json!({"args": {"storage": {"args": {}}}}),
        json!({"args": {"storage": {"args": {"z": 1, "root_dir": null, "a": 2}}}, "path": "x"}),
    ];
    let shape = if random.chance(15) { None } else { Some(random.pick(&shapes).clone()) };
    notes.push(format!("snapshot_persistor {shape:?}"));
    edit_resources_text(tree, |file| {
        file.remove("snapshot_persistor");
        if let Some(shape) = shape {
            file.insert("snapshot_persistor".into(), shape);
        }
    });
}

/// Edits the resources unless they contain numbers that an edit would round.
fn edit_resources_text(tree: &mut Tree, edit: impl FnOnce(&mut Map<String, Value>)) {
    let text = String::from_utf8(tree.bytes(RESOURCES).to_vec()).unwrap();
    if !text.contains("123456789012345678901234567890") {
        tree.edit_json(RESOURCES, |file| edit(file.as_object_mut().unwrap()));
    }
}

fn comm_config(random: &mut Random, tree: &mut Tree, notes: &mut Vec<String>) {
    let texts = [
        "{}",
        r#"{"internal": {}}"#,
        r#"{"internal": {"scheme": "grpc"}}"#,
        r#"{"internal": {"resources": {}}}"#,
        r#"{"internal": {"resources": {"connection_security": "mtls", "extra": [1, 2.50], "port": "x"}, "z": 1, "scheme": "uds"}}"#,
        r#"{"allow_adhoc_conns": true, "backbone_conn_gen": 2, "max_message_size": 1048576000, "internal": {"scheme": "tcp", "resources": {"host": "localhost", "connection_security": "clear"}}, "adhoc": {"scheme": "tcp", "resources": {"host": "x", "secure": true}}}"#,
        "{\"big\": 98765432109876543210, \"f\": 1.0e2,\n\n \"internal\": {\"scheme\": null}}",
    ];
    if random.chance(55) {
        let text = *random.pick(&texts);
        notes.push(format!("comm_config.json {text}"));
        tree.put(COMM_CONFIG, text);
    } else if random.chance(30) {
        tree.remove(COMM_CONFIG);
    }
}

fn study_files(random: &mut Random, tree: &mut Tree, notes: &mut Vec<String>) {
    if random.chance(20) {
        tree.put("local/study_data.yaml", "# mine\ndefault:\n  training:\n    source: nvfldata\n    mode: ro\n");
        notes.push("study_data.yaml".to_owned());
    }
    if random.chance(15) {
        tree.put("local/study_runtime.yaml", "format_version: 2\nstudies: {}\n");
        notes.push("study_runtime.yaml".to_owned());
    }
}

fn extra_files(random: &mut Random, tree: &mut Tree, notes: &mut Vec<String>) {
    let files: [(&str, u32); 18] = [
        ("local/resources.json", 0o644),
        ("startup/docker.sh", 0o755),
        ("startup/start_docker.sh", 0o755),
        ("startup/start_slurm.sh", 0o755),
        ("startup/parent.slurm", 0o644),
        ("startup/other.sh", 0o700),
        ("startup/.hidden", 0o600),
        ("startup/deep/start.sh", 0o755),
        ("local/start.sh", 0o755),
        ("local/custom/a b/ü.py", 0o640),
        ("transfer/job/meta.json", 0o444),
        ("readme.txt", 0o664),
        ("helm_chart/templates/old.yaml", 0o644),
        ("helm_chart/README.md", 0o600),
        ("prepared/k8s/old.txt", 0o644),
        ("prepared/docker/old.txt", 0o644),
        ("local/prepared/x", 0o644),
        (".git/HEAD", 0o644),
    ];
    for _ in 0..random.below(6) {
        let (path, mode) = *random.pick(&files);
        let length = random.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| random.next_bits().to_le_bytes()[0]).collect();
        tree.put_mode(path, bytes, mode);
        notes.push(format!("file {path} {mode:o}"));
    }
    for _ in 0..random.below(3) {
        let (path, mode) =
            *random.pick(&[("transfer/empty", 0o755), ("a/b/c", 0o700), ("local/empty", 0o775), ("startup/none", 0o755)]);
        tree.put_directory(path, mode);
        notes.push(format!("directory {path} {mode:o}"));
    }
    if random.chance(10) {
        tree.put_directory("", 0o750);
    }
    if random.chance(10) {
        let bytes = tree.bytes(RESOURCES).to_vec();
        tree.put_mode(RESOURCES, bytes, 0o600);
        notes.push("resources.json.default 600".to_owned());
    }
}
