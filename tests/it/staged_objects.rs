//! `stage --render`: the objects of a kit without a cluster, with the reference's keys, mounted by both Helms' pods, and without
//! private keys anywhere else.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use integration_tests::{
    command::{Finished, Sandbox},
    helm::{helm, helm_4},
    kit::Tree,
    reference::Release,
    workspace_directory,
};
use serde_json::Value;

/// A sandbox with a kit of the release, prepared as `out`.
fn prepared(release: Release, kit: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let kits = workspace_directory().join(format!("fixtures/kits/plain-{}", release.version()));
    Tree::read(&kits.join(kit)).write(&sandbox.join("kit"));
    let image = format!("registry.example.com/nvflare/nvflare:{}", release.version());
    fs::write(sandbox.join("k8s.yaml"), format!("runtime: k8s\nparent: {{docker_image: {image:?}}}\n")).unwrap();
    let _ = run(&sandbox, "prepare kit --config k8s.yaml --output out").expect_code(0);
    sandbox
}

fn run(sandbox: &Sandbox, line: &str) -> Finished {
    sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), line.split_whitespace())
}

/// The files below a directory, by path.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let below = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                found.insert(below, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The files that a pod sees if it mounts `data` with `items`.
fn mounted(items: &Value, data: &Value) -> BTreeMap<String, Vec<u8>> {
    let items = items.as_array().unwrap().iter();
    items
        .map(|item| {
            let encoded = data[item["key"].as_str().unwrap()].as_str().unwrap();
            (item["path"].as_str().unwrap().to_owned(), STANDARD.decode(encoded).unwrap())
        })
        .collect()
}

#[test]
fn defect_32_a_pod_of_either_release_and_helm_mounts_every_file_of_the_kit() {
    for (release, kit) in [(Release::V28, "site-1"), (Release::V29, "nvflare-server")] {
        let sandbox = prepared(release, kit);
        fs::create_dir_all(sandbox.join("out/local/pod_templates")).unwrap();
        fs::write(sandbox.join("out/local/pod_templates/no: #x.yaml"), "a: 1\n").unwrap();
        let rendered = run(&sandbox, "stage out --render").expect_code(0);
        assert!(rendered.stderr.contains("private keys"), "{}", rendered.stderr);
        let objects: Vec<Value> =
            rendered.stdout.split("---\n").skip(1).map(|document| serde_yaml::from_str(document).unwrap()).collect();
        let [config_map, secret] = objects.as_slice() else { panic!("two objects: {}", objects.len()) };
        for program in [helm(), helm_4()] {
            let mut template = sandbox.command(program);
            let output = template.args(["template", "r"]).arg(sandbox.join("out/helm_chart")).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).unwrap();
            let deployment: Value = text
                .split("---\n")
                .filter_map(|document| serde_yaml::from_str::<Value>(document).ok())
                .find(|object| object["kind"] == "Deployment")
                .unwrap();
            let volumes = deployment["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
            let volume = |name: &str| volumes.iter().find(|volume| volume["name"] == name).unwrap();
            let local = &volume("workspace-local")["configMap"];
            let startup = &volume("workspace-startup")["secret"];
            assert_eq!((&local["name"], &startup["secretName"]), (&config_map["metadata"]["name"], &secret["metadata"]["name"]));
            assert_eq!(mounted(&local["items"], &config_map["binaryData"]), files(&sandbox.join("out/local")));
            assert_eq!(mounted(&startup["items"], &secret["data"]), files(&sandbox.join("out/startup")));
        }
        let again = run(&sandbox, "stage out --render -o yaml").expect_code(0);
        assert_eq!(again.stdout, rendered.stdout, "the record changes no object");
        let refused = run(&sandbox, "prepare kit --config k8s.yaml --output out -o json").expect_code(4);
        assert_eq!(refused.json()["error_code"], "OUTPUT_STAGED");
    }
}

