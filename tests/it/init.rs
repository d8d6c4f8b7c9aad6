//! `init` on realistic directories: nothing that was meant to be a site is skipped without an error.

use std::{fs, os::unix::fs::symlink, path::Path};

use integration_tests::{
    command::{Finished, Sandbox},
    kit::Tree,
    workspace_directory,
};
use serde_json::Value;

/// A provisioned directory with a server and two sites.
struct Provisioned(Sandbox);

impl Provisioned {
    fn new() -> Self {
        let provisioned = Self(Sandbox::new());
        for kit in ["nvflare-server", "site-1", "site-2"] {
            provisioned.copy("plain-2.8.3", kit, kit);
        }
        provisioned
    }

    fn copy(&self, project: &str, kit: &str, name: &str) {
        Tree::read(&workspace_directory().join("fixtures/kits").join(project).join(kit)).write(&self.kit(name));
    }

    fn kit(&self, name: impl AsRef<Path>) -> std::path::PathBuf {
        self.0.join("prod_00").join(name)
    }

    fn run(&self, line: &str) -> Finished {
        self.0.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), line.split_whitespace())
    }

    /// The names that were found and the warnings; also prepares what was written.
    fn found(&self) -> (Vec<String>, String) {
        let document = self.run("init prod_00 -o json").expect_code(0).json();
        let names = document["data"]["participants"].as_array().unwrap().iter();
        let names = names.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        let _ = self.run("prepare --federation federation.yaml --output prepared").expect_code(0);
        (names, document["warnings"].to_string())
    }

    /// The errors; checks that nothing was written.
    fn refused(&self) -> Vec<Value> {
        let before = Tree::read(self.0.path());
        let document = self.run("init prod_00 -o json").expect_code(4).json();
        assert!(Tree::read(self.0.path()) == before, "something was written");
        let errors = document["errors"].as_array().unwrap().clone();
        assert!(errors.len() <= 5, "{document}");
        assert!(errors.iter().all(|error| error["hint"].is_string() && error["location"]["file"].is_string()), "{document}");
        errors
    }
}

#[test]
fn a_damaged_site_is_an_error_whatever_is_missing() {
    let damages: [fn(&Path); 9] = [
        |kit| fs::remove_file(kit.join("startup/fed_client.json")).unwrap(),
        |kit| fs::remove_file(kit.join("startup/client.key")).unwrap(),
        |kit| fs::remove_dir_all(kit.join("startup")).unwrap(),
        |kit| fs::remove_dir_all(kit.join("local")).unwrap(),
        |kit| fs::write(kit.join("startup/fed_client.json"), "").unwrap(),
        |kit| {
            fs::remove_dir_all(kit.join("startup")).unwrap();
            fs::write(kit.join("startup"), "").unwrap();
        },
        |kit| {
            fs::remove_dir_all(kit.join("startup")).unwrap();
            symlink("/nowhere", kit.join("startup")).unwrap();
        },
        |kit| {
            // Unpacked into a directory of the same name.
            let (inner, outer) = (kit.with_file_name("inner"), kit);
            fs::rename(outer, &inner).unwrap();
            fs::create_dir(outer).unwrap();
            fs::rename(inner, outer.join("site-2")).unwrap();
        },
        |kit| {
            fs::remove_dir_all(kit).unwrap();
            symlink("/nowhere", kit).unwrap();
        },
    ];
    for (index, damage) in damages.into_iter().enumerate() {
        let provisioned = Provisioned::new();
        damage(&provisioned.kit("site-2"));
        let errors = provisioned.refused();
        assert!(errors.iter().all(|error| error["location"]["file"].as_str().unwrap().contains("site-2")), "{index}: {errors:?}");
    }
}

#[test]
fn what_is_no_site_is_left_out_by_name() {
    let provisioned = Provisioned::new();
    provisioned.copy("plain-2.8.3", "admin@nvidia.com", "admin@nvidia.com");
    provisioned.copy("plain-2.8.3", "site-1", "site-1.bak");
    provisioned.copy("plain-2.8.3", "site-2", "old/site-2");
    provisioned.copy("child-2.8.3", "relay-1", "relay-1");
    for archive in ["site-1.zip", "site-2.tar.gz", "SITE-2.TGZ"] {
        fs::write(provisioned.kit(archive), "").unwrap();
    }
    fs::write(provisioned.kit("readme.txt"), "").unwrap();
    fs::create_dir(provisioned.kit("notes")).unwrap();
    for link in 0..100 {
        symlink("/nowhere", provisioned.kit(format!("notes/{link}"))).unwrap();
    }
    symlink("site-1", provisioned.kit("current")).unwrap();
    let (names, warnings) = provisioned.found();
    assert_eq!(names, ["nvflare-server", "site-1", "site-2"]);
    for name in
        ["admin@nvidia.com", "site-1.bak", "`old`", "relay-1", "site-1.zip", "site-2.tar.gz", "SITE-2.TGZ", "notes", "current"]
    {
        assert!(warnings.contains(name), "{name}: {warnings}");
    }
    assert!(!warnings.contains("readme.txt"), "{warnings}");
    fs::rename(provisioned.0.join("prepared/site-1"), provisioned.kit("site-1-k8s")).unwrap();
    for file in ["k8s.yaml", "federation.yaml"] {
        fs::remove_file(provisioned.0.join(file)).unwrap();
    }
    let (names, warnings) = provisioned.found();
    assert_eq!(names.len(), 3);
    assert!(warnings.contains("`site-1-k8s` is left out: it is an output of `prepare`"), "{warnings}");
}

