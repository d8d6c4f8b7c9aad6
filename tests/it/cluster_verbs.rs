//! `cluster` with programs that stand for kind and Docker: what is refused before anything is written, and that `down` removes what a failed
//! `up` left.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use integration_tests::command::{Finished, Sandbox};

struct Machine(Sandbox);

impl Machine {
    /// A machine on which these programs are found first, each a shell script.
    fn with(programs: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.join("bin")).unwrap();
        for (name, script) in programs {
            let path = sandbox.join("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(sandbox)
    }

    fn cluster(&self, line: &str) -> Finished {
        let mut command = self.0.command(env!("CARGO_BIN_EXE_flare-kube-under-test"));
        command.env("PATH", format!("{}:/usr/bin:/bin", self.0.join("bin").display()));
        command.env("FLARE_KUBE_CACHE", self.0.join("cache"));
        command.args(["cluster", "-o", "json"]).args(line.split(' ').filter(|word| !word.is_empty()));
        Finished::new(&command.output().unwrap(), self.0.path())
    }

    fn record(&self, name: &str) -> PathBuf {
        self.0.join(format!("cache/clusters/{name}/cluster.json"))
    }
}

#[test]
fn a_machine_without_kind_is_told_so_once_and_not_changed() {
    let machine = Machine::with(&[("docker", "echo 27.0.1")]);
    let refused = machine.cluster("up --provider kind --name a").expect_code(5).json();
    assert_eq!(
        (&refused["error_code"], refused["errors"].as_array().unwrap().len()),
        (&"MACHINE_NOT_READY".into(), 1),
        "{refused}"
    );
    assert!(!machine.0.join("cache").exists());
}

#[test]
fn what_a_failed_up_left_is_removed_also_after_kind_has_gone() {
    // Docker knows no container of it.
    let kind = "case \"$1\" in get) exit 0 ;; *) echo no space left >&2; exit 1 ;; esac";
    let machine = Machine::with(&[("docker", "exit 0"), ("kind", kind)]);
    let failed = machine.cluster("up --provider kind --name a").expect_code(5).json();
    assert_eq!((&failed["error_code"], failed["errors"].as_array().unwrap().len()), (&"CLUSTER_FAILED".into(), 1), "{failed}");
    assert!(!machine.record("a").exists(), "a start that fails is undone");
    // As an earlier version, or one that was killed, leaves it.
    let record = r#"{"provider": "kind", "kubeconfig": "/none", "address": null, "components": [], "options": {"provider": "kind",
        "kubeconfig": null, "gpus": 0, "taints": [], "default_storage_class": "local-path", "images": [], "registry_port": 5000,
        "install_packages": true, "timeout": {"secs": 120, "nanos": 0}}}"#;
    for verb in ["down", "reset"] {
        fs::create_dir_all(machine.record("b").parent().unwrap()).unwrap();
        fs::write(machine.record("b"), record).unwrap();
        let _ = fs::remove_file(machine.0.join("bin/kind"));
        let ended = machine.cluster(&format!("{verb} --name b"));
        // To start it again takes kind.
        let expected = if verb == "down" { 0 } else { 5 };
        assert_eq!(ended.code, Some(expected), "{ended:#?}");
        assert!(!machine.record("b").exists(), "{verb}: {ended:#?}");
    }
}

#[test]
fn a_kubeconfig_that_is_not_there_is_bad_input() {
    let machine = Machine::with(&[]);
    let refused = machine.cluster("up --kubeconfig nowhere --name a").expect_code(4).json();
    let place = machine.0.join("nowhere");
    assert_eq!(refused["error_code"], "KUBECONFIG_INVALID", "{refused}");
    assert_eq!(refused["location"]["file"], place.to_str().unwrap());
    assert!(!machine.0.join("cache").exists());
}

#[test]
fn a_hint_about_a_cluster_names_it() {
    let machine = Machine::with(&[]);
    let reset = machine.cluster("reset --name a").expect_code(4).json();
    assert_eq!(reset["hint"], "start it with `cluster up --name a`", "{reset}");
    let status = machine.cluster("status --name a").expect_code(1).json();
    assert_eq!(status["hint"], "run `cluster up --name a`", "{status}");
}

#[test]
fn a_start_needs_some_time_as_every_verb_does() {
    let machine = Machine::with(&[]);
    let _ = machine.cluster("up --provider kind --timeout 0").expect_code(2);
    assert!(!machine.0.join("cache").exists());
}
