//! Volumes and their mounts: the workspace, the startup kit, the study's claims and Secrets.

use flare_names::{StudyVolumeKind, startup_secret, study_volume};
use serde_json::{Value, json};

use super::resources::ephemeral_storage;
use crate::{
    explain::Explanation,
    origin::Origin,
    path,
    request::LaunchRequest,
    study::{SecretMount, Study},
};

/// Volumes of the pod and mounts of its main container, in the launcher's order.
#[derive(Default)]
pub(super) struct Volumes {
    pub(super) volumes: Vec<Value>,
    pub(super) mounts: Vec<Value>,
}

pub(super) fn of(request: &LaunchRequest, study: &Study, explanation: &mut Explanation) -> Volumes {
    let mut volumes = Volumes::default();
    let mount = &request.launcher.workspace_mount_path;
    let storage = ephemeral_storage(request);
    explanation.volume("workspace-job", format!("{} of {}", mount.value, storage.value), storage.origin);
    volumes.volumes.push(json!({ "name": "workspace-job", "emptyDir": { "sizeLimit": storage.value } }));
    volumes.mounts.push(json!({ "name": "workspace-job", "mountPath": mount.value }));

    let secret = startup_secret(&request.site);
    let startup = path::join(&mount.value, "startup");
    explanation.volume("startup-kit", format!("{startup} from Secret {secret}"), Origin::StartupKit);
    volumes.volumes.push(json!({ "name": "startup-kit", "secret": { "secretName": secret.as_str() } }));
    volumes.mounts.push(json!({ "name": "startup-kit", "mountPath": startup, "readOnly": true }));

    if let Some(name) = &request.job.study {
        volumes.add_datasets(name, study, explanation);
        for mount in &study.secret_mounts {
            volumes.add_secret(name, mount, explanation);
        }
    }
    volumes
}

impl Volumes {
    fn add_datasets(&mut self, name: &str, study: &Study, explanation: &mut Explanation) {
        for dataset in &study.datasets {
            let volume = study_volume(StudyVolumeKind::Dataset, name, &dataset.name);
            let mount_path = format!("/data/{name}/{}", dataset.name);
            let mode = if dataset.read_only { "read-only" } else { "writable" };
            let shown = format!("{mount_path} from claim {}, {mode}", dataset.claim);
            explanation.volume(volume.as_str(), shown, study.origin.unwrap_or(Origin::StudyData));
            self.volumes.push(json!({ "name": volume.as_str(), "persistentVolumeClaim": { "claimName": dataset.claim } }));
            self.mounts.push(json!({ "name": volume.as_str(), "mountPath": mount_path, "readOnly": dataset.read_only }));
        }
    }

    fn add_secret(&mut self, study: &str, mount: &SecretMount, explanation: &mut Explanation) {
        let volume = study_volume(StudyVolumeKind::Secret, study, &mount.name);
        explanation.volume(volume.as_str(), format!("{} from Secret {}", mount.mount_path, mount.secret), Origin::StudyRuntime);
        let mut source = json!({ "secretName": mount.secret });
        if !mount.items.is_empty() {
            source["items"] = mount.items.iter().map(|(key, path)| json!({ "key": key, "path": path })).collect();
        }
        self.volumes.push(json!({ "name": volume.as_str(), "secret": source }));
        self.mounts.push(json!({ "name": volume.as_str(), "mountPath": mount.mount_path, "readOnly": true }));
    }
}
