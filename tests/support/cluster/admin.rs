//! The admin: a pod beside the federation, which reaches the server at its Service, whose name is in the certificate.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::federation::Federation;
use super::namespace::Namespace;
use super::run::{succeed, succeed_with};
use super::stage::archive;
use crate::workspace_directory;

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedJob {
    /// The status at the server, such as `FINISHED:COMPLETED`.
    pub status: String,
    /// From submission until the admin sees the end.
    pub time: Duration,
}

/// A pod with the admin's kit and the two-round job `hello`.
#[derive(Debug)]
pub struct Admin<'a> {
    namespace: &'a Namespace,
}

impl<'a> Admin<'a> {
    /// Starts the pod and copies kit and job into it.
    pub fn start(namespace: &'a Namespace, federation: &Federation) -> Self {
        let image = namespace.cluster.image(federation.release);
        let sleep = ["--command", "--", "python3", "-c", "import time; time.sleep(3600)"];
        succeed(namespace.kubectl().args(["run", "admin", "--restart=Never", "--image", &image]).args(sleep));
        succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/admin", "--timeout=300s"]));
        let admin = Self { namespace };
        let demo = workspace_directory().join("fixtures/demo");
        admin.send(&demo, &["hello"]);
        admin.send(&workspace_directory().join("tests/cluster"), &["submit.py"]);
        let kits = federation.kit("admin@nvidia.com");
        admin.send(kits.parent().expect("a kit lies in prod_00"), &["admin@nvidia.com"]);
        let meta = fs::read_to_string(demo.join("hello/meta.json")).unwrap().replace("IMAGE", &image);
        admin.python("import sys; open('/tmp/hello/meta.json', 'w').write(sys.stdin.read())", meta.as_bytes());
        admin
    }

    /// Submits the job and waits for its end.
    pub fn run_hello(&self) -> FinishedJob {
        let submit = ["exec", "admin", "--", "python3", "/tmp/submit.py", "/tmp/admin@nvidia.com", "/tmp/hello"];
        let said = succeed(self.namespace.kubectl().args(submit));
        let value = |key: &str| {
            let found = said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            found.unwrap_or_else(|| panic!("submit.py gave no {key}:\n{said}"))
        };
        FinishedJob { status: value("status").to_owned(), time: Duration::from_secs_f64(value("seconds").parse().unwrap()) }
    }

    fn send(&self, directory: &Path, entries: &[&str]) {
        let unpack = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall('/tmp', filter='data')";
        self.python(unpack, &archive(directory, entries));
    }

    fn python(&self, script: &str, input: &[u8]) {
        succeed_with(self.namespace.kubectl().args(["exec", "--stdin", "admin", "--", "python3", "-c", script]), input);
    }
}
