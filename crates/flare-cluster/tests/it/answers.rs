//! How an API server's answers are handled: code, message and hint of each refusal, and what is sent again.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use flare_cluster::{DeleteOptions, Operation, Selection, WriteOptions, k8s_openapi::api::core::v1::ConfigMap};
use flare_diagnostic::{Code, Diagnostic};
use serde_json::{Value, json};

use crate::server::{Answer, Server, refusal, review, usual};

fn object(name: &str) -> ConfigMap {
    let mut object = ConfigMap { data: Some(BTreeMap::from([("a".to_owned(), "b".to_owned())])), ..ConfigMap::default() };
    object.metadata.name = Some(name.to_owned());
    object
}

/// The fault of applying an object if the server gives this answer.
async fn fault_of(answer: impl Fn() -> Answer + Send + Sync + 'static, allowed: bool) -> Diagnostic {
    let server = Server::start(move |asked| {
        usual(asked).unwrap_or_else(|| if asked.path.contains("selfsubjectaccessreviews") { review(allowed) } else { answer() })
    })
    .await;
    let objects = server.connect().await.with_request_deadline(Duration::from_secs(2)).namespaced::<ConfigMap>("site-1");
    objects.apply("a", &object("a"), WriteOptions::default()).await.expect_err("the server refuses")
}

async fn refused(code: u16, reason: &'static str, message: &'static str, details: Value) -> Diagnostic {
    fault_of(move || refusal(code, reason, message, &details), true).await
}

