//! Each permission that the README lists is missing once, and named before anything is changed; and what `backup` and `restore` would do
//! to a parent. Against a small API server; tests on a cluster show that what is listed is enough.

use std::{future::pending, path::Path, time::Duration};

use flare_cluster::Cluster;
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_file_tree::{Destination, NewFile};
use flare_names::labels::{KIT_OWNER, WORKSPACE_CLAIM};
use flare_prepared_kit::PreparedKit;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    BackupOptions, DataKind, KitOwner, NewClaim, ObjectStageOptions, ObjectUnstageOptions, RestoreOptions,
    api_server::ApiServer,
    archive::{ArchiveWriter, FORMAT_VERSION, Head, Line, PathBytes},
    backup, restore, stage_objects, test_kit, unstage_objects,
};

const CLAIM: &str = "/api/v1/namespaces/default/persistentvolumeclaims/nvflws";
const PARENT: &str = "/apis/apps/v1/namespaces/default/deployments/nvflare-server";
const CONFIG_MAP: &str = "/api/v1/namespaces/default/configmaps/nvflare-staged-local";
const DEADLINE: Duration = Duration::from_mins(1);

/// Resources with their verbs.
type Rules = &'static [(&'static str, &'static [&'static str])];

/// What every run with a helper pod needs.
const WITH_POD: Rules = &[
    ("pods", &["get", "list", "watch", "create", "delete"]),
    ("pods/exec", &["get", "create"]),
    ("leases", &["get", "create", "update", "delete"]),
    ("persistentvolumeclaims", &["get"]),
];
const RESTART: Rules = &[("deployments", &["get", "patch"])];

const IN_NAMESPACE: &str = "in namespace `default`";
const IN_CLUSTER: &str = "across the cluster";

/// Denies each of these verbs in turn, without which `run` has to fail with its name, and with nothing changed.
async fn each_is_named(server: &ApiServer, rules: Rules, place: &str, run: impl AsyncFn() -> Result<(), Faults>) {
    for (resource, verbs) in rules {
        for verb in *verbs {
            server.forbid(verb, resource);
            let faults = run().await.expect_err(verb);
            let named: Vec<_> = faults.all().iter().map(|fault| (fault.code, fault.message.clone())).collect();
            let message = format!("the user `anna` may not {verb} `{resource}` {place}");
            assert_eq!(named, [(Code::PermissionDenied, message)], "{verb} {resource}");
        }
    }
    server.forbid("", "");
    assert!(server.writes().is_empty(), "{:?}", server.writes());
}

fn new_claim() -> NewClaim {
    NewClaim { size: "1Gi".to_owned(), storage_class: None, access_mode: "ReadWriteOnce".to_owned() }
}

/// A server with the claim and a running parent.
async fn with_parent() -> (ApiServer, Cluster) {
    let (server, cluster) = ApiServer::start().await;
    server.put(CLAIM, json!({"metadata": {"name": "nvflws"}, "spec": {"accessModes": ["ReadWriteOnce"]}}));
    let spec = json!({"replicas": 2, "selector": {}, "template": {}});
    server.put(PARENT, json!({"metadata": {"name": "nvflare-server"}, "spec": spec}));
    (server, cluster)
}

fn saving() -> BackupOptions {
    let (what, run) = (vec![DataKind::All], "1".to_owned());
    BackupOptions { what, keys: false, force: false, image: None, restart: false, dry_run: false, deadline: DEADLINE, run }
}

fn restoring() -> RestoreOptions {
    let (what, run) = (vec![DataKind::All], "1".to_owned());
    RestoreOptions { what, keys: false, replace: true, image: None, restart: false, dry_run: false, deadline: DEADLINE, run }
}

/// Writes a backup of this participant: its transfer directory, and one of its kit.
fn write_backup(file: &Path, kit: &PreparedKit) {
    let mut archive = ArchiveWriter::begin(NewFile::begin(file, 0o600, false).expect("a file")).expect("begun");
    let (owner, namespace, claim) = (KitOwner::of(kit), "default".to_owned(), "nvflws".to_owned());
    let head = Head { format_version: FORMAT_VERSION, flare_kube: "0".to_owned(), owner, namespace, claim, keys: true };
    archive.line(&Line::Backup(head)).expect("written");
    for (path, what) in [("local", "all"), ("transfer", "transfer")] {
        let path = PathBytes(path.as_bytes().to_vec());
        archive.line(&Line::Item { path: path.clone(), what: what.to_owned() }).expect("written");
        archive.line(&Line::Directory { path, mode: 0o755, mtime: 0 }).expect("written");
    }
    archive.finish().expect("written").0.commit().expect("named");
}

