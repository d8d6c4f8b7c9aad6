//! `reprovision` on a real cluster: a changed configuration reaches a running participant, or everything is as it was.

use std::path::PathBuf;
use std::process::Command;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{succeed, succeed_json};
use integration_tests::helm::helm;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use crate::PROGRAM;

const SERVER: &str = "nvflare-server";

struct Scene {
    namespace: Namespace,
    federation: Federation,
    prepared: PathBuf,
}

impl Scene {
    /// A running server.
    fn new(test: &str) -> Self {
        let (namespace, federation) = (Namespace::open(test), Federation::provision(Release::V28));
        let prepared = federation.prepare(&namespace, PROGRAM.as_ref()).join(SERVER);
        let scene = Self { namespace, federation, prepared };
        succeed(scene.program("stage").arg(&scene.prepared).args(["--create-pvc", "1Gi"]));
        succeed(scene.program("install").arg(&scene.prepared));
        scene
    }

    fn program(&self, verb: &str) -> Command {
        let mut command = self.namespace.cluster.program(PROGRAM);
        command.arg(verb).env("HELM", helm());
        command
    }

    fn reprovision(&self, arguments: &[&str]) -> Command {
        let mut command = self.program("reprovision");
        command
            .arg(self.federation.kit(SERVER))
            .arg("--config")
            .arg(self.federation.config_file(SERVER))
            .arg("--output")
            .arg(&self.prepared);
        command.args(["--target", "2.8", "-o", "json"]).args(arguments);
        command
    }

    fn deployment(&self, path: &str) -> String {
        succeed(self.namespace.kubectl().args(["get", "deployment", SERVER, "--output"]).arg(format!("jsonpath={{{path}}}")))
    }

    fn noted_kit(&self) -> String {
        let path = "jsonpath={.metadata.annotations.flare-kube/kit-fingerprint}";
        succeed(self.namespace.kubectl().args(["get", "persistentvolumeclaim", &Federation::claim(SERVER), "--output", path]))
    }
}

const REQUEST: &str = ".spec.template.spec.containers[0].resources.requests.memory";

#[test]
fn a_changed_configuration_reaches_the_parent_and_one_that_fails_leaves_everything_as_it_was() {
    let scene = Scene::new("reprovision");
    let (kit, pod) = (scene.noted_kit(), scene.namespace.parent(SERVER));
    let same = succeed_json(&mut scene.reprovision(&[]));
    let unchanged = json!({"backup": "unchanged", "prepare": "unchanged", "stage": "unchanged", "install": "unchanged", "verify": "unchanged"});
    assert_eq!(same["data"]["steps"], unchanged, "{same}");
    assert_eq!(scene.namespace.parent(SERVER), pod, "nothing was restarted");

    scene.federation.edit(SERVER, "memory: 256Mi", "memory: 272Mi");
    scene.federation.edit(SERVER, "parent:\n", "parent:\n  parent_port: 8112\n");
    let changed = succeed_json(&mut scene.reprovision(&[]))["data"].take();
    let done = json!({"backup": "done", "prepare": "done", "stage": "done", "install": "done", "verify": "unchanged"});
    assert_eq!(changed["steps"], done, "{changed}");
    assert_eq!(scene.deployment(REQUEST), "272Mi");
    assert_ne!(scene.namespace.parent(SERVER), pod);
    assert_eq!((&changed["fingerprint"]["before"], &changed["fingerprint"]["after"]), (&json!(kit), &json!(scene.noted_kit())));
    assert!(changed["backup"]["files"].as_u64() > Some(0), "{changed}");
    assert!(PathBuf::from(changed["backup"]["file"].as_str().unwrap()).is_file(), "{changed}");

    let (kit, whole) = (scene.noted_kit(), Tree::read(&scene.prepared));
    scene.federation.edit(SERVER, "memory: 272Mi", "memory: 288Mi");
    scene.federation.edit(SERVER, "parent_port: 8112", "parent_port: 8122");
    let output = scene.reprovision(&["--set", "image.tag=no-such-tag"]).output().unwrap();
    let failed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &failed["error_code"]), (Some(5), &json!("INSTALL_FAILED")), "{failed}");
    assert_eq!(failed["data"]["steps"]["install"], "failed", "{failed}");
    assert_eq!(failed["data"]["back"]["prepared"], true, "{failed}");
    assert_eq!(failed["data"]["back"]["cluster"]["state"], "rolled_back", "{failed}");
    assert_eq!(failed["data"]["back"]["cluster"]["runs"], true, "{failed}");
    assert_eq!((scene.noted_kit(), scene.deployment(REQUEST)), (kit, "272Mi".to_owned()));
    assert_eq!(Tree::read(&scene.prepared), whole);
    // What was put back is whole: the earlier kit installs without a change.
    let install = succeed_json(scene.program("install").arg(&scene.prepared).args(["-o", "json"]));
    assert_eq!(install["data"]["changed"], false, "{install}");
    let again = succeed_json(&mut scene.reprovision(&[]));
    assert_eq!(again["data"]["steps"]["install"], "done", "{again}");
    assert_eq!(scene.deployment(REQUEST), "288Mi");
}