#[tokio::test]
async fn each_refusal_has_its_own_code() {
    let none = json!({});
    let cases = [
        (401, "Unauthorized", Code::CredentialRefused),
        (403, "Forbidden", Code::AdmissionRefused),
        (404, "NotFound", Code::ObjectNotFound),
        (409, "Conflict", Code::ObjectConflict),
        (413, "RequestEntityTooLarge", Code::ObjectInvalid),
        (422, "Invalid", Code::ObjectInvalid),
        (400, "BadRequest", Code::ObjectInvalid),
        (500, "InternalError", Code::ClusterBusy),
        (503, "ServiceUnavailable", Code::ClusterBusy),
    ];
    for (status, reason, code) in cases {
        let fault = refused(status, reason, "the server's words", none.clone()).await;
        assert_eq!(fault.code, code, "{status}: {fault}");
        assert!(fault.hint.is_some(), "{status} has no hint");
        assert!(!format!("{fault:?}").contains("secret-token"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_permissions_is_told_from_one_of_admission_by_asking() {
    let details = json!({"name": "a", "kind": "configmaps"});
    let answer = move || refusal(403, "Forbidden", "violates PodSecurity \"restricted\"", &details);
    let admission = fault_of(answer.clone(), true).await;
    assert_eq!(admission.code, Code::AdmissionRefused);
    assert!(admission.message.contains("violates PodSecurity"), "{admission}");
    let permission = fault_of(answer, false).await;
    assert_eq!(permission.code, Code::PermissionDenied);
    assert_eq!(permission.message, "the user `anna` may not patch `configmaps` `a` in namespace `site-1`");
    let hint = permission.hint.expect("a hint");
    assert!(
        hint.contains("kubectl create role flare-kube-patch --namespace=site-1 --verb=patch --resource=configmaps"),
        "{hint}"
    );
}

#[tokio::test]
async fn a_missing_namespace_is_named() {
    let fault =
        refused(404, "NotFound", "namespaces \"site-1\" not found", json!({"name": "site-1", "kind": "namespaces"})).await;
    assert_eq!(fault.message, "the namespace `site-1` does not exist");
}

#[tokio::test]
async fn what_is_wrong_in_an_object_is_listed_field_by_field() {
    let causes = json!({"causes": [{"field": "data", "message": "too long", "reason": "FieldValueTooLong"},
        {"field": "metadata.name", "message": "invalid", "reason": "FieldValueInvalid"}]});
    let fault = refused(422, "Invalid", "long text", causes).await;
    assert!(fault.message.ends_with("data: too long; metadata.name: invalid"), "{fault}");
}

#[tokio::test]
async fn fields_of_another_manager_are_named() {
    let causes = json!({"causes": [{"field": ".data.a", "message": "conflict with \"helm\"", "reason": "FieldManagerConflict"}]});
    let fault = refused(409, "Conflict", "Apply failed", causes).await;
    assert!(fault.message.contains(".data.a belong to another field manager"), "{fault}");
}

#[tokio::test]
async fn what_is_no_kubernetes_api_is_called_so() {
    for (status, page) in [(404, "<html>lost</html>"), (403, "please log in"), (200, "<html>welcome</html>")] {
        let fault = fault_of(move || Answer::Page(status, page), true).await;
        assert_eq!(fault.code, Code::ClusterAnswerInvalid, "{status}: {fault}");
        assert!(!fault.message.contains("html"), "{fault}");
    }
}

#[tokio::test]
async fn an_object_is_missing_only_if_a_kubernetes_api_says_so() {
    let says = async |answer: fn() -> Answer| {
        let server = Server::start(move |asked| usual(asked).unwrap_or_else(answer)).await;
        server.connect().await.namespaced::<ConfigMap>("site-1").find("a").await
    };
    let missing =
        says(|| refusal(404, "NotFound", "configmaps \"a\" not found", &json!({"name": "a", "kind": "configmaps"}))).await;
    assert_eq!(missing, Ok(None));
    let pages: [fn() -> Answer; 2] = [|| Answer::Page(404, "<html>lost</html>"), || Answer::Page(404, "404 page not found")];
    for page in pages {
        let fault = says(page).await.expect_err("no Kubernetes API has answered");
        assert_eq!(fault.code, Code::ClusterAnswerInvalid, "{fault}");
    }
    let fault = says(|| Answer::Json(404, json!({"error": "no such route"}))).await.expect_err("no Status");
    assert_eq!(fault.code, Code::ClusterAnswerInvalid, "{fault}");
}

/// A Secret is decoded as every other object is, and an answer that does not fit its kind may be one.
#[tokio::test]
async fn an_answer_that_does_not_fit_is_placed_and_never_quoted() {
    let at = "a field that is missing or of another type than it should be (line 1, column ";
    let cases = [
        (json!({"metadata": {"name": "a"}, "data": "c2VjcmV0"}), at),
        (json!({"metadata": {"name": "a"}, "data": {"token": ["c2VjcmV0"]}}), at),
        (json!({"metadata": {"name": {"c2VjcmV0": 1}}}), at),
        (json!("c2VjcmV0"), at),
    ];
    for (answer, expected) in cases {
        let shown = answer.to_string();
        let fault = fault_of(move || Answer::Json(200, answer.clone()), true).await;
        assert_eq!(fault.code, Code::ClusterAnswerInvalid, "{shown}: {fault}");
        assert!(fault.message.contains(expected), "{shown}: {fault}");
        assert!(!format!("{fault:?}").contains("c2VjcmV0"), "{shown}: {fault:?}");
    }
}

#[tokio::test]
async fn control_characters_and_long_texts_of_a_server_do_not_reach_the_terminal() {
    let long: &'static str = Box::leak(format!("\u{1b}[2J{}", "x".repeat(10_000)).into_boxed_str());
    let fault = refused(400, "BadRequest", long, json!({})).await;
    assert!(!fault.message.contains('\u{1b}'));
    assert!(fault.message.chars().count() < 1000, "{}", fault.message.len());
}

#[tokio::test]
async fn a_server_that_is_busy_or_drops_the_connection_is_asked_again() {
    let (attempts, busy) = (AtomicUsize::new(0), json!({"retryAfterSeconds": 0}));
    let server = Server::start(move |asked| {
        usual(asked).unwrap_or_else(|| match attempts.fetch_add(1, Ordering::SeqCst) {
            0 => refusal(503, "ServiceUnavailable", "starting", &busy),
            1 => Answer::Close,
            2 => refusal(429, "TooManyRequests", "slow down", &busy),
            _ => Answer::Json(200, serde_json::to_value(object("a")).expect("JSON")),
        })
    })
    .await;
    let objects = server.connect().await.namespaced::<ConfigMap>("site-1");
    objects.apply("a", &object("a"), WriteOptions::default()).await.expect("at last");
    assert_eq!(server.count("configmaps"), 4);
}

#[tokio::test]
async fn the_time_of_a_header_beside_a_status_is_waited_for() {
    let attempts = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 429});
        usual(asked).unwrap_or_else(|| match attempts.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Later(429, "soon", status),
            1 => Answer::Later(429, "3", status),
            _ => Answer::Json(200, serde_json::to_value(object("a")).expect("JSON")),
        })
    })
    .await;
    let (objects, begin) = (server.connect().await.namespaced::<ConfigMap>("site-1"), tokio::time::Instant::now());
    objects.apply("a", &object("a"), WriteOptions::default()).await.expect("at last");
    let waited = begin.elapsed();
    // A header that is no number counts as none, and a refusal without one as a second.
    assert!(waited >= Duration::from_secs(4) && server.count("configmaps") == 3, "{waited:?}");
}

#[tokio::test]
async fn a_creation_is_not_sent_twice_where_the_first_may_have_arrived() {
    let server = Server::start(|asked| usual(asked).unwrap_or(Answer::Close)).await;
    let objects = server.connect().await.namespaced::<ConfigMap>("site-1");
    let fault = objects.create(&object("a"), WriteOptions::default()).await.expect_err("it broke");
    assert_eq!(fault.code, Code::ClusterUnreachable);
    assert_eq!(server.count("configmaps"), 1);
}