#[test]
fn a_client_behind_a_relay_is_left_out_since_prepare_refuses_it() {
    let provisioned = Provisioned(Sandbox::new());
    for kit in ["nvflare-server", "site-1", "behind-relay", "relay-1"] {
        provisioned.copy("child-2.8.3", kit, kit);
    }
    let (names, warnings) = provisioned.found();
    assert_eq!(names, ["nvflare-server", "site-1"]);
    assert!(warnings.contains("`behind-relay` is left out") && warnings.contains("`relay-1`"), "{warnings}");
    let text = "  - {name: behind-relay, kit: prod_00/behind-relay, config: k8s.yaml, claim: another}\n";
    let federation = fs::read_to_string(provisioned.0.join("federation.yaml")).unwrap();
    fs::write(provisioned.0.join("by-hand.yaml"), federation + text).unwrap();
    let document = provisioned.run("prepare --federation by-hand.yaml --output all -o json").expect_code(4).json();
    assert!(document["message"].as_str().unwrap().contains("relay `relay-1`"), "{document}");
}

#[test]
fn kits_that_do_not_fit_together_are_an_error() {
    let provisioned = Provisioned::new();
    fs::remove_dir_all(provisioned.kit("site-2")).unwrap();
    provisioned.copy("plain-2.9.0", "site-2", "site-2");
    assert!(provisioned.refused()[0]["message"].as_str().unwrap().contains("two provisionings"));

    let provisioned = Provisioned::new();
    fs::rename(provisioned.kit("site-2"), provisioned.kit("a")).unwrap();
    provisioned.copy("plain-2.8.3", "site-2", "b");
    assert!(provisioned.refused()[0]["message"].as_str().unwrap().contains("the participant `site-2`"));
}

