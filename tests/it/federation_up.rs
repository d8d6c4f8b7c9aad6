//! `up`, `status` and `down` without a cluster: what is checked and prepared before, and what is reported if the cluster refuses.

use std::fs;

use integration_tests::{
    api_server::ApiServer,
    closed_api_server,
    command::{Finished, Sandbox},
    demo_federation::{self, write_kubeconfig},
    helm::helm,
};
use serde_json::{Value, json};

fn run(sandbox: &Sandbox, line: &str) -> Finished {
    sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), line.split_whitespace())
}

const UP: &str = "up --federation federation.yaml --prepared out --kubeconfig closed --timeout 120 -o json";

/// The demo federation, not prepared, and a kubeconfig of a cluster that lets nobody in.
fn scene() -> Sandbox {
    let sandbox = demo_federation::sandbox();
    write_kubeconfig(&sandbox.join("closed"), &closed_api_server::start());
    sandbox
}

fn edit(sandbox: &Sandbox, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(sandbox.join(file)).unwrap();
    assert!(text.contains(from), "no `{from}` in\n{text}");
    fs::write(sandbox.join(file), text.replace(from, to)).unwrap();
}

/// The prepare step of each participant, and whether a later one was begun.
fn prepared(finished: &Finished) -> Vec<(String, bool)> {
    let data = finished.json()["data"].clone();
    let participants = data["participants"].as_array().unwrap().clone();
    let steps = |one: &Value| {
        assert_eq!(one["ok"], json!(false), "{one}");
        (one["steps"]["prepare"].as_str().unwrap().to_owned(), one["steps"]["stage"] != "not_begun")
    };
    participants.iter().map(steps).collect()
}

#[test]
fn a_dry_run_writes_nothing_and_a_federation_that_does_not_fit_together_is_not_prepared() {
    let sandbox = scene();
    let dry = run(&sandbox, &format!("{UP} --dry-run")).expect_code(0).json();
    assert!(dry["data"]["participants"].as_array().unwrap().iter().all(|one| one["steps"]["prepare"] == "done"), "{dry}");
    let roles: Vec<_> = dry["data"]["participants"].as_array().unwrap().iter().map(|one| one["role"].clone()).collect();
    assert_eq!(roles, ["server", "client", "client"]);
    assert!(!sandbox.join("out").exists());
    edit(&sandbox, "federation.yaml", "claim: nvflws-site-2", "claim: nvflws-site-1");
    let refused = run(&sandbox, UP).expect_code(4).json();
    assert_eq!(refused["error_code"], "INVALID_FEDERATION", "{refused}");
    edit(
        &sandbox,
        "federation.yaml",
        "config: k8s.yaml, claim: nvflws-site-1}\n  - {name: site-2",
        "claim: nvflws-site-9, config: {parent: {docker_image: 'a:2.9.0'}}}\n  - {name: site-2",
    );
    let refused = run(&sandbox, UP).expect_code(4).json();
    assert!(refused["message"].as_str().unwrap().contains("FLARE 2.9 by its tag"), "{refused}");
    assert!(!sandbox.join("out").exists(), "nothing was written");
    for verb in ["up ", "down ", "status ", "stage "] {
        let line = UP.replace("up ", verb);
        let refused = run(&sandbox, &format!("{line} --namespace other")).expect_code(2).json();
        assert_eq!(refused["error_code"], "INVALID_ARGS", "{refused}");
        assert!(refused["message"].as_str().unwrap().contains("cannot be used with '--namespace <NAME>'"), "{refused}");
    }
}

#[test]
fn the_flags_of_stage_and_install_are_taken_and_checked_before_anything_is_prepared() {
    let sandbox = scene();
    fs::write(sandbox.join("values.yaml"), "podLabels: {team: a}\n").unwrap();
    let all = "-f values.yaml --set a=b --set-string c=1 --expose host-port --keep-failed --repair --again --restart --dry-run";
    let _ = run(&sandbox, &format!("{UP} {all}")).expect_code(0);
    fs::write(sandbox.join("values.yaml"), "- no mapping\n").unwrap();
    for (flags, code) in [
        ("-f values.yaml", "INVALID_VALUES"),
        ("-f missing.yaml", "INVALID_VALUES"),
        ("--create-pull-secret missing.json", "INVALID_ARGS"),
        ("--create-pull-secret k8s.yaml", "INVALID_ARGS"),
        ("--expose port-forward", "INVALID_ARGS"),
        ("--mode objects --helper-image x", "INVALID_ARGS"),
        ("--mode objects --repair", "INVALID_ARGS"),
        ("--mode objects --again", "INVALID_ARGS"),
    ] {
        let refused = run(&sandbox, &format!("{UP} {flags}")).json();
        assert_eq!(refused["error_code"], code, "{flags}: {refused}");
        assert!(!sandbox.join("out").exists(), "{flags}");
    }
    for (seconds, code) in [("31536000", 0), ("31536001", 2), ("18446744073709551615", 2)] {
        let _ = run(&sandbox, &format!("{} --dry-run", UP.replace("--timeout 120", &format!("--timeout {seconds}"))))
            .expect_code(code);
    }
}

