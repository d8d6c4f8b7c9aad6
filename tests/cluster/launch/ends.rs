//! Each kind of end of a job pod, told with its reason, and nothing left behind.

use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::telling::Telling;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{LONG, SHORT, Site, document, end, jobs, last_document, once_let};

/// How jobs end that run into what their names say.
#[test]
fn jobs_end_with_their_reasons_and_leave_nothing_but_the_sites_secret() {
    let namespace = Namespace::open("launch-ends");
    let site = Site::new(&namespace);
    site.job("success", SHORT, &json!({}));
    site.job("exit_code", &once_let("print('the reason is here', flush=True); os._exit(3)"), &json!({}));
    site.job("unsafe_exit_code", &once_let("os._exit(102)"), &json!({}));
    site.job("out_of_memory", &once_let("x = b'x' * 10**9"), &json!({"memory": "64Mi"}));
    site.job("image_not_pulled", "pass", &json!({"image": namespace.cluster.image_with_tag("no-such-tag")}));
    site.job("image_not_nameable", "pass", &json!({"image": "Not An Image"}));
    let names = ["success", "exit_code", "unsafe_exit_code", "out_of_memory", "image_not_pulled", "image_not_nameable"];
    let run = Telling::start(&mut site.command(&names, &["--pending-timeout", "60"]));
    names[..4].iter().for_each(|name| drop(site.let_run(name)));
    let document = document(&run.output(), 1);
    assert_eq!(document["error_code"], "JOB_NOT_SUCCEEDED");
    for (name, job) in names.iter().zip(jobs(&document)) {
        site.assert_stream(name, job);
    }
    let bad = &jobs(&document)[1];
    assert!(bad["evidence"]["log"].to_string().contains("the reason is here"), "{bad}");
    assert_eq!(site.names("pods"), [""; 0]);
    assert_eq!(site.names("secrets"), ["secret/nvflare-startup-site-1-f505dccd"]);
    // One watch on each kind; per job two creates, an owner, a deletion and perhaps a log.
    let requests = document["data"]["api_requests"].as_u64().unwrap();
    assert!(requests <= 20 + 7 * names.len() as u64, "{requests} requests");
}

#[test]
fn an_interrupted_run_ends_its_job_and_removes_it() {
    let namespace = Namespace::open("launch-abort");
    let site = Site::new(&namespace);
    site.job("long", LONG, &json!({}));
    let (mut run, pod) = site.start("long", &[]);
    let uid = &pod["metadata"]["uid"];
    let secret = namespace.kubectl().args(["get", "secrets", "--output", "json"]).output().unwrap();
    let secrets: Value = serde_json::from_slice(&secret.stdout).unwrap();
    let owners: Vec<_> =
        secrets["items"].as_array().unwrap().iter().map(|one| &one["metadata"]["ownerReferences"][0]["uid"]).collect();
    assert!(owners.contains(&uid), "the credentials belong to the pod: {owners:?}");
    site.wait_for_log(&pod, "begun");
    run.signal(Signal::INT);
    let document = last_document(&mut run, 130);
    let job = &jobs(&document)[0];
    site.assert_stream("abort", job);
    assert!(job["evidence"]["log"].to_string().contains("begun"), "{document}");
    assert_eq!(site.names("pods"), [""; 0]);
}

#[test]
fn a_run_out_of_time_ends_its_job() {
    let namespace = Namespace::open("launch-time");
    let site = Site::new(&namespace);
    site.job("long", LONG, &json!({}));
    let document = site.run(&["long"], &["--timeout", "8"], 6);
    assert_eq!((&document["error_code"], &jobs(&document)[0]["state"]), (&json!("TIMED_OUT"), &json!("aborted")));
    assert_eq!(site.names("pods"), [""; 0]);
}

#[test]
fn a_run_that_was_killed_is_taken_over_by_the_next_one() {
    let namespace = Namespace::open("launch-killed");
    let site = Site::new(&namespace);
    site.job("long", SHORT, &json!({}));
    let (mut killed, pod) = site.start("long", &[]);
    killed.signal(Signal::KILL);
    killed.wait();
    let dry = site.run(&["long"], &["--dry-run"], 0);
    assert_eq!(jobs(&dry)[0]["would"], "take over");
    let mut next = Telling::start(&mut site.command(&["long"], &[]));
    next.wait_for(": running");
    site.let_go(&pod);
    let document = document(&next.output(), 0);
    let job = &jobs(&document)[0];
    assert_eq!((&job["taken_over"], &job["uid"]), (&json!(true), &pod["metadata"]["uid"]), "{job}");
    site.assert_stream("adoption", job);
    assert_eq!((site.names("pods"), site.names("secrets").len()), (Vec::new(), 1));
}

#[test]
fn defect_30_a_pod_beyond_the_quota_is_an_exception_with_the_reason() {
    let namespace = Namespace::with_quota("launch-quota", &json!({"pods": "0"}));
    let site = Site::new(&namespace);
    site.job("good", "pass", &json!({}));
    let document = site.run(&["good"], &[], 1);
    assert_eq!(end(&jobs(&document)[0]), "not_started 101 null hopeless Forbidden removed");
    assert!(document["message"].as_str().unwrap().contains("exceeded quota"), "{document}");
    assert_eq!(site.names("secrets").len(), 1, "{:?}", site.names("secrets"));
}
