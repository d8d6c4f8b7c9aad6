//! The additions to the reference's pod, by defect number, and what no addition may do.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

mod support;

use flare_names::Target::{self, V2_8, V2_9};
use flare_pod_manifest::{Additions, ContainerDefault, Owner};
use serde_json::{Value, json};
use support::launch_in_memory;

fn request(security_context: &Value) -> String {
    json!({
        "role": "client", "site": "Site_1", "workspace": "/w", "owner_fqcn": "Site_1", "transfer_token": "t",
        "launcher": { "config_file_path": null, "study_data_pvc_file_path": "/w/none", "namespace": "flare", "security_context": security_context },
        "job_meta": { "job_id": "3f2b8c1e-0d4a-4f7e-9b1a-5c6d7e8f9a0b", "study": "cancer", "launcher_spec": { "default": { "k8s": { "image": "i" } } } },
        "process_args": { "exe_module": ["-m", "m"] },
    })
    .to_string()
}

fn pod(security_context: &Value, template: Option<&Value>, additions: &Additions) -> Value {
    let file =
        |template: &Value| json!({ "format_version": 2, "studies": { "cancer": { "pod_template": template } } }).to_string();
    let files: Vec<_> = template.map(|template| ("local/study_runtime.yaml".to_owned(), file(template))).into_iter().collect();
    launch_in_memory(&request(security_context), &files, V2_9, additions).unwrap().value.pod
}

fn container(pod: &Value) -> &Value {
    pod["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["name"].as_str().unwrap().starts_with("container-"))
        .unwrap()
}

#[test]
fn defect_07_the_startup_secret_holds_every_file_but_shell_scripts() {
    let files: Vec<_> =
        ["rootCA.pem", "server_context.tenseal", "conf.yml", "start.sh", "a.crt", "README", "bad name.txt", "sub/inner.pem"]
            .map(|name| (format!("startup/{name}"), "x".to_owned()))
            .into();
    for target in Target::ALL {
        let keys = |additions: &Additions| {
            let made = launch_in_memory(&request(&json!(null)), &files, target, additions).unwrap();
            let warned = made.warnings.iter().any(|warning| warning.message.contains("bad name.txt"));
            (made.value.secrets[0]["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>(), warned)
        };
        assert_eq!(
            keys(&Additions::default()),
            (["README", "a.crt", "conf.yml", "rootCA.pem", "server_context.tenseal"].map(str::to_owned).into(), true)
        );
        let switched_off = Additions { all_startup_files: false, ..Additions::default() };
        assert_eq!(keys(&switched_off), (["a.crt", "rootCA.pem"].map(str::to_owned).into(), false));
    }
}

#[test]
fn defect_16_no_api_token_unless_a_template_names_its_account() {
    let additions = Additions::default();
    assert_eq!(pod(&json!(null), None, &additions)["spec"]["automountServiceAccountToken"], json!(false));
    for (spec, expected) in [
        (json!({}), json!(false)),
        (json!({"automountServiceAccountToken": true}), json!(true)),
        (json!({"serviceAccountName": "runner"}), json!(null)),
    ] {
        assert_eq!(
            pod(&json!(null), Some(&json!({ "spec": spec })), &additions)["spec"]["automountServiceAccountToken"],
            expected
        );
    }
    let switched_off = Additions { no_token: false, ..additions };
    assert_eq!(pod(&json!(null), None, &switched_off)["spec"].get("automountServiceAccountToken"), None);
}

/// Rows: the pod's context, the template's container context, and the resulting context of the main container.
#[test]
fn defect_16_container_defaults_never_overrule_and_never_keep_a_pod_from_starting() {
    let seccomp = json!({"type": "RuntimeDefault"});
    let all = json!({"drop": ["ALL"]});
    for (of_pod, of_container, expected) in [
        (json!(null), json!(null), json!({"allowPrivilegeEscalation": false, "seccompProfile": seccomp})),
        (json!({"runAsUser": 0}), json!(null), json!({"allowPrivilegeEscalation": false, "seccompProfile": seccomp})),
        (
            json!({"runAsUser": 1000}),
            json!(null),
            json!({"allowPrivilegeEscalation": false, "capabilities": all, "runAsNonRoot": true, "seccompProfile": seccomp}),
        ),
        (
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "Unconfined"}}),
            json!(null),
            json!({"allowPrivilegeEscalation": false, "capabilities": all}),
        ),
        (
            json!({"runAsNonRoot": false, "runAsUser": 7}),
            json!(null),
            json!({"allowPrivilegeEscalation": false, "capabilities": all, "seccompProfile": seccomp}),
        ),
        (
            json!({"runAsUser": 1000}),
            json!({"runAsUser": 0}),
            json!({"runAsUser": 0, "allowPrivilegeEscalation": false, "seccompProfile": seccomp}),
        ),
        (json!(null), json!({"privileged": true}), json!({"privileged": true})),
        (
            json!(null),
            json!({"capabilities": {"add": ["SYS_ADMIN"]}}),
            json!({"capabilities": {"add": ["SYS_ADMIN"]}, "seccompProfile": seccomp}),
        ),
        (
            json!({"allowPrivilegeEscalation": true}),
            json!({"readOnlyRootFilesystem": true}),
            json!({"readOnlyRootFilesystem": true, "seccompProfile": seccomp}),
        ),
    ] {
        let template = json!({ "spec": { "containers": [{ "name": "sidecar" }, { "name": "nvflare_job", "securityContext": of_container }] } });
        let made = pod(&of_pod, Some(&template), &Additions::default());
        assert_eq!(container(&made)["securityContext"], expected, "{of_pod} {of_container}");
        assert_eq!(made["spec"]["containers"][0], json!({ "name": "sidecar" }), "containers of the template are its author's");
    }
    let windows = json!({ "spec": { "os": { "name": "windows" } } });
    assert_eq!(container(&pod(&json!(null), Some(&windows), &Additions::default())).get("securityContext"), None);
    let one = Additions { container: [ContainerDefault::SeccompProfile].into(), ..Additions::default() };
    assert_eq!(container(&pod(&json!(null), None, &one))["securityContext"], json!({ "seccompProfile": seccomp }));
}

