//! Kits and configs for the tests, read by their own crates.

use std::collections::BTreeMap;

use flare_diagnostic::{Diagnostic, Place, Position};
use flare_names::Role;
use flare_site_config::{InternalSecurity, JobLauncherConfig, Kubernetes, ParentConfig, SiteConfig, image::ImageReference};
use flare_startup_kit::{Certificates, Identity, StartupKit, StudyFiles};
use serde_json::json;

pub(crate) fn kit(role: Role) -> StartupKit {
    let (name, file) = match role {
        Role::Server => ("nvflare-server", "startup/server.crt"),
        Role::Client => ("site-1", "startup/client.crt"),
    };
    let is_server = role == Role::Server;
    StartupKit {
        role,
        participant: name.to_owned(),
        site: name.to_owned(),
        organization: "nvidia".to_owned(),
        fl_port: is_server.then_some(8002),
        admin_port: is_server.then_some(8003),
        relay: None,
        server_target: is_server.then(|| ("nvflare-server".to_owned(), Some(8002))),
        project: is_server.then(|| "lab".to_owned()),
        certificates: Certificates {
            identity: Identity {
                file: file.to_owned(),
                common_name: Some(name.to_owned()),
                organizations: vec!["nvidia".to_owned()],
                subject_alternative_names: Vec::new(),
                may_serve: true,
                may_connect: true,
                not_before: 0,
                not_after: i64::MAX,
            },
            root_fingerprint: "ab".repeat(32),
            root_not_after: i64::MAX,
            strict_faults: Vec::new(),
        },
        study_files: StudyFiles::default(),
        signed: false,
    }
}

/// A config with defaults and an image of the given tag.
pub(crate) fn config(tag: &str) -> SiteConfig {
    SiteConfig {
        runtime: Kubernetes,
        namespace: "nvflare".parse().unwrap(),
        server_service_name: "nvflare-server".parse().unwrap(),
        parent: ParentConfig {
            docker_image: ImageReference {
                repository: "registry:5000/nvflare".to_owned(),
                tag: (!tag.is_empty()).then(|| tag.to_owned()),
                digest: None,
            },
            parent_port: 8102,
            workspace_pvc: "nvflws".parse().unwrap(),
            workspace_mount_path: "/var/tmp/nvflare/workspace".to_owned(),
            python_path: "/usr/local/bin/python3".to_owned(),
            resources: json!({"requests": {"cpu": "2", "memory": "8Gi"}}).as_object().cloned().unwrap(),
            pod_security_context: None,
            image_pull_secrets: None,
            internal_connection_security: InternalSecurity::Mtls,
        },
        job_launcher: JobLauncherConfig {
            config_file_path: None,
            default_python_path: "/usr/local/bin/python3".to_owned(),
            pending_timeout: None,
            ephemeral_storage: None,
            job_pod_security_context: None,
            image_pull_secrets: None,
            cpu: None,
            cpu_request: None,
            memory: None,
            memory_request: None,
            shm_size: None,
            gpu_resource_name: None,
            node_selector: None,
            tolerations: None,
            affinity: None,
            runtime_class_name: None,
            priority_class_name: None,
            image_pull_policy: None,
        },
        places: BTreeMap::from([
            ("parent.parent_port".to_owned(), Place::position("k8s.yaml", Position { line: 4, column: 16 })),
            ("parent.docker_image".to_owned(), Place::position("k8s.yaml", Position { line: 3, column: 17 })),
        ]),
    }
}

pub(crate) fn shown<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    diagnostics.into_iter().map(|one| format!("{}: {one}\n", one.code)).collect()
}
