//! What a staging does before it needs a pod, against a small API server.

use std::path::Path;

use flare_names::labels::{KIT_FINGERPRINT, KIT_OWNER, REPLICAS_BEFORE_STAGE};
use flare_prepared_kit::OpenOptions;
use serde_json::{Value, json};
use tokio::{join, select, time::sleep};

use super::*;
use crate::api_server::{ApiServer, Loss};

mod others;
mod waiting;

const CLAIM: &str = "/api/v1/namespaces/default/persistentvolumeclaims/nvflws";
const PARENT: &str = "/apis/apps/v1/namespaces/default/deployments/nvflare-server";
const PODS: &str = "/api/v1/namespaces/default/pods";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases/flare-kube-stage-nvflws";

/// A prepared kit without the files that `prepare` only copies, which are not stored twice in the fixtures.
fn kit() -> PreparedKit {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cases/server-2.8-defaults/expected");
    PreparedKit::open(&case, OpenOptions { accept_changes: true }).expect("a prepared kit").value
}

fn options() -> VolumeStageOptions {
    VolumeStageOptions {
        create_namespace: false,
        create_claim: None,
        image: None,
        rollback: false,
        restart: false,
        again: false,
        repair: false,
        dry_run: false,
        deadline: Duration::from_mins(1),
        run: "1".to_owned(),
    }
}

fn restarting() -> VolumeStageOptions {
    VolumeStageOptions { restart: true, ..options() }
}

/// A server on which the kit is already on its volume.
async fn staged_before(kit: &PreparedKit) -> (ApiServer, Cluster) {
    let (server, cluster) = ApiServer::start().await;
    let annotations = json!({KIT_OWNER: claim::written(&KitOwner::of(kit)), KIT_FINGERPRINT: kit.fingerprint().to_string()});
    let spec = json!({"accessModes": ["ReadWriteOnce"]});
    let claim = json!({"metadata": {"name": "nvflws", "annotations": annotations}, "spec": spec, "status": {"phase": "Bound"}});
    server.put(CLAIM, claim);
    (server, cluster)
}

/// Stores the parent with this number of replicas, and with the note of a run.
fn put_parent(server: &ApiServer, replicas: u32, noted: bool) {
    let annotations = if noted { json!({REPLICAS_BEFORE_STAGE: "1"}) } else { json!({}) };
    let spec = json!({"replicas": replicas, "selector": {}, "template": {}});
    server.put(PARENT, json!({"metadata": {"name": "nvflare-server", "annotations": annotations}, "spec": spec}));
}

/// Number of replicas, and whether the note of a run is there.
fn parent(server: &ApiServer) -> (Value, bool) {
    let parent = server.object(PARENT).expect("it is there");
    (parent["spec"]["replicas"].clone(), parent["metadata"]["annotations"][REPLICAS_BEFORE_STAGE].is_string())
}

/// The lock of a run that is at work.
fn put_lock_of_another_run(server: &ApiServer) {
    server.put(LEASE, json!({"metadata": {"name": "flare-kube-stage-nvflws"}, "spec": {"holderIdentity": "stage-2"}}));
}

async fn run(cluster: &Cluster, kit: &PreparedKit, options: &VolumeStageOptions) -> Result<Checked<StagedVolume>, Faults> {
    Box::pin(stage(cluster, kit, options, &|_, _| {}, std::future::pending())).await
}

/// The writing requests without renewals of the lock, whose number depends on the machine.
fn writes(server: &ApiServer) -> Vec<String> {
    let mut writes: Vec<_> = server.writes().into_iter().filter(|write| !write.starts_with("PUT")).collect();
    // A renewal that arrives late makes the deletion of the lock one that is repeated.
    writes.dedup();
    writes
}

#[tokio::test]
async fn a_parent_that_a_killed_run_left_down_is_scaled_up_under_the_lock() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_parent(&server, 0, true);
    let unasked = run(&cluster, &kit, &options()).await.expect("the kit is there");
    assert!(unasked.warnings[0].message.contains("is scaled down"), "{:?}", unasked.warnings);
    assert_eq!((writes(&server), parent(&server)), (Vec::new(), (json!(0), true)));
    let staged = run(&cluster, &kit, &restarting()).await.expect("the kit is there");
    assert!(!staged.value.changed && staged.warnings.is_empty(), "{staged:?}");
    assert_eq!(parent(&server), (json!(1), false));
    assert_eq!(writes(&server), [format!("POST {LEASES}"), format!("PATCH {PARENT}"), format!("DELETE {LEASE}")]);
}

