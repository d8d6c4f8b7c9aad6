//! A table of faults: each is created in the cluster, and `verify` reports its cause. A line with the time is printed for each.
//!
//! No test asserts that time, but each asserts that a cause known to Kubernetes was reported before the timeout.

mod gone;
mod guide;
mod road;
mod site;

use std::fs;
use std::path::Path;
use std::process::Command;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::upgrade;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::succeed;
use integration_tests::cluster::stage;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use self::site::{Site, fault};
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

const SMALL: &str = "{requests: {cpu: 50m, memory: 256Mi}}";

/// A Helm setting with the parent's command.
fn command(program: &[&str]) -> String {
    format!("command={}", json!(program))
}

#[test]
fn what_keeps_a_pod_from_being_made_is_named() {
    let (first, federation) = (Namespace::open("verify-make"), Federation::provision(Release::V28));
    let site = |name: &str| Site::new(&first, &federation, name);
    let object = |kind: &str, spec: Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "team"}, "spec": spec});

    site("not-installed").prepare(SMALL).claim("ReadWriteOnce", None).expect(&fault(
        "chart not installed",
        "D80",
        "there is no Deployment",
    ));

    let quota = site("quota");
    quota.namespace.apply(&object("ResourceQuota", json!({"hard": {"requests.memory": "100Mi"}})));
    quota
        .prepare(SMALL)
        .claim("ReadWriteOnce", None)
        .install(&[])
        .expect(&fault("quota used up", "D23", "quota is used up").guide("exceeded quota").known("exceeded quota", 1));

    let counts = site("quota-counts");
    counts.namespace.apply(&object("ResourceQuota", json!({"hard": {"limits.memory": "4Gi"}})));
    counts.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]).expect(
        &fault("quota counts a limit that is not set", "D23", "does not set").guide("failed quota").known("failed quota", 1),
    );

    let limits = site("limit-range");
    limits.namespace.apply(&object("LimitRange", json!({"limits": [{"type": "Container", "min": {"memory": "1Gi"}}]})));
    limits.prepare("{requests: {memory: 256Mi}, limits: {memory: 512Mi}}").claim("ReadWriteOnce", None).install(&[]);
    limits.expect(&fault("LimitRange", "D24", "LimitRange").guide("minimum memory").known("minimum memory", 1));

    let restricted = site("restricted");
    succeed(first.cluster.kubectl().args([
        "label",
        "namespace",
        &restricted.namespace.name,
        "pod-security.kubernetes.io/enforce=restricted",
    ]));
    restricted.prepare(SMALL).claim("ReadWriteOnce", None).install(&["securityProfile=\"default\""]);
    restricted.expect(
        &fault("namespace enforces Pod Security `restricted`", "D21", "Pod Security")
            .guide("violates PodSecurity")
            .known("violates PodSecurity", 1),
    );

    let account = site("no-account");
    account.prepare(SMALL).claim("ReadWriteOnce", None).install(&["serviceAccount={\"create\":false,\"name\":\"nobody\"}"]);
    account.expect(
        &fault("ServiceAccount missing", "D22", "ServiceAccount is not there").known("error looking up service account", 1),
    );

    let down = site("scaled-down");
    down.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]).kubectl(&["scale", "deployment/site-1", "--replicas=0"]);
    down.expect(&fault("Deployment scaled to 0", "D80", "scaled down"));
}