#[tokio::test]
async fn a_request_without_an_answer_ends_at_its_deadline() {
    let server = Server::start(|asked| usual(asked).unwrap_or(Answer::Silence)).await;
    let cluster = server.connect().await.with_request_deadline(Duration::from_millis(200));
    let fault = cluster.namespaced::<ConfigMap>("site-1").find("a").await.expect_err("silence");
    assert_eq!(fault.code, Code::TimedOut);
}

#[tokio::test]
async fn an_apply_is_strict_and_has_our_field_manager() {
    let answer = || Answer::Json(200, serde_json::to_value(object("a")).expect("JSON"));
    let server = Server::start(move |asked| usual(asked).unwrap_or_else(answer)).await;
    let objects = server.connect().await.namespaced::<ConfigMap>("site-1");
    objects.apply("a", &object("a"), WriteOptions { dry_run: true, force: false }).await.expect("applied");
    let asked = server.last("configmaps");
    for part in ["fieldManager=flare-kube", "fieldValidation=Strict", "dryRun=All"] {
        assert!(asked.path.contains(part), "{}", asked.path);
    }
    assert!(!asked.path.contains("force"), "{}", asked.path);
    assert!(asked.body.contains("\"apiVersion\":\"v1\"") && asked.body.contains("\"kind\":\"ConfigMap\""), "{}", asked.body);
}

#[tokio::test]
async fn deleting_what_is_not_there_or_is_another_one_is_no_error() {
    for (code, reason) in [(404, "NotFound"), (409, "Conflict")] {
        let server = Server::start(move |asked| usual(asked).unwrap_or_else(|| refusal(code, reason, "no", &json!({})))).await;
        let objects = server.connect().await.namespaced::<ConfigMap>("site-1");
        let deletion = DeleteOptions { uid: Some("1".into()), ..DeleteOptions::default() };
        assert!(!objects.delete("a", &deletion).await.expect("no error"), "{code}");
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let server = Server::start(|asked| {
        usual(asked).unwrap_or_else(|| {
            let second = asked.path.contains("continue=more");
            let token = if second { "" } else { "more" };
            let name = if second { "b" } else { "a" };
            Answer::Json(
                200,
                json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"continue": token},
                "items": [{"metadata": {"name": name}}]}),
            )
        })
    })
    .await;
    let objects = server.connect().await.namespaced::<ConfigMap>("site-1");
    let found = objects.list(&Selection::labelled("x=y")).await.expect("two pages");
    let names: Vec<_> = found.into_iter().filter_map(|object| object.metadata.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(server.last("configmaps").path.contains("labelSelector=x%3Dy"));
}

#[tokio::test]
async fn an_access_review_names_every_permission_that_is_missing() {
    let server =
        Server::start(|asked| usual(asked).unwrap_or_else(|| review(!asked.body.contains("\"subresource\":\"exec\"")))).await;
    let [get, create] = Operation::exec("site-1");
    let pods = Operation::named("create", "", "pods", Some("site-1"));
    let faults = server.connect().await.check_access(&[pods, get, create]).await.expect_err("exec is refused");
    let messages: Vec<_> = faults.all().iter().map(|fault| fault.message.as_str()).collect();
    let expected = [
        "the user `anna` may not get `pods/exec` in namespace `site-1`",
        "the user `anna` may not create `pods/exec` in namespace `site-1`",
    ];
    assert_eq!(messages, expected);
}

#[tokio::test]
async fn many_permissions_are_asked_for_by_the_users_rules_and_only_what_these_do_not_grant_one_by_one() {
    let mut operations: Vec<_> = ["get", "list", "create"].map(|verb| Operation::named(verb, "", "pods", Some("site-1"))).into();
    operations.push(Operation::named("get", "coordination.k8s.io", "leases", Some("site-1")));
    operations.push(Operation::named("get", "", "namespaces", None));
    // Where the rules cannot be read, everything is asked for.
    for (has_rules, reviews) in [(true, 2), (false, 5)] {
        let server = Server::start(move |asked| {
            let rules = json!({"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
                "status": {"resourceRules": [{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}], "nonResourceRules": null,
                    "incomplete": true}});
            usual(asked).unwrap_or_else(|| {
                if asked.path.contains("selfsubjectaccessreviews") {
                    review(!asked.body.contains("leases"))
                } else if has_rules {
                    Answer::Json(201, rules)
                } else {
                    refusal(403, "Forbidden", "no", &json!({}))
                }
            })
        })
        .await;
        let cluster = server.connect().await;
        let before = server.count("selfsubjectaccessreviews");
        let faults = cluster.check_access(&operations).await.expect_err("leases are refused");
        let messages: Vec<_> = faults.all().iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(messages, ["the user `anna` may not get `leases` in namespace `site-1`"]);
        assert_eq!(server.count("selfsubjectaccessreviews") - before, reviews, "rules are told: {has_rules}");
        assert_eq!(server.count("selfsubjectrulesreviews"), 1);
    }
}
