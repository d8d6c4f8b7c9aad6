//! Faults that keep a parent's pod from being made, or its container from starting.

use std::slice::from_ref;

use integration_tests::cluster::run::succeed;
use serde_json::{Value, json};

use super::fault::Sign::Says;
use super::fault::fault;
use super::table::Table;
use super::{CLAIM, SMALL, command, without_server};

#[test]
fn what_keeps_a_pod_from_being_made_is_named() {
    let object = |kind: &str, spec: Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "team"}, "spec": spec});
    Table::run(
        || without_server("verify-make"),
        |table| {
            let missing = Says(&[r#"deployments.apps "site-1" not found"#]);
            table.row("not-installed", fault("chart not installed", "D80", "there is no Deployment", missing), |site| {
                site.prepare(SMALL).claim("ReadWriteOnce", None);
            });

            let says = Says(&["exceeded quota"]);
            let quota = fault("quota used up", "D23", "quota is used up", says).known("exceeded quota", 1);
            table.row("quota", quota, |site| {
                site.namespace.apply(&object("ResourceQuota", json!({"hard": {"requests.memory": "100Mi"}})));
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]);
            });

            let says = Says(&["failed quota"]);
            let counts = fault("quota counts a limit that is not set", "D23", "does not set", says).known("failed quota", 1);
            table.row("quota-counts", counts, |site| {
                site.namespace.apply(&object("ResourceQuota", json!({"hard": {"limits.memory": "4Gi"}})));
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]);
            });

            let limits = fault("LimitRange", "D24", "LimitRange", Says(&["minimum memory"])).known("minimum memory", 1);
            table.row("limit-range", limits, |site| {
                let smallest = json!({"limits": [{"type": "Container", "min": {"memory": "1Gi"}}]});
                site.namespace.apply(&object("LimitRange", smallest));
                site.prepare("{requests: {memory: 256Mi}, limits: {memory: 512Mi}}").claim("ReadWriteOnce", None).install(&[]);
            });

            let what = "namespace enforces Pod Security `restricted`";
            let says = Says(&["violates PodSecurity", "would violate PodSecurity"]);
            let restricted = fault(what, "D21", "Pod Security", says).known("violates PodSecurity", 1);
            table.row("restricted", restricted, |site| {
                let label = "pod-security.kubernetes.io/enforce=restricted";
                succeed(site.namespace.cluster.kubectl().args(["label", "namespace", &site.namespace.name, label]));
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&["securityProfile=\"default\""]);
            });

            let says = "error looking up service account";
            let account =
                fault("ServiceAccount missing", "D22", "ServiceAccount is not there", Says(from_ref(&says))).known(says, 1);
            // The reference's chart cannot name another ServiceAccount.
            let account = account.by_reference(|site| {
                let spec = json!({"spec": {"template": {"spec": {"serviceAccountName": "nobody"}}}}).to_string();
                site.kubectl(&["patch", "deployment", "site-1", "--patch", &spec]);
                None
            });
            table.row("no-account", account, |site| {
                let nobody = "serviceAccount={\"create\":false,\"name\":\"nobody\"}";
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[nobody]);
            });

            let down = fault("Deployment scaled to 0", "D80", "scaled down", Says(&["Scaled down replica set"]));
            let down = down.after(|site| site.kubectl(&["scale", "deployment/site-1", "--replicas=0"]));
            table.row("scaled-down", down, |site| {
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]);
            });
        },
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of faults")]
fn what_keeps_a_container_from_starting_is_named() {
    let private = r#"image.repository="private.example.com/nvflare/nvflare""#;
    let secret = r#"imagePullSecrets=[{"name": "regcred"}]"#;
    Table::run(
        || without_server("verify-start"),
        |table| {
            let says = r#"persistentvolumeclaim "nvflws" not found"#;
            let claim = fault("claim missing", "D31", "is not there", Says(from_ref(&says))).known("\"nvflws\" not found", 1);
            table.row("no-claim", claim, |site| {
                site.prepare(SMALL).install(&[]);
            });

            let says = r#""no-such-class" not found"#;
            let class =
                fault("storage class missing", "D31", "no storage class `no-such-class`", Says(from_ref(&says))).known(says, 1);
            table.row("no-class", class, |site| {
                site.prepare(SMALL).claim("ReadWriteOnce", Some("no-such-class")).install(&[]);
            });

            let tag = fault("wrong tag", "D52", "no such image or tag", Says(&["9.9: not found"]));
            table.row("tag", tag.known("Failed to pull image", 2), |site| {
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&["image.tag=\"9.9\""]);
            });

            let says = Says(&["Unable to retrieve some image pull secrets (regcred)"]);
            let missing = fault("pull Secret missing", "D51", "`regcred` is not there", says);
            table.row("no-pull-secret", missing.known("Failed to pull image", 2), |site| {
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[private, secret]);
            });

            let says = Says(&["401 Unauthorized"]);
            let wrong = fault("pull Secret with wrong credentials", "D51", "does not take the credentials", says);
            table.row("pull-secret", wrong.known("Failed to pull image", 2), |site| {
                let registry = ["--docker-server=private.example.com", "--docker-username=a", "--docker-password=b"];
                site.kubectl(&[&["create", "secret", "docker-registry", "regcred"], &registry[..]].concat());
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[private, secret]);
            });

            let says = Says(&["no such file or directory"]);
            let python = fault("wrong `python_path`", "D53", "cannot be started", says).known("StartError", 1);
            table.row("python", python, |site| {
                let python = command(&["/opt/none/python3", "-u"]);
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[&python]);
            });

            let says = r#"secret "none" not found"#;
            let mounted = fault("mounted Secret missing", "D51", "`none`", Says(from_ref(&says))).known("\"none\" not found", 1);
            // The reference's chart mounts no Secret.
            let mounted = mounted.by_reference(|site| {
                let add = |path: &str, value: Value| json!({"op": "add", "path": format!("/spec/template/spec/{path}/-"), "value": value});
                let patch = json!([
                    add("volumes", json!({"name": "none", "secret": {"secretName": "none"}})),
                    add("containers/0/volumeMounts", json!({"name": "none", "mountPath": "/none"})),
                ]);
                site.kubectl(&["patch", "deployment", "site-1", "--type=json", "--patch", &patch.to_string()]);
                None
            });
            table.row("secret", mounted, |site| {
                let none = "workspaceConfig.startup.secretName=\"none\"";
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[none]);
            });

            let room = fault("no room on any node", "D61", "no node has room", Says(&["Insufficient memory"]));
            table.row("room", room.with(&["--timeout", "10"]), |site| {
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&["resources.requests.memory=\"900Gi\""]);
            });

            let what = "claim that another pod holds (ReadWriteOncePod)";
            let held = fault(what, "D31", "its volume", Says(&["ReadWriteOncePod access mode"]));
            table.row("held", held.with(&["--timeout", "10"]), |site| {
                let container = json!({"name": "holder", "image": "busybox:1.36", "command": ["sleep", "3600"],
                    "volumeMounts": [{"name": "w", "mountPath": "/w"}]});
                let volumes = json!([{"name": "w", "persistentVolumeClaim": {"claimName": CLAIM}}]);
                let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "holder"},
                    "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": volumes}});
                site.prepare(SMALL).claim("ReadWriteOncePod", None).namespace.apply(&pod);
                site.kubectl(&["wait", "--for=condition=Ready", "pod/holder", "--timeout=120s"]);
                site.install(&[]);
            });
        },
    );
}