#[test]
fn what_keeps_a_container_from_starting_is_named() {
    let (first, federation) = (Namespace::open("verify-start"), Federation::provision(Release::V28));
    let site = |name: &str| {
        let site = Site::new(&first, &federation, name);
        site.prepare(SMALL);
        site
    };
    site("no-claim")
        .install(&[])
        .expect(&fault("claim missing", "D31", "is not there").guide("not found").known("\"nvflws\" not found", 1));
    site("no-class").claim("ReadWriteOnce", Some("no-such-class")).install(&[]).expect(
        &fault("storage class missing", "D31", "cannot make a volume").guide("not found").known("\"no-such-class\" not found", 1),
    );
    site("tag")
        .claim("ReadWriteOnce", None)
        .install(&["image.tag=\"9.9\""])
        .expect(&fault("wrong tag", "D52", "no such image or tag").guide("not found").known("Failed to pull image", 2));
    let private = r#"image.repository="private.example.com/nvflare/nvflare""#;
    let secret = r#"imagePullSecrets=[{"name": "regcred"}]"#;
    site("no-pull-secret")
        .claim("ReadWriteOnce", None)
        .install(&[private, secret])
        .expect(&fault("pull Secret missing", "D51", "`regcred` is not there").guide("regcred").known("Failed to pull image", 2));
    let wrong = site("pull-secret");
    let server = "--docker-server=private.example.com";
    wrong.kubectl(&["create", "secret", "docker-registry", "regcred", server, "--docker-username=a", "--docker-password=b"]);
    wrong.claim("ReadWriteOnce", None).install(&[private, secret]).expect(
        &fault("pull Secret with wrong credentials", "D51", "does not take the credentials")
            .guide("401")
            .known("Failed to pull image", 2),
    );
    let python = command(&["/opt/none/python3", "-u"]);
    site("python")
        .claim("ReadWriteOnce", None)
        .install(&[&python])
        .expect(&fault("wrong `python_path`", "D53", "cannot be started").guide("no such file").known("StartError", 1));
    site("secret")
        .claim("ReadWriteOnce", None)
        .install(&["workspaceConfig.startup.secretName=\"none\""])
        .expect(&fault("mounted Secret missing", "D51", "`none`").known("\"none\" not found", 1));
    let room = site("room");
    room.claim("ReadWriteOnce", None).install(&["resources.requests.memory=\"900Gi\""]);
    room.expect(&fault("no room on any node", "D61", "no node has room").guide("Insufficient memory").with(&["--timeout", "10"]));

    let held = site("held");
    let container = json!({"name": "holder", "image": "busybox:1.36", "command": ["sleep", "600"],
        "volumeMounts": [{"name": "w", "mountPath": "/w"}]});
    held.claim("ReadWriteOncePod", None).namespace.apply(
        &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "holder"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container],
            "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": CLAIM}}]}}),
    );
    held.kubectl(&["wait", "--for=condition=Ready", "pod/holder", "--timeout=120s"]);
    held.install(&[]).expect(
        &fault("claim that another pod holds (ReadWriteOncePod)", "D31", "its volume")
            .guide("ReadWriteOncePod")
            .with(&["--timeout", "10"]),
    );
}

#[test]
fn why_a_parent_ends_is_named() {
    let (first, federation) = (Namespace::open("verify-end"), Federation::provision(Release::V28));
    let site = |name: &str| Site::new(&first, &federation, name);
    let crash = command(&[PYTHON, "-c", "import time, sys; time.sleep(3); print('the last word'); sys.exit(3)"]);
    site("crash")
        .prepare(SMALL)
        .claim("ReadWriteOnce", None)
        .install(&[&crash])
        .expect(&fault("crash after 3 s", "D81", "ended with exit 3").guide("the last word").known("CrashLoopBackOff", 1));
    let eats = command(&[PYTHON, "-c", "x = [bytearray(1 << 24) for _ in range(1000)]"]);
    let small = "{requests: {memory: 64Mi}, limits: {memory: 64Mi}}";
    site("memory")
        .prepare(small)
        .claim("ReadWriteOnce", None)
        .install(&[&eats])
        .expect(&fault("out of memory", "D81", "more memory than its limit").guide("OOMKilled").known("OOMKilled", 1));
    // Nothing was staged, as if a kit had been copied to a wrong level.
    site("level").prepare(SMALL).claim("ReadWriteOnce", None).install(&[]).expect(
        &fault("kit at the wrong level", "D81", "the kit is not on the volume")
            .guide("invalid workspace")
            .known("CrashLoopBackOff", 1),
    );
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
    let site = |name: &str| Site::new(&first, &federation, name);

    site("dns")
        .prepare(SMALL)
        .stage()
        .install(&[])
        .expect(&fault("server's name does not resolve", "D71", "`nvflare-server` does not resolve").guide("resol"));

    let closed = site("closed");
    closed.prepare(SMALL).stage().kubectl(&["create", "service", "clusterip", SERVER, "--tcp=8002"]);
    closed
        .install(&[])
        .expect(&fault("nothing listens at the server's address", "D72", "nothing listens there").guide("refused"));

    let name = site("name");
    let role_file = name.kit.join("startup/fed_client.json");
    let text = fs::read_to_string(&role_file).unwrap().replace("nvflare-server:8002", "other-name:8002");
    fs::write(role_file, text).unwrap();
    name.prepare(SMALL)
        .stage()
        .call_server("other-name")
        .install(&[])
        .expect(&fault("server's certificate has another name", "D72", "not made out to `other-name`").guide("ertificate"));

    let another = Federation::provision(Release::V28);
    let provisioning = Site::new(&first, &another, "root");
    provisioning
        .prepare(SMALL)
        .stage()
        .call_server(SERVER)
        .install(&[])
        .expect(&fault("server of another provisioning", "D72", "not one of this project's").guide("CERTIFICATE_VERIFY_FAILED"));
}

