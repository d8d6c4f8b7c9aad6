//! `launch watch` and `launch sweep` on a real cluster.

use std::process::Command;

use integration_tests::cluster::namespace::Namespace;
use serde_json::json;

use super::{LONG, Site, document};
use crate::PROGRAM;

fn launch(namespace: &Namespace, verb: &str, flags: &[&str]) -> Command {
    let mut command = namespace.cluster.program(PROGRAM);
    command.args(["launch", verb, "--namespace", &namespace.name, "-o", "json"]).args(flags);
    command
}

#[test]
fn kept_pods_are_orphans_that_a_sweep_shows_and_then_deletes() {
    let namespace = Namespace::open("launch-sweep");
    let site = Site::new(&namespace);
    site.job("good", "pass", &json!({}));
    site.job("long", LONG, &json!({}));
    let kept = site.run(&["good"], &["--keep"], 0);
    assert_eq!(kept["data"]["jobs"][0]["removed"], false);
    assert_eq!(site.names("pods").len(), 1);
    let (_run, _) = site.start("long", &[]);
    let watched = document(&launch(&namespace, "watch", &["--timeout", "3"]).output().unwrap(), 0);
    let states: Vec<_> = watched["data"]["jobs"].as_array().unwrap().iter().map(|job| (&job["job"], &job["state"])).collect();
    for expected in [(&json!("good"), &json!("succeeded")), (&json!("long"), &json!("running"))] {
        assert!(states.contains(&expected), "{states:?}");
    }
    let shown = document(&launch(&namespace, "sweep", &[]).output().unwrap(), 0);
    let kinds: Vec<_> = shown["data"]["orphans"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!((kinds, &shown["data"]["deleted"]), (vec![&json!("Pod"), &json!("Secret")], &json!(false)), "{shown}");
    assert_eq!(site.names("pods").len(), 2, "nothing was deleted");
    let swept = document(&launch(&namespace, "sweep", &["--delete"]).output().unwrap(), 0);
    assert_eq!((&swept["data"]["deleted"], &swept["data"]["orphans"]), (&json!(true), &shown["data"]["orphans"]));
    let left = site.names("pods");
    assert!(left.len() == 1 && left[0].contains("long"), "the job that runs is not an orphan: {left:?}");
    let none = document(&launch(&namespace, "sweep", &["--delete"]).output().unwrap(), 0);
    assert_eq!(none["data"]["orphans"], json!([]));
}