#[test]
fn keys_and_items_are_those_of_the_reference() {
    let sandbox = prepared(Release::V29, "site-1");
    let odd = ["a-b", "a/b", "Gr\u{fc}\u{df}e ?.yml", ".hidden/.x", "no", "deep/er/and/deeper/file.tar.gz", "-rf"];
    let long = "l".repeat(250);
    for name in odd.iter().copied().chain([long.as_str()]) {
        let path = sandbox.join("out/local").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let script = "import json, sys, pathlib\nfrom nvflare.tool.deploy.k8s_stage import _build_volume_bundle as b\nprint(json.dumps({d: b(pathlib.Path(sys.argv[1]) / d) for d in ('local', 'startup')}))";
    let mut reference = sandbox.command(Release::V29.python());
    let output = reference.args(["-c", script]).arg(sandbox.join("out")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected: Value = serde_json::from_slice(&output.stdout).unwrap();
    let data = run(&sandbox, "stage out --render -o json").expect_code(0).json()["data"].clone();
    let values: Value = serde_yaml::from_str(&fs::read_to_string(sandbox.join("out/helm_chart/values.yaml")).unwrap()).unwrap();
    for (index, directory, of) in [(0, "local", "binaryData"), (1, "startup", "data")] {
        assert_eq!(values["workspaceConfig"][directory]["items"], expected[directory]["items"]);
        assert_eq!(data["objects"][index][of], expected[directory]["data"]);
    }
}

#[test]
fn no_key_stands_anywhere_but_in_what_render_prints() {
    let sandbox = prepared(Release::V28, "site-1");
    let key = fs::read_to_string(sandbox.join("out/startup/client.key")).unwrap();
    let line = key.lines().nth(1).unwrap();
    let leaks = |text: &str| text.contains(line) || text.contains("LS0tLS1CRUdJTi");
    let nowhere = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                   users: [{name: u, user: {token: t}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n";
    fs::write(sandbox.join("nowhere"), nowhere).unwrap();
    for verb in ["stage out --mode objects", "stage out --mode objects --dry-run", "unstage out --mode objects", "unstage out"] {
        for format in ["-v", "-o json"] {
            let ended = run(&sandbox, &format!("{verb} --kubeconfig nowhere --timeout 5 {format}"));
            assert!(!leaks(&ended.stdout) && !leaks(&ended.stderr), "{verb} {format}");
        }
    }
    let values = fs::read_to_string(sandbox.join("out/helm_chart/values.yaml")).unwrap();
    assert!(values.contains("secretName: null"), "what was not sent is not recorded");
    let dry = run(&sandbox, "stage out --render --dry-run").expect_code(0);
    assert!(leaks(&dry.stdout) && !leaks(&dry.stderr));
    assert_eq!(fs::read_to_string(sandbox.join("out/helm_chart/values.yaml")).unwrap(), values, "a dry run writes nothing");
    let _ = run(&sandbox, "stage out --render").expect_code(0);
    let values = fs::read_to_string(sandbox.join("out/helm_chart/values.yaml")).unwrap();
    assert!(values.contains("secretName: \"nvflare-staged-startup-site-1-") && !leaks(&values));
}

#[test]
fn what_cannot_be_staged_as_objects_is_refused_before_a_cluster_is_asked() {
    let sandbox = prepared(Release::V28, "site-1");
    let code = |line: &str| run(&sandbox, &format!("{line} --kubeconfig none -o json")).json()["error_code"].clone();
    for line in [
        "stage out --mode pvc --render",
        "stage out --render --rollback",
        "stage out --mode objects --restart",
        "stage out --mode objects --again",
        "stage out --mode objects --repair",
        "stage out --mode objects --helper-image a",
        "unstage out --mode objects --remove-kit",
        "unstage out --mode pvc --superseded",
    ] {
        assert_eq!(code(line), "INVALID_ARGS", "{line}");
    }
    assert_eq!(code("stage out --mode objects --namespace other"), "INVALID_ARGS", "defect 14");
    fs::write(sandbox.join("out/local/model.bin"), vec![0_u8; 1 << 20]).unwrap();
    assert_eq!(code("stage out --mode objects"), "KIT_TOO_LARGE");
    assert_eq!(code("stage out --render"), "KIT_TOO_LARGE");
    fs::remove_file(sandbox.join("out/local/model.bin")).unwrap();
    fs::write(sandbox.join("out/local/..data"), "x").unwrap();
    assert_eq!(code("stage out --mode objects"), "INVALID_KIT");
    fs::remove_file(sandbox.join("out/local/..data")).unwrap();
    let _ = run(&sandbox, "stage out --render").expect_code(0);
    assert_eq!(code("stage out"), "OUTPUT_STAGED", "its chart mounts the objects, not the volume");
}

#[test]
fn what_render_could_not_print_is_not_recorded() {
    let sandbox = prepared(Release::V28, "site-1");
    let before = Tree::read(&sandbox.join("out"));
    for format in ["text", "yaml", "json"] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = sandbox.command(env!("CARGO_BIN_EXE_flare-kube-under-test"));
        let output = command.args(["stage", "out", "--render", "-o", format]).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(4) && said.contains("OUTPUT_NOT_WRITTEN"), "{format}: {said}");
        assert!(Tree::read(&sandbox.join("out")) == before, "{format}: the kit was changed");
        // Such as that of a mistyped program behind a pipe.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert!(Tree::read(&sandbox.join("out")) == before, "{format}: the kit was changed for nobody");
    }
}

#[test]
fn what_was_only_rendered_is_taken_back_without_a_cluster() {
    let sandbox = prepared(Release::V28, "site-1");
    let before = Tree::read(&sandbox.join("out"));
    let data = |line: &str| run(&sandbox, &format!("{line} -o json")).expect_code(0).json()["data"].clone();
    let dry = data("stage out --render --dry-run");
    assert_eq!((&dry["changed"], &dry["dry_run"]), (&true.into(), &true.into()), "{dry}");
    let rendered = data("stage out --render");
    assert_eq!((&rendered["changed"], rendered.get("dry_run")), (&true.into(), None), "{rendered}");
    assert_eq!(data("stage out --render")["changed"], false);
    let refused = run(&sandbox, "prepare kit --config k8s.yaml --output out -o json").expect_code(4).json();
    assert!(refused["hint"].as_str().unwrap().contains("`unstage --offline`"), "{refused}");
    assert_eq!(data("unstage out --offline --dry-run")["record_removed"], true);
    let removed = data("unstage out --offline");
    assert_eq!(
        (&removed["record_removed"], &removed["changed"], &removed["removed"]),
        (&true.into(), &true.into(), &Value::Array(Vec::new()))
    );
    assert!(Tree::read(&sandbox.join("out")) == before, "everything is as `prepare` made it");
    assert_eq!(data("unstage out --offline")["changed"], false);
    let _ = run(&sandbox, "unstage out --offline --mode pvc").expect_code(4);
    let _ = run(&sandbox, "prepare kit --config k8s.yaml --output out").expect_code(0);
}