async fn save(cluster: &Cluster, kit: &PreparedKit, file: &Path, options: &BackupOptions) -> Result<Vec<Diagnostic>, Faults> {
    Box::pin(backup(cluster, kit, file, options, &|_, _| {}, pending())).await.map(|checked| checked.warnings)
}

async fn put_back(
    cluster: &Cluster,
    kit: &PreparedKit,
    file: &Path,
    options: &RestoreOptions,
) -> Result<Vec<Diagnostic>, Faults> {
    Box::pin(restore(cluster, kit, file, options, &|_, _| {}, pending())).await.map(|checked| checked.warnings)
}

fn is_absent(file: &Path) -> bool {
    matches!(Destination::inspect(file), Ok(Destination::Absent))
}

/// What is said about the parent.
fn about_parent(warnings: &[Diagnostic]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.message.as_str()).filter(|message| message.contains("Deployment")).collect()
}

const WOULD_RESTART: &str = "the Deployment `nvflare-server` would be scaled down, and afterwards up to 2 again";

#[tokio::test]
async fn each_verb_that_a_backup_needs_is_named_and_that_of_the_parent_only_for_its_restart() {
    let (kit, directory) = (test_kit::with_startup(), TempDir::new().expect("a directory"));
    let file = directory.path().join("server.tar");
    let (server, cluster) = with_parent().await;
    let restart = BackupOptions { restart: true, ..saving() };
    for options in [&saving(), &restart] {
        each_is_named(&server, WITH_POD, IN_NAMESPACE, async || save(&cluster, &kit, &file, options).await.map(drop)).await;
    }
    each_is_named(&server, RESTART, IN_NAMESPACE, async || save(&cluster, &kit, &file, &restart).await.map(drop)).await;
    for verb in RESTART[0].1 {
        server.forbid(verb, "deployments");
        let tried = save(&cluster, &kit, &file, &BackupOptions { dry_run: true, ..saving() }).await.expect("a plan");
        assert_eq!(about_parent(&tried), [""; 0]);
    }
    server.forbid("", "");
    let tried = save(&cluster, &kit, &file, &BackupOptions { dry_run: true, ..restart }).await.expect("a plan");
    assert_eq!(about_parent(&tried), [WOULD_RESTART]);
    assert!(server.writes().is_empty() && is_absent(&file), "{:?}", server.writes());
}

#[tokio::test]
async fn each_verb_that_a_restore_needs_is_named_and_that_of_the_kits_note_only_for_a_kit() {
    let (kit, directory) = (test_kit::with_startup(), TempDir::new().expect("a directory"));
    let file = directory.path().join("server.tar");
    write_backup(&file, &kit);
    let (server, cluster) = with_parent().await;
    let (restart, keys) = (RestoreOptions { restart: true, ..restoring() }, RestoreOptions { keys: true, ..restoring() });
    for options in [&restoring(), &restart, &keys] {
        each_is_named(&server, WITH_POD, IN_NAMESPACE, async || put_back(&cluster, &kit, &file, options).await.map(drop)).await;
    }
    each_is_named(&server, RESTART, IN_NAMESPACE, async || put_back(&cluster, &kit, &file, &restart).await.map(drop)).await;
    let note: Rules = &[("persistentvolumeclaims", &["patch"])];
    each_is_named(&server, note, IN_NAMESPACE, async || put_back(&cluster, &kit, &file, &keys).await.map(drop)).await;
    server.forbid("patch", "persistentvolumeclaims");
    let tried = put_back(&cluster, &kit, &file, &RestoreOptions { dry_run: true, ..restart }).await.expect("a plan");
    assert_eq!(about_parent(&tried), [WOULD_RESTART]);
    server.forbid("get", "deployments");
    let tried = put_back(&cluster, &kit, &file, &RestoreOptions { dry_run: true, ..restoring() }).await.expect("a plan");
    assert_eq!(about_parent(&tried), [""; 0]);
    assert!(server.writes().is_empty(), "{:?}", server.writes());
}