#[test]
fn a_wrong_directory_is_one_error_that_says_what_was_expected() {
    let provisioned = Provisioned::new();
    fs::create_dir(provisioned.0.join("links")).unwrap();
    for link in 0..300 {
        symlink("/etc/hostname", provisioned.0.join(format!("links/{link}"))).unwrap();
    }
    fs::write(provisioned.0.join("k8s.yaml"), "runtime: k8s\nparent: {docker_image: 'a:2.8.3'}\n").unwrap();
    for (line, words) in [
        ("init /etc", "startup/fed_client.json"),
        ("init links", "startup/fed_client.json"),
        ("init prod_00/site-1", "one participant's kit"),
        ("init /dev/null", "not a directory"),
        ("init k8s.yaml", "not a directory"),
        ("init prod_00 --output /dev/null", "/dev/null"),
        ("init nowhere", "no directory"),
        ("prepare /etc --config k8s.yaml --output out", "startup/fed_client.json"),
        ("prepare links --config k8s.yaml --output out", "startup/fed_client.json"),
        ("prepare prod_00 --config k8s.yaml --output out", "`nvflare-server`, `site-1`, `site-2`"),
    ] {
        let line =
            if line.starts_with("init") && !line.contains("--output") { format!("{line} --output new") } else { line.to_owned() };
        let document = provisioned.run(&format!("{line} -o json")).expect_code(4).json();
        let errors = document["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{line}: {document}");
        assert!(errors[0]["message"].as_str().unwrap().contains(words), "{line}: {document}");
        assert!(errors[0]["hint"].is_string(), "{line}: {document}");
    }
    // A kit that consists only of links also gives only a few errors.
    let kit = provisioned.kit("site-1");
    for link in 0..300 {
        symlink("/etc/hostname", kit.join(format!("local/{link}"))).unwrap();
    }
    let document = provisioned.run("prepare prod_00/site-1 --config k8s.yaml --output out -o json").expect_code(4).json();
    let errors = document["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 5, "{document}");
    assert!(errors[4]["message"].as_str().unwrap().starts_with("296 more"), "{document}");
}

#[test]
fn the_next_step_can_be_pasted() {
    let provisioned = Provisioned::new();
    fs::create_dir(provisioned.0.join("my site's")).unwrap();
    let program = env!("CARGO_BIN_EXE_flare-kube-under-test");
    let finished = provisioned.0.run(program, ["init", "prod_00", "--output", "my site's"]).expect_code(0);
    let next = finished.stdout.lines().find_map(|line| line.strip_prefix("next: ")).unwrap();
    let command = next.strip_prefix("flare-kube ").expect("the installed program's name");
    let _ = provisioned.0.run("/bin/sh", ["-c", &format!("'{program}' {command}")]).expect_code(0);
}

#[test]
fn the_image_then_the_kit_decide_the_release() {
    let provisioned = Provisioned(Sandbox::new());
    provisioned.copy("plain-2.9.0", "site-1", "site-1");
    let old = Provisioned::new();
    for (provisioned, image, asked, expected, reason, mismatch) in [
        (&provisioned, "a:2.9.0-py313", "", "2.9", "tag", false),
        (&provisioned, "registry:5000/a/b:latest", "", "2.9", "kit", false),
        (&provisioned, "a:2.9.1rc5", " --target 2.8", "2.8", "--target", true),
        (&provisioned, "a:v2.8", "", "2.8", "tag", true),
        (&old, "a:v2.8", "", "2.8", "tag", false),
        (&old, "a:2.9.0", "", "2.9", "tag", true),
        (&old, "a:7.1", "", "2.8", "kit", false),
    ] {
        fs::write(provisioned.0.join("k8s.yaml"), format!("runtime: k8s\nparent: {{docker_image: '{image}'}}\n")).unwrap();
        let line = format!("prepare prod_00/site-1 --config k8s.yaml --output out{asked}");
        let document = provisioned.run(&format!("{line} -o json")).expect_code(0).json();
        assert_eq!(document["data"]["target"], expected, "{image}: {document}");
        assert!(document["data"]["target_reason"].as_str().unwrap().contains(reason), "{image}: {document}");
        let warned = document["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "RELEASE_MISMATCH");
        assert_eq!(warned, mismatch, "{image}: {document}");
        let talk = provisioned.run(&format!("{line} -v")).expect_code(0).stderr;
        assert!(talk.contains(&format!("prepared for FLARE {expected}: ")), "{talk}");
    }
}

#[test]
fn what_a_federation_says_for_later_verbs_is_checked_now() {
    let provisioned = Provisioned::new();
    let _ = provisioned.found();
    let federation = fs::read_to_string(provisioned.0.join("federation.yaml")).unwrap();
    fs::write(provisioned.0.join("list.yaml"), "[1]\n").unwrap();
    fs::write(provisioned.0.join("values.yaml"), "podLabels: {a: b}\n").unwrap();
    let kubeconfig = "current-context: x\nclusters: [{name: c}]\ncontexts: [{name: x, context: {cluster: c}}]\nusers: []\n";
    fs::write(provisioned.0.join("config"), kubeconfig).unwrap();
    let run = |more: &str| {
        fs::write(provisioned.0.join("federation.yaml"), format!("{federation}    {more}\n")).unwrap();
        provisioned.run("prepare --federation federation.yaml --output prepared -o json")
    };
    for (more, words) in [
        ("kubeconfig: none", "no file"),
        ("kubeconfig: ~/config", "no file"),
        ("kubeconfig: list.yaml", "not a kubeconfig"),
        ("kubeconfig: config\n    context: y", "no context `y`"),
        ("values: none.yaml", "no file"),
        ("values: list.yaml", "must be a mapping"),
        ("expose: loadbalancer", "not a way to expose"),
    ] {
        let document = run(more).expect_code(4).json();
        assert_eq!(document["error_code"], "INVALID_FEDERATION", "{document}");
        assert!(document["message"].as_str().unwrap().contains(words), "{more}: {document}");
        assert!(document["location"]["line"].is_number() || more.contains("list"), "{more}: {document}");
    }
    let document =
        run("kubeconfig: config\n    context: x\n    values: values.yaml\n    expose: host-port").expect_code(0).json();
    let warnings = document["warnings"].to_string();
    assert!(warnings.contains("`kubeconfig`, `context`, `values`, `expose`") && warnings.contains("`up`"), "{warnings}");
    fs::write(provisioned.0.join("federation.yaml"), federation.replace("config: k8s.yaml", "config: gone.yaml")).unwrap();
    let document = provisioned.run("prepare --federation federation.yaml -o json").expect_code(4).json();
    assert_eq!(document["error_code"], "CONFIG_NOT_FOUND");
    assert!(!document.to_string().contains("--config"), "a flag that `--federation` forbids: {document}");
}
