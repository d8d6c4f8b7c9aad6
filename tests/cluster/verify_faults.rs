//! A table of faults: each is created in the cluster, and `verify` reports its cause. A line with the time is printed for each.
//!
//! No test asserts that time, but each asserts that a cause known to Kubernetes was reported before the timeout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::upgrade;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::succeed;
use integration_tests::cluster::stage;
use integration_tests::command::Sandbox;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use crate::PROGRAM;

const SERVER: &str = "nvflare-server";
const SITE: &str = "site-1";
const CLAIM: &str = "nvflws";
const PYTHON: &str = "/usr/local/bin/python3";

/// Signs a certificate again by the root of its provisioning, so that it has expired yesterday.
const EXPIRED: &str = "import datetime, json, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
key = serialization.load_pem_private_key(json.load(open(sys.argv[1]))['root_pri_key'].encode(), None)
old = x509.load_pem_x509_certificate(open(sys.argv[2], 'rb').read())
day, now = datetime.timedelta(days=1), datetime.datetime.now(datetime.timezone.utc)
new = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number, now - 10 * day, now - day)
for extension in old.extensions:
    new = new.add_extension(extension.value, extension.critical)
open(sys.argv[2], 'wb').write(new.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))";

/// `site-1` in its own namespace, prepared but not installed.
struct Site<'run> {
    namespace: Namespace,
    sandbox: Sandbox,
    kit: PathBuf,
    first: &'run Namespace,
}

impl<'run> Site<'run> {
    /// Prepares the federation's kit in another namespace.
    fn new(first: &'run Namespace, federation: &Federation, fault: &str) -> Self {
        let site = Self { namespace: first.beside(fault), sandbox: Sandbox::new(), kit: PathBuf::new(), first };
        let kit = site.sandbox.join("kit");
        Tree::read(&federation.kit(SITE)).write(&kit);
        Self { kit, ..site }
    }

    /// Prepares the current kit with these requests and limits.
    fn prepare(&self, resources: &str) -> &Self {
        let config = self.sandbox.join("k8s.yaml");
        let image = self.namespace.cluster.image(Release::V28);
        let text = format!(
            "runtime: k8s\nnamespace: {}\nparent:\n  docker_image: {image}\n  workspace_pvc: {CLAIM}\n  resources: {resources}\n",
            self.namespace.name
        );
        fs::write(&config, text).unwrap();
        let mut prepare = self.sandbox.command(PROGRAM);
        prepare.arg("prepare").arg(&self.kit).arg("--config").arg(config).arg("--output").arg(self.prepared());
        succeed(&mut prepare);
        self
    }

    fn prepared(&self) -> PathBuf {
        self.sandbox.join("prepared")
    }

    /// An empty claim.
    fn claim(&self, access_mode: &str, class: Option<&str>) -> &Self {
        let mut spec = json!({"accessModes": [access_mode], "resources": {"requests": {"storage": "1Gi"}}});
        if let Some(class) = class {
            spec["storageClassName"] = json!(class);
        }
        self.namespace
            .apply(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}));
        self
    }

    fn stage(&self) -> &Self {
        stage::by_program(&self.namespace, Path::new(PROGRAM), &self.prepared());
        self
    }

    /// A Service in this namespace for the server in the first one.
    fn call_server(&self, name: &str) -> &Self {
        let external = format!("{SERVER}.{}.svc.cluster.local", self.first.name);
        let spec = json!({"type": "ExternalName", "externalName": external});
        self.namespace.apply(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}));
        self
    }

    fn install(&self, settings: &[&str]) -> &Self {
        let mut command = upgrade(&self.namespace, SITE, &self.prepared());
        succeed(command.args(settings.iter().flat_map(|setting| ["--set-json", setting])));
        self
    }

    /// `verify` must report an error of this check with these words.
    fn expect(&self, id: &str, words: &str) {
        self.expect_with(id, words, &["--timeout", "90"]);
    }

    fn expect_with(&self, id: &str, words: &str, arguments: &[&str]) {
        let began = Instant::now();
        let mut verify = self.namespace.cluster.program(PROGRAM);
        verify.arg("verify").arg(self.prepared()).args(["-o", "json", "--stable", "3"]).args(arguments);
        let document = failed(&mut verify);
        let findings = document["data"]["findings"].as_array().expect("findings");
        let said = |finding: &&Value| finding["message"].as_str().is_some_and(|message| message.contains(words));
        let found = findings.iter().find(|finding| finding["id"] == id && finding["severity"] == "error" && said(finding));
        let found = found.unwrap_or_else(|| panic!("no error {id} with `{words}` in {findings:#?}"));
        assert!(found["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{found:#}");
        println!("{:>5.1} s   {id}   {}   {}", began.elapsed().as_secs_f64(), self.namespace.name, found["message"]);
    }

    fn kubectl(&self, arguments: &[&str]) {
        succeed(self.namespace.kubectl().args(arguments));
    }
}

