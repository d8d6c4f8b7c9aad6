//! The two immutable objects of a kit, with their names, labels and annotations.

use flare_cluster::k8s_openapi::{
    ByteString, Metadata,
    api::core::v1::{ConfigMap, Secret},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use std::collections::BTreeMap;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_names::labels::{
    COMPONENT, KIT_FINGERPRINT, KIT_OWNER, KIT_VERSION, MANAGED_BY, PARTICIPANT, WORKSPACE_CLAIM, component,
};
use flare_prepared_kit::{PreparedKit, StagedRecord};
use serde_json::Value;

use super::bundle::Bundle;
use crate::{KitOwner, claim::written};

/// The labels of all staged objects.
pub(crate) const STAGED: [(&str, &str); 2] = [MANAGED_BY, (COMPONENT, component::STAGED_KIT)];

/// The number of hex digits of the kit's fingerprint that form its version.
const VERSION_LENGTH: usize = 12;

/// A kit as objects, and their record in the chart's values.
#[derive(Clone)]
pub struct KitObjects {
    /// `local/`.
    pub config_map: ConfigMap,
    /// `startup/`, private keys included.
    pub secret: Secret,
    /// The entry in the chart's values with which the parent mounts both.
    pub record: StagedRecord,
    /// The number of files in them.
    pub files: usize,
    /// The total size of these files in bytes.
    pub bytes: u64,
}

/// Shows the names, never the data.
impl std::fmt::Debug for KitObjects {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (files, bytes) = (self.files, self.bytes);
        formatter
            .debug_struct("KitObjects")
            .field("record", &self.record)
            .field("files", &files)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

impl KitObjects {
    /// Creates the objects of a prepared kit.
    ///
    /// Their names contain a part of the kit's fingerprint, so a changed kit gets new objects, and a parent that restarts during an
    /// upgrade still finds its own.
    ///
    /// # Errors
    /// As [`Bundle::of`], for both directories together; `INVALID_PREPARED_KIT` if the chart's templates do not mount the objects
    /// (defect 32).
    pub fn of(kit: &PreparedKit) -> Result<Checked<Self>, Faults> {
        let mut found = Collector::new();
        found.keep(check_chart(kit));
        let local = found.keep_checked(Bundle::of(kit.tree(), "local"));
        let startup = found.keep_checked(Bundle::of(kit.tree(), "startup"));
        found.finish_some(local.zip(startup).map(|(local, startup)| Self::from_bundles(kit, local, startup)))
    }

    fn from_bundles(kit: &PreparedKit, local: Bundle, startup: Bundle) -> Self {
        let version = version(kit);
        let [config_map, secret] = names(kit, &version);
        let record = StagedRecord {
            namespace: Some(kit.plan().namespace.to_string()),
            config_map: Some(config_map.clone()),
            local: local.items.clone(),
            secret: Some(secret.clone()),
            startup: startup.items.clone(),
        };
        let (files, bytes) = (local.items.len() + startup.items.len(), local.bytes() + startup.bytes());
        let config_map = ConfigMap {
            metadata: metadata(kit, config_map, &version),
            immutable: Some(true),
            binary_data: Some(local.data),
            data: None,
        };
        let secret = Secret {
            metadata: metadata(kit, secret, &version),
            immutable: Some(true),
            type_: Some("Opaque".to_owned()),
            data: Some(startup.data),
            string_data: None,
        };
        Self { config_map, secret, record, files, bytes }
    }

    /// Both as manifests, for clusters that are managed in git. The second one contains private keys.
    #[expect(clippy::missing_panics_doc, reason = "it never panics: objects of Kubernetes are JSON")]
    pub fn manifests(&self) -> [Value; 2] {
        let json = "an object of Kubernetes is JSON";
        [serde_json::to_value(&self.config_map).expect(json), serde_json::to_value(&self.secret).expect(json)]
    }
}

/// The current version of a kit.
pub(crate) fn version(kit: &PreparedKit) -> String {
    kit.fingerprint().to_string().chars().take(VERSION_LENGTH).collect()
}

/// The names of a version's `ConfigMap` and Secret. Neither begins with `nvflare-startup-`, as the launcher's Secret does (defect 5).
pub(crate) fn names(kit: &PreparedKit, version: &str) -> [String; 2] {
    let names = &kit.plan().names;
    [format!("{}-{version}", names.staged_local), format!("{}-{version}", names.staged_startup)]
}

fn metadata(kit: &PreparedKit, name: String, version: &str) -> ObjectMeta {
    let plan = kit.plan();
    let text = |pairs: &[(&str, String)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<BTreeMap<_, _>>()
    };
    let own = [(PARTICIPANT, plan.names.deployment.to_string()), (KIT_VERSION, version.to_owned())];
    let labels: Vec<_> = STAGED.map(|(key, value)| (key, value.to_owned())).into_iter().chain(own).collect();
    let annotations = [
        (KIT_OWNER, written(&KitOwner::of(kit))),
        (KIT_FINGERPRINT, kit.fingerprint().to_string()),
        (WORKSPACE_CLAIM, plan.workspace.claim.to_string()),
    ];
    ObjectMeta {
        name: Some(name),
        namespace: Some(plan.namespace.to_string()),
        labels: Some(text(&labels)),
        annotations: Some(text(&annotations)),
        ..ObjectMeta::default()
    }
}

/// Refuses a chart whose templates ignore `workspaceConfig`, which would start a parent without its kit.
fn check_chart(kit: &PreparedKit) -> Result<(), Faults> {
    let mut templates =
        kit.tree().below(std::path::Path::new("helm_chart/templates")).filter_map(|(path, _)| kit.tree().bytes(path.as_path()));
    let knows = |bytes: &[u8]| bytes.windows(KEY.len()).any(|part| part == KEY);
    if templates.any(knows) {
        return Ok(());
    }
    Err(Diagnostic::error(Code::InvalidPreparedKit, "the chart's templates mount no staged objects")
        .hint("prepare the kit again: its chart mounts what `workspaceConfig` of the values names")
        .into())
}

const KEY: &[u8] = b".Values.workspaceConfig";

/// What `ConfigMap` and Secret have in common.
pub(crate) trait KitObject: Metadata<Ty = ObjectMeta> {
    /// The data to compare; `None` if the object also has other data.
    fn content(&self) -> Option<&BTreeMap<String, ByteString>>;
    fn is_immutable(&self) -> bool;
}

impl KitObject for ConfigMap {
    fn content(&self) -> Option<&BTreeMap<String, ByteString>> {
        self.binary_data.as_ref().filter(|_| self.data.as_ref().is_none_or(BTreeMap::is_empty))
    }

    fn is_immutable(&self) -> bool {
        self.immutable == Some(true)
    }
}

impl KitObject for Secret {
    fn content(&self) -> Option<&BTreeMap<String, ByteString>> {
        self.data.as_ref()
    }

    fn is_immutable(&self) -> bool {
        self.immutable == Some(true)
    }
}
