//! `--report`: the page is there however the run ended, and nothing is begun if it has no place. What is on a page is tested in
//! flare-report.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
};

use integration_tests::{
    closed_api_server,
    command::{Finished, Sandbox},
    demo_federation::{self, write_kubeconfig},
};
use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");
const UP: &str = "up --federation federation.yaml --prepared out --kubeconfig config --timeout 120";

fn run(sandbox: &Sandbox, line: &str) -> Finished {
    sandbox.run(PROGRAM, line.split_whitespace())
}

/// The demo federation, and a kubeconfig of a cluster at this address.
fn scene(server: &str) -> Sandbox {
    let sandbox = demo_federation::sandbox();
    write_kubeconfig(&sandbox.join("config"), server);
    sandbox
}

fn title(sandbox: &Sandbox, report: &str) -> String {
    let page = fs::read_to_string(sandbox.join(report)).unwrap();
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.ends_with("</html>"), "{page}");
    page.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0.to_owned()
}

#[test]
fn the_page_of_each_verb_says_what_its_document_says_and_the_exit_status_stays() {
    let sandbox = scene(&closed_api_server::start());
    let plain = run(&sandbox, &format!("{UP} -o json")).expect_code(5);
    let up = run(&sandbox, &format!("{UP} -o json --report up.html")).expect_code(5);
    assert_eq!(up.json()["errors"], plain.json()["errors"]);
    assert_eq!(title(&sandbox, "up.html"), "flare-kube up: 0 of 3 participants are up");
    let page = fs::read_to_string(sandbox.join("up.html")).unwrap();
    for part in ["nvflare-server", "site-1", "site-2", "failed", "not begun", "CREDENTIAL_REFUSED", "What to do: "] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let status = UP.replace("up ", "status ");
    let _ = run(&sandbox, &format!("{status} --report status.html")).expect_code(5);
    assert_eq!(title(&sandbox, "status.html"), "flare-kube status: 0 of 3 participants are up");
    let verify = run(&sandbox, "verify out/site-1 --offline --report verify.html -o json").expect_code(0).json();
    assert_eq!(title(&sandbox, "verify.html"), "flare-kube verify: site-1: no check found a fault", "{verify}");
    let page = fs::read_to_string(sandbox.join("verify.html")).unwrap();
    let fingerprint = verify["data"]["fingerprint"].as_str().unwrap();
    assert!(page.contains(fingerprint) && page.contains(verify["data"]["image"].as_str().unwrap()), "{page}");
}

#[test]
fn a_run_that_does_not_begin_has_its_page_as_well_and_an_earlier_page_is_replaced() {
    let sandbox = scene(&closed_api_server::start());
    fs::write(sandbox.join("page.html"), "an earlier one").unwrap();
    fs::write(sandbox.join("federation.yaml"), "participants: [{name: <b>, kitt: x}]").unwrap();
    let _ = run(&sandbox, &format!("{UP} --report page.html")).expect_code(4);
    assert!(title(&sandbox, "page.html").starts_with("flare-kube up: Not begun: "));
    let page = fs::read_to_string(sandbox.join("page.html")).unwrap();
    assert!(page.contains("did you mean") && page.contains(", line 1, column "), "{page}");
    let names: Vec<_> = fs::read_dir(sandbox.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{names:?}");
}

#[test]
fn nothing_is_begun_if_the_page_has_no_place() {
    let sandbox = scene(&closed_api_server::start());
    fs::create_dir(sandbox.join("directory")).unwrap();
    fs::create_dir(sandbox.join("closed")).unwrap();
    fs::write(sandbox.join("file"), "x").unwrap();
    fs::set_permissions(sandbox.join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
    let is_root = rustix::process::getuid().is_root();
    for place in ["directory", "no/such/page.html", "file/page.html", "/dev/null", "closed/page.html"] {
        if place.starts_with("closed") && is_root {
            continue;
        }
        let refused = run(&sandbox, &format!("{UP} -o json --report {place}")).expect_code(4).json();
        assert_eq!(refused["error_code"], "OUTPUT_NOT_WRITTEN", "{place}: {refused}");
        assert!(refused["message"].as_str().unwrap().starts_with("the report has no place: "), "{place}: {refused}");
    }
    assert!(!sandbox.join("out").exists(), "nothing was prepared");
}

#[test]
fn an_interrupted_run_says_on_its_page_how_far_it_came() {
    // A cluster that accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = scene(&format!("http://{}", silent.local_addr().unwrap()));
    let mut command = sandbox.command(PROGRAM);
    command.args(UP.replace("--timeout 120", "--timeout 600 --report page.html").split(' '));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "nvflare-server: stage running"), "it ended before");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let rest: Vec<_> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert_eq!(title(&sandbox, "page.html"), "flare-kube up: Interrupted: 0 of 3 participants are up");
}