/// The envelope of a `verify` that found a fault.
fn failed(verify: &mut Command) -> Value {
    let output = verify.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("PRIVATE KEY") && !said.contains("Token:  "), "{said}");
    serde_json::from_str(&said).expect("an envelope")
}

const SMALL: &str = "{requests: {cpu: 50m, memory: 256Mi}}";

/// A Helm setting with the parent's command.
fn command(program: &[&str]) -> String {
    format!("command={}", json!(program))
}

#[test]
fn what_keeps_a_pod_from_being_made_is_named() {
    let (first, federation) = (Namespace::open("verify-make"), Federation::provision(Release::V28));
    let site = |fault: &str| Site::new(&first, &federation, &format!("verify-{fault}"));
    let object = |kind: &str, spec: Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "team"}, "spec": spec});

    site("not-installed").prepare(SMALL).claim("ReadWriteOnce", None).expect("D80", "there is no Deployment");

    let quota = site("quota");
    quota.namespace.apply(&object("ResourceQuota", json!({"hard": {"requests.memory": "100Mi"}})));
    quota.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]).expect("D23", "quota is used up");

    let counts = site("quota-counts");
    counts.namespace.apply(&object("ResourceQuota", json!({"hard": {"limits.memory": "4Gi"}})));
    counts.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]).expect("D23", "does not set");

    let limits = site("limit-range");
    limits.namespace.apply(&object("LimitRange", json!({"limits": [{"type": "Container", "min": {"memory": "1Gi"}}]})));
    limits.prepare("{requests: {memory: 256Mi}, limits: {memory: 512Mi}}").claim("ReadWriteOnce", None).install(&[]);
    limits.expect("D24", "LimitRange");

    let restricted = site("restricted");
    succeed(first.cluster.kubectl().args([
        "label",
        "namespace",
        &restricted.namespace.name,
        "pod-security.kubernetes.io/enforce=restricted",
    ]));
    restricted.prepare(SMALL).claim("ReadWriteOnce", None).install(&["securityProfile=\"default\""]);
    restricted.expect("D21", "Pod Security");

    let account = site("no-account");
    account.prepare(SMALL).claim("ReadWriteOnce", None).install(&["serviceAccount={\"create\":false,\"name\":\"nobody\"}"]);
    account.expect("D22", "ServiceAccount is not there");

    let down = site("scaled-down");
    down.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]).kubectl(&["scale", "deployment/site-1", "--replicas=0"]);
    down.expect("D80", "scaled down");
}

