//! The launcher's arguments, written to JSON and read back.

#![allow(clippy::unwrap_used, reason = "a test fails by them")]

use flare_launcher_args::{COMPONENT_ID, LauncherArgs, launcher_class};
use flare_names::{NamespaceName, PullSecretName, Role};
use proptest::prelude::*;
use serde_json::{Value, json};

fn least() -> LauncherArgs {
    LauncherArgs {
        config_file_path: None,
        study_data_pvc_file_path: None,
        namespace: NamespaceName::new("default").unwrap(),
        default_python_path: "/usr/local/bin/python3".to_owned(),
        workspace_mount_path: "/var/tmp/nvflare/workspace".to_owned(),
        pending_timeout: None,
        security_context: None,
        image_pull_secrets: None,
        ephemeral_storage: None,
    }
}

fn most() -> LauncherArgs {
    LauncherArgs {
        config_file_path: Some("/root/.kube/config".to_owned()),
        study_data_pvc_file_path: Some("/w/local/study_data.yaml".to_owned()),
        pending_timeout: Some(0),
        security_context: json!({"runAsUser": 1000, "fsGroup": 1000, "a": null}).as_object().cloned(),
        image_pull_secrets: Some(vec![PullSecretName::new("registry").unwrap()]),
        ephemeral_storage: Some("8Gi".to_owned()),
        ..least()
    }
}

#[test]
fn what_is_not_set_is_not_written_but_for_the_kubeconfig() {
    let written = serde_json::to_string(&least()).unwrap();
    assert_eq!(
        written,
        r#"{"config_file_path":null,"namespace":"default","default_python_path":"/usr/local/bin/python3","workspace_mount_path":"/var/tmp/nvflare/workspace"}"#
    );
}

#[test]
fn keys_stand_in_the_reference_s_order() {
    let written = serde_json::to_value(most()).unwrap();
    let keys: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "config_file_path",
            "study_data_pvc_file_path",
            "namespace",
            "default_python_path",
            "workspace_mount_path",
            "pending_timeout",
            "security_context",
            "image_pull_secrets",
            "ephemeral_storage",
        ]
    );
    let context: Vec<_> = written["security_context"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(context, ["runAsUser", "fsGroup", "a"], "what is passed through keeps its order");
}

#[test]
fn an_empty_list_is_written_as_one() {
    let args = LauncherArgs { image_pull_secrets: Some(Vec::new()), ..least() };
    let written = serde_json::to_value(&args).unwrap();
    assert_eq!(written["image_pull_secrets"], json!([]));
    assert_eq!(serde_json::from_value::<LauncherArgs>(written).unwrap(), args);
}

#[test]
fn null_is_left_out_defect_28() {
    let mut value = serde_json::to_value(least()).unwrap();
    for key in ["study_data_pvc_file_path", "pending_timeout", "security_context", "image_pull_secrets"] {
        value[key] = Value::Null;
    }
    assert_eq!(serde_json::from_value::<LauncherArgs>(value).unwrap(), least());
}

#[test]
fn what_no_launcher_takes_is_refused() {
    let changed = |key: &str, value: Value| {
        let mut args = serde_json::to_value(most()).unwrap();
        args[key] = value;
        serde_json::from_value::<LauncherArgs>(args).map_err(|error| error.to_string())
    };
    let wrong = [
        ("namspace", json!("x")),
        ("namespace", json!("Team A")),
        ("namespace", json!(null)),
        ("pending_timeout", json!(-1)),
        ("pending_timeout", json!(true)),
        ("pending_timeout", json!(1.5)),
        ("security_context", json!([])),
        ("image_pull_secrets", json!("registry")),
        ("image_pull_secrets", json!(["Bad Name"])),
        ("workspace_mount_path", json!(7)),
    ];
    for (key, value) in wrong {
        assert!(changed(key, value.clone()).is_err(), "{key}: {value}");
    }
    assert!(changed("namespace", json!("Team A")).unwrap_err().contains("`Team A` is not a namespace"));
    assert!(changed("pending_timeout", json!(30)).is_ok());
}

#[test]
fn id_and_classes_are_those_that_flare_looks_for() {
    assert_eq!(COMPONENT_ID, "k8s_launcher");
    assert_eq!(launcher_class(Role::Server), "nvflare.app_opt.job_launcher.k8s_launcher.ServerK8sJobLauncher");
    assert_eq!(launcher_class(Role::Client), "nvflare.app_opt.job_launcher.k8s_launcher.ClientK8sJobLauncher");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        kubeconfig in any::<Option<String>>(), study in any::<Option<String>>(), namespace in "[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
        python in any::<String>(), mount in any::<String>(), timeout in any::<Option<u64>>(), storage in any::<Option<String>>(),
        context in proptest::option::of(proptest::collection::btree_map(any::<String>(), any::<i64>(), 0..4)),
        secrets in proptest::option::of(proptest::collection::vec("[a-z]([-a-z0-9.]{0,20}[a-z0-9])?", 0..3)),
    ) {
        let secrets = secrets.map(|names| names.into_iter().filter_map(|name| PullSecretName::new(name).ok()).collect());
        let args = LauncherArgs {
            config_file_path: kubeconfig,
            study_data_pvc_file_path: study,
            namespace: NamespaceName::new(namespace).unwrap(),
            default_python_path: python,
            workspace_mount_path: mount,
            pending_timeout: timeout,
            security_context: context.map(|map| map.into_iter().map(|(key, value)| (key, value.into())).collect()),
            image_pull_secrets: secrets,
            ephemeral_storage: storage,
        };
        let written = serde_json::to_string(&args).unwrap();
        prop_assert_eq!(serde_json::from_str::<LauncherArgs>(&written).unwrap(), args);
    }
}
