//! HOCON as FLARE reads it: the reference's own loader reads each document, and the resulting job must be the same here;
//! what the reference reads in a way that nobody means is refused here.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

mod support;

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use flare_launcher_args::LauncherArgs;
use flare_names::{Role, Target};
use flare_pod_manifest::{Additions, FileContent, LaunchRequest, PreparedSite, SiteFiles, Submission, manifest};
use serde_json::{Value, json};
use support::oracle::python;

/// What the reference reads from each document; `None` if it refuses it, or if the result cannot be a job's meta data.
fn reference(documents: &[String]) -> Vec<Option<Value>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/hocon_oracle.py");
    let mut process = Command::new(python(Target::V2_9))
        .arg(script)
        .env("FLARE_KUBE_CANARY", "CANARY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the reference's Python starts");
    let mut stdin = process.stdin.take().unwrap();
    let lines: String = documents.iter().map(|document| format!("{}\n", json!(document))).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = process.wait_with_output().unwrap();
    writer.join().unwrap();
    let replies = String::from_utf8(output.stdout).unwrap();
    replies
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["value"].take())
        .map(|value| value.is_object().then_some(value))
        .collect()
}

/// The pod of a job for the site `site-1`, or the fault.
fn pod(meta: &str, file: &str) -> Result<Value, String> {
    let launcher: LauncherArgs = serde_json::from_value(json!({
        "config_file_path": null, "namespace": "flare", "default_python_path": "/usr/local/bin/python", "workspace_mount_path": "/w",
    }))
    .unwrap();
    let site = PreparedSite {
        role: Role::Client,
        site: "site-1",
        server_name: None,
        launcher: &launcher,
        pod_defaults: None,
        parent_url: None,
        parent_connection_security: None,
    };
    let request = LaunchRequest::for_prepared(&site, meta.as_bytes(), file, Submission::default(), Target::V2_9)
        .map_err(|faults| faults.to_string())?
        .value;
    let files = SiteFiles::default().gather(&request, |_| FileContent::Missing);
    manifest(&request, &files, &Additions::none()).map(|made| made.value.pod).map_err(|faults| faults.to_string())
}

/// The parts in which the results differ.
fn short(pod: &Result<Value, String>) -> String {
    match pod {
        Ok(pod) => {
            let container = &pod["spec"]["containers"][0];
            format!("{} {} {} {}", container["image"], container["resources"], container["command"], pod["metadata"]["name"])
        }
        Err(fault) => fault.clone(),
    }
}

fn documents() -> Vec<String> {
    serde_json::from_str(include_str!("reference/hocon.json")).unwrap()
}

#[test]
fn hocon_is_read_as_the_reference_reads_it_or_refused() {
    let documents = documents();
    let mut failures = Vec::new();
    let (mut equal, mut stricter) = (0, 0);
    for (document, theirs) in documents.iter().zip(reference(&documents)) {
        let ours = pod(document, "meta.conf");
        let expected = theirs.map(|value| pod(&value.to_string(), "meta.json"));
        match (&ours, expected) {
            (Ok(ours), Some(Ok(theirs))) if *ours == theirs => equal += 1,
            (Err(_), None | Some(Err(_))) => {}
            // Refused with a reason: what the specification and pyhocon read differently.
            (Err(fault), Some(Ok(_))) if fault.starts_with("meta.conf:1:") => stricter += 1,
            (_, expected) => failures.push(format!(
                "{document}\n  ours:   {}\n  theirs: {}",
                short(&ours),
                expected.map_or_else(|| "refused".to_owned(), |pod| short(&pod))
            )),
        }
    }
    assert!(failures.is_empty(), "{} differences\n{}", failures.len(), failures.join("\n\n"));
    assert!(stricter < documents.len() / 6, "too many documents are refused that the reference reads: {stricter}");
    assert!(equal > documents.len() / 2, "too few documents are read by both: {equal}");
}
