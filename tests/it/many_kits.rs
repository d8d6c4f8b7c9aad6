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