#[test]
fn what_keeps_a_container_from_starting_is_named() {
    let (first, federation) = (Namespace::open("verify-start"), Federation::provision(Release::V28));
    let site = |fault: &str| {
        let site = Site::new(&first, &federation, &format!("verify-{fault}"));
        site.prepare(SMALL);
        site
    };
    site("no-claim").install(&[]).expect("D31", "is not there");
    site("no-class").claim("ReadWriteOnce", Some("no-such-class")).install(&[]).expect("D31", "cannot make a volume");
    site("tag").claim("ReadWriteOnce", None).install(&["image.tag=\"9.9\""]).expect("D52", "no such image or tag");
    let private = r#"image.repository="private.example.com/nvflare/nvflare""#;
    let secret = r#"imagePullSecrets=[{"name": "regcred"}]"#;
    site("no-pull-secret").claim("ReadWriteOnce", None).install(&[private, secret]).expect("D51", "`regcred` is not there");
    let wrong = site("pull-secret");
    let server = "--docker-server=private.example.com";
    wrong.kubectl(&["create", "secret", "docker-registry", "regcred", server, "--docker-username=a", "--docker-password=b"]);
    wrong.claim("ReadWriteOnce", None).install(&[private, secret]).expect("D51", "does not take the credentials");
    let python = command(&["/opt/none/python3", "-u"]);
    site("python").claim("ReadWriteOnce", None).install(&[&python]).expect("D53", "cannot be started");
    site("secret").claim("ReadWriteOnce", None).install(&["workspaceConfig.startup.secretName=\"none\""]).expect("D51", "`none`");
    let room = site("room");
    room.claim("ReadWriteOnce", None).install(&["resources.requests.memory=\"900Gi\""]);
    room.expect_with("D61", "no node has room", &["--timeout", "10"]);

    let held = site("held");
    let container = json!({"name": "holder", "image": "busybox:1.36", "command": ["sleep", "600"],
        "volumeMounts": [{"name": "w", "mountPath": "/w"}]});
    held.claim("ReadWriteOncePod", None).namespace.apply(
        &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "holder"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container],
            "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": CLAIM}}]}}),
    );
    held.kubectl(&["wait", "--for=condition=Ready", "pod/holder", "--timeout=120s"]);
    held.install(&[]).expect_with("D31", "its volume", &["--timeout", "10"]);
}

#[test]
fn why_a_parent_ends_is_named() {
    let (first, federation) = (Namespace::open("verify-end"), Federation::provision(Release::V28));
    let site = |fault: &str| Site::new(&first, &federation, &format!("verify-{fault}"));
    let crash = command(&[PYTHON, "-c", "import time, sys; time.sleep(3); print('the last word'); sys.exit(3)"]);
    site("crash").prepare(SMALL).claim("ReadWriteOnce", None).install(&[&crash]).expect("D81", "ended with exit 3");
    let eats = command(&[PYTHON, "-c", "x = [bytearray(1 << 24) for _ in range(1000)]"]);
    let small = "{requests: {memory: 64Mi}, limits: {memory: 64Mi}}";
    site("memory").prepare(small).claim("ReadWriteOnce", None).install(&[&eats]).expect("D81", "more memory than its limit");
    // Nothing was staged, as if a kit had been copied to a wrong level.
    site("level").prepare(SMALL).claim("ReadWriteOnce", None).install(&[]).expect("D81", "the kit is not on the volume");
}

/// A running server in the first namespace, with a Service.
fn with_server(test: &str) -> (Namespace, Federation) {
    let (first, federation) = (Namespace::open(test), Federation::provision(Release::V28));
    let prepared = federation.prepare(&first, Path::new(PROGRAM)).join(SERVER);
    stage::by_program(&first, Path::new(PROGRAM), &prepared);
    succeed(&mut upgrade(&first, SERVER, &prepared));
    first.wait_for_rollout(SERVER);
    (first, federation)
}

#[test]
fn what_keeps_a_site_from_its_server_is_named() {
    let (first, federation) = with_server("verify-reach");
    let site = |fault: &str| Site::new(&first, &federation, &format!("verify-{fault}"));

    site("dns").prepare(SMALL).stage().install(&[]).expect("D71", "`nvflare-server` does not resolve");

    let closed = site("closed");
    closed.prepare(SMALL).stage().kubectl(&["create", "service", "clusterip", SERVER, "--tcp=8002"]);
    closed.install(&[]).expect("D72", "nothing listens there");

    let name = site("name");
    let role_file = name.kit.join("startup/fed_client.json");
    let text = fs::read_to_string(&role_file).unwrap().replace("nvflare-server:8002", "other-name:8002");
    fs::write(role_file, text).unwrap();
    name.prepare(SMALL).stage().call_server("other-name").install(&[]).expect("D72", "not made out to `other-name`");

    let another = Federation::provision(Release::V28);
    let provisioning = Site::new(&first, &another, "verify-root");
    provisioning.prepare(SMALL).stage().call_server(SERVER).install(&[]).expect("D72", "not one of this project's");
}

