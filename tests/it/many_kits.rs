//! Several kits in one run: to which kit an error belongs, and the result of a run that stops half way.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use integration_tests::{
    command::{Finished, Sandbox},
    kit::Tree,
    workspace_directory,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");
const CONFIG: &str = "runtime: k8s\nparent:\n  docker_image: registry.example.com/nvflare/nvflare:2.8.3\n";

/// A sandbox with two kits and one configuration.
fn sites() -> Sandbox {
    let sandbox = Sandbox::new();
    for site in ["site-1", "site-2"] {
        Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3").join(site)).write(&sandbox.join(site));
    }
    fs::write(sandbox.join("k8s.yaml"), CONFIG).unwrap();
    sandbox
}

fn run(sandbox: &Sandbox, line: &str) -> Finished {
    sandbox.run(PROGRAM, line.split_whitespace())
}

fn files(document: &Value, list: &str) -> Vec<String> {
    let places = document[list].as_array().unwrap().iter();
    places.map(|one| one["location"]["file"].as_str().unwrap_or_else(|| panic!("no place: {one}")).to_owned()).collect()
}

/// File, line and column of an error.
fn place(error: &Value) -> (String, u64, u64) {
    let number = |key: &str| error["location"][key].as_u64().unwrap_or_else(|| panic!("no {key}: {error}"));
    (error["location"]["file"].as_str().unwrap().to_owned(), number("line"), number("column"))
}

#[test]
fn a_kit_that_federation_yaml_names_and_that_is_missing_is_reported_where_it_is_named() {
    let sandbox = sites();
    let file = sandbox.join("federation.yaml");
    fs::write(
        &file,
        "participants:\n- {name: site-1, kit: nowhere, config: k8s.yaml}\n- {name: site-2, kit: site-2, config: k8s.yaml}\n",
    )
    .unwrap();
    for line in ["prepare --federation federation.yaml --output out", "up --federation federation.yaml"] {
        let document = run(&sandbox, &format!("{line} -o json")).expect_code(4).json();
        assert_eq!(
            (&document["error_code"], document["errors"].as_array().unwrap().len()),
            (&"INVALID_KIT".into(), 1),
            "{document}"
        );
        assert_eq!(place(&document), (file.to_str().unwrap().to_owned(), 2, 23), "{document}");
        assert!(document["message"].as_str().unwrap().contains("`site-1`"), "{document}");
    }
}

#[test]
fn kits_of_one_directory_name_are_refused_with_the_reason_and_prepared_each_in_its_own() {
    let sandbox = Sandbox::new();
    let kits = workspace_directory().join("fixtures/kits/plain-2.8.3");
    for (name, directory) in [("nvflare-server", "server"), ("site-1", "a/kit"), ("site-2", "b/kit")] {
        Tree::read(&kits.join(name)).write(&sandbox.join(directory));
    }
    fs::write(sandbox.join("k8s.yaml"), CONFIG).unwrap();
    let file = sandbox.join("federation.yaml");
    let text = "participants:\n- {name: nvflare-server, kit: server, config: k8s.yaml, claim: s}\n\
                - {name: site-1, kit: a/kit, config: k8s.yaml, claim: a}\n- {name: site-2, kit: b/kit, config: k8s.yaml, claim: b}\n";
    fs::write(&file, text).unwrap();
    let here = (file.to_str().unwrap().to_owned(), 4, 23);
    let document = run(&sandbox, "prepare --federation federation.yaml --output out -o json").expect_code(4).json();
    assert_eq!((&document["error_code"], place(&document)), (&"INVALID_ARGS".into(), here.clone()), "{document}");
    assert!(document["message"].as_str().unwrap().contains("would share the directory"), "{document}");
    let _ = run(&sandbox, "prepare --federation federation.yaml").expect_code(0);
    for kit in ["server", "a/kit", "b/kit"] {
        assert!(sandbox.join(kit).join("prepared/k8s/.flare-kube.json").is_file(), "{kit}");
    }
    // What another directory holds is not taken for the second one's.
    fs::create_dir(sandbox.join("out")).unwrap();
    let staged = run(&sandbox, "stage --federation federation.yaml --prepared out -o json").expect_code(4).json();
    let errors = staged["errors"].as_array().unwrap();
    assert!(errors.iter().any(|error| error["error_code"] == "INVALID_ARGS" && place(error) == here), "{staged}");
}

