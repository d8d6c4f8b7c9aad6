//! A claim that another participant's kit uses (defect 15), whether that is on its volume or staged as objects.

use flare_names::labels::{COMPONENT, MANAGED_BY, WORKSPACE_CLAIM, component};

use super::*;
use crate::{ObjectStageOptions, stage_objects, test_kit};

const CONFIG_MAP: &str = "/api/v1/namespaces/default/configmaps/nvflare-staged-local";

fn other() -> KitOwner {
    KitOwner { participant: "site-2".into(), role: "client".into(), project: Some("p".into()) }
}

/// Stores a kit that is staged as objects, whose parent writes to this claim.
fn put_objects(server: &ApiServer, owner: &KitOwner, claim: &str) {
    let labels = json!({MANAGED_BY.0: MANAGED_BY.1, COMPONENT: component::STAGED_KIT});
    let annotations = json!({KIT_OWNER: claim::written(owner), WORKSPACE_CLAIM: claim});
    server.put(CONFIG_MAP, json!({"metadata": {"name": "nvflare-staged-local", "labels": labels, "annotations": annotations}}));
}

/// Its parent may be down, so that no pod shows that the claim is in use.
#[tokio::test]
async fn defect_15_a_claim_that_another_participants_staged_objects_name_is_refused() {
    let kit = kit();
    let (server, cluster) = ApiServer::start().await;
    put_objects(&server, &other(), "nvflws");
    for dry_run in [true, false] {
        let creating = VolumeStageOptions { dry_run, ..creating_claim() };
        let faults = run(&cluster, &kit, &creating).await.expect_err("it is another participant's");
        assert_eq!(faults.first().code, Code::ObjectNotOurs);
        let message = "the workspace claim `nvflws` in namespace `default` belongs to the client `site-2` of project `p`";
        assert_eq!(faults.first().message, message);
    }
    assert!(writes(&server).is_empty() && server.object(CLAIM).is_none(), "{:?}", writes(&server));
}

#[tokio::test]
async fn staged_objects_of_the_same_participant_or_for_another_claim_do_not_matter() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    let tried = VolumeStageOptions { again: true, dry_run: true, ..options() };
    for (owner, claim) in [(KitOwner::of(&kit), "nvflws"), (other(), "nvflws-2")] {
        put_objects(&server, &owner, claim);
        assert!(run(&cluster, &kit, &tried).await.expect("a plan").value.changed, "{claim}");
    }
    // A user who may not list them does not learn of them, and needs no such permission.
    put_objects(&server, &other(), "nvflws");
    server.forbid("list", "configmaps");
    assert!(run(&cluster, &kit, &tried).await.expect("a plan").value.changed);
}

#[tokio::test]
async fn defect_15_objects_for_a_claim_that_holds_another_participants_kit_are_refused() {
    let kit = test_kit::with_startup();
    let (server, cluster) = ApiServer::start().await;
    let annotations = json!({KIT_OWNER: claim::written(&other()), KIT_FINGERPRINT: "f1"});
    server.put(CLAIM, json!({"metadata": {"name": "nvflws", "annotations": annotations}}));
    let deadline = Duration::from_mins(1);
    for dry_run in [true, false] {
        let options = ObjectStageOptions { create_namespace: false, create_claim: None, dry_run, deadline };
        let staging = Box::pin(stage_objects(&cluster, &kit, &options, std::future::pending()));
        let faults = staging.await.expect_err("it is another participant's");
        assert_eq!(faults.first().code, Code::VolumeNotOurs);
        let message = "the workspace claim `nvflws` holds the kit of the client `site-2` of project `p`";
        assert_eq!(faults.first().message, message);
    }
    assert!(writes(&server).is_empty(), "{:?}", writes(&server));
}
