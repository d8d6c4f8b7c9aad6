//! `launch manifest PREPARED --job META.json`: a request made from a prepared kit.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

mod support;

use flare_launcher_args::LauncherArgs;
use flare_names::{NamespaceName, Role, Target};
use flare_pod_manifest::{
    Additions, LAUNCHER_KEYS, LaunchRequest, Origin, PLACEHOLDER_JOB_ID, PreparedSite, SiteFiles, Submission, manifest,
};

fn launcher() -> LauncherArgs {
    LauncherArgs {
        config_file_path: None,
        study_data_pvc_file_path: Some("/var/tmp/nvflare/workspace/local/study_data.yaml".to_owned()),
        namespace: NamespaceName::new("flare").unwrap(),
        default_python_path: "/usr/local/bin/python3".to_owned(),
        workspace_mount_path: "/var/tmp/nvflare/workspace".to_owned(),
        pending_timeout: Some(300),
        security_context: Some([("runAsUser".to_owned(), 1000.into())].into_iter().collect()),
        image_pull_secrets: Some(Vec::new()),
        ephemeral_storage: Some("20Gi".to_owned()),
    }
}

#[test]
fn what_prepare_writes_the_launcher_reads() {
    let written = serde_json::to_value(launcher()).unwrap();
    for key in written.as_object().unwrap().keys() {
        assert!(LAUNCHER_KEYS.contains(&key.as_str()), "{key}");
    }
}

#[test]
fn a_prepared_kit_and_a_job_give_a_manifest_with_placeholders() {
    for (role, site) in [(Role::Server, "server"), (Role::Client, "site-1")] {
        for target in Target::ALL {
            let launcher = launcher();
            let prepared = PreparedSite {
                server_name: None,
                role,
                site,
                launcher: &launcher,
                pod_defaults: None,
                parent_url: Some("tcp://parent:8102"),
                parent_connection_security: None,
            };
            let meta = br#"{"name": "hello", "launcher_spec": {"default": {"k8s": {"image": "i", "cpu": "2"}}}}"#;
            let submission = Submission { study: Some("cancer"), ..Submission::default() };
            let request = LaunchRequest::for_prepared(&prepared, meta, "meta.json", submission, target).unwrap().value;
            assert_eq!(request.study(), Some("cancer"));
            let made = manifest(&request, &SiteFiles::default(), &Additions::default()).unwrap();
            assert_eq!(made.warnings.len(), usize::from(true), "the study data file is not there");
            let explained = |field| made.value.explanation.field(field).map(|row| (row.value.as_str(), row.origin));
            assert_eq!(explained("container.resources.limits.ephemeral-storage"), Some(("20Gi", Origin::Site)));
            assert_eq!(explained("container.resources.requests.cpu"), Some(("2", Origin::JobDefault)));
            insta::assert_json_snapshot!(format!("prepared-{role}-{target}"), made.value.pod);
        }
    }
}

/// A client without anything of its own.
fn client(launcher: &LauncherArgs) -> PreparedSite<'_> {
    PreparedSite {
        server_name: None,
        role: Role::Client,
        site: "site-1",
        launcher,
        pod_defaults: None,
        parent_url: None,
        parent_connection_security: None,
    }
}

#[test]
fn only_meta_data_without_an_id_gets_another_one() {
    let launcher = launcher();
    let prepared = client(&launcher);
    let id = |meta: &str, job_id| {
        let submission = Submission { job_id, ..Submission::default() };
        let request = LaunchRequest::for_prepared(&prepared, meta.as_bytes(), "meta.json", submission, Target::V2_8);
        request.unwrap().value.job_id().to_owned()
    };
    let image = r#""launcher_spec": {"default": {"k8s": {"image": "i"}}}"#;
    let (without, with) = (format!("{{{image}}}"), format!(r#"{{"job_id": "own", {image}}}"#));
    assert_eq!((id(&without, None), id(&with, None)), (PLACEHOLDER_JOB_ID.to_owned(), "own".to_owned()));
    assert_eq!((id(&without, Some("another")), id(&with, Some("another"))), ("another".to_owned(), "own".to_owned()));
}

#[test]
fn faults_stand_in_the_job_s_own_file() {
    let launcher = launcher();
    let prepared = client(&launcher);
    let meta = b"{\"launcher_spec\": {\n  \"site-1\": {\"k8s\": {\"image\": 5}}}}";
    let faults = LaunchRequest::for_prepared(&prepared, meta, "meta.json", Submission::default(), Target::V2_8).unwrap_err();
    assert_eq!(faults.to_string(), "meta.json:2:31: `launcher_spec.site-1.k8s.image` must be a string or null");
    let faults = LaunchRequest::for_prepared(&prepared, b"[]", "meta.json", Submission::default(), Target::V2_8).unwrap_err();
    assert_eq!(faults.to_string(), "meta.json:1:1: the job's meta data must be an object");
}