#[test]
fn an_error_of_one_of_many_kits_says_whose_it_is() {
    let sandbox = sites();
    for site in ["site-1", "site-2"] {
        fs::remove_file(sandbox.join(site).join("startup/client.key")).unwrap();
        fs::write(sandbox.join(site).join("local/resources.json.default"), "{\"format_version\": 2, }").unwrap();
    }
    for line in [
        "prepare site-1 site-2 --config k8s.yaml --output out --separate-clusters -o json",
        "prepare site-2 site-1 --config k8s.yaml --output out --separate-clusters -o json",
    ] {
        let document = run(&sandbox, line).expect_code(4).json();
        let found = files(&document, "errors");
        for site in ["site-1", "site-2"] {
            let kit = sandbox.join(site);
            let own = found.iter().filter(|file| Path::new(file).starts_with(&kit)).count();
            assert!(own >= 1 && own * 2 == found.len(), "each kit has its own errors: {document}");
        }
    }
    let text = run(&sandbox, "prepare site-1 site-2 --config k8s.yaml --output out --separate-clusters").expect_code(4).stderr;
    for site in ["site-1", "site-2"] {
        assert!(text.contains(&format!("Error: {}/", sandbox.join(site).display())), "{text}");
    }
}

#[test]
fn a_fault_of_what_the_kits_share_is_told_once() {
    let sandbox = sites();
    fs::write(sandbox.join("bad.yaml"), "runtime: k8s\nnamespce: x\nparent:\n  docker_image: nvflare:2.8.3\n").unwrap();
    let line = "prepare site-1 site-2 --config bad.yaml --output out --separate-clusters -o json";
    let document = run(&sandbox, line).expect_code(4).json();
    assert_eq!(files(&document, "errors"), [sandbox.join("bad.yaml").display().to_string()], "{document}");
}

#[test]
fn an_interrupted_run_of_many_lists_what_is_done() {
    for format in ["text", "json"] {
        let sandbox = Sandbox::new();
        fs::write(sandbox.join("k8s.yaml"), CONFIG).unwrap();
        let mut tree = Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1"));
        for index in 0..400 {
            tree.put(&format!("local/custom/module_{index}.py"), "VALUE = 1\n".repeat(100));
        }
        let kits: Vec<_> = (0..10).map(|index| format!("kit-{index}")).collect();
        for kit in &kits {
            tree.write(&sandbox.join(kit));
        }
        let mut command = sandbox.command(PROGRAM);
        command.arg("prepare").args(&kits).args(["--config", "k8s.yaml", "--output", "out", "--separate-clusters", "-o", format]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while !sandbox.join("out").is_dir() || fs::read_dir(sandbox.join("out")).unwrap().count() == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        let done = kits.iter().filter(|kit| sandbox.join("out").join(kit).join(".flare-kube.json").is_file());
        for kit in &kits {
            let is_done = done.clone().any(|done| done == kit);
            let (named, other) = if format == "json" {
                let document: Value = serde_json::from_str(&stdout).unwrap();
                assert_eq!(document["errors"].as_array().unwrap().len(), 1, "{document}");
                let names = |list: &Value| list.to_string().contains(&format!("{kit}\""));
                (names(&document["data"]["participants"]), names(&document["data"]["not_prepared"]))
            } else {
                (
                    stdout.contains(&format!("/out/{kit}\n")),
                    stdout.contains(&format!("not prepared: {}\n", sandbox.join(kit).display())),
                )
            };
            assert_eq!((named, other), (is_done, !is_done), "{kit}: {stdout}");
        }
    }
}