/// Otherwise a backup of the others' data would have this participant's name.
#[tokio::test]
async fn defect_15_the_data_on_another_participants_claim_are_neither_saved_nor_replaced() {
    let (kit, directory) = (test_kit::with_startup(), TempDir::new().expect("a directory"));
    let [old, new] = ["old.tar", "new.tar"].map(|name| directory.path().join(name));
    write_backup(&old, &kit);
    let other = json!({"participant": "site-2", "role": "client", "project": "p"}).to_string();
    let on_volume = json!({KIT_OWNER: other});
    let in_objects = json!({KIT_OWNER: other, WORKSPACE_CLAIM: "nvflws"});
    for (path, annotations, code) in [(CLAIM, on_volume, Code::VolumeNotOurs), (CONFIG_MAP, in_objects, Code::ObjectNotOurs)] {
        let (server, cluster) = with_parent().await;
        server.put(path, json!({"metadata": {"name": "named", "annotations": annotations}}));
        let saved = save(&cluster, &kit, &new, &BackupOptions { restart: true, ..saving() }).await.expect_err(path);
        let restored = put_back(&cluster, &kit, &old, &RestoreOptions { restart: true, ..restoring() }).await.expect_err(path);
        assert_eq!([saved.first().code, restored.first().code], [code; 2]);
        assert!(server.writes().is_empty() && is_absent(&new), "{:?}", server.writes());
    }
}

fn as_objects() -> ObjectStageOptions {
    ObjectStageOptions { create_namespace: false, create_claim: None, dry_run: false, deadline: DEADLINE }
}

#[tokio::test]
async fn each_verb_that_staging_as_objects_needs_is_named_and_that_of_an_option_only_with_the_option() {
    let kit = test_kit::with_startup();
    let (server, cluster) = ApiServer::start().await;
    let stage = async |options: &ObjectStageOptions| Box::pin(stage_objects(&cluster, &kit, options, pending())).await.map(drop);
    let every: Rules = &[
        ("configmaps", &["get", "list", "create", "patch"]),
        ("secrets", &["get", "create", "patch"]),
        ("persistentvolumeclaims", &["get"]),
    ];
    let claim: Rules = &[("persistentvolumeclaims", &["create", "patch"])];
    let namespace: Rules = &[("namespaces", &["get", "create", "patch"])];
    let account: Rules = &[("serviceaccounts", &["list", "watch"])];
    let creating_claim = ObjectStageOptions { create_claim: Some(new_claim()), ..as_objects() };
    let creating_namespace = ObjectStageOptions { create_namespace: true, ..as_objects() };
    let plain = as_objects();
    for (options, rules, place) in [
        (&plain, every, IN_NAMESPACE),
        (&creating_claim, claim, IN_NAMESPACE),
        (&creating_namespace, namespace, IN_CLUSTER),
        (&creating_namespace, account, IN_NAMESPACE),
    ] {
        each_is_named(&server, rules, place, async || stage(options).await).await;
    }
    for (resource, verb) in [("persistentvolumeclaims", "patch"), ("namespaces", "get"), ("serviceaccounts", "list")] {
        server.forbid(verb, resource);
        stage(&ObjectStageOptions { dry_run: true, ..as_objects() }).await.expect("not needed without the option");
    }
}

/// A user who may not read Deployments only learns what pods mount.
#[tokio::test]
async fn each_verb_that_unstaging_objects_needs_is_named_and_that_of_the_parent_is_not_needed() {
    let kit = test_kit::with_startup();
    let options = ObjectUnstageOptions { superseded: false, release_goes: false, dry_run: false, deadline: DEADLINE };
    let (before, cluster) = ApiServer::start().await;
    let unstage = async |cluster: &Cluster| Box::pin(unstage_objects(cluster, &kit, &options, pending())).await;
    let every: Rules = &[("configmaps", &["get", "list", "delete"]), ("secrets", &["get", "delete"]), ("pods", &["list"])];
    each_is_named(&before, every, IN_NAMESPACE, async || unstage(&cluster).await.map(drop)).await;
    let (server, cluster) = ApiServer::start().await;
    let staged = Box::pin(stage_objects(&cluster, &kit, &as_objects(), pending())).await.expect("staged").value;
    let secret = staged.objects[1].name.as_str();
    let volumes = json!([{"name": "startup", "secret": {"secretName": secret}}]);
    let template = json!({"metadata": {}, "spec": {"containers": [], "volumes": volumes}});
    let spec = json!({"replicas": 0, "selector": {}, "template": template});
    server.put(PARENT, json!({"metadata": {"name": "nvflare-server"}, "spec": spec}));
    let faults = unstage(&cluster).await.expect_err("its next pod mounts them");
    assert_eq!(faults.first().code, Code::ObjectInUse);
    server.forbid("get", "deployments");
    let removed = unstage(&cluster).await.expect("no pod mounts them").value.removed;
    let names: Vec<_> = removed.iter().map(|removed| removed.name.as_str()).collect();
    assert_eq!(names, [secret, staged.objects[0].name.as_str()]);
}