#[test]
fn an_empty_values_file_is_no_fault() {
    let sandbox = scene();
    fs::write(sandbox.join("empty.yaml"), "# nothing yet\n").unwrap();
    edit(&sandbox, "federation.yaml", "participants:", "  values: empty.yaml\nparticipants:");
    let _ = run(&sandbox, &format!("{UP} --dry-run")).expect_code(0);
}

#[test]
fn only_what_changed_is_prepared_again_and_edits_stay_unless_they_are_discarded() {
    let sandbox = scene();
    let first = run(&sandbox, UP).expect_code(5);
    let [server, site, other] = prepared(&first).try_into().unwrap();
    let waits = ("done".to_owned(), false);
    assert_eq!((server, site, other), (("done".to_owned(), true), waits.clone(), waits), "sites wait for the server");
    let errors = first.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 1, "{errors}");
    assert!(errors[0]["message"].as_str().unwrap().starts_with("nvflare-server: "), "{errors}");
    let note = sandbox.join("out/site-1/local/note.txt");
    fs::write(&note, "mine").unwrap();
    let states =
        |line: &str| prepared(&run(&sandbox, line).expect_code(5)).into_iter().map(|(state, _)| state).collect::<Vec<_>>();
    assert_eq!(states(UP), ["unchanged", "unchanged", "unchanged"]);
    assert!(note.exists());
    edit(&sandbox, "federation.yaml", "claim: nvflws-site-2", "claim: nvflws-two");
    assert_eq!(states(UP), ["unchanged", "unchanged", "done"]);
    // If the inputs of an edited kit changed, its edits would be lost.
    edit(&sandbox, "federation.yaml", "claim: nvflws-site-1", "claim: nvflws-one");
    let refused = run(&sandbox, UP).expect_code(4).json();
    assert!(refused.to_string().contains("note.txt"), "{refused}");
    assert_eq!(states(&format!("{UP} --discard-changes")), ["unchanged", "done", "unchanged"]);
    assert!(!note.exists());
}

#[test]
fn where_no_terminal_is_each_step_of_each_participant_is_a_plain_line() {
    let sandbox = scene();
    let line = UP.replace("-o json", "-o text");
    let told = run(&sandbox, &line).expect_code(5).stderr;
    for expected in [
        "nvflare-server: prepare done",
        "site-1: prepare done",
        "site-2: prepare done",
        "nvflare-server: stage running",
        "nvflare-server: stage failed",
    ] {
        assert!(told.lines().any(|line| line == expected), "no `{expected}` in\n{told}");
    }
    assert!(!told.contains("site-1: stage") && !told.contains('\u{1b}'), "{told}");
    let quiet = run(&sandbox, &format!("{line} -q")).expect_code(5).stderr;
    assert!(!quiet.contains(": prepare ") && quiet.contains("Error: ") && quiet.contains("nvflare-server: "), "{quiet}");
}

#[test]
fn a_dry_run_of_prepared_kits_ends_with_what_would_be_staged() {
    let sandbox = scene();
    // Prepares the kits.
    let _ = run(&sandbox, UP).expect_code(5);
    let server = ApiServer::start();
    server.kubeconfig(&sandbox.join("open"));
    for name in ["nvflws-server", "nvflws-site-1", "nvflws-site-2"] {
        let path = format!("/api/v1/namespaces/flare-demo/persistentvolumeclaims/{name}");
        server.put(&path, json!({"metadata": {"name": name, "namespace": "flare-demo"}}));
    }
    let up = format!("{} --dry-run --helm", UP.replace("--kubeconfig closed", "--kubeconfig open"));
    let without = run(&sandbox, &format!("{up} /nowhere/helm")).json();
    assert_eq!(without["error_code"], "HELM_NOT_FOUND", "nothing is staged in vain: {without}");
    let up = format!("{up} {}", helm().display());
    let dry = run(&sandbox, &up).expect_code(0).json();
    let participants = dry["data"]["participants"].as_array().unwrap().clone();
    let expected = json!({"prepare": "unchanged", "stage": "done", "install": "not_begun", "verify": "not_begun"});
    assert_eq!(participants.len(), 3, "{dry}");
    assert!(participants.iter().all(|one| one["steps"] == expected && one["ok"] == json!(true)), "{dry}");
    assert!(server.writes().is_empty(), "{:?}", server.writes());
    let told = run(&sandbox, &up.replace("-o json", "-o text")).expect_code(0).stdout;
    assert!(told.contains("kits would be staged first"), "{told}");
}

