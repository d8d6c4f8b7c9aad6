//! `up`, `status` and `down`: one command installs a federation, from startup kits to registered sites, and one removes it.

use std::path::{Path, PathBuf};
use std::process::Command;

use integration_tests::cluster::federation::{Federation, PARTICIPANTS};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{measured, succeed, succeed_json};
use integration_tests::helm::helm;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use crate::PROGRAM;

pub(crate) struct Scene {
    pub(crate) namespace: Namespace,
    pub(crate) federation: Federation,
    pub(crate) file: PathBuf,
}

impl Scene {
    pub(crate) fn new(test: &str) -> Self {
        let (namespace, federation) = (Namespace::open(test), Federation::provision(Release::V28));
        let file = federation.describe(&namespace);
        Self { namespace, federation, file }
    }

    pub(crate) fn verb(&self, verb: &str) -> Command {
        self.verb_within(verb, 480)
    }

    /// A verb with a time limit of so many seconds, which `up` has for each participant.
    pub(crate) fn verb_within(&self, verb: &str, seconds: u32) -> Command {
        let mut command = self.namespace.cluster.program(PROGRAM);
        command.arg(verb).arg("--federation").arg(&self.file).arg("--prepared").arg(self.prepared());
        command.args(["--timeout", &seconds.to_string(), "-o", "json"]);
        if verb != "status" {
            command.arg("--helm").arg(helm());
        }
        if verb == "up" {
            command.args(["--create-pvc", "1Gi"]);
        }
        command
    }

    pub(crate) fn prepared(&self) -> PathBuf {
        self.file.parent().unwrap().join("up")
    }

    fn up(&self) -> Value {
        succeed_json(&mut self.verb("up"))
    }

    /// The names of the parents' pods, to recognise replaced pods.
    fn parents(&self) -> [String; 3] {
        PARTICIPANTS.map(|name| self.namespace.parent(name))
    }
}

/// The envelope of a run that failed.
pub(crate) fn failed(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "it did not fail: {}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).expect("an envelope")
}

/// The states of the four steps of each participant, and whether all is well, as `unchanged done done unchanged true`.
pub(crate) fn states(data: &Value) -> Vec<String> {
    let steps = ["prepare", "stage", "install", "verify"];
    let participants = data["participants"].as_array().expect("participants");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let row =
        |one: &Value| steps.iter().map(|step| &one["steps"][step]).chain([&one["ok"]]).map(text).collect::<Vec<_>>().join(" ");
    participants.iter().map(row).collect()
}

/// Whether a kit has been prepared at a place.
fn is_prepared(prepared: &Path, name: &str) -> bool {
    prepared.join(name).join("helm_chart").is_dir()
}

