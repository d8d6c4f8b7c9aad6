//! A parent is ready when it listens, and probes do not fill its log.

use std::ops::RangeInclusive;
use std::time::Duration;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::{install, upgrade};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{succeed, wait};
use integration_tests::cluster::stage;
use integration_tests::reference::Release;

use crate::PROGRAM;

/// The phase of the pod, and whether its container is ready.
fn state(namespace: &Namespace, participant: &str) -> String {
    let selector = format!("app.kubernetes.io/name={participant}");
    let path = "jsonpath={.items[*].status.phase} {.items[*].status.containerStatuses[*].ready}";
    succeed(namespace.kubectl().args(["get", "pods", "--selector", &selector, "--output", path]))
}

/// The number of lines in a parent's log about connections that ended before they identified themselves.
fn noise(namespace: &Namespace, participant: &str) -> usize {
    namespace.log(participant).lines().filter(|line| line.contains("Not Connected] is closed")).count()
}

/// How often the kubelet has found a parent ready since its container was started, by the kubelet's own count.
fn found_ready(namespace: &Namespace, participant: &str) -> u64 {
    let pod = namespace.parent(participant);
    let node = namespace.pod(&pod)["spec"]["nodeName"].as_str().expect("it runs on a node").to_owned();
    let counts =
        succeed(namespace.cluster.kubectl().args(["get", "--raw", &format!("/api/v1/nodes/{node}/proxy/metrics/probes")]));
    let words = [format!("pod=\"{pod}\""), "probe_type=\"Readiness\"".to_owned(), "result=\"successful\"".to_owned()];
    let of_pod = |line: &&str| line.starts_with("prober_probe_total{") && words.iter().all(|word| line.contains(word.as_str()));
    counts.lines().find(of_pod).and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

/// Waits until a probe of a running parent has failed because it does not listen yet.
fn wait_for_failed_probe(namespace: &Namespace) {
    let path = "jsonpath={range .items[*]}{.reason} {.message}{\"\\n\"}{end}";
    let events = || succeed(namespace.kubectl().args(["get", "events", "--output", path]));
    let failed = || events().lines().any(|line| line.starts_with("Unhealthy Startup probe failed")).then_some(());
    wait(Duration::from_mins(1), events, failed);
}

fn probes(release: Release, test: &str, expected: RangeInclusive<usize>) {
    let namespace = Namespace::open(test);
    let federation = Federation::provision(release);
    let prepared = federation.prepare(&namespace, PROGRAM.as_ref());
    let names = ["nvflare-server", "site-1"];
    for name in names {
        stage::by_program(&namespace, PROGRAM.as_ref(), &prepared.join(name));
    }
    let server = prepared.join("nvflare-server");
    let deaf = r#"command=["python3", "-c", "import time; time.sleep(600)"]"#;
    succeed(upgrade(&namespace, "nvflare-server", &server).args(["--set-json", deaf]));
    wait_for_failed_probe(&namespace);
    assert_eq!(state(&namespace, "nvflare-server"), "Running false", "a process without an open port is not ready");

    for name in names {
        install(&namespace, name, &prepared.join(name), &[]);
        assert_eq!(state(&namespace, name), "Running true");
    }
    namespace.wait_for_registration("site-1");
    // The server's readiness is probed again and again; nobody probes the client once it has started.
    let before = found_ready(&namespace, "nvflare-server");
    let again = || found_ready(&namespace, "nvflare-server");
    wait(Duration::from_mins(3), || format!("{before} probes, then {}", again()), || (again() >= before + 3).then_some(()));
    for name in names {
        let lines = noise(&namespace, name);
        assert!(expected.contains(&lines), "{name}: {lines} lines, not {expected:?}:\n{}", namespace.log(name));
    }
}

/// The startup probe reaches the parent port once, which 2.8 logs; without that line the test would search for the wrong text.
#[test]
fn defect_26_a_parent_of_2_8_is_ready_when_it_listens() {
    probes(Release::V28, "probes-2-8", 1..=1);
}

#[test]
fn defect_26_a_parent_of_2_9_is_ready_when_it_listens() {
    probes(Release::V29, "probes-2-9", 0..=0);
}