#[test]
fn defect_18_pods_and_secrets_say_what_they_are_about() {
    let owner = Owner { api_version: "v1".into(), kind: "Pod".into(), name: "parent".into(), uid: "u".into() };
    let additions = Additions { owner: Some(owner), active_deadline_seconds: Some(60), ..Additions::default() };
    let template = json!({ "metadata": { "labels": { "flare-kube/site": "theirs", "mine": "x" } } });
    let made = pod(&json!(null), Some(&template), &additions);
    insta::assert_json_snapshot!(made["metadata"]);
    assert_eq!(made["spec"]["activeDeadlineSeconds"], json!(60));
    let made = launch_in_memory(&request(&json!(null)), &[], V2_9, &additions).unwrap().value;
    let metadata: Vec<_> = made.secrets.iter().map(|secret| &secret["metadata"]).collect();
    insta::assert_json_snapshot!(metadata);
    let none = pod(&json!(null), None, &Additions::none());
    assert_eq!(none["metadata"], json!({ "name": "j3f2b8c1e-0d4a-4f7e-9b1a-5c6d7e8f9a0b-site1-ab7f9d10" }));
}

#[test]
fn the_services_of_parents_never_select_a_job_pod() {
    let made = pod(&json!(null), None, &Additions::default());
    assert_eq!(made["metadata"]["labels"].get("app.kubernetes.io/name"), None);
}

#[test]
fn defect_17_tokens_stay_on_the_command_line_of_2_8_alone() {
    let mut request: Value = serde_json::from_str(&request(&json!(null))).unwrap();
    request["process_args"]["auth_token"] = json!(["-t", "tok-auth"]);
    let args = |target| launch_in_memory(&request.to_string(), &[], target, &Additions::default()).unwrap().value.pod.to_string();
    assert!(args(V2_8).contains(r#""-t","tok-auth""#));
    assert!(!args(V2_9).contains("tok-auth"));
}

#[test]
fn defect_29_study_data_is_read_at_each_launch() {
    let request = request(&json!(null)).replace("/w/none", "/w/local/study_data.yaml");
    let volumes = |text: &str| {
        let files = [("local/study_data.yaml".to_owned(), text.to_owned())];
        launch_in_memory(&request, &files, V2_8, &Additions::default()).unwrap().value.pod["spec"]["volumes"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(volumes("{}"), 2);
    assert_eq!(volumes("cancer: {a: {source: s, mode: ro}}"), 3);
}
