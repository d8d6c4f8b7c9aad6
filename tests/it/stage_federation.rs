//! `stage --federation` without a cluster: which kits are used, and the report on each participant.

use std::fs;

use integration_tests::{
    command::{Finished, Sandbox},
    demo_federation,
};
use serde_json::Value;

fn run(sandbox: &Sandbox, line: &str) -> Finished {
    sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), line.split_whitespace())
}

/// The demo federation, prepared below `out`.
fn prepared() -> Sandbox {
    let sandbox = demo_federation::sandbox();
    let _ = run(&sandbox, "prepare --federation federation.yaml --output out").expect_code(0);
    sandbox
}

fn errors(finished: &Finished) -> Vec<(String, String)> {
    let envelope = finished.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = envelope["errors"].as_array().unwrap().clone();
    list.iter().map(|error| (text(&error["location"]["file"]), text(&error["message"]))).collect()
}

#[test]
fn no_kit_is_sent_before_all_of_them_are_whole_and_the_right_ones() {
    let sandbox = prepared();
    let nowhere = run(&sandbox, "stage --federation federation.yaml --prepared elsewhere -o json").expect_code(4);
    let found = errors(&nowhere);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().zip(["nvflare-server", "site-1", "site-2"]).all(|((file, _), name)| file.ends_with(name)), "{found:?}");
    // The prepared kits of two participants are swapped, and the third loses a key.
    fs::rename(sandbox.join("out/site-1"), sandbox.join("out/x")).unwrap();
    fs::rename(sandbox.join("out/site-2"), sandbox.join("out/site-1")).unwrap();
    fs::rename(sandbox.join("out/x"), sandbox.join("out/site-2")).unwrap();
    fs::remove_file(sandbox.join("out/nvflare-server/startup/server.key")).unwrap();
    let found = errors(&run(&sandbox, "stage --federation federation.yaml --prepared out -o json").expect_code(4));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].0.ends_with("out/nvflare-server/startup/server.key"), "{found:?}");
    assert!(found[1].1.contains("that of `site-2`") && found[1].0.ends_with("out/site-1"), "{found:?}");
    assert!(found[2].1.contains("that of `site-1`") && found[2].0.ends_with("out/site-2"), "{found:?}");
}

#[test]
fn each_participant_is_told_with_its_own_cluster_and_stands_in_one_table() {
    let sandbox = prepared();
    let server = |port| format!("{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}");
    // Nothing listens on ports 1 and 2.
    for port in [1, 2] {
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{}]\nusers: [{{name: c, user: {{}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n",
            server(port)
        );
        fs::write(sandbox.join(format!("config-{port}")), config).unwrap();
    }
    let file = sandbox.join("federation.yaml");
    let text = fs::read_to_string(&file).unwrap().replace("claim: nvflws-site-2", "claim: nvflws-site-2, kubeconfig: config-2");
    fs::write(&file, text).unwrap();
    let line = "stage --federation federation.yaml --prepared out --kubeconfig config-1 --timeout 2";
    let finished = run(&sandbox, &format!("{line} -o json")).expect_code(5);
    let found = errors(&finished);
    let port = |index: usize| found[index].1.contains("127.0.0.1:1");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(port(0) && port(1) && found[2].1.contains("127.0.0.1:2"), "{found:?}");
    let participants = finished.json()["data"]["participants"].clone();
    let names: Vec<_> = participants.as_array().unwrap().iter().map(|one| (&one["name"], &one["staged"])).collect();
    let (no, names_wanted) = (Value::Bool(false), ["nvflare-server", "site-1", "site-2"].map(Value::from));
    assert_eq!(names, names_wanted.iter().map(|name| (name, &no)).collect::<Vec<_>>());
    let table = run(&sandbox, line).expect_code(5).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("NAME") && lines.len() == 4 && lines[1..].iter().all(|line| line.ends_with("not staged")),
        "{table}"
    );
}

#[test]
fn a_kubeconfig_that_is_gone_is_the_fault_of_its_participant_alone() {
    let sandbox = prepared();
    let file = sandbox.join("federation.yaml");
    let gone = "claim: nvflws-site-2, kubeconfig: gone, values: gone.yaml";
    let text = fs::read_to_string(&file).unwrap().replace("claim: nvflws-site-2", gone);
    fs::write(&file, text).unwrap();
    let line = "status --federation federation.yaml --prepared out --kubeconfig none -o json";
    let status = run(&sandbox, line).expect_code(1).json();
    let seen: Vec<_> = status["data"]["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["errors"][0]["error_code"], &one["steps"]["prepare"]))
        .collect();
    let [ok, unknown] = ["ok", "unknown"].map(Value::from);
    let [of_cluster, of_file] = ["KUBECONFIG_INVALID", "INVALID_FEDERATION"].map(Value::from);
    assert_eq!(seen, [(&of_cluster, &ok), (&of_cluster, &ok), (&of_file, &unknown)], "{status}");
    let place = &status["data"]["participants"][2]["errors"][0]["location"];
    assert!(place["file"].as_str().unwrap().ends_with("federation.yaml") && place["line"].is_u64(), "{status}");
    // What sends something is refused before the first participant.
    let _ = run(&sandbox, "stage --federation federation.yaml --prepared out -o json").expect_code(4);
}