#[test]
fn what_a_parent_lacks_in_its_cluster_is_named() {
    let (first, federation) = with_server("verify-lacks");
    let site = |name: &str| {
        let site = Site::new(&first, &federation, name);
        site.prepare(SMALL).stage().call_server(SERVER);
        site
    };
    let token = site("token");
    token
        .install(&["serviceAccount.automountServiceAccountToken=false"])
        .expect(&fault("ServiceAccount token not mounted", "D13", "no token").guide("oken"));

    let verb = site("verb");
    let without_create = r#"[{"op": "replace", "path": "/rules/0/verbs", "value": ["get", "list", "watch", "delete"]}]"#;
    verb.install(&[]).kubectl(&["patch", "role", "site-1-launcher", "--type=json", "--patch", without_create]);
    verb.expect(&fault("a verb missing in the Role", "D13", "create pods"));
    // The same site, each time with another fault.
    verb.kubectl(&["patch", "service", SITE, "--patch", r#"{"spec": {"selector": {"app.kubernetes.io/name": "other"}}}"#]);
    verb.expect(&fault("Service selects something else", "D70", "does not select"));
    verb.kubectl(&["delete", "service", SITE]);
    verb.expect(&fault("Service deleted", "D70", "there is no Service"));
    let script = "import os; root = '/var/tmp/nvflare/workspace/'; open(root + 'startup/fed_client.json', 'a').write(' '); \
                  os.remove(root + 'local/comm_config.json')";
    verb.kubectl(&["exec", "deployment/site-1", "--", PYTHON, "-c", script]);
    verb.expect(&fault("files changed or missing in the pod", "D35", "missing"));
    // A newer kit is staged, which the parent has not read.
    fs::write(verb.prepared().join("local/privacy.json"), "{}").unwrap();
    let mut stage = verb.namespace.cluster.program(PROGRAM);
    verb.kubectl(&["annotate", "pvc", CLAIM, "flare-kube/kit-fingerprint=older", "--overwrite"]);
    verb.expect(&fault("other version on the claim", "D31", "another version"));
    succeed(stage.arg("stage").arg(verb.prepared()).args(["--restart", "--again"]));
    verb.expect(&fault("parent not restarted after staging", "D83", "another version"));

    let package = site("package");
    let hidden = package.kit.join("local/hidden");
    fs::create_dir_all(&hidden).unwrap();
    fs::write(hidden.join("kubernetes.py"), "raise ModuleNotFoundError(\"No module named 'kubernetes'\")\n").unwrap();
    fs::remove_dir_all(package.prepared()).unwrap();
    package.prepare(SMALL).stage();
    let path = r#"extraEnv=[{"name": "PYTHONPATH", "value": "/var/tmp/nvflare/workspace/local/hidden"}]"#;
    package.install(&[path]).expect(&fault("package `kubernetes` missing", "D46", "cannot import"));

    let other = Site::new(&first, &federation, "other");
    other.prepare(SMALL).stage();
    let owner = r#"flare-kube/kit-owner={"participant":"site-2","role":"client","project":null}"#;
    other.kubectl(&["annotate", "pvc", CLAIM, owner, "--overwrite"]);
    other.install(&[]).expect(&fault("kit of another participant on the claim", "D31", "holds the kit of the client `site-2`"));
}

#[test]
fn what_is_wrong_with_the_prepared_kit_needs_no_cluster() {
    let (first, federation) = (Namespace::open("verify-kit"), Federation::provision(Release::V28));
    let site = |name: &str| {
        let site = Site::new(&first, &federation, name);
        site.prepare(SMALL);
        site
    };
    let key = site("key");
    fs::copy(federation.kit("site-2").join("startup/client.key"), key.prepared().join("startup/client.key")).unwrap();
    key.expect(&fault("key of another participant", "D41", "does not belong to").with(&["--offline"]));
    let port = site("port");
    let values = port.prepared().join("helm_chart/values.yaml");
    let text = fs::read_to_string(&values).unwrap();
    assert!(text.contains("\nport: 8102"), "{text}");
    fs::write(values, text.replace("\nport: 8102", "\nport: 8103")).unwrap();
    port.expect(&fault("parent port changed after `prepare`", "D40", "`port` no longer fits").with(&["--offline"]));
    let expired = site("expired");
    let mut sign = Command::new(Release::V28.python());
    sign.arg("-c").arg(EXPIRED).arg(federation.kit(SITE).join("../../state/cert.json"));
    succeed(sign.arg(expired.prepared().join("startup/client.crt")));
    expired.expect(&fault("certificate expired", "D42", "has expired").with(&["--offline"]));
    let whole = site("whole");
    let mut verify = whole.sandbox.command(PROGRAM);
    succeed(verify.arg("verify").arg(whole.prepared()).arg("--offline"));
}
