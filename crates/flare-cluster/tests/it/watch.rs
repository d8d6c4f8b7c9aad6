//! Watches: which changes are seen, and what happens when the connection or the permission is lost.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
    time::Duration,
};

use flare_cluster::{Selection, k8s_openapi::api::core::v1::ConfigMap};
use flare_diagnostic::Code;
use serde_json::{Value, json};

use crate::server::{Answer, Asked, Server, refusal, review, usual};

fn object(version: u32) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "resourceVersion": version.to_string()},
        "data": {"version": version.to_string()}})
}

fn list(version: u32, items: &[Value]) -> Answer {
    Answer::Json(
        200,
        json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": version.to_string()}, "items": items}),
    )
}

fn is_watch(asked: &Asked) -> bool {
    asked.path.contains("watch=true")
}

/// Waits until the object has this version.
async fn wait_for(server: &Server, version: u32, deadline: Duration) -> Result<u32, flare_diagnostic::Diagnostic> {
    let objects = server.connect().await.namespaced::<ConfigMap>("site-1");
    let wanted = version.to_string();
    let check = |object: Option<&ConfigMap>| {
        let seen = object.and_then(|object| object.data.as_ref()?.get("version"));
        if seen == Some(&wanted) { Poll::Ready(Ok(version)) } else { Poll::Pending }
    };
    objects.wait("a", deadline, "the version", check).await
}

#[tokio::test]
async fn a_change_after_the_list_is_seen() {
    let server = Server::start(|asked| {
        usual(asked).unwrap_or_else(|| {
            if is_watch(asked) {
                Answer::Lines(vec![json!({"type": "MODIFIED", "object": object(2)})])
            } else {
                list(1, &[object(1)])
            }
        })
    })
    .await;
    assert_eq!(wait_for(&server, 2, Duration::from_secs(10)).await.expect("it changes"), 2);
    assert!(server.last("configmaps").path.contains("fieldSelector=metadata.name%3Da"));
}

#[tokio::test]
async fn a_watch_goes_on_after_a_lost_connection_a_restart_and_a_version_too_old() {
    let step = AtomicUsize::new(0);
    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": 410, "reason": "Expired", "message": "too old"}});
    let server = Server::start(move |asked| {
        usual(asked).unwrap_or_else(|| match (step.fetch_add(1, Ordering::SeqCst), is_watch(asked)) {
            (0, false) => list(1, &[object(1)]),
            (1, true) => Answer::Lines(vec![json!({"type": "MODIFIED", "object": object(2)}), json!("break")]),
            (2, true) => Answer::Close,
            (3, true) => refusal(503, "ServiceUnavailable", "starting", &json!({})),
            (4, true) => Answer::Lines(vec![gone.clone()]),
            (_, true) => Answer::Lines(vec![json!({"type": "MODIFIED", "object": object(8)})]),
            (_, false) => list(7, &[object(7)]),
        })
    })
    .await;
    assert_eq!(wait_for(&server, 8, Duration::from_secs(30)).await.expect("it goes on"), 8);
}

#[tokio::test]
async fn a_request_that_is_refused_since_its_version_is_too_old_is_followed_by_a_new_list() {
    let step = AtomicUsize::new(0);
    let expired = || refusal(410, "Expired", "too old resource version: 1 (7)", &json!({}));
    let server = Server::start(move |asked| {
        usual(asked).unwrap_or_else(|| match (step.fetch_add(1, Ordering::SeqCst), is_watch(asked)) {
            // The rest of a long list expires as well.
            (0, false) | (2, true) => expired(),
            (1, false) => list(1, &[object(1)]),
            (_, true) => Answer::Lines(vec![json!({"type": "MODIFIED", "object": object(8)})]),
            (_, false) => list(7, &[object(7)]),
        })
    })
    .await;
    assert_eq!(wait_for(&server, 8, Duration::from_secs(30)).await.expect("it begins anew"), 8);
}

#[tokio::test]
async fn a_wait_for_several_objects_sees_each_come_and_go() {
    let named = |name: &str, version: u32| {
        let mut object = object(version);
        object["metadata"]["name"] = json!(name);
        object
    };
    let server = Server::start(move |asked| {
        usual(asked).unwrap_or_else(|| {
            if is_watch(asked) {
                let change = |kind: &str, name: &str, version| json!({"type": kind, "object": named(name, version)});
                Answer::Lines(vec![
                    change("ADDED", "c", 2),
                    change("DELETED", "a", 3),
                    change("DELETED", "b", 4),
                    change("DELETED", "c", 5),
                ])
            } else {
                list(1, &[named("a", 1), named("b", 1)])
            }
        })
    })
    .await;
    let objects = server.connect().await.namespaced::<ConfigMap>("site-1");
    let mut seen = Vec::new();
    let check = |objects: &[&ConfigMap]| {
        seen.push(objects.iter().filter_map(|object| object.metadata.name.clone()).collect::<Vec<_>>().concat());
        if objects.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    };
    let all = Selection::labelled("app=x".to_owned());
    objects.wait_for_all(&all, Duration::from_secs(10), "the end", check).await.expect("all go");
    assert_eq!(seen, ["ab", "abc", "bc", "c", ""]);
    assert!(server.last("configmaps").path.contains("labelSelector=app%3Dx"));
}

#[tokio::test]
async fn a_refusal_ends_the_wait_at_once() {
    let server = Server::start(|asked| {
        usual(asked).unwrap_or_else(|| {
            if asked.path.contains("selfsubjectaccessreviews") {
                review(false)
            } else {
                refusal(403, "Forbidden", "no", &json!({}))
            }
        })
    })
    .await;
    let fault = wait_for(&server, 2, Duration::from_mins(5)).await.expect_err("refused");
    assert_eq!(fault.code, Code::PermissionDenied);
    assert_eq!(fault.message, "the user `anna` may not list `configmaps` in namespace `site-1`");
}

#[tokio::test]
async fn a_wait_ends_in_its_time_and_says_for_what() {
    let server = Server::start(|asked| {
        usual(asked).unwrap_or_else(|| if is_watch(asked) { Answer::Lines(Vec::new()) } else { list(1, &[object(1)]) })
    })
    .await;
    let fault = wait_for(&server, 2, Duration::from_millis(500)).await.expect_err("it never changes");
    assert_eq!((fault.code, fault.message.as_str()), (Code::TimedOut, "the version did not come within 0 s"));
}