#[test]
fn a_federation_comes_up_by_one_command_changes_what_changed_and_goes_down_to_its_claims() {
    let scene = Scene::new("federation-up");
    let dry = succeed_json(scene.verb("up").arg("--dry-run"));
    assert_eq!(dry["data"]["participants"].as_array().unwrap().len(), 3, "{dry}");
    assert!(!is_prepared(&scene.prepared(), "site-1"));

    let (time, first) = measured(|| scene.up());
    println!("from startup kits to registered sites: {time:?}");
    assert_eq!(states(&first["data"]), vec!["done done done unchanged true"; 3], "{first}");
    for name in ["site-1", "site-2"] {
        assert!(scene.namespace.log(name).contains(&format!("Successfully registered client:{name}")));
    }
    let parents = scene.parents();

    let (time, second) = measured(|| scene.up());
    println!("nothing to change: {time:?}");
    assert_eq!(states(&second["data"]), vec!["unchanged unchanged unchanged unchanged true"; 3], "{second}");
    assert_eq!(scene.parents(), parents);

    // Only changed participants are restarted.
    scene.federation.edit("site-1", "memory: 256Mi", "memory: 260Mi");
    let changed = scene.up();
    let [server, site, other] = states(&changed["data"]).try_into().unwrap();
    assert_eq!((server.as_str(), other.as_str()), ("unchanged unchanged unchanged unchanged true", server.as_str()));
    assert!(site.starts_with("done ") && site.ends_with(" done unchanged true"), "{site}");
    let after = scene.parents();
    assert_eq!((&after[0], &after[2]), (&parents[0], &parents[2]));
    assert_ne!(after[1], parents[1]);

    // A site that fails does not stop the others, and is rolled back.
    scene.federation.edit("site-2", "nvflare:2.8.3", "nvflare:2.8.99");
    scene.federation.edit("site-1", "memory: 260Mi", "memory: 264Mi");
    let partly = failed(&mut scene.verb("up"));
    let [server, site, other] = states(&partly["data"]).try_into().unwrap();
    assert!(server.ends_with(" true") && site.ends_with(" done unchanged true"), "{partly}");
    assert!(other.ends_with(" failed not_begun false"), "{partly}");
    assert_eq!(partly["data"]["participants"][2]["recovery"]["state"], "rolled_back", "{partly}");
    let errors = partly["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["message"].as_str().unwrap().starts_with("site-2: ")), "{errors:#?}");
    scene.federation.edit("site-2", "nvflare:2.8.99", "nvflare:2.8.3");
    assert!(states(&scene.up()["data"]).iter().all(|row| row.ends_with(" true")));

    let status = succeed_json(&mut scene.verb("status"));
    assert!(states(&status["data"]).iter().all(|row| row.ends_with(" true")), "{status}");

    let down = succeed_json(&mut scene.verb("down"));
    assert!(down["data"]["participants"].as_array().unwrap().iter().all(|one| one["ok"] == json!(true)), "{down}");
    let kinds = "deployments,pods,services,serviceaccounts,roles,rolebindings,configmaps,secrets,leases,persistentvolumeclaims";
    let left = succeed(scene.namespace.kubectl().args(["get", kinds, "--output", "name"]));
    let mut left: Vec<&str> =
        left.lines().filter(|name| !["configmap/kube-root-ca.crt", "serviceaccount/default"].contains(name)).collect();
    left.sort_unstable();
    let claims = PARTICIPANTS.map(|name| format!("persistentvolumeclaim/{}", Federation::claim(name)));
    assert_eq!(left, claims, "only the claims stay");
    let status = failed(&mut scene.verb("status"));
    assert!(states(&status["data"]).iter().all(|row| row.ends_with(" false")), "{status}");
    assert!(
        succeed_json(&mut scene.verb("down"))["data"]["participants"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["ok"] == json!(true))
    );
}

#[test]
fn without_a_server_no_site_is_begun_and_a_federation_that_does_not_fit_together_is_not_sent() {
    let scene = Scene::new("federation-no-server");
    scene.federation.edit("site-1", "nvflare:2.8.3", "nvflare:2.9.0");
    let refused = failed(&mut scene.verb("up"));
    assert_eq!(refused["error_code"], "INVALID_FEDERATION", "{refused}");
    assert!(!is_prepared(&scene.prepared(), "nvflare-server"), "nothing is written either");
    scene.federation.edit("site-1", "nvflare:2.9.0", "nvflare:2.8.3");
    scene.federation.edit("nvflare-server", "nvflare:2.8.3", "nvflare:2.8.99");
    let partly = failed(&mut scene.verb("up"));
    let [server, site, other] = states(&partly["data"]).try_into().unwrap();
    assert!(server.ends_with(" not_begun false"), "{partly}");
    assert_eq!((site.as_str(), other.as_str()), ("done not_begun not_begun not_begun false", site.as_str()), "{partly}");
    let made = succeed(scene.namespace.kubectl().args(["get", "persistentvolumeclaims", "--output", "name"]));
    assert_eq!(made.trim(), format!("persistentvolumeclaim/{}", Federation::claim("nvflare-server")));
}
