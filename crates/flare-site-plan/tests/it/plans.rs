//! What is decided.

use flare_names::{Role, Target};
use flare_site_config::InternalSecurity;
use flare_site_plan::{Acceptance, LauncherChoice, Ports, SitePlan, StudyTemplate, resolve};
use flare_startup_kit::{StartupKit, StudyFiles};
use proptest::prelude::*;
use serde_json::json;

use crate::support::*;

fn plan(kit: &StartupKit, target: Target) -> SitePlan {
    resolve(kit, &config(target.as_str()), target, Acceptance::default(), LauncherChoice::default()).unwrap().value
}

#[test]
fn plans_of_defaults() {
    for role in [Role::Server, Role::Client] {
        for target in Target::ALL {
            let plan = plan(&kit(role), target);
            insta::assert_json_snapshot!(format!("plan_{role}_{target}"), plan);
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<SitePlan>(&text).unwrap(), plan, "the marker gives the same plan back");
        }
    }
}

#[test]
fn config_values_reach_launcher_and_parent() {
    let mut config = config("2.9.0");
    config.parent.workspace_mount_path = "/w".to_owned();
    config.parent.python_path = "/opt/parent/python".to_owned();
    config.job_launcher.default_python_path = "/opt/job/python".to_owned();
    config.job_launcher.config_file_path = Some("/kube/config".to_owned());
    config.job_launcher.pending_timeout = Some(0);
    config.job_launcher.job_pod_security_context = json!({"runAsUser": 1}).as_object().cloned();
    config.job_launcher.image_pull_secrets = Some(Vec::new());
    let plan = resolve(&kit(Role::Client), &config, Target::V2_9, Acceptance::default(), LauncherChoice::Flare).unwrap().value;
    assert_eq!(
        serde_json::to_value(&plan.launcher).unwrap(),
        json!({"config_file_path": "/kube/config", "namespace": "nvflare", "default_python_path": "/opt/job/python",
            "workspace_mount_path": "/w", "pending_timeout": 0, "security_context": {"runAsUser": 1}, "image_pull_secrets": []})
    );
    assert_eq!(plan.parent.command, ["/opt/parent/python"]);
    assert_eq!(
        plan.parent.args.join(" "),
        "-u -m nvflare.private.fed.app.client.client_train -m /w -s fed_client.json --set secure_train=true config_folder=config org=nvidia"
    );
}

#[test]
fn study_files_decide_template_and_launcher_path() {
    use StudyTemplate::{StudyData, StudyRuntime};
    // kit has study_data, has study_runtime; target; template; whether the launcher gets the path of study_data
    let rows = [
        (false, false, Target::V2_8, Some(StudyData), true),
        (true, false, Target::V2_8, None, true),
        (false, true, Target::V2_8, Some(StudyData), true),
        (false, false, Target::V2_9, Some(StudyRuntime), false),
        (true, false, Target::V2_9, None, true),
        (false, true, Target::V2_9, None, false),
        (true, true, Target::V2_9, None, true),
    ];
    for (data, runtime, target, template, told) in rows {
        let mut kit = kit(Role::Client);
        kit.study_files = StudyFiles { data, runtime };
        let plan = plan(&kit, target);
        assert_eq!(plan.study_template, template, "{data} {runtime} {target}");
        let path = plan.launcher.study_data_pvc_file_path;
        assert_eq!(
            path.as_deref(),
            told.then_some("/var/tmp/nvflare/workspace/local/study_data.yaml"),
            "{data} {runtime} {target}"
        );
    }
}

#[test]
fn ports_that_the_kit_does_not_say() {
    // FL port and admin port of the kit, and of the plan
    let rows = [
        (Some(8002), Some(8003), 8002, Some(8003)),
        (Some(9000), Some(9000), 9000, None),
        (None, None, 8002, None),
        (None, Some(8002), 8002, None),
        (None, Some(9001), 8002, Some(9001)),
    ];
    for (kit_fl, kit_admin, fl, admin) in rows {
        let mut kit = kit(Role::Server);
        (kit.fl_port, kit.admin_port) = (kit_fl, kit_admin);
        assert_eq!(plan(&kit, Target::V2_8).ports, Ports::Server { fl, admin, parent: 8102 });
    }
    assert_eq!(plan(&kit(Role::Client), Target::V2_8).ports, Ports::Client { parent: 8102 });
}

#[test]
fn defect_17_target_2_8_has_a_clear_link_whatever_the_config_says() {
    assert_eq!(plan(&kit(Role::Client), Target::V2_8).internal_connection.security, InternalSecurity::Clear);
    assert_eq!(plan(&kit(Role::Client), Target::V2_9).internal_connection.security, InternalSecurity::Mtls);
}

#[test]
fn defect_27_a_client_below_a_client_logs_in_under_its_own_name() {
    let mut kit = kit(Role::Client);
    kit.participant = "site-1.child".to_owned();
    kit.site = "child".to_owned();
    let plan = plan(&kit, Target::V2_8);
    assert_eq!((plan.participant.as_str(), plan.site.as_str()), ("site-1.child", "child"));
    assert!(plan.names.service.as_str().starts_with("site-1-child-"), "{}", plan.names.service);
    assert!(plan.names.startup_secret.as_str().starts_with("nvflare-startup-child-"));
}

proptest! {
    #[test]
    fn no_plan_opens_a_port_twice(fl in prop::option::of(8000u16..8006), admin in prop::option::of(8000u16..8006), parent in 8000u16..8006) {
        let mut kit = kit(Role::Server);
        (kit.fl_port, kit.admin_port) = (fl, admin);
        let mut config = config("2.8");
        config.parent.parent_port = parent;
        match resolve(&kit, &config, Target::V2_8, Acceptance::default(), LauncherChoice::Flare) {
            Ok(plan) => {
                let Ports::Server { fl, admin, parent } = plan.value.ports else { panic!("a server's ports") };
                prop_assert!(fl != parent && admin != Some(parent) && admin != Some(fl));
            }
            Err(_) => prop_assert!(parent == fl.unwrap_or(8002) || Some(parent) == admin),
        }
    }
}