#[test]
fn what_a_parent_lacks_in_its_cluster_is_named() {
    let (first, federation) = with_server("verify-lacks");
    let site = |fault: &str| {
        let site = Site::new(&first, &federation, &format!("verify-{fault}"));
        site.prepare(SMALL).stage().call_server(SERVER);
        site
    };
    let token = site("token");
    token.install(&["serviceAccount.automountServiceAccountToken=false"]).expect("D13", "no token");

    let verb = site("verb");
    let without_create = r#"[{"op": "replace", "path": "/rules/0/verbs", "value": ["get", "list", "watch", "delete"]}]"#;
    verb.install(&[]).kubectl(&["patch", "role", "site-1-launcher", "--type=json", "--patch", without_create]);
    verb.expect("D13", "create pods");
    // The same site, each time with another fault.
    verb.kubectl(&["patch", "service", SITE, "--patch", r#"{"spec": {"selector": {"app.kubernetes.io/name": "other"}}}"#]);
    verb.expect("D70", "does not select");
    verb.kubectl(&["delete", "service", SITE]);
    verb.expect("D70", "there is no Service");
    let script = "import os; root = '/var/tmp/nvflare/workspace/'; open(root + 'startup/fed_client.json', 'a').write(' '); \
                  os.remove(root + 'local/comm_config.json')";
    verb.kubectl(&["exec", "deployment/site-1", "--", PYTHON, "-c", script]);
    verb.expect("D35", "missing");
    // A newer kit is staged, which the parent has not read.
    fs::write(verb.prepared().join("local/privacy.json"), "{}").unwrap();
    let mut stage = verb.namespace.cluster.program(PROGRAM);
    verb.kubectl(&["annotate", "pvc", CLAIM, "flare-kube/kit-fingerprint=older", "--overwrite"]);
    verb.expect("D31", "another version");
    succeed(stage.arg("stage").arg(verb.prepared()).args(["--restart", "--again"]));
    verb.expect("D83", "another version");

    let package = site("package");
    let hidden = package.kit.join("local/hidden");
    fs::create_dir_all(&hidden).unwrap();
    fs::write(hidden.join("kubernetes.py"), "raise ModuleNotFoundError(\"No module named 'kubernetes'\")\n").unwrap();
    fs::remove_dir_all(package.prepared()).unwrap();
    package.prepare(SMALL).stage();
    let path = r#"extraEnv=[{"name": "PYTHONPATH", "value": "/var/tmp/nvflare/workspace/local/hidden"}]"#;
    package.install(&[path]).expect("D46", "cannot import");

    let other = Site::new(&first, &federation, "verify-other");
    other.prepare(SMALL).stage();
    let owner = r#"flare-kube/kit-owner={"participant":"site-2","role":"client","project":null}"#;
    other.kubectl(&["annotate", "pvc", CLAIM, owner, "--overwrite"]);
    other.install(&[]).expect("D31", "holds the kit of the client `site-2`");
}

#[test]
fn what_is_wrong_with_the_prepared_kit_needs_no_cluster() {
    let (first, federation) = (Namespace::open("verify-kit"), Federation::provision(Release::V28));
    let site = |fault: &str| {
        let site = Site::new(&first, &federation, &format!("verify-{fault}"));
        site.prepare(SMALL);
        site
    };
    let key = site("key");
    fs::copy(federation.kit("site-2").join("startup/client.key"), key.prepared().join("startup/client.key")).unwrap();
    key.expect_with("D41", "does not belong to", &["--offline"]);
    let port = site("port");
    let values = port.prepared().join("helm_chart/values.yaml");
    let text = fs::read_to_string(&values).unwrap();
    assert!(text.contains("\nport: 8102"), "{text}");
    fs::write(values, text.replace("\nport: 8102", "\nport: 8103")).unwrap();
    port.expect_with("D40", "`port` no longer fits", &["--offline"]);
    let expired = site("expired");
    let mut sign = Command::new(Release::V28.python());
    sign.arg("-c").arg(EXPIRED).arg(federation.kit(SITE).join("../../state/cert.json"));
    succeed(sign.arg(expired.prepared().join("startup/client.crt")));
    expired.expect_with("D42", "has expired", &["--offline"]);
    let whole = site("whole");
    let mut verify = whole.sandbox.command(PROGRAM);
    succeed(verify.arg("verify").arg(whole.prepared()).arg("--offline"));
}