#[tokio::test]
async fn a_parent_that_a_run_at_work_has_scaled_down_stays_down() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_parent(&server, 0, true);
    put_lock_of_another_run(&server);
    let renewing = async {
        for _ in 0..3000 {
            sleep(Duration::from_millis(20)).await;
            put_lock_of_another_run(&server);
        }
    };
    let options = restarting();
    let faults = select! {
        ended = run(&cluster, &kit, &options) => ended.expect_err("the other run is at work"),
        () = renewing => unreachable!("a minute is enough"),
    };
    assert_eq!(faults.first().code, Code::StageLocked);
    assert_eq!(parent(&server), (json!(0), true));
    assert!(server.object(LEASE).is_some_and(|lease| lease["spec"]["holderIdentity"] == "stage-2"));
}

/// The other run scales the parent up itself, and a user may then scale it down.
#[tokio::test]
async fn once_the_lock_is_free_the_parent_is_looked_at_again() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_parent(&server, 0, true);
    put_lock_of_another_run(&server);
    let other_run = async {
        server.until(|server| server.count("POST") > 1).await;
        put_parent(&server, 0, false);
        server.remove(LEASE);
    };
    let options = restarting();
    let (staged, ()) = join!(run(&cluster, &kit, &options), other_run);
    assert!(!staged.expect("the kit is there").value.changed);
    assert_eq!(parent(&server), (json!(0), false));
    assert!(!writes(&server).iter().any(|write| write.starts_with("PATCH")), "{:?}", writes(&server));
}

/// Otherwise a parent that is scaled down on purpose later would be scaled up.
#[tokio::test]
async fn the_note_of_a_killed_run_is_removed_from_a_parent_that_somebody_scaled_up() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_parent(&server, 2, true);
    let unasked = run(&cluster, &kit, &options()).await.expect("the kit is there");
    assert!(unasked.warnings.is_empty(), "{:?}", unasked.warnings);
    run(&cluster, &kit, &VolumeStageOptions { dry_run: true, ..restarting() }).await.expect("the kit is there");
    assert_eq!((writes(&server), parent(&server)), (Vec::new(), (json!(2), true)));
    run(&cluster, &kit, &restarting()).await.expect("the kit is there");
    assert_eq!(parent(&server), (json!(2), false));
}

/// It is what a plan is most of all read for.
#[tokio::test]
async fn a_restart_that_is_only_tried_says_which_parent_it_would_scale() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    let tried = VolumeStageOptions { again: true, dry_run: true, ..restarting() };
    let without = run(&cluster, &kit, &tried).await.expect("a plan");
    assert!(without.value.changed && without.warnings.is_empty(), "{without:?}");
    for (replicas, noted, said) in [
        (2, false, "the Deployment `nvflare-server` would be scaled down, and afterwards up to 2 again"),
        (0, true, "the Deployment `nvflare-server`, which an earlier run left scaled down, would be scaled up to 1"),
    ] {
        put_parent(&server, replicas, noted);
        let plan = run(&cluster, &kit, &tried).await.expect("a plan");
        let messages: Vec<_> = plan.warnings.iter().map(|warning| warning.message.as_str()).collect();
        assert_eq!(messages, [said]);
    }
    assert!(writes(&server).is_empty(), "{:?}", writes(&server));
}

#[tokio::test]
async fn a_rollback_that_is_only_tried_does_not_show_the_given_kit_for_the_one_that_it_would_put_back() {
    let kit = kit();
    let (_, cluster) = staged_before(&kit).await;
    let tried = VolumeStageOptions { rollback: true, dry_run: true, ..options() };
    let plan = run(&cluster, &kit, &tried).await.expect("a plan").value;
    assert_eq!((plan.changed, plan.files, plan.bytes, plan.fingerprint.as_str()), (true, None, None, ""));
}

