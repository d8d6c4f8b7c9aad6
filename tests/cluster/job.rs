//! The admin's side: a pod beside the federation, which reaches the server by its Service as the certificates name it.

use std::fs;
use std::path::Path;

use integration_tests::workspace_folder;

use crate::cluster::{succeed, succeed_with};
use crate::federation::Federation;
use crate::namespace::Namespace;
use crate::stage::archive;

/// Submits the two-round job `hello` and gives the status in which it ended.
pub(crate) fn run_hello(namespace: &Namespace, federation: &Federation) -> String {
    let image = namespace.cluster.image(federation.release);
    let sleep = ["--command", "--", "python3", "-c", "import time; time.sleep(900)"];
    succeed(namespace.kubectl().args(["run", "admin", "--restart=Never", "--image", &image]).args(sleep));
    succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/admin", "--timeout=120s"]));
    let sources = workspace_folder().join("tests/cluster");
    send(namespace, &sources, &["hello", "submit.py"]);
    let kits = federation.kit("admin@nvidia.com");
    send(namespace, kits.parent().expect("a kit lies in prod_00"), &["admin@nvidia.com"]);
    let meta = fs::read_to_string(sources.join("hello/meta.json")).unwrap().replace("IMAGE", &image);
    let write = "import sys; open('/tmp/hello/meta.json', 'w').write(sys.stdin.read())";
    succeed_with(namespace.kubectl().args(["exec", "--stdin", "admin", "--", "python3", "-c", write]), meta.as_bytes());
    let submit = ["python3", "/tmp/submit.py", "/tmp/admin@nvidia.com", "/tmp/hello"];
    let said = succeed(namespace.kubectl().args(["exec", "admin", "--"]).args(submit));
    said.lines()
        .find_map(|line| line.strip_prefix("status: "))
        .unwrap_or_else(|| panic!("submit.py gave no status:\n{said}"))
        .to_owned()
}

fn send(namespace: &Namespace, folder: &Path, entries: &[&str]) {
    let unpack = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall('/tmp', filter='data')";
    let mut exec = namespace.kubectl();
    succeed_with(exec.args(["exec", "--stdin", "admin", "--", "python3", "-c", unpack]), &archive(folder, entries));
}