#[test]
fn what_cannot_be_installed_is_refused_before_the_kit_of_a_running_participant_is_replaced() {
    let sandbox = scene();
    let server = ApiServer::start();
    server.kubeconfig(&sandbox.join("open"));
    let up = UP.replace("--kubeconfig closed", "--kubeconfig open");
    let object = |name: &str| json!({"metadata": {"name": name, "namespace": "flare-demo"}});
    server.put("/api/v1/namespaces/flare-demo/persistentvolumeclaims/nvflws-server", object("nvflws-server"));
    server.put("/apis/apps/v1/namespaces/flare-demo/deployments/nvflare-server", object("nvflare-server"));
    let real = format!("--helm {}", helm().display());
    let docker_config = sandbox.join("docker.json");
    fs::write(&docker_config, json!({"auths": {"elsewhere.example.com": {"auth": "eDp5"}}}).to_string()).unwrap();
    for (flags, code) in [
        ("--helm /nowhere/helm".to_owned(), "HELM_NOT_FOUND"),
        (format!("{real} --set name=other"), "INVALID_VALUES"),
        (format!("{real} --create-pull-secret {}", docker_config.display()), "INVALID_ARGS"),
    ] {
        server.begin(None);
        let refused = run(&sandbox, &format!("{up} {flags}")).json();
        assert_eq!(refused["error_code"], code, "{flags}: {refused}");
        let steps = &refused["data"]["participants"][0]["steps"];
        assert_eq!((&steps["stage"], &steps["install"]), (&json!("failed"), &json!("not_begun")), "{flags}: {refused}");
        assert!(server.writes().is_empty(), "{flags}: nothing was staged: {:?}", server.writes());
    }
}

#[test]
fn each_participant_has_its_row_also_if_its_prepared_kit_is_missing() {
    let sandbox = scene();
    let _ = run(&sandbox, UP).expect_code(5);
    fs::remove_dir_all(sandbox.join("out/site-1")).unwrap();
    let status = UP.replace("up ", "status ");
    let status = run(&sandbox, &status).expect_code(1).json();
    let rows = status["data"]["participants"].as_array().unwrap().clone();
    assert!(rows.len() == 3 && rows.iter().all(|row| row["ok"] == json!(false)), "{status}");
    assert_eq!((&rows[1]["steps"]["prepare"], &rows[2]["steps"]["prepare"]), (&json!("failed"), &json!("ok")), "{status}");
    let codes: Vec<_> = rows.iter().map(|row| row["errors"][0]["error_code"].clone()).collect();
    assert_eq!(codes, ["CREDENTIAL_REFUSED", "INVALID_PREPARED_KIT", "CREDENTIAL_REFUSED"], "{status}");
    let all: Vec<_> = status["errors"].as_array().unwrap().iter().map(|fault| fault["error_code"].clone()).collect();
    assert_eq!(all, [&[json!("CHECK_FAILED")][..], &codes].concat(), "{status}");
    let told = run(&sandbox, &UP.replace("up ", "status ").replace("-o json", "-o text")).expect_code(1).stderr;
    assert_eq!((told.matches("Error: ").count(), told.matches("Hint: ").count()), (4, 4), "{told}");
    let down = run(&sandbox, &UP.replace("up ", "down ")).json();
    let rows = down["data"]["participants"].as_array().unwrap().clone();
    assert!(rows.len() == 3 && rows.iter().all(|row| row["ok"] == json!(false)), "{down}");
    let errors = down["errors"].to_string();
    assert!(["nvflare-server: ", "site-1: ", "site-2: "].iter().all(|name| errors.contains(name)), "{errors}");
}