#[tokio::test]
async fn an_interrupted_run_leaves_no_lease_that_was_on_its_way() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_parent(&server, 0, true);
    server.lose("POST /apis/coordination", Loss::Late);
    let stop = server.until(ApiServer::has_lost);
    let ended = Box::pin(stage(&cluster, &kit, &restarting(), &|_, _| {}, stop)).await.expect_err("it is interrupted");
    assert_eq!(ended.first().code, Code::Interrupted);
    server.until(|server| server.count("POST") > 0).await;
    assert_eq!((server.object(LEASE), parent(&server)), (None, (json!(0), true)));
}

#[tokio::test]
async fn a_claim_that_a_pod_uses_on_any_node_is_refused_before_anything_is_changed() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    let volume = json!({"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}});
    let pod = json!({"metadata": {"name": "user"}, "spec": {"nodeName": "other", "containers": [], "volumes": [volume]}});
    server.put("/api/v1/namespaces/default/pods/user", pod);
    for mode in ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"] {
        let mut claim = server.object(CLAIM).expect("it is there");
        claim["spec"]["accessModes"] = json!([mode]);
        server.put(CLAIM, claim);
        let again = VolumeStageOptions { again: true, ..options() };
        let faults = run(&cluster, &kit, &again).await.expect_err("it is in use");
        assert_eq!(faults.first().code, Code::ClaimInUse, "{mode}");
        assert_eq!(faults.first().message, "the claim `nvflws` is in use by the pod `user`");
        assert!(faults.first().hint.as_ref().is_some_and(|hint| hint.contains("`--restart`")), "{mode}");
    }
    assert!(writes(&server).is_empty(), "{:?}", writes(&server));
}

fn creating_claim() -> VolumeStageOptions {
    let new = NewClaim { size: "1Gi".to_owned(), storage_class: None, access_mode: "ReadWriteOnce".to_owned() };
    VolumeStageOptions { create_claim: Some(new), ..options() }
}

#[tokio::test]
async fn a_claim_without_a_volume_to_come_is_refused_before_anything_is_changed() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    let before = server.object(CLAIM).expect("it is there");
    let lost = json!({"status": {"phase": "Lost"}});
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    for (change, why) in [(lost, "has lost its volume"), (deleted, "is being deleted")] {
        let mut claim = before.clone();
        for (part, fields) in change.as_object().expect("an object") {
            for (field, value) in fields.as_object().expect("an object") {
                claim[part.as_str()][field.as_str()] = value.clone();
            }
        }
        server.put(CLAIM, claim);
        let faults = run(&cluster, &kit, &options()).await.expect_err(why);
        assert_eq!(faults.first().code, Code::ClaimNotUsable);
        assert_eq!(faults.first().message, format!("the claim `nvflws` {why}"));
    }
    assert!(writes(&server).is_empty(), "{:?}", writes(&server));
}

/// Each verb that the README lists for an option; a test on a cluster has those of every staging.
#[tokio::test]
async fn a_verb_that_an_option_needs_is_named_and_only_where_the_option_is_given() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    let creating_namespace = VolumeStageOptions { create_namespace: true, ..options() };
    let (inside, across) = ("in namespace `default`", "across the cluster");
    for (with, resource, place, verbs) in [
        (restarting(), "deployments", inside, &["get", "patch"][..]),
        (creating_claim(), "persistentvolumeclaims", inside, &["create"][..]),
        (creating_namespace.clone(), "namespaces", across, &["get", "create", "patch"][..]),
        (creating_namespace, "serviceaccounts", inside, &["list", "watch"][..]),
    ] {
        for verb in verbs {
            server.forbid(verb, resource);
            let asked = server.count("");
            let faults = run(&cluster, &kit, &with).await.expect_err(verb);
            let named: Vec<_> = faults.all().iter().map(|fault| (fault.code, fault.message.clone())).collect();
            let message = format!("the user `anna` may not {verb} `{resource}` {place}");
            assert_eq!(named, [(Code::PermissionDenied, message)], "{verb} {resource}");
            assert_eq!(server.count(""), asked, "{verb} {resource}: nothing else was asked");
            run(&cluster, &kit, &options()).await.expect("not needed without the option");
        }
    }
}
