//! Why a parent ends, and what one that runs lacks in its cluster.

use std::fs;
use std::path::Path;

use integration_tests::cluster::run::succeed;
use serde_json::json;

use super::fault::Sign::{Lacks, Nowhere, Says};
use super::fault::fault;
use super::site::Site;
use super::table::Table;
use super::{CLAIM, PYTHON, SERVER, SITE, SMALL, command, with_server, without_server};
use crate::PROGRAM;

#[test]
fn why_a_parent_ends_is_named() {
    Table::run(
        || without_server("verify-end"),
        |table| {
            // Not the last word itself: `kubectl describe` shows the command, too.
            let says = Says(&["Exit Code:    3"]);
            let crash = fault("crash after 3 s", "D81", "ended with exit 3", says).known("CrashLoopBackOff", 1);
            table.row("crash", crash, |site| {
                let crash = command(&[PYTHON, "-c", "import time, sys; time.sleep(3); print('the last word'); sys.exit(3)"]);
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[&crash]);
            });

            let memory = fault("out of memory", "D81", "more memory than its limit", Says(&["OOMKilled"]));
            table.row("memory", memory.known("OOMKilled", 1), |site| {
                let eats = command(&[PYTHON, "-c", "x = [bytearray(1 << 24) for _ in range(1000)]"]);
                let small = "{requests: {memory: 64Mi}, limits: {memory: 64Mi}}";
                site.prepare(small).claim("ReadWriteOnce", None).install(&[&eats]);
            });

            // Nothing was staged, as if a kit had been copied to a wrong level.
            let says = Says(&["invalid workspace"]);
            let level = fault("kit at the wrong level", "D81", "the kit is not on the volume", says).known("CrashLoopBackOff", 1);
            table.row("level", level, |site| {
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]);
            });
        },
    );
}

/// A parent whose package `kubernetes` cannot be imported.
const HIDDEN: &str = "/var/tmp/nvflare/workspace/local/hidden";

/// What no command of the guide does.
const NOT_COMPARED: &str = "no command compares the kit that runs with the prepared one";

#[test]
#[expect(clippy::too_many_lines, reason = "a table of faults")]
fn what_a_parent_lacks_in_its_cluster_is_named() {
    Table::run(
        || with_server("verify-lacks"),
        |table| {
            let running = |site: &Site<'_>| {
                site.prepare(SMALL).stage().call_server(SERVER).install(&[]);
            };
            let reason = "the parent runs, and only a job's launch needs the token";
            let token = Nowhere(&["token file does not exist", "Invalid kube-config"], reason);
            table.row("token", fault("ServiceAccount token not mounted", "D13", "no token", token), |site| {
                site.prepare(SMALL).stage().call_server(SERVER);
                site.install(&["serviceAccount.automountServiceAccountToken=false"]);
            });

            let verb = Nowhere(&["is forbidden", "cannot create resource"], "no command asks what the ServiceAccount may do");
            let verb = fault("a verb missing in the Role", "D13", "create pods", verb).after(|site| {
                let rest = json!([{"op": "replace", "path": "/rules/0/verbs", "value": ["get", "list", "watch", "delete"]}]);
                site.kubectl(&["patch", "role", "site-1-launcher", "--type=json", "--patch", &rest.to_string()]);
            });
            let selects =
                Nowhere(&["does not select", "no endpoints"], "no command shows what the Service selects, nor its endpoints");
            let selects = fault("Service selects something else", "D70", "does not select", selects).after(|site| {
                let other = json!({"spec": {"selector": {"app.kubernetes.io/name": "other"}}}).to_string();
                site.kubectl(&["patch", "service", SITE, "--patch", &other]);
            });
            let deleted = fault("Service deleted", "D70", "there is no Service", Lacks("service/site-1"));
            let deleted = deleted.after(|site| site.kubectl(&["delete", "service", SITE]));
            let files = Nowhere(&["comm_config.json"], "the parent has read them, and no command reads the volume");
            let files = fault("files changed or missing in the pod", "D35", "missing", files).after(|site| {
                let script = "import os; root = '/var/tmp/nvflare/workspace/'; \
                              open(root + 'startup/fed_client.json', 'a').write(' '); os.remove(root + 'local/comm_config.json')";
                site.namespace.wait_for_rollout(SITE);
                site.kubectl(&["exec", "deployment/site-1", "--", PYTHON, "-c", script]);
            });
            let other = fault("other version on the claim", "D31", "another version", Nowhere(&["privacy.json"], NOT_COMPARED));
            let other = other.after(change_kit);
            let unread =
                fault("parent not restarted after staging", "D83", "another version", Nowhere(&["privacy.json"], NOT_COMPARED));
            let unread = unread.after(|site| {
                change_kit(site);
                let mut stage = site.namespace.cluster.program(PROGRAM);
                succeed(stage.arg("stage").arg(site.prepared()).args(["--restart", "--again"]));
            });
            // The guide's reader copies the new files, and does not restart the parent.
            let unread = unread.by_reference(|site| {
                site.namespace.wait_for_rollout(SITE);
                let script = "open('/var/tmp/nvflare/workspace/local/privacy.json', 'w').write('{}')";
                site.kubectl(&["exec", "deployment/site-1", "--", PYTHON, "-c", script]);
                None
            });
            table.rows("verb", &[verb, selects, deleted, files, other, unread], running);

            let reason = "the parent runs, and only a job's launch needs the package";
            let package = Nowhere(&["No module named 'kubernetes'", "ModuleNotFoundError"], reason);
            let package = fault("package `kubernetes` missing", "D46", "cannot import", package).by_reference(|site| {
                let container = json!({"name": SITE, "env": [{"name": "PYTHONPATH", "value": HIDDEN}]});
                let spec = json!({"spec": {"template": {"spec": {"containers": [container]}}}}).to_string();
                site.kubectl(&["patch", "deployment", SITE, "--patch", &spec]);
                None
            });
            table.row("package", package, |site| {
                hide_package(&site.kit);
                let path = format!(r#"extraEnv=[{{"name": "PYTHONPATH", "value": "{HIDDEN}"}}]"#);
                site.prepare(SMALL).stage().call_server(SERVER).install(&[&path]);
            });

            let what = "kit of another participant on the claim";
            let another = fault(what, "D31", "holds the kit of the client `site-2`", Says(&["client:site-2", "site-2"]));
            table.row("other", another, |site| {
                site.prepare(SMALL).stage_another(table.federation(), "site-2").call_server(SERVER).install(&[]);
            });
        },
    );
}

/// Changes the prepared kit after it was staged.
fn change_kit(site: &Site<'_>) {
    fs::write(site.prepared().join("local/privacy.json"), "{}").unwrap();
    site.kubectl(&["annotate", "pvc", CLAIM, "flare-kube/kit-fingerprint=older", "--overwrite"]);
}

/// Puts a package into a kit that hides `kubernetes`.
fn hide_package(kit: &Path) {
    let hidden = kit.join("local/hidden");
    fs::create_dir_all(&hidden).unwrap();
    fs::write(hidden.join("kubernetes.py"), "raise ModuleNotFoundError(\"No module named 'kubernetes'\")\n").unwrap();
}
